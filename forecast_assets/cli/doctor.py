"""``forecast-assets doctor``: is this machine ready, and if not, what is the one next step?

Belongs here: trying everything that a run needs.
Does not belong here: mending it.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from uuid import uuid4

import polars as pl

from forecast_assets.cli.console import BROKE, DONE, Format, FormOption, View, listing
from forecast_assets.cli.home import find_home, open_instance
from forecast_assets.errors import ForecastError, listed
from forecast_assets.forecasting.core.lightgbm_library import lightgbm_library
from forecast_assets.registry import gone
from forecast_assets.registry.agreement import compare
from forecast_assets.settings import settings
from forecast_assets.stores import paths
from forecast_assets.stores.database import database_url, newest_revision
from forecast_assets.stores.home import others_may_write
from forecast_assets.stores.opening import open_lake, open_stores
from forecast_assets.stores.registry import open_registry
from forecast_assets.stores.rows.datasets import DatasetsRow
from forecast_assets.web.unguarded import unguarded_servers

_LEAST_FREE = 1 << 30


class Broken(Exception):
    """Something works and is not as it has to be."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    part: str
    healthy: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Probe:
    """Something that must work, and the next step when it does not."""

    attempt: Callable[[], str]
    remedy: str


def examine(probes: Mapping[str, Probe]) -> Iterator[Finding]:
    """Try every probe; one that fails never hides the ones behind it."""
    for name, probe in probes.items():
        try:
            yield Finding(name, healthy=True, detail=probe.attempt())
        except Broken as error:
            yield Finding(name, healthy=False, detail=f"{error} -> {probe.remedy}")
        except ForecastError as error:
            yield Finding(name, healthy=False, detail=f"{error.problem} -> {error.remedy}")
        except Exception as error:  # noqa: BLE001 - to fail is what a probe is for
            yield Finding(name, healthy=False, detail=f"{type(error).__name__}: {error} -> {probe.remedy}")


def doctor(form: FormOption = Format.TABLE) -> None:
    """Try everything that a run needs and name each broken part with one next step."""
    find_home()
    findings = list(examine(PROBES))
    rows = [
        {"part": finding.part, "state": "ok" if finding.healthy else "BROKEN", "detail": finding.detail}
        for finding in findings
    ]
    listing(pl.DataFrame(rows), View(form))
    raise SystemExit(DONE if all(finding.healthy for finding in findings) else BROKE)


def _python() -> str:
    if sys.version_info < (3, 11):  # noqa: UP036 - whoever runs it may not have installed it
        raise Broken(f"Python {sys.version.split()[0]}")
    return f"Python {sys.version.split()[0]}, dagster {version('dagster')}"


def _database() -> str:
    url = database_url()
    open_stores().warehouse.rows(DatasetsRow)
    server = "embedded" if settings().database_url is None else url.host or url.query.get("host")
    return f"{server} at revision {newest_revision()}"


def _home() -> str:
    home = settings().home
    if settings().lake_url is not None and settings().database_url is not None:
        return "holds neither database nor lake"
    if home.exists() and others_may_write(home):
        raise Broken(f"other accounts may replace what lies in {home}")
    return str(home)


def _lake() -> str:
    lake, path = open_lake(settings()), paths.DOCTOR.path(uuid4().hex)
    lake.write_bytes(path, b"well")
    answer = lake.read_bytes(path)
    lake.delete(path)
    if answer != b"well":
        raise Broken("what was read is not what was written")
    return settings().lake


def _agreement() -> str:
    sentences = compare(open_stores(), open_registry()).sentences()
    if sentences:
        raise Broken("; ".join(sentences))
    return "database, lake and registry speak of the same"


def _live_models() -> str:
    lost = gone.gone(open_stores(), open_registry)
    if lost:
        raise Broken("; ".join(map(gone.problem, lost.values())))
    return "MLflow has what was made live"


def _space() -> str:
    free = shutil.disk_usage(settings().home).free
    if free < _LEAST_FREE:
        raise Broken(f"{free / (1 << 20):,.0f} MB free")
    return f"{free / (1 << 30):,.0f} GB free"


def _instance() -> str:
    instance = open_instance()
    if type(instance.event_log_storage).__module__ != "forecast_assets.dagster_internals.storage":
        raise Broken(f"storage is {type(instance.event_log_storage).__name__}")
    return f"DAGSTER_HOME={os.environ['DAGSTER_HOME']}"


def _code_location() -> str:
    from forecast_assets.definitions import defs

    return f"{len(list(defs.resolve_all_job_defs())):,} jobs load"


def _model_library() -> str:
    return f"lightgbm {lightgbm_library().__version__}"


def _queue() -> str:
    import dagster as dg

    instance = open_instance()
    waiting = instance.get_runs_count(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]))
    if waiting and not any(status.healthy for status in instance.get_daemon_statuses().values()):
        raise Broken(f"{waiting:,} runs wait and no daemon takes them")
    return f"{waiting:,} runs wait"


def _dead_runs() -> str:
    import dagster as dg

    instance = open_instance()
    launcher = instance.run_launcher
    at_work = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    if not launcher.supports_check_run_worker_health:
        return f"{len(at_work):,} runs at work"
    health = {run.run_id: launcher.check_run_worker_health(run) for run in at_work}
    dead = [f"{run}: {result.msg}" for run, result in health.items() if result.status.name == "FAILED"]
    if dead:
        raise Broken(f"{len(dead):,} runs say that they are at work and are not ({listed(dead)})")
    return f"{len(at_work):,} runs at work"


def _pages() -> str:
    bare = unguarded_servers(find_home())
    if bare:
        raise Broken(
            f"process {', '.join(map(str, bare))} serves Dagit without the guard: any page open in a "
            "browser on this machine can launch runs and promote models"
        )
    return "no web server without the guard"


PROBES = {
    "python": Probe(_python, "install Python 3.11 or newer"),
    "home": Probe(_home, "close it by `chmod go-w`, or let FORECAST_HOME name another folder"),
    "database": Probe(_database, "read FORECAST_HOME/postgres/log, or correct FORECAST_DATABASE_URL"),
    "lake": Probe(_lake, "make FORECAST_LAKE_URL writable"),
    "agreement": Probe(_agreement, "see `forecast-assets state mend`, which lets them agree with --apply"),
    "live models": Probe(_live_models, gone.next_step("DATASET")),
    "disk": Probe(_space, "free at least 1 GB where FORECAST_HOME lies"),
    "instance": Probe(_instance, "set DAGSTER_HOME to the folder of the project's dagster.yaml"),
    "definitions": Probe(_code_location, "run `python -m forecast_assets.definitions` and mend what it says"),
    "model library": Probe(_model_library, "install the system package libgomp1"),
    "web pages": Probe(_pages, "stop it and start `forecast-assets dev` or `forecast-assets web` instead"),
    "runs": Probe(_dead_runs, "start `forecast-assets dev`; its daemon ends them within a minute"),
    "run queue": Probe(_queue, "start the daemon with `make dev`"),
}
