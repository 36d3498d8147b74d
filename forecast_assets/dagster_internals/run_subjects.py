"""Which dataset is a run about?

Belongs here: reading it off a run, however it was launched, and asking what is still going on.
Does not belong here: what is done about it.
"""

from collections import Counter
from collections.abc import Mapping

import dagster as dg

from forecast_assets.keys import SEPARATOR

DATASET_TAG = "forecast/dataset"
_PARTITION_TAGS = ("dagster/partition", "dagster/asset_partition_range_start")
_GOING = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def dataset_of(run: dg.DagsterRun) -> str:
    """The dataset of a run by its tag, its partition or its configuration; empty when it has none."""
    if DATASET_TAG in run.tags:
        return run.tags[DATASET_TAG]
    for tag in _PARTITION_TAGS:
        if tag in run.tags:
            return run.tags[tag].partition(SEPARATOR)[0]
    ops = run.run_config.get("ops")
    for op in ops.values() if isinstance(ops, Mapping) else ():
        config = op.get("config") if isinstance(op, Mapping) else None
        if isinstance(config, Mapping):
            # A comparison names its series alone.
            subjects = [config.get(name) for name in ("dataset", "series")]
            if texts := [text for text in subjects if isinstance(text, str)]:
                return texts[0].partition(SEPARATOR)[0]
    return ""


def going_on(instance: dg.DagsterInstance) -> Counter[str]:
    """How many runs of each dataset are queued or running."""
    return Counter(dataset_of(run) for run in instance.get_runs(filters=dg.RunsFilter(statuses=_GOING)))
