"""The environment as one frozen object.

Belongs here: every environment variable of the product, with its default and its meaning.
Does not belong here: settings of one dataset or one evaluation, which live with the dataset.
"""

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import psutil
from pydantic import AfterValidator, AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from forecast_assets.errors import BadSetting
from forecast_assets.model_validation import faults
from forecast_assets.setting_checks import check_https, check_smtp, check_web, check_zone

HOME_NAME = ".forecast"
_MOST_PROCESSES = 256
_MOST_SOURCE_MB = 8192
_MATTERING = ("FORECAST_", "MLFLOW_TRACKING_URI", "DAGSTER_HOME", "HOME")


def _default_home() -> Path:
    """``.forecast`` beside dagster.yaml, or around it where no checkout brought one."""
    beside = Path(os.environ.get("DAGSTER_HOME") or Path.cwd())
    return beside if beside.name == HOME_NAME else beside / HOME_NAME


def _anchored(folder: Path) -> Path:
    """Fix a relative folder to where the process stands now: it may stand elsewhere later."""
    return folder.expanduser().absolute()


def _remembered(file: Path) -> str | None:
    """The address that the last server of pages left behind."""
    try:
        return file.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


class Settings(BaseSettings):
    """What the variables that start with ``FORECAST_`` say."""

    model_config = SettingsConfigDict(
        env_prefix="FORECAST_",
        frozen=True,
        env_ignore_empty=True,
        validate_default=True,
        populate_by_name=True,
    )

    home: Annotated[Path, AfterValidator(_anchored)] = Field(
        default_factory=_default_home,
        description="Folder of the embedded database and the lake; .forecast beside dagster.yaml by default.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="A PostgreSQL server to use instead of the embedded one, postgresql://user:pw@host/db.",
    )
    lake_url: str | None = Field(
        default=None,
        description="Where Parquet files live: a folder or any fsspec URL (s3://...); HOME/lake by default.",
    )
    mlflow_tracking_uri: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("FORECAST_MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_URI"),
        description="The MLflow server to use, http(s)://host; its tables lie in our PostgreSQL when unset.",
    )
    mlflow_artifacts_url: str | None = Field(
        default=None,
        description="Where model bundles live unless an MLflow server says: a folder or URL; LAKE/models.",
    )
    mlflow_url: Annotated[str, AfterValidator(check_web)] | None = Field(
        default=None,
        description="Where people open MLflow, for links; the tracking URI, or http://127.0.0.1:5000.",
    )
    celery_broker: SecretStr | None = Field(
        default=None,
        description="Where runs wait for Celery workers, redis://:password@host:6379/0; only with deploy/.",
    )
    processes: int = Field(
        default_factory=lambda: min(os.cpu_count() or 1, _MOST_PROCESSES),
        ge=1,
        le=_MOST_PROCESSES,
        description="Processes (and LightGBM threads) one run may use; results do not depend on it.",
    )
    source_max_mb: int = Field(
        default_factory=lambda: min(psutil.virtual_memory().total // 2**21, _MOST_SOURCE_MB),
        ge=16,
        description="Memory in MB a store or a row group of a source may take; half of the machine's, at "
        "most 8192.",
    )
    source_max_ratio: int = Field(
        default=500,
        ge=1,
        description="How many bytes of memory a byte of a Parquet file of sales may take.",
    )
    candidates: str | None = Field(
        default=None,
        description="Files of Python with candidates of one's own, joined by colons; see docs/candidates.md.",
    )
    sources: str | None = Field(
        default=None,
        description="What datasets may read, with commas: folders, s3://bucket/path, https://host, "
        "postgresql://host, env:NAME; * for all. Unset: all with the embedded database, else nothing.",
    )
    series_per_run: int | None = Field(
        default=None,
        ge=1,
        description="Series per run of a backfill: the unit of distribution. One run for all when unset.",
    )
    global_refit_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="A global model is fitted again when more than this share of its training days lies in "
        "series that changed.",
    )
    detailed_series: int = Field(
        default=50,
        ge=0,
        le=1000,
        description="A run of at most so many series shows a leaderboard and a plot for each.",
    )

    batch_max_items: int = Field(
        default=1000,
        ge=1,
        le=10_000,
        description="Items (series x candidates) one batch may have; a larger one is refused, never cut.",
    )
    batch_max_parallel: int = Field(
        default=4,
        ge=1,
        le=64,
        description="Groups of batch items worked on at once, by all batches of this database together.",
    )
    batch_ageing_minutes: int | None = Field(
        default=None,
        ge=1,
        description="A pending batch item rises one band each so many minutes; off if unset.",
    )
    comparison_max_parallel: int = Field(
        default=4,
        ge=1,
        le=64,
        description="Candidates scored at once, by all comparisons of this database together.",
    )
    drain_seconds: int = Field(
        default=30,
        ge=1,
        le=600,
        description="How long a cancelled batch or comparison waits for what is being computed.",
    )
    pipeline_max_days: int = Field(default=90, ge=1, description="Days a pipeline run may evaluate.")
    pipeline_max_series: int = Field(default=50, ge=1, description="Series a pipeline run may take.")
    pipeline_max_combinations: int = Field(
        default=50, ge=1, description="Combinations of candidates and parameters a pipeline run may try."
    )
    pipeline_runs_per_hour: int = Field(
        default=20, ge=1, description="Pipeline runs one requester may start in an hour."
    )
    time_zone: Annotated[str, AfterValidator(check_zone)] = Field(
        default="UTC", description="Time zone of schedules and of the daily digest, such as Europe/Berlin."
    )
    dagit_url: Annotated[str, AfterValidator(check_web)] | None = Field(
        default=None,
        description="Where people open Dagit, for links; where `forecast-assets dev` last served it.",
    )
    web_hosts: str | None = Field(
        default=None,
        description="Further host names, with commas, under which Dagit and MLflow may be called.",
    )
    alert_webhook: Annotated[SecretStr, AfterValidator(check_https)] | None = Field(
        default=None, description="https address of a Slack-style webhook for alerts; the log when unset."
    )
    alert_smtp_url: Annotated[SecretStr, AfterValidator(check_smtp)] | None = Field(
        default=None, description="E-mail server for alerts: smtps://user:pw@host:465 or smtp://host:587."
    )
    alert_email_from: str = Field(
        default="forecast-assets@localhost", description="Sender of alerts by e-mail."
    )
    alert_email_to: str | None = Field(
        default=None, description="Recipients of alerts by e-mail, with commas."
    )
    alert_seconds: float = Field(
        default=10, gt=0, le=60, description="Time limit for handing over one alert."
    )
    digest_hour: int = Field(
        default=7, ge=0, le=23, description="Hour of the daily digest of warnings, in FORECAST_TIME_ZONE."
    )
    retrain_budget: int = Field(
        default=50, ge=0, description="Series whose retraining may be requested by itself in 24 hours."
    )
    retrain_cool_down_days: int = Field(
        default=14, ge=1, description="Days before the retraining of a series is requested again."
    )

    @property
    def lake(self) -> str:
        """The lake's URL or folder as text."""
        return self.lake_url or str(self.home / "lake")

    @property
    def mlflow_pages(self) -> str:
        """Where MLflow's pages are, without a slash at the end."""
        uri = self.mlflow_tracking_uri.get_secret_value() if self.mlflow_tracking_uri else ""
        served = uri if uri.startswith(("http://", "https://")) and "@" not in uri else None
        pages = self.mlflow_url or served or _remembered(self.home / "mlflow.url")
        return (pages or "http://127.0.0.1:5000").rstrip("/")

    @property
    def dagit_pages(self) -> str:
        """Where Dagit's pages are, without a slash at the end."""
        pages = self.dagit_url or _remembered(self.home / "dagit.url")
        return (pages or "http://127.0.0.1:3000").rstrip("/")

    @property
    def broker(self) -> str:
        """The address of Celery's broker. Raises ``BadSetting`` when nobody set it."""
        if self.celery_broker is None:
            raise BadSetting(
                "runs go to Celery workers, but FORECAST_CELERY_BROKER is not set",
                remedy="set FORECAST_CELERY_BROKER or FORECAST_CELERY_BROKER_FILE",
            )
        return self.celery_broker.get_secret_value()


def page_file(home: Path, dataset: str) -> Path:
    """Where the report of a dataset lies, which Dagit's server shows."""
    return home / "reports" / f"{dataset}.html"


def settings() -> Settings:
    """Return the settings of this process. Raises ``BadSetting`` naming the variable.

    Read again when the environment changes, which the command line does before it opens an instance.
    """
    return _read(tuple(pair for pair in os.environ.items() if pair[0].upper().startswith(_MATTERING)))


@lru_cache(maxsize=4)
def _read(environment: tuple[tuple[str, str], ...]) -> Settings:
    try:
        return Settings(**_filed(dict(environment)))
    except ValidationError as error:
        place, why = faults(error)[0]
        name = place if place.isupper() else f"FORECAST_{place.upper()}"
        raise BadSetting(f"{name}: {why}", remedy=f"correct or unset {name}") from None


def _filed(environment: Mapping[str, str]) -> dict[str, Any]:
    """Values that stand in files: FORECAST_DATABASE_URL_FILE=/run/secrets/url, as containers pass secrets."""
    values: dict[str, Any] = {}
    for field in Settings.model_fields:
        name = f"FORECAST_{field.upper()}"
        file = environment.get(f"{name}_FILE")
        if not file:
            continue
        if environment.get(name):
            raise BadSetting(
                f"both {name} and {name}_FILE are set", remedy=f"unset one of {name}, {name}_FILE"
            )
        try:
            values[field] = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise BadSetting(
                f"{name}_FILE={file} cannot be read: {type(error).__name__}",
                remedy=f"let {name}_FILE name a readable text file",
            ) from None
        if not values[field]:
            raise BadSetting(f"{name}_FILE={file} is empty", remedy=f"write the value of {name} into it")
    return values
