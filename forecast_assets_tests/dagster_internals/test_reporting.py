"""Ten series, two assets, and everything that may happen while they are reported."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.events import DagsterEvent
from dagster._core.loader import LoadingContextForTest
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value

from forecast_assets.dagster_internals.partition_reporting import report_materializations

SERIES = dg.DynamicPartitionsDefinition(name="series")
KEYS = [f"M5__S1__P{n}" for n in range(10)]
BROKEN = {KEYS[2], KEYS[3], KEYS[9]}
GOOD = set(KEYS) - BROKEN
BACKTEST, CHAMPION = dg.AssetKey("backtest"), dg.AssetKey("champion")


@dg.multi_asset(
    can_subset=True,
    specs=[
        dg.AssetSpec(BACKTEST, partitions_def=SERIES, skippable=True),
        dg.AssetSpec(CHAMPION, partitions_def=SERIES, skippable=True, deps=[BACKTEST]),
    ],
)
def evaluation(context: dg.AssetExecutionContext) -> Iterator[dg.AssetMaterialization]:
    for asset in (BACKTEST, CHAMPION):
        report_materializations(
            context, (newest_event(asset, key) for key in context.partition_keys if key in GOOD)
        )
    yield from ()
    raise dg.Failure(f"{len(BROKEN)} series are broken", allow_retries=False)


@pytest.fixture(params=["stock, one by one", "ours, in batches"])
def instance(request: pytest.FixtureRequest) -> Iterator[dg.DagsterInstance]:
    if request.param.startswith("stock"):
        with dg.DagsterInstance.ephemeral() as ephemeral:
            yield ephemeral
    else:
        yield request.getfixturevalue("batched_instance")


def newest_event(asset: dg.AssetKey, key: str) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(asset, partition=key, metadata={"series": key, "wape": 12.5})


def run(instance: dg.DagsterInstance, *assets: Any) -> dg.ExecuteInProcessResult:
    instance.add_dynamic_partitions("series", KEYS)
    tags = {"dagster/asset_partition_range_start": KEYS[0], "dagster/asset_partition_range_end": KEYS[-1]}
    return dg.materialize(assets, instance=instance, tags=tags, raise_on_error=False)


def reported(instance: dg.DagsterInstance, asset: dg.AssetKey) -> list[dg.EventLogRecord]:
    return list(instance.fetch_materializations(asset, limit=5000, ascending=True).records)


def one_asset(body: Any) -> dg.AssetsDefinition:
    """Make an asset of all ten series from what it reports."""

    @dg.asset(name="backtest", partitions_def=SERIES, output_required=False)
    def backtest(context: dg.AssetExecutionContext) -> Iterator[dg.AssetMaterialization]:
        yield from body(context) or ()

    return backtest


def test_three_broken_series_of_ten_leave_seven_green_and_three_red(instance: dg.DagsterInstance) -> None:
    assert not run(instance, evaluation).success
    for asset in (BACKTEST, CHAMPION):
        assert instance.get_materialized_partitions(asset) == GOOD
        status = get_and_update_asset_status_cache_value(instance, asset, SERIES)
        assert status is not None
        assert set(status.deserialize_materialized_partition_subsets(SERIES).get_partition_keys()) == GOOD
        assert set(status.deserialize_failed_partition_subsets(SERIES).get_partition_keys()) == BROKEN
        assert not status.deserialize_in_progress_partition_subsets(SERIES).get_partition_keys()


def test_no_reported_series_is_called_stale(instance: dg.DagsterInstance) -> None:
    run(instance, evaluation)
    graph = dg.Definitions([evaluation]).resolve_asset_graph()
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    for asset in (BACKTEST, CHAMPION):
        assert {resolver.get_status(asset, key) for key in GOOD} == {StaleStatus.FRESH}
        assert {resolver.get_status(asset, key) for key in BROKEN} == {StaleStatus.MISSING}


def test_each_series_has_its_own_metadata(instance: dg.DagsterInstance) -> None:
    run(instance, evaluation)
    series_by_key = {}
    for record in reported(instance, CHAMPION):
        assert record.asset_materialization is not None
        series_by_key[record.partition_key] = record.asset_materialization.metadata["series"].value
    assert series_by_key == {key: key for key in GOOD}


def test_a_reported_event_is_what_dagster_would_have_stored(instance: dg.DagsterInstance) -> None:
    def both_ways(context: dg.AssetExecutionContext) -> Iterator[dg.AssetMaterialization]:
        report_materializations(context, [newest_event(BACKTEST, KEYS[0])])
        yield newest_event(BACKTEST, KEYS[0])

    assert run(instance, one_asset(both_ways)).success
    ours, stock = (record.event_log_entry for record in reported(instance, BACKTEST))
    assert ours._replace(timestamp=stock.timestamp) == stock
    assert 0 <= stock.timestamp - ours.timestamp < 10


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2500])
def test_every_number_of_materializations_arrives(batched_instance: dg.DagsterInstance, count: int) -> None:
    counts: list[int] = []

    @dg.op
    def touch(context: dg.OpExecutionContext) -> None:
        counts.append(
            report_materializations(context, (newest_event(BACKTEST, str(n)) for n in range(count)))
        )

    @dg.job
    def batch() -> None:
        touch()

    assert batch.execute_in_process(instance=batched_instance).success
    assert counts == [count]
    assert [record.partition_key for record in reported(batched_instance, BACKTEST)] == [
        *map(str, range(count))
    ]


def test_what_was_taken_before_an_error_is_reported(instance: dg.DagsterInstance) -> None:
    def torn() -> Iterator[dg.AssetMaterialization]:
        yield from (newest_event(BACKTEST, key) for key in KEYS[:4])
        raise ArithmeticError("the fifth series")

    result = run(instance, one_asset(lambda context: report_materializations(context, torn())))
    assert not result.success
    assert instance.get_materialized_partitions(BACKTEST) == set(KEYS[:4])


def test_a_long_range_is_reported_as_it_comes(batched_instance: dg.DagsterInstance) -> None:
    seen: list[int] = []

    def watched() -> Iterator[dg.AssetMaterialization]:
        for n in range(2500):
            if n % 1000 == 0:
                seen.append(len(batched_instance.get_materialized_partitions(BACKTEST)))
            yield newest_event(BACKTEST, str(n))

    run(batched_instance, one_asset(lambda context: (report_materializations(context, watched()), ())[1]))
    assert seen == [0, 1000, 2000]


def terminated_while_taking(_: pytest.MonkeyPatch) -> Iterator[dg.AssetMaterialization]:
    yield from (newest_event(BACKTEST, key) for key in KEYS[:4])
    os.kill(os.getpid(), signal.SIGINT)
    yield newest_event(BACKTEST, KEYS[4])


def terminated_while_reporting(monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.AssetMaterialization]:
    stock = DagsterEvent.asset_materialization

    def kill_at_the_third(step: Any, what: dg.AssetMaterialization, batch: Any) -> DagsterEvent:
        if what.partition == KEYS[2]:
            os.kill(os.getpid(), signal.SIGINT)
        return stock(step, what, batch)

    monkeypatch.setattr(DagsterEvent, "asset_materialization", kill_at_the_third)
    yield from (newest_event(BACKTEST, key) for key in KEYS[:4])


@pytest.mark.parametrize("terminated", [terminated_while_taking, terminated_while_reporting])
def test_a_termination_loses_nothing_that_was_taken(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, terminated: Any
) -> None:
    asset = one_asset(lambda context: report_materializations(context, terminated(monkeypatch)))
    assert not run(instance, asset).success
    assert instance.get_materialized_partitions(BACKTEST) == set(KEYS[:4])
