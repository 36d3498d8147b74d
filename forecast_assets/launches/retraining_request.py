"""A retraining before its first series: what a person fills in, and what of it is refused.

Belongs here: the fields of the Launchpad and of ``forecast-assets submit retrain``, and choosing the series.
Does not belong here: training them (``retraining``).
"""

import datetime as dt

from pydantic import BaseModel, Field

from forecast_assets.confirmation import check_confirmation
from forecast_assets.datasets.definition import load
from forecast_assets.datasets.membership import check_series
from forecast_assets.drift.model_health import queue
from forecast_assets.errors import BadSetting
from forecast_assets.launches.model import NewItem, Plan
from forecast_assets.stores import Stores

_NAMED = 5


class RetrainConfig(BaseModel):
    """Which series of which dataset, and that somebody means it."""

    dataset: str = Field(description="Name of the dataset.")
    series: list[str] = Field(default=[], description="These series keys, besides those chosen below.")
    top: int = Field(default=0, ge=0, le=1000, description="So many from the head of the retraining queue.")
    requested: bool = Field(default=False, description="All whose retraining was requested and is not done.")
    confirm: str = Field(default="", description="Type: retrain DATASET. Empty: say what would be done.")


def chosen(stores: Stores, config: RetrainConfig, today: dt.date) -> list[str]:
    """The series to train, in the order of the queue. Raises ``BadSetting`` or ``UnknownName``."""
    expected = f"retrain {load(stores, config.dataset).name}"
    check_series(stores, config.dataset, config.series)
    ranked = queue(stores, config.dataset, today)
    selected = [
        row["series"]
        for place, row in enumerate(ranked)
        if place < config.top
        or row["series"] in config.series
        or (config.requested and row["requested_at"] is not None)
    ]
    selected += [key for key in config.series if key not in selected]
    if not selected:
        raise BadSetting("no series is chosen", remedy="name series, or set top or requested")
    keys = list(dict.fromkeys(selected))
    check_confirmation(config.confirm, expected, would=f"train {_named(keys)} again")
    return keys


def _named(keys: list[str]) -> str:
    more = f" and {len(keys) - _NAMED:,} more" if len(keys) > _NAMED else ""
    return f"{len(keys):,} series ({', '.join(keys[:_NAMED])}{more})"


def validate(stores: Stores, config: RetrainConfig) -> Plan:
    """Return an item per series that is chosen. Raises ``ForecastError`` before anything is written."""
    keys = chosen(stores, config, dt.datetime.now(dt.UTC).date())
    return Plan(
        what=f"retraining of {len(keys):,} series of {config.dataset}",
        spec=config.model_dump(mode="json", exclude={"confirm"}),
        items=[NewItem(key) for key in keys],
        dataset=config.dataset,
    )
