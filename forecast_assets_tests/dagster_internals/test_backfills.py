"""Work on partitions that are gone ends, with the reason; other work goes on."""

import time

import dagster as dg
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill

from forecast_assets.dagster_internals.backfills import end_work


def backfill(name: str, *keys: str) -> PartitionBackfill:
    return PartitionBackfill(
        name,
        BulkActionStatus.REQUESTED,
        from_failure=False,
        tags={},
        backfill_timestamp=time.time(),
        partition_names=list(keys),
    )


def waiting(instance: dg.DagsterInstance, key: str) -> str:
    run = dg.DagsterRun("idle", status=dg.DagsterRunStatus.NOT_STARTED, tags={"dagster/partition": key})
    return instance.add_run(run).run_id


def test_backfills_and_waiting_runs_of_partitions_that_are_gone_are_canceled_with_the_reason():
    with dg.instance_for_test() as instance:
        instance.add_backfill(backfill("ours", "a__S__1", "a__S__2"))
        instance.add_backfill(backfill("theirs", "b__S__1"))
        ours, theirs = waiting(instance, "a__S__2"), waiting(instance, "b__S__1")
        assert end_work(instance, ["a", "a__S__1", "a__S__2"], "dataset a was removed") == (1, 1)
        ended, going = instance.get_backfill("ours"), instance.get_backfill("theirs")
        assert ended is not None
        assert going is not None
        assert (ended.status, going.status) == (BulkActionStatus.CANCELED, BulkActionStatus.REQUESTED)
        assert ended.error is not None
        assert ended.error.message == "dataset a was removed"
        statuses = {run.run_id: run.status for run in instance.get_runs()}
        assert statuses == {ours: dg.DagsterRunStatus.CANCELED, theirs: dg.DagsterRunStatus.NOT_STARTED}
        assert "dataset a was removed" in str(instance.all_logs(ours)[-1].message)
        assert end_work(instance, ["a__S__1"], "again") == (0, 0)
