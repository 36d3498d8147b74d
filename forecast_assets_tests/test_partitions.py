"""Registering series, how a backfill of them is cut into runs, and which dataset they belong to."""

import dagster as dg
import pytest
from dagster._core.definitions.partitions.utils import get_builtin_partition_mapping_types
from dagster._serdes import deserialize_value, serialize_value

from forecast_assets import partitions
from forecast_assets.dagster_internals import storage
from forecast_assets.dagster_internals.partition_mapping import SameDataset
from forecast_assets.definitions import defs
from forecast_assets.partitions import register_series, series_policy


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "0")
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def test_new_series_are_registered_sorted_and_answered(instance):
    assert register_series(instance, iter(["d__B__1", "d__A_1__1", "d__A__1", "d__A-1__1"])) == [
        "d__A-1__1",
        "d__A_1__1",
        "d__A__1",
        "d__B__1",
    ]
    assert list(instance.get_dynamic_partitions("series")) == sorted(
        ["d__B__1", "d__A_1__1", "d__A__1", "d__A-1__1"]
    )


def test_known_series_are_not_registered_again(instance):
    register_series(instance, ["d__A__1", "d__A__3"])
    assert register_series(instance, ["d__A__3", "d__A__2", "d__A__2"]) == ["d__A__2"]
    assert len(instance.get_dynamic_partitions("series")) == 3


def test_more_series_than_one_statement_takes_are_all_registered(instance, monkeypatch):
    monkeypatch.setattr(partitions, "_CHUNK", 7)
    keys = [f"d__S__{n:03d}" for n in range(30)]
    assert register_series(instance, keys) == keys
    assert list(instance.get_dynamic_partitions("series")) == keys


def test_one_run_takes_a_range_unless_a_size_is_set(monkeypatch):
    monkeypatch.delenv("FORECAST_SERIES_PER_RUN", raising=False)
    assert series_policy() == dg.BackfillPolicy.single_run()
    monkeypatch.setenv("FORECAST_SERIES_PER_RUN", "2000")
    assert series_policy() == dg.BackfillPolicy.multi_run(2000)


SERIES_OF_TWO = ["a__S__1", "a__S__2", "a-b__S__1", "b__S__1"]


@pytest.mark.parametrize(
    ("made_from", "keys", "expected"),
    [
        ("datasets", ["a__S__1", "a__S__2"], ["a"]),
        ("datasets", ["a-b__S__1", "b__S__1"], ["a-b", "b"]),
        ("datasets", ["gone__S__1"], []),
        ("series", ["a"], ["a__S__1", "a__S__2"]),
        ("series", ["a-b"], ["a-b__S__1"]),
    ],
)
def test_series_and_datasets_depend_on_nothing_of_another_dataset(instance, made_from, keys, expected):
    instance.add_dynamic_partitions("datasets", ["a", "a-b", "b"])
    register_series(instance, SERIES_OF_TWO)
    sets = {"datasets": partitions.DATASETS, "series": partitions.SERIES}
    upstream = sets.pop(made_from)
    (downstream,) = sets.values()
    subset = downstream.empty_subset().with_partition_keys(keys)
    mapped = SameDataset().get_upstream_mapped_partitions_result_for_partitions(
        subset, downstream, upstream, dynamic_partitions_store=instance
    )
    assert sorted(mapped.partitions_subset.get_partition_keys()) == expected
    # The other way round it is the same relation.
    later = SameDataset().get_downstream_partitions_for_partitions(
        subset, downstream, upstream, dynamic_partitions_store=instance
    )
    assert sorted(later.get_partition_keys()) == expected


def test_a_web_server_is_sent_the_mapping_and_knows_it():
    """Dagster sends derivatives of its own mappings; every instance's storage imports ours."""
    assert isinstance(SameDataset(), get_builtin_partition_mapping_types())
    assert deserialize_value(serialize_value(SameDataset()), SameDataset) == SameDataset()
    assert SameDataset.__module__.rpartition(".")[2] in vars(storage)


def test_every_edge_between_a_series_and_a_dataset_stays_within_the_dataset():
    graph = defs.resolve_asset_graph()
    mixed = [
        graph.get_partition_mapping(key, parent)
        for key in graph.get_all_asset_keys()
        for parent in graph.get(key).parent_keys
        if {graph.get(key).partitions_def, graph.get(parent).partitions_def}
        == {partitions.DATASETS, partitions.SERIES}
    ]
    assert len(mixed) > 10
    assert all(isinstance(mapping, SameDataset) for mapping in mixed)
