"""What Dagster's asset checks said last.

Belongs here: reading the newest verdicts of one partition from Dagster's books.
Does not belong here: the checks, and what follows from them.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from forecast_assets.stores import Stores
from forecast_assets.stores.rows.operations import FailedChecksOfRow

if TYPE_CHECKING:
    import dagster as dg


def failed_checks(
    instance: "Callable[[], dg.DagsterInstance]",
    stores: Stores,
    checks: Sequence[tuple[str, str]],
    partition: str,
) -> list[str]:
    """Names of ``checks`` (asset, name) whose newest verdict on a partition is a failure of severity ERROR.

    The ``instance`` is opened only where one of them ever failed.
    """
    names = [name for _, name in checks]
    ever = {
        row["name"] for row in stores.warehouse.rows(FailedChecksOfRow, checks=names, partition=partition)
    }
    suspects = [one for one in checks if one[1] in ever]
    return sorted(_failing(instance(), suspects, partition)) if suspects else []


def _failing(instance: "dg.DagsterInstance", checks: Iterable[tuple[str, str]], partition: str) -> list[str]:
    # Seconds of imports that a dry promotion should not cost.
    import dagster as dg  # noqa: PLC0415
    from dagster._core.event_api import PartitionKeyFilter  # noqa: PLC0415
    from dagster._core.storage.asset_check_execution_record import (  # noqa: PLC0415
        AssetCheckExecutionRecordStatus,
    )

    newest = instance.event_log_storage.get_latest_asset_check_execution_by_key(
        [dg.AssetCheckKey(dg.AssetKey(asset), name) for asset, name in checks],
        partition_filter=PartitionKeyFilter(key=partition),
    )
    failed = []
    for key, record in newest.items():
        if record.status is not AssetCheckExecutionRecordStatus.FAILED or record.event is None:
            continue
        event = record.event.dagster_event
        verdict = None if event is None else event.asset_check_evaluation_data
        if verdict is not None and verdict.severity is dg.AssetCheckSeverity.ERROR:
            failed.append(key.name)
    return failed
