"""From champions to forecasts in Dagster: what is stored, reused, flagged and told."""

import datetime as dt
import json
from collections import defaultdict
from decimal import Decimal
from typing import Any, Literal, cast

import dagster as dg
import numpy as np
import polars as pl
import pytest

from forecast_assets.datasets.building import read_panel
from forecast_assets.datasets.definition import load
from forecast_assets.evaluation_settings import EvaluationSettings, revised
from forecast_assets.forecasting.core.candidates.baselines import MovingAverage, Naive, SeasonalNaive
from forecast_assets.forecasting.core.prediction import ARRAYS
from forecast_assets.forecasts import store
from forecast_assets.forecasts.assets import FORECAST, forecast, production_models
from forecast_assets.forecasts.explanations import explanations
from forecast_assets.forecasts.service import ForecastRequest, make_forecasts, stale_forecasts
from forecast_assets.forecasts.store import daily_totals, read_forecast, read_forecasts
from forecast_assets.global_models import fold_models, production
from forecast_assets.global_models.look_alikes import LOOK_ALIKE
from forecast_assets.global_models.pooling import newest_pool
from forecast_assets_tests.scenario import (
    HEALTHY,
    NEVER,
    QUICK,
    SERIES,
    TORN,
    YOUNG,
    Place,
    many,
    sales_of,
    shop,
)

GLOBAL = EvaluationSettings(
    candidates=("naive", "lightgbm(n_estimators=10)"),
    default_model="lightgbm(n_estimators=10)",
    horizon=7,
    n_splits=3,
    min_train=14,
)


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORECAST_DETAILED_SERIES", "0")


def run(place: Place, first: str, last: str | None = None, **config) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [forecast],
        instance=place.instance,
        resources={"stores": place.resource},
        tags={
            "dagster/asset_partition_range_start": first,
            "dagster/asset_partition_range_end": last or first,
        },
        run_config={"ops": {"forecast": {"config": config}}},
        raise_on_error=False,
    )


@pytest.fixture
def judged(place: Place) -> Place:
    place.prepare("shop", shop())
    assert place.evaluate(SERIES[0], SERIES[-1]).success
    return place


def test_a_range_of_series_is_forecast_with_intervals_and_stock(judged):
    result = run(judged, SERIES[0], SERIES[-1], lead_time_days=14, service_level=0.9)
    assert result.success
    rows = {row["series"]: row for row in judged.table("forecast")}
    healthy = rows[HEALTHY]
    champion = next(row for row in judged.table("champion") if row["series"] == HEALTHY)
    assert healthy["candidate"] == champion["champion"]
    assert (healthy["horizon"], healthy["lead_time_days"], healthy["service_level"]) == (7, 14, 0.9)
    assert healthy["first_day"] > healthy["last_known_day"]
    stored = read_forecast(judged.stores, HEALTHY)
    assert stored is not None
    assert stored.units.sum() == pytest.approx(healthy["total"])
    assert (stored.arrays["lower_95"] <= stored.arrays["lower_80"]).all()
    assert (stored.arrays["lower_80"] <= stored.units).all()
    assert (stored.units <= stored.arrays["upper_80"]).all()
    assert judged.green(FORECAST) == set(SERIES), "a series without a forecast is a fact, too"


def test_a_series_without_a_champion_is_forecast_by_products_like_it_and_flagged(judged):
    assert run(judged, SERIES[0], SERIES[-1]).success
    young = next(row for row in judged.table("forecast") if row["series"] == YOUNG)
    assert (young["candidate"], young["fallback"]) == ("look_alike", "look_alike")
    assert young["interval_safety_stock"] is None
    metadata = judged.reported("forecast", YOUNG)[-1].asset_materialization.metadata
    assert metadata["flag"].value == "no champion"
    stored = read_forecast(judged.stores, YOUNG)
    assert stored is not None
    assert np.isnan(stored.arrays["lower_80"]).all(), "nobody knows how wrong it is"


def test_with_a_pool_a_product_without_a_champion_has_measured_limits_and_stock(place):
    young = sales_of("many__S0__P999", [3, 9, 4, 8, 5, 7], first=54)
    steady = many(52).with_columns(pl.col("units") % 11)
    place.prepare("many", pl.concat([steady, young]), evaluation=QUICK)
    keys = sorted(row["series"] for row in place.table("series"))
    assert place.evaluate(keys[0], keys[-1]).success
    (outcome,) = make_forecasts(place.stores, ["many__S0__P999"], run_id="young")
    assert outcome.row is not None
    assert outcome.row["fallback"] == LOOK_ALIKE
    stored = read_forecast(place.stores, "many__S0__P999")
    assert stored is not None
    assert (stored.arrays["lower_80"] < stored.units).all()
    assert (stored.units < stored.arrays["upper_80"]).all()
    stock = json.loads(str(outcome.row["stock"]))
    assert stock["rule"] != "rule_of_thumb"
    assert stock["service"]["windows"] > 0


def test_unchanged_forecasts_are_reused_and_a_changed_champion_is_not(judged):
    assert run(judged, SERIES[0], SERIES[-1]).success
    (plan,) = [row["stock"] for row in judged.table("forecast") if row["series"] == HEALTHY]
    again = run(judged, SERIES[0], SERIES[-1])
    assert "reused_from_run" in judged.metadata(again, "forecast", HEALTHY)
    assert stale_forecasts(judged.stores, "shop", None) == []
    assert judged.evaluate(HEALTHY, candidates=["naive"]).success
    assert stale_forecasts(judged.stores, "shop", None) == [HEALTHY]
    run(judged, HEALTHY)
    mine = [row for row in judged.table("forecast") if row["series"] == HEALTHY]
    assert [row["is_current"] for row in mine].count(True) == 1
    assert len(mine) == 2, "what was forecast before is kept, to be compared with what comes"
    (old,) = [row for row in mine if not row["is_current"]]
    (filed,) = judged.stores.lake.read_table(old["path"], keys=("series", [HEALTHY]))["stock"].to_pylist()
    assert (old["stock"], json.loads(filed)) == (None, plan), "its stock plan is in its file"


def test_a_champion_that_raises_turns_its_series_red_and_costs_only_itself(judged, monkeypatch):
    for candidate in (Naive, SeasonalNaive, MovingAverage):
        stock = candidate.predict

        def predict(self, panel, cutoffs, horizon, window=None, *, stock=stock):
            if (panel.series == TORN).any():
                raise ArithmeticError("torn")
            return stock(self, panel, cutoffs, horizon, window)

        monkeypatch.setattr(candidate, "predict", predict)
    result = run(judged, SERIES[0], SERIES[-1])
    assert not result.success
    assert judged.green(FORECAST) == set(SERIES) - {TORN}


def test_a_series_that_is_no_longer_delivered_keeps_no_current_forecast(judged):
    assert run(judged, SERIES[0], SERIES[-1]).success
    judged.write("shop", shop().filter(~((pl.col("store_id") == "B") & (pl.col("product_id") == "P1"))))
    assert judged.build("shop").success
    assert TORN in stale_forecasts(judged.stores, "shop", None)
    (gone,) = make_forecasts(judged.stores, [TORN], run_id="later")
    assert (gone.outcome, gone.sentence) == ("none", "the newest snapshot no longer delivers it")
    assert not any(row["is_current"] for row in judged.table("forecast") if row["series"] == TORN)


def test_every_forecast_of_a_champion_is_explained_on_its_page_and_in_the_export(judged, monkeypatch):
    monkeypatch.setenv("FORECAST_DETAILED_SERIES", "20")
    assert run(judged, SERIES[0], SERIES[-1]).success
    champions = {row["series"] for row in judged.table("champion") if row["champion"]}
    frame = explanations(judged.stores, "shop")
    assert set(frame["series"]) == champions
    healthy = frame.filter(pl.col("series") == HEALTHY)
    stored = read_forecast(judged.stores, HEALTHY)
    assert stored is not None
    assert healthy["contribution"].sum() == pytest.approx(float(stored.units[0]), rel=1e-4)
    metadata = judged.reported("forecast", HEALTHY)[-1].asset_materialization.metadata
    assert healthy["summary"][0] in metadata["why"].value
    drivers = metadata["drivers_of_the_first_day"].value.records
    assert [row.data["what"].rpartition(": ")[2] for row in drivers] == list(healthy["description"])


def test_totals_of_every_level_add_up_exactly(judged):
    assert run(judged, SERIES[0], SERIES[-1]).success

    def exact(level: Literal["series", "store", "category", "dataset"]) -> dict[dt.date, Decimal]:
        totals: dict[dt.date, Decimal] = defaultdict(Decimal)
        for row in daily_totals(judged.stores, "shop", level).iter_rows(named=True):
            totals[row["date"]] += Decimal(repr(row["units"]))
        return totals

    assert exact("series") == exact("store") == exact("category") == exact("dataset")


def test_totals_print_the_decimals_that_were_summed():
    texts = ["27.77651", "15.0003", "1234567.890123", "0.0009", "3.0"]
    sums = pl.DataFrame(
        {
            "whole": [int(Decimal(text)) - 1 for text in texts],
            "rest": [int((Decimal(text) % 1 + 1) * store._GRID) for text in texts],
        }
    )
    numbers = sums.select(store._number(pl.col("whole"), pl.col("rest"))).to_series()
    assert [repr(number) for number in numbers] == texts


def test_one_ten_or_all_series_in_a_run_give_the_same_forecasts(place):
    place.prepare("many", many(12), evaluation=QUICK)
    keys = sorted(row["series"] for row in place.table("series"))
    assert place.evaluate(keys[0], keys[-1]).success
    list(make_forecasts(place.stores, keys, run_id="all"))
    together = {one.series: one.arrays for one in read_forecasts(place.stores, "many")}
    for start in range(0, 12, 5):
        list(make_forecasts(place.stores, keys[start : start + 5], run_id=f"part-{start}", force=True))
    for one in read_forecasts(place.stores, "many"):
        assert one.run_id != "all"
        for name, values in one.arrays.items():
            np.testing.assert_array_equal(values, together[one.series][name])


def test_global_champions_use_one_production_model_that_is_kept_until_its_data_change(place):
    place.prepare("many", many(20), evaluation=GLOBAL)
    keys = sorted(row["series"] for row in place.table("series"))
    assert place.evaluate(keys[0], keys[-1]).success
    dataset = load(place.stores, "many")
    assert not production.is_current(place.stores, dataset)
    first = dg.materialize(
        [production_models],
        instance=place.instance,
        resources={"stores": place.resource},
        partition_key="many",
    )
    assert first.success
    (materialization,) = first.asset_materializations_for_node("production_models")
    strongest: Any = materialization.metadata["strongest_features"].value
    gained = [row.data["share_of_gain"] for row in strongest.records]
    assert 0 < len(gained) <= 10
    assert gained == sorted(gained, key=lambda share: -float(share.rstrip("%")))
    assert production.is_current(place.stores, dataset)
    (again,) = production.build(place.stores, dataset, run_id="again")
    assert (again.action, again.changed) == ("reused", 0.0)
    outcomes = list(make_forecasts(place.stores, keys, run_id="forecasts"))
    assert {outcome.outcome for outcome in outcomes} == {"forecast"}
    corrected = many(20).with_columns(
        units=pl.when(pl.col("product_id") < "P012").then(pl.col("units") + 1).otherwise(pl.col("units"))
    )
    place.write("many", corrected)
    assert place.build("many").success
    changed = load(place.stores, "many")
    assert not production.is_current(place.stores, changed)
    (refit,) = production.build(place.stores, changed, run_id="changed")
    assert refit.action == "fitted"
    assert 0.55 < refit.changed < 0.65


def test_a_young_series_is_forecast_by_the_global_model_where_there_is_one(place):
    long = many(20)
    young = many(1, days=60, dataset="many").with_columns(product_id=pl.lit("P999")).tail(9)
    place.prepare("many", pl.concat([long, young]), evaluation=GLOBAL)
    keys = sorted(row["series"] for row in place.table("series"))
    assert place.evaluate(keys[0], keys[-1]).success
    production.build(place.stores, load(place.stores, "many"), run_id="models")
    list(make_forecasts(place.stores, keys, run_id="forecasts"))
    (row,) = [row for row in place.table("forecast") if row["series"].endswith("P999")]
    assert row["fallback"] == row["candidate"] == "lightgbm(n_estimators=10)"


def test_a_forecast_begins_after_the_gap_that_the_folds_were_scored_with(place):
    gapped = QUICK.model_copy(update={"gap": 3, "candidates": ("seasonal_naive",)})
    place.prepare("many", many(1, dataset="many"), evaluation=gapped)
    (key,) = [row["series"] for row in place.table("series")]
    assert place.evaluate(key).success
    (outcome,) = make_forecasts(place.stores, [key], run_id="forecasts")
    assert outcome.row is not None
    days = cast("dict[str, Any]", outcome.row)
    assert (days["first_day"] - days["last_known_day"]).days == 4
    stored = read_forecast(place.stores, key)
    assert stored is not None
    panel = read_panel(place.stores, load(place.stores, "many"), newest=True)
    whole = SeasonalNaive().predict(panel, np.array([panel.days]), 10)[0, 0]
    np.testing.assert_array_equal(stored.units, whole[3:])


def test_another_horizon_and_gap_than_the_datasets_can_be_asked_for(place):
    place.prepare("many", many(1, dataset="many"))
    (key,) = [row["series"] for row in place.table("series")]
    assert place.evaluate(key).success
    (outcome,) = make_forecasts(
        place.stores, [key], run_id="forecasts", request=ForecastRequest(horizon=28, gap=2)
    )
    assert outcome.row is not None
    days = cast("dict[str, Any]", outcome.row)
    assert outcome.row["horizon"] == 28
    assert (days["first_day"] - days["last_known_day"]).days == 3


def test_a_product_that_never_sold_has_no_forecast_whatever_products_like_it_sell(place):
    place.prepare("shop", shop().filter((pl.col("store_id") == "A-1") | (pl.col("store_id") == "A")))
    (outcome,) = make_forecasts(place.stores, [NEVER], run_id="first")
    assert (outcome.outcome, outcome.sentence) == ("none", "no sales at all")
    assert place.table("forecast") == []


def test_a_trial_of_other_candidates_leaves_the_forecasts_of_other_series_as_they_are(place):
    place.prepare("many", many(20))
    keys = sorted(row["series"] for row in place.table("series"))
    assert place.evaluate(keys[0], keys[-1]).success
    assert len(list(make_forecasts(place.stores, keys, run_id="forecasts"))) == len(keys)
    dataset = load(place.stores, "many")
    before = newest_pool(place.stores, dataset)
    trial = revised(dataset.options.evaluation, {"candidates": ["seasonal_average"]})
    fold_models.build(place.stores, dataset, trial, run_id="trial")
    after = newest_pool(place.stores, dataset)
    assert before is not None
    assert after is not None
    champions = {row["champion"] for row in place.table("champion")}
    assert champions <= before.errors.keys() - {"seasonal_average"}
    assert champions | {"seasonal_average"} <= after.errors.keys()
    assert stale_forecasts(place.stores, "many", None) == []
    settings = dataset.options.evaluation
    assert fold_models.is_current(place.stores, dataset, settings, publishes=False)
    assert not fold_models.is_current(place.stores, dataset, settings), (
        "forecasts are made by the trial's pool"
    )
    fold_models.build(place.stores, dataset, settings, run_id="again")
    assert newest_pool(place.stores, dataset) == before


def test_a_product_that_ended_has_no_forecast_and_enters_no_total(place):
    ended = sales_of("many__S0__P999", [7] * 40)
    place.prepare("many", pl.concat([many(4, days=120), ended]))
    keys = sorted(row["series"] for row in place.table("series"))
    assert place.evaluate(keys[0], keys[-1]).success
    outcomes = {one.series: one for one in make_forecasts(place.stores, keys, run_id="forecasts")}
    gone = outcomes.pop("many__S0__P999")
    assert (gone.outcome, gone.sentence.partition(":")[0]) == ("none", "ended")
    totals = daily_totals(place.stores, "many", "dataset")
    assert totals["series"].to_list() == [len(outcomes)] * len(totals)
    assert stale_forecasts(place.stores, "many", None) == []


@pytest.mark.parametrize("apart", [False, True], ids=["the same", "another"])
def test_limits_that_are_quantiles_to_the_bit_are_stored_once_and_read_under_both_names(apart):
    draw = np.random.default_rng(1)
    arrays = {name: draw.random((3, 7)).astype(np.float32) for name in ARRAYS}
    for name, quantile in store._SAME.items():
        arrays[name] = arrays[quantile] + np.float32(apart)
    table = store.forecast_table(["a", "b", "c"], arrays, arrays["units"], ["{}"] * 3)
    assert (store._SAME.keys() <= set(table.column_names)) == apart
    for name in ARRAYS:
        np.testing.assert_array_equal(store._stored(table, name), arrays[name])
