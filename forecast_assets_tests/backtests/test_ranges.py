"""Which series a run touches: ranges, scattered ones, those that changed, and no others."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from forecast_assets.backtests import evaluation as evaluating
from forecast_assets.backtests.assets import CHAMPION
from forecast_assets.backtests.display import ids_tags
from forecast_assets.errors import BadSetting, UnknownName
from forecast_assets.forecasting.core import backtest as engine
from forecast_assets.progress import PROGRESS
from forecast_assets_tests.scenario import HEALTHY, SERIES, TORN, YOUNG, Place, many, shop

MANY = [f"many__S{i * 4 // 8}__P{i:03d}" for i in range(8)]


@pytest.fixture
def two(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A dataset before and the shop behind it in the alphabet, both built."""
    monkeypatch.setenv("FORECAST_DETAILED_SERIES", "0")
    place.prepare("many", many(8))
    place.prepare("shop", shop())
    return place


def test_a_range_over_two_datasets_evaluates_the_part_of_each(two):
    result = two.evaluate(MANY[5], YOUNG)
    assert result.success
    expected = {*MANY[5:], *SERIES[: SERIES.index(YOUNG) + 1]}
    assert set(two.outcomes()) == two.green() == expected
    datasets = {row["series"]: row["dataset"] for row in two.table("evaluation")}
    assert datasets == {key: key.split("__")[0] for key in expected}
    assert len({row["snapshot"] for row in two.table("evaluation")}) == 2


def test_scattered_series_are_evaluated_in_one_run_and_no_others(two):
    chosen = [MANY[6], MANY[0], MANY[3]]
    result = two.evaluate_changed("many", series=chosen)
    assert result.success
    assert set(two.outcomes()) == two.green() == two.green(CHAMPION) == set(chosen)
    assert {row["run_id"] for row in two.table("evaluation")} == {result.run_id}


def test_whatever_has_changed_is_evaluated_and_no_series_of_another_dataset(two):
    assert two.evaluate(SERIES[0], SERIES[-1]).success
    shop_rows = [row for row in two.table("evaluation") if row["dataset"] == "shop"]
    assert two.evaluate_changed("many").success
    assert {key for key in two.outcomes() if key.startswith("many")} == set(MANY)
    assert [row for row in two.table("evaluation") if row["dataset"] == "shop"] == shop_rows
    nothing = two.evaluate_changed("many")
    assert nothing.success
    assert nothing.run_id not in {event.run_id for event in two.reported("champion", MANY[0])}


def test_runs_of_few_series_are_tagged_with_ids_that_their_keys_do_not_say():
    ids = {f"d__S1__{n}": {"store_id": "Köln/Süd", "product_id": f"Milch {n} %"} for n in range(6)}
    keys = list(ids)
    assert ids_tags(ids, [*keys[:2], HEALTHY]) == {
        "forecast/store_id": "Köln/Süd",
        "forecast/product_id": "Milch 0 %, Milch 1 %",
    }
    assert ids_tags(ids, keys) == ids_tags({}, [HEALTHY]) == {}


def test_a_series_named_twice_is_evaluated_once(two):
    assert two.evaluate_changed("shop", series=[HEALTHY, TORN, HEALTHY]).success
    assert set(two.outcomes()) == {HEALTHY, TORN}
    outcomes = list(evaluating.evaluate(two.stores, [HEALTHY, HEALTHY], run_id="r", changes={}))
    assert [outcome.series for outcome in outcomes] == [HEALTHY]


@pytest.mark.parametrize("foreign", [MANY[0], "shop__A__P9", "shop__Z__P1"])
def test_a_series_that_the_dataset_does_not_have_is_refused_before_anything_is_done(two, foreign):
    result = two.evaluate_changed("shop", series=[HEALTHY, foreign])
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert failure.step_failure_data.user_failure_data.metadata["code"].value == "UnknownName"
    assert foreign in failure.step_failure_data.user_failure_data.description
    assert two.table("evaluation") == []


def test_changes_are_refused_by_name_before_anything_is_done(two):
    with pytest.raises(BadSetting, match="gap is 8 with a horizon of 7"):
        evaluating.plan(two.stores, "shop", None, changes={"gap": 8})
    with pytest.raises(BadSetting, match="did you mean 'naive'"):
        evaluating.plan(two.stores, "shop", None, changes={"candidates": ["naiv"]})
    with pytest.raises(UnknownName, match="known datasets: many, shop"):
        evaluating.plan(two.stores, "shops", None, changes={})


def test_runs_that_meet_at_the_same_series_wait_for_each_other(two):
    """Four threads, in both orders, on blocks that overlap; one champion of each series is current."""

    def run(number: int) -> int:
        keys = MANY[number:] + SERIES[: number + 1]
        return len(list(evaluating.evaluate(two.stores, keys, run_id=f"r{number}", changes={}, force=True)))

    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            assert list(pool.map(run, range(4))) == [9, 9, 9, 9]
    chosen = [row["series"] for row in two.table("champion") if row["is_current"]]
    assert sorted(chosen) == sorted([*MANY, *SERIES[:4]])
    assert len(two.table("evaluation")) == len(chosen)


def test_progress_is_told_for_every_stored_block(two, monkeypatch, caplog):
    monkeypatch.setattr(engine, "BLOCK", 3)
    with caplog.at_level("INFO", logger=PROGRESS.name):
        list(evaluating.evaluate(two.stores, MANY + SERIES, run_id="r", changes={}))
    progress = [(record.done, record.total) for record in caplog.records if record.name == PROGRESS.name]
    assert progress == [(3, 14), (6, 14), (8, 14), (11, 14), (14, 14)]
