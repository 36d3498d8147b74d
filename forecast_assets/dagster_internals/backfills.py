"""Backfills and queued runs whose partitions are gone.

Belongs here: ending them, which Dagster would try again for ever.
Does not belong here: removing partitions (``partitions``, the commands).
"""

import time
from collections.abc import Collection

import dagster as dg
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster_shared.error import SerializableErrorInfo

_WAITING = (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED)
_TAGS = ("dagster/partition", "dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


def end_work(instance: dg.DagsterInstance, keys: Collection[str], why: str) -> tuple[int, int]:
    """Cancel the backfills and waiting runs of partitions ``keys``; return how many of each.

    ``why`` is the sentence that stands at both.
    """
    gone = set(keys)
    backfills = [
        one for one in instance.get_backfills(status=BulkActionStatus.REQUESTED) if gone & _partitions(one)
    ]
    for backfill in backfills:
        ended: PartitionBackfill = backfill.with_status(BulkActionStatus.CANCELED)
        ended = ended.with_end_timestamp(time.time())
        reason = SerializableErrorInfo(why, [], None)
        instance.update_backfill(ended.with_error(reason))
    runs = [
        run
        for run in instance.get_runs(filters=dg.RunsFilter(statuses=list(_WAITING)))
        if gone & {run.tags.get(tag) for tag in _TAGS}
    ]
    for run in runs:
        instance.report_run_canceled(run, message=why)
    return len(backfills), len(runs)


def _partitions(backfill: PartitionBackfill) -> set[str]:
    """The partitions of a backfill, of a job or of assets."""
    names = set(backfill.partition_names or ())
    if backfill.asset_backfill_data is not None:
        for subset in backfill.asset_backfill_data.target_subset.partitions_subsets_by_asset_key.values():
            names |= set(subset.get_partition_keys())
    return names
