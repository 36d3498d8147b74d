"""Registering series, and how a backfill of them is cut into runs."""

import dagster as dg
import pytest

from forecast_assets import partitions
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
