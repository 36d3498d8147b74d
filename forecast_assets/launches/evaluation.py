"""An evaluation that a command started: several Dagster runs under one record, without items.

Belongs here: what is on record of it.
Does not belong here: the runs and their order (``cli.evaluation``).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from forecast_assets.launches.kind import Summary, followed
from forecast_assets.launches.model import Launch, Plan, Try
from forecast_assets.stores import Stores

if TYPE_CHECKING:
    from forecast_assets.stores.rows.values import Status

# Holds the id of the record that a run is a part of.
LAUNCH_TAG = "forecast/launch"


def plan_of(dataset: str, series: Sequence[str] | None, changes: Mapping[str, object]) -> Plan:
    """Return what an evaluation of ``series`` (all of the dataset when unset) is on record as."""
    what = (
        f"evaluation of {dataset}" if series is None else f"evaluation of {len(series):,} series of {dataset}"
    )
    return Plan(what=what, spec={"series": series, "changes": dict(changes)}, dataset=dataset)


def _summarise(_stores: Stores, launch: Launch, _tries: Sequence[Try]) -> Summary:
    """How the evaluation ended, in the sentence that the command left."""
    sentence = launch.error["problem"] if launch.error else launch.result.get("sentence")
    broken: int = launch.result.get("broken") or 0
    status: Status | None = "partial" if broken and launch.status == "completed" else None
    return Summary(f"{launch.what}: {sentence}" if sentence else launch.what, status=status)


EVALUATION = followed("evaluate", _summarise, command="evaluate DATASET")
