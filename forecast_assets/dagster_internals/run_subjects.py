"""Which dataset is a run about?

Belongs here: reading it off a run, however it was launched, and asking what is still going on.
Does not belong here: what is done about it.
"""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from forecast_assets.keys import SEPARATOR

if TYPE_CHECKING:
    import dagster as dg

DATASET_TAG = "forecast/dataset"
_PARTITION_TAGS = ("dagster/partition", "dagster/asset_partition_range_start")
_GOING = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING")


def dataset_of(run: "dg.DagsterRun") -> str:
    """The dataset of a run by its tag, its partition or its configuration; empty when it has none."""
    return subject_of(run.tags, run.run_config)


def subject_of(tags: Mapping[str, str], run_config: Mapping[str, object]) -> str:
    """Return ``dataset_of`` for a run of which only these are at hand."""
    if DATASET_TAG in tags:
        return tags[DATASET_TAG]
    for tag in _PARTITION_TAGS:
        if tag in tags:
            return tags[tag].partition(SEPARATOR)[0]
    ops = run_config.get("ops")
    for op in ops.values() if isinstance(ops, Mapping) else ():
        config = op.get("config") if isinstance(op, Mapping) else None
        if isinstance(config, Mapping):
            # A comparison names its series alone.
            subjects = [config.get(name) for name in ("dataset", "series")]
            if texts := [text for text in subjects if isinstance(text, str)]:
                return texts[0].partition(SEPARATOR)[0]
    return ""


def going_on(instance: "dg.DagsterInstance") -> Counter[str]:
    """How many runs of each dataset are queued or running."""
    import dagster as dg  # noqa: PLC0415 - seconds that a report should not cost

    going = dg.RunsFilter(statuses=[dg.DagsterRunStatus(name) for name in _GOING])
    return Counter(dataset_of(run) for run in instance.get_runs(filters=going))
