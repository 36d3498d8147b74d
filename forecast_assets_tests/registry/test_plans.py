"""What-if plans: asked of champions, kept under names, found by tags, compared."""

import dagster as dg
import polars as pl
import pytest

from forecast_assets.datasets.sources import Columns
from forecast_assets.errors import BadSetting, UnknownName
from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.forecasting.analysis.whatif import Assumptions
from forecast_assets.forecasts.store import read_forecast
from forecast_assets.scenarios import plans
from forecast_assets.scenarios.jobs import compare_plans, what_if
from forecast_assets.stores.rows.forecasts import PlansRow
from forecast_assets_tests.scenario import START, many

LOCAL, AWARE = "many__S0__P000", "many__S2__P001"
SETTINGS = EvaluationSettings(candidates=("naive",), horizon=7, n_splits=3, min_train=14)


@pytest.fixture
def priced(place):
    """Two priced series, promoted on every third day, one by a model that reads prices and promotions."""
    day = (pl.col("date") - START).dt.total_days()
    promoted = (day % 3 == 0).cast(pl.Int8)
    sales = many(2).with_columns(
        promo=promoted, price=4 - promoted, units=20 + day % 7 + 10 * promoted, date=pl.col("date")
    )
    place.prepare(
        "many",
        sales,
        evaluation=SETTINGS,
        columns=Columns(price="price", promo="promo"),
        plan_days={"price": 7, "promo": 7},
    )
    assert place.evaluate(LOCAL).success
    assert place.evaluate(AWARE, candidates=["prophet_like"]).success
    return place


def assume(place, series, **assumed):
    return plans.what_if(place.stores, series, Assumptions(**assumed), run_id="asked")


def test_a_champion_that_reads_plans_is_asked_again_and_another_is_not(priced):
    model = assume(priced, AWARE, promotion="bogo")
    assert model.method == "model_exogenous"
    assert 5 < model.effect.units_delta / 7 < 15, "it learned that a promotion sells ten more"
    assert model.effect.scenario_revenue == pytest.approx(model.effect.units.sum() * 4 / 2, rel=0.01)
    thumb = assume(priced, LOCAL, promotion="bogo")
    assert thumb.method == "heuristic"
    assert thumb.effect.units.sum() == pytest.approx(1.4 * thumb.baseline.sum())


def test_what_changes_nothing_for_the_model_changes_nothing_however_its_errors_are_pooled(place):
    sales = many(52).with_columns(price=pl.lit(4.0), units=(pl.col("units") % 11).cast(pl.Float64))
    settings = EvaluationSettings(
        candidates=("ets", "prophet_like"), horizon=7, n_splits=3, min_train=14, ranking_metric="wape"
    )
    place.prepare("many", sales, evaluation=settings, columns=Columns(price="price"), plan_days={"price": 7})
    keys = sorted(row["series"] for row in place.table("series"))
    assert place.build("many").success
    assert place.evaluate(keys[0], keys[-1]).success
    champions = {row["series"]: row["champion"] for row in place.table("champion") if row["is_current"]}
    aware = next(key for key, label in champions.items() if label == "prophet_like")
    answer = assume(place, aware, price_change=0.2, on_hand=1e6)
    assert answer.effect.units.tolist() == answer.baseline.tolist()
    limits, total = answer.outcome.limits, answer.outcome.total
    assert total is not None
    assert (limits["lower_95"] <= limits["lower_80"]).all()
    assert (limits["upper_80"] <= limits["upper_95"]).all()
    assert limits["lower_80"].sum() < total["lower_80"] < total["upper_80"] < limits["upper_80"].sum()
    assert answer.outcome.lasts == 1
    poor = assume(place, aware, price_change=0.2, on_hand=float(answer.baseline.sum()))
    assert poor.outcome.lasts is not None
    assert 0.2 < poor.outcome.lasts < 0.8
    assert "the stock lasts with a probability of" in poor.sentence


def test_an_answer_leaves_the_current_forecast_as_it_is(priced):
    assume(priced, AWARE, promotion="bogo")
    before = read_forecast(priced.stores, AWARE)
    assume(priced, AWARE, price_change=0.5, on_hand=10)
    after = read_forecast(priced.stores, AWARE)
    assert before is not None
    assert after is not None
    assert before.run_id == after.run_id
    assert before.units.tolist() == after.units.tolist()


def test_what_has_no_forecast_is_refused(priced):
    with pytest.raises(UnknownName, match="no dataset"):
        assume(priced, "else__S0__P000", promotion="bogo")
    with pytest.raises(UnknownName, match="many has no series many__S0__P999"):
        assume(priced, "many__S0__P999", promotion="bogo")


def test_plans_are_kept_found_compared_started_from_and_forgotten(priced):
    answers = {
        "cheaper": assume(priced, LOCAL, price_change=-0.2),
        "promoted": assume(priced, LOCAL, promotion="pct_off"),
        "fading": assume(priced, LOCAL, lifecycle="decline"),
    }
    for name, answer in answers.items():
        plans.save(priced.stores, answer, name, ["spring", f"by:{name}"], run_id=name)
    by_units = plans.compare(priced.stores, ["fading", "cheaper", "promoted"], "units_delta")
    assert [row["name"] for row in by_units] == ["cheaper", "promoted", "fading"]
    by_revenue = plans.compare(priced.stores, ["fading", "cheaper", "promoted"], "revenue_delta")
    assert [(row["rank"], row["name"]) for row in by_revenue] == [
        (1, "cheaper"),
        (2, "promoted"),
        (3, "fading"),
    ]
    with priced.stores.warehouse.transaction() as connection:
        connection.exec_driver_sql("update plan set revenue_delta = null")
    without_price = plans.compare(priced.stores, ["cheaper", "fading", "promoted"], "revenue_delta")
    assert [row["name"] for row in without_price] == [row["name"] for row in by_units], "units decide then"
    tagged = priced.stores.warehouse.rows(PlansRow, names=None, dataset="many", tags=["spring", "by:fading"])
    assert [row["name"] for row in tagged] == ["fading"]
    assert plans.assumptions_of(priced.stores, "fading") == Assumptions(lifecycle="decline")
    plans.delete(priced.stores, "fading")
    with pytest.raises(UnknownName, match="no plan fading"):
        plans.delete(priced.stores, "fading")


def test_a_name_is_taken_once_and_its_own_run_may_repeat_itself(priced):
    answer = assume(priced, LOCAL, promotion="bogo")
    plans.save(priced.stores, answer, "spring", [], run_id="first")
    plans.save(priced.stores, answer, "spring", [], run_id="first")
    with pytest.raises(BadSetting, match="plan spring already"):
        plans.save(priced.stores, answer, "spring", [], run_id="second")
    for name, tags in (("Spring", []), ("a" * 101, []), ("x", ["t"] * 21), ("x", [""])):
        with pytest.raises(BadSetting):
            plans.save(priced.stores, answer, name, tags, run_id="third")


@pytest.mark.parametrize("names", [[], ["one"], ["one", "one"], list("abcdef")])
def test_two_to_five_plans_are_compared(stores, names):
    with pytest.raises(BadSetting, match="plans to compare"):
        plans.compare(stores, names, "units_delta")


def launch(place, job, config):
    return job.execute_in_process(
        run_config={"ops": {next(iter(job.nodes)).name: {"config": config}}},
        instance=place.instance,
        resources={"stores": place.resource},
        raise_on_error=False,
    )


def output_metadata(result) -> dict:
    (output,) = [event for event in result.all_events if event.is_successful_output]
    return output.step_output_data.metadata


def test_dagit_shows_the_answer_and_the_page_of_the_series_tells_of_it(priced):
    config = {"series": AWARE, "promotion": "BOGO", "save_as": "promoted", "tags": ["spring"]}
    promoted = output_metadata(launch(priced, what_if, config))
    assert promoted["plan"].value == "promoted"
    assert len(promoted["days"].value.records) == 7
    assert promoted["plot"].value.startswith("![")
    short = output_metadata(
        launch(priced, what_if, {**config, "on_hand": 5.0, "like": "promoted", "save_as": "short"})
    )
    assert short["assumptions"].value == {"promotion": "bogo", "on_hand": 5.0}
    observed = priced.instance.fetch_observations(
        dg.AssetRecordsFilter(dg.AssetKey("forecast"), asset_partitions=[AWARE]), limit=1
    ).records[0]
    metadata = observed.event_log_entry.asset_observation.metadata
    assert "stock: stockout" in metadata["what_if"].value
    ranking = output_metadata(
        launch(priced, compare_plans, {"plans": ["promoted", "short"], "by_units": True})
    )
    assert len(ranking["ranking"].value.records) == 2
    opened = priced.instance.create_run_for_job(compare_plans, run_config=compare_plans.run_config)
    ops = opened.run_config["ops"]
    assert ops["rank_plans"]["config"]["plans"] == ["short", "promoted"], "the two that were kept last"


def test_a_run_that_assumes_nothing_fails_with_the_remedy(priced):
    refused = launch(priced, what_if, {"series": AWARE})
    (failure,) = [event for event in refused.all_events if event.is_step_failure]
    assert "nothing is assumed" in failure.step_failure_data.user_failure_data.description
