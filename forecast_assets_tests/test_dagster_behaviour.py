"""Behaviours of Dagster we build on. When an upgrade breaks one, this file says so first."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner
from dagster._cli.asset import asset_materialize_command
from dagster._core.definitions.automation_tick_evaluation_context import (
    build_run_requests_with_backfill_policies,
)
from dagster._core.definitions.events import AssetKeyPartitionKey
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value

SERIES = dg.DynamicPartitionsDefinition(name="series")
SCORES = dg.AssetKey("scores")
ALL = {"dagster/asset_partition_range_start": "a", "dagster/asset_partition_range_end": "c"}


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "0")
    with dg.DagsterInstance.ephemeral() as ephemeral:
        ephemeral.add_dynamic_partitions("series", ["a", "b", "c"])
        yield ephemeral


def scores(*reported: str, then: BaseException | None = None) -> dg.AssetsDefinition:
    """Make an asset that reports some of its series, and ends well or badly."""

    @dg.asset(name="scores", partitions_def=SERIES, output_required=False)
    def asset() -> Iterator[dg.AssetMaterialization]:
        for key in reported:
            yield dg.AssetMaterialization(SCORES, partition=key)
        if then:
            raise then

    return asset


def run(instance: dg.DagsterInstance, *assets: Any) -> dg.ExecuteInProcessResult:
    return dg.materialize(assets, instance=instance, tags=ALL, raise_on_error=False)


def colours(instance: dg.DagsterInstance) -> tuple[set[str], set[str]]:
    """Return which partitions Dagit paints green and which red."""
    status = get_and_update_asset_status_cache_value(instance, SCORES, SERIES)
    if status is None:
        return set(), set()
    green = status.deserialize_materialized_partition_subsets(SERIES).get_partition_keys()
    return set(green), set(status.deserialize_failed_partition_subsets(SERIES).get_partition_keys())


def test_a_plain_ranged_run_marks_every_partition_done(instance: dg.DagsterInstance) -> None:
    @dg.asset(name="scores", partitions_def=SERIES)
    def plain() -> None: ...

    assert run(instance, plain).success
    assert colours(instance) == ({"a", "b", "c"}, set())


def test_materializations_reported_before_a_failure_survive_it(instance: dg.DagsterInstance) -> None:
    assert not run(instance, scores("a", then=dg.Failure("b and c"))).success
    assert colours(instance) == ({"a"}, {"b", "c"})


def test_what_a_successful_run_leaves_out_is_neither_green_nor_red(instance: dg.DagsterInstance) -> None:
    assert run(instance, scores("a")).success
    assert colours(instance) == ({"a"}, set())


def test_a_series_stays_green_where_a_later_successful_run_leaves_it_out(
    instance: dg.DagsterInstance,
) -> None:
    run(instance, scores("a", "b", "c"))
    run(instance, scores("a"))
    assert colours(instance) == ({"a", "b", "c"}, set())


def test_a_green_series_turns_red_where_a_later_run_fails_without_it(instance: dg.DagsterInstance) -> None:
    run(instance, scores("a", "b", "c"))
    run(instance, scores("a", then=dg.Failure("b and c")))
    _, red = colours(instance)
    assert red == {"b", "c"}


def test_a_failure_without_retries_beats_the_retry_policy(instance: dg.DagsterInstance) -> None:
    tried = []

    @dg.asset(name="scores", partitions_def=SERIES, retry_policy=dg.RetryPolicy(max_retries=3))
    def stubborn() -> None:
        tried.append(1)
        raise dg.Failure("broken series", allow_retries=False)

    run(instance, stubborn)
    assert tried == [1]


def test_a_step_whose_assets_are_skippable_must_be_a_generator(instance: dg.DagsterInstance) -> None:
    specs = [dg.AssetSpec(name, partitions_def=SERIES, skippable=True) for name in ("scores", "champion")]

    @dg.multi_asset(can_subset=True, specs=specs)
    def returns_nothing(): ...

    @dg.multi_asset(can_subset=True, specs=specs)
    def yields_nothing():
        yield from ()

    assert not run(instance, returns_nothing).success
    assert run(instance, yields_nothing).success


def test_a_step_is_told_every_key_between_the_two_tags(instance: dg.DagsterInstance) -> None:
    partition_keys = []

    @dg.asset(name="scores", partitions_def=SERIES)
    def asset(context: dg.AssetExecutionContext) -> None:
        partition_keys.append(context.partition_keys)

    run(instance, asset)
    assert partition_keys == [["a", "b", "c"]]


@pytest.mark.filterwarnings("ignore")
def test_a_check_partitioned_by_series_plans_the_whole_range_once_per_series(
    instance: dg.DagsterInstance,
) -> None:
    """So no check of ours is: the cost grows with the square, and 30,000 series would take 11 GB."""

    @dg.asset_check(asset="scores", partitions_def=SERIES)
    def sound() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    run(instance, scores("a", "b", "c", then=dg.Failure("before the check")), sound)
    (key,) = sound.check_keys
    history = instance.event_log_storage.get_asset_check_execution_history(key, limit=9)
    planned: list[Any] = [record.event.dagster_event for record in history if record.event]
    subsets = [event.event_specific_data.partitions_subset for event in planned if event]
    assert [set(subset.get_partition_keys()) for subset in subsets if subset] == [{"a", "b", "c"}] * 3


@pytest.mark.parametrize(
    ("keys", "runs"), [("abc", [("a", "c")]), ("ac", [("a", "a"), ("c", "c")]), ("ab", [("a", "b")])]
)
def test_only_contiguous_keys_are_grouped_into_one_run(
    instance: dg.DagsterInstance, keys: str, runs: list[tuple[str, str]]
) -> None:
    @dg.asset(name="scores", partitions_def=SERIES, backfill_policy=dg.BackfillPolicy.single_run())
    def asset() -> None: ...

    graph = dg.Definitions([asset]).resolve_asset_graph()
    partitions = [AssetKeyPartitionKey(SCORES, key) for key in keys]
    with partition_loading_context(dynamic_partitions_store=instance):
        requests = build_run_requests_with_backfill_policies(partitions, graph, instance)
    single = [(request.partition_key, request.partition_key) for request in requests if request.partition_key]
    ranges = [tuple(request.tags[tag] for tag in ALL) for request in requests if not request.partition_key]
    assert sorted(single + ranges) == runs


CODE = """
import dagster as dg

def asset(name, policy):
    abc = dg.StaticPartitionsDefinition(["a", "b", "c"])

    @dg.asset(name=name, partitions_def=abc, backfill_policy=policy)
    def scores() -> None: ...

    return scores

several = [asset("single", dg.BackfillPolicy.single_run()), asset("multi", dg.BackfillPolicy.multi_run(2))]
defs = dg.Definitions(several, executor=dg.in_process_executor)
"""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("policy", "accepted"), [("single", True), ("multi", False)])
def test_a_partition_range_of_the_command_line_wants_the_single_run_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: str, *, accepted: bool
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "code.py").write_text(CODE)
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    words = ["--python-file", str(tmp_path / "code.py"), "--select", policy, "--partition-range", "a...c"]
    result = CliRunner().invoke(asset_materialize_command, words)
    assert (result.exit_code == 0) is accepted
    assert accepted or "BackfillPolicy.single_run()" in str(result.exception)


def test_the_batch_size_is_read_at_every_event(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: list[int] = []
    monkeypatch.setattr(
        instance.event_log_storage, "store_event_batch", lambda events: stored.append(len(events))
    )

    @dg.asset(name="scores", partitions_def=SERIES)
    def asset() -> None:
        monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "2")

    run(instance, asset)
    assert stored == [2]  # of three: the last one comes alone
