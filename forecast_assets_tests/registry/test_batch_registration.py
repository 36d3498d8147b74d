"""Batches that score, train and register: versions that wait for nobody."""

from typing import ClassVar

import dagster as dg
import pytest

from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.launches.batch import champions, picking
from forecast_assets.registry.registration import register
from forecast_assets.stores.mlflow_backend import tracking_uri
from forecast_assets.stores.registry import Registry, open_registry
from forecast_assets.stores.resource import RegistryResource
from forecast_assets.stores.rows.evaluations import MetricsOfRow
from forecast_assets_tests.launches.conftest import items_of, run
from forecast_assets_tests.scenario import many

SETTINGS = EvaluationSettings(
    candidates=("naive", "seasonal_naive", "ets"), horizon=7, n_splits=3, min_train=14
)
SERIES = [f"many__S{i}__P{i:03d}" for i in range(4)]
BATCH = {
    "dataset": "many",
    "operation": "train_backtest_register",
    "scope": "manual",
    "series": SERIES,
    "candidates": list(SETTINGS.candidates),
}


@pytest.fixture(scope="module")
def place(registered_place):
    registered_place.prepare("many", many(4), evaluation=SETTINGS)
    return registered_place


def test_a_series_that_was_never_evaluated_is_not_registered_and_says_why(place):
    done = run(place, "batch", **BATCH)
    assert done.outcome == "failed"
    errors = {item["error_message"] for item in items_of(place, done.run_id)}
    assert errors == {"not registered: it has no champion to register"}


class Team(RegistryResource):
    """Another way to MLflow than that of the environment."""

    opened: ClassVar[list[str | None]] = []

    def open(self) -> Registry:
        self.opened.append(self.tracking_uri)
        return super().open()


def test_every_good_item_becomes_a_version_by_the_registry_of_its_run_and_no_alias_moves(place, monkeypatch):
    assert place.evaluate(SERIES[0], SERIES[-1]).success
    monkeypatch.setenv("TEAM_MLFLOW", tracking_uri())
    done = run(place, "batch", opens=Team(tracking_uri=dg.EnvVar("TEAM_MLFLOW")), **BATCH)
    assert done.outcome == "completed"
    assert set(Team.opened) == {tracking_uri()}
    registry = open_registry()
    assert registry.aliases(SERIES) == {}
    plain = {
        (row["series"], row["candidate"]): row
        for row in place.stores.warehouse.rows(MetricsOfRow, series=SERIES)
    }
    for item in items_of(place, done.run_id):
        version = registry.version(item["series"], item["outputs"]["model_version"])
        assert version is not None
        assert version.tags["candidate"] == item["candidate"]
        assert version.run_id == item["child_run_id"]
        assert set(item["metrics"]) == {"wape", "smape", "mae", "bias", "sample_size"}
        wape = plain[item["series"], item["candidate"]]["wape"]
        assert item["metrics"]["wape"] == pytest.approx(wape)


def test_promoted_champions_of_a_batch_challenge_and_nothing_becomes_live(place):
    done = run(place, "batch", **BATCH)
    picks = picking.pick(place.stores, done.run_id)
    assert champions.apply(
        place.stores, open_registry, picks, confirm=picks.confirmation, by="ann", run_id="decided"
    )
    expected = {line["series"]: {"challenger": line["model_version"]} for line in picks.winners}
    registry = open_registry()
    assert registry.aliases(SERIES) == expected
    again = picking.pick(place.stores, done.run_id)
    assert not champions.apply(
        place.stores, open_registry, again, confirm=again.confirmation, by="ann", run_id="again"
    )
    for series in SERIES:
        registry.drop_alias(series, "challenger")


def test_a_second_batch_and_a_registered_champion_find_the_same_versions(place):
    first, second = (
        {
            (item["series"], item["candidate"]): item["outputs"]["model_version"]
            for item in items_of(place, run(place, "batch", **BATCH).run_id)
        }
        for _ in range(2)
    )
    assert first == second
    chosen = {row["series"]: row["champion"] for row in place.table("champion")}
    for one in register(place.stores, open_registry(), SERIES, run_id="champions"):
        assert one.row is not None
        assert one.row["version"] == first[one.series, chosen[one.series]]
