"""What Dagster's asset checks said last.

Belongs here: reading the newest verdicts of one partition from Dagster's books.
Does not belong here: the checks, and what follows from them.
"""

from collections.abc import Sequence

import dagster as dg
from dagster._core.event_api import PartitionKeyFilter
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus


def failed_checks(
    instance: dg.DagsterInstance, checks: Sequence[dg.AssetCheckKey], partition: str
) -> list[str]:
    """Names of the checks whose newest verdict on a partition is a failure of severity ERROR."""
    newest = instance.event_log_storage.get_latest_asset_check_execution_by_key(
        checks, partition_filter=PartitionKeyFilter(key=partition)
    )
    failed = []
    for key, record in newest.items():
        if record.status is not AssetCheckExecutionRecordStatus.FAILED or record.event is None:
            continue
        event = record.event.dagster_event
        verdict = None if event is None else event.asset_check_evaluation_data
        if verdict is not None and verdict.severity is dg.AssetCheckSeverity.ERROR:
            failed.append(key.name)
    return sorted(failed)
