"""The acceptance checks of the portfolio batch, one by one, and what surrounds them."""

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import dagster as dg
import numpy as np
import pytest

from forecast_assets.datasets.definition import Dataset, DatasetOptions, load
from forecast_assets.datasets.presets.catalogue import Preset
from forecast_assets.datasets.sources import Columns, FileSource
from forecast_assets.errors import ForecastError
from forecast_assets.evaluation_settings import revised
from forecast_assets.forecasting.core.candidates.catalogue import parse
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.keys import SeriesKey
from forecast_assets.launches import records
from forecast_assets.launches.batch.config import BatchConfig
from forecast_assets.launches.batch.request import validate
from forecast_assets.launches.batch.run import BATCH
from forecast_assets.launches.batch.scoring import score
from forecast_assets.launches.candidate_sets import MATRICES, REFRESH, candidates_of
from forecast_assets.launches.lifecycle import derive_status, settle
from forecast_assets.launches.model import Item
from forecast_assets.launches.scopes import Scope, ranked_by, revenue
from forecast_assets.launches.scoring_context import load_scoring_context
from forecast_assets.launches.showcase.config import ShowcaseConfig
from forecast_assets.launches.showcase.workspaces import create as keep
from forecast_assets.launches.window import Window
from forecast_assets.stores.registry import open_registry
from forecast_assets.stores.retention import Policy, retain
from forecast_assets_tests.launches.conftest import Launched, items_of, launch_of, run
from forecast_assets_tests.scenario import HEALTHY, HOLED, LOCAL, QUICK, SERIES, TORN, YOUNG, Place

MANUAL: dict[str, Any] = {"dataset": "shop", "scope": "manual", "candidates": ["naive"]}
FIVE = {"wape", "smape", "mae", "bias", "sample_size"}


@pytest.fixture(scope="module")
def three(shopped: Place) -> Launched:
    """Three pairs, all well."""
    return run(shopped, "batch", **MANUAL, series=[HEALTHY, HOLED, TORN])


def test_three_pairs_are_completed_and_every_metrics_record_has_exactly_five_keys(shopped, three):
    done = three
    assert done.result.success
    assert done.outcome == "completed"
    row = launch_of(shopped, done.run_id)
    assert (row.status, row.completed, row.total) == ("completed", 3, 3)
    items = items_of(shopped, done.run_id)
    assert all(set(item["metrics"]) == FIVE for item in items)
    assert all(item["duration_ms"] >= 0 and item["completed_at"] >= item["started_at"] for item in items)


def test_a_pair_without_sales_fails_with_a_message_and_the_batch_is_partial(shopped):
    done = run(shopped, "batch", **MANUAL, stores=["B"], products=["P1", "P2"])
    assert not done.result.success
    assert done.outcome == "partial"
    good, bad = items_of(shopped, done.run_id)
    assert (good["status"], bad["status"]) == ("completed", "failed")
    assert "no sales" in bad["error_message"]
    assert bad["error_type"] == "NoSales"
    assert bad["metrics"] is None
    assert "1 completed, 1 failed, 0 cancelled of 2 items" in done.failure["said"]


def test_a_scope_over_the_cap_is_refused_with_both_numbers_and_writes_nothing(shopped, monkeypatch):
    monkeypatch.setenv("FORECAST_BATCH_MAX_ITEMS", "5")
    refused = run(shopped, "batch", dataset="shop", scope="all", candidates=["naive"])
    assert refused.failure["code"] == "BadSetting"
    assert "6 series with their candidates are 6 items; at most 5 are allowed" in refused.failure["problem"]
    assert "FORECAST_BATCH_MAX_ITEMS" in refused.failure["remedy"]
    assert records.find(shopped.stores, refused.run_id) is None


def test_an_unknown_sort_key_falls_back_to_the_newest_first(shopped, three):
    first, second = three.run_id, run(shopped, "batch", **MANUAL, series=[HOLED]).run_id

    def sorted_by(key: str) -> list[object]:
        ids = [launch.launch_id for launch in records.listed(shopped.stores, sort=key)]
        return [launch_id for launch_id in ids if launch_id in {first, second}]

    assert sorted_by("nonsense") == sorted_by("created_at") == sorted_by("completed_at") == [second, first]


@pytest.mark.parametrize(
    ("completed", "failed", "cancelled", "ended"),
    [
        (3, 0, 0, "completed"),
        (0, 3, 0, "failed"),
        (0, 0, 3, "cancelled"),
        (2, 1, 0, "partial"),
        (2, 0, 1, "partial"),
        (0, 2, 1, "partial"),
        (1, 1, 1, "partial"),
    ],
)
def test_the_settlement_matrix(completed, failed, cancelled, ended):
    for empty in ("completed", "failed"):
        assert derive_status(completed, failed, cancelled, empty=empty) == ended


def test_a_launch_without_items_ends_as_its_work_did():
    assert derive_status(0, 0, 0, empty="completed") == "completed"
    assert derive_status(0, 0, 0, empty="failed") == "failed"


def test_a_batch_in_which_everything_fails_has_failed(shopped):
    done = run(shopped, "batch", **MANUAL, series=[YOUNG])
    assert done.outcome == "failed"
    (item,) = items_of(shopped, done.run_id)
    assert item["error_message"].startswith("unusable: ")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"scope": "top_revenue"}, "scope top_revenue does not say top_n"),
        ({"scope": "manual"}, "scope manual does not say stores and products, or series"),
        ({"scope": "manual", "stores": ["A"]}, "scope manual does not say"),
        ({"scope": "region"}, "scope region does not say the region"),
        ({"scope": "region", "region": "North"}, "knows no region"),
        ({"scope": "category"}, "scope category does not say the category"),
        ({"scope": "all", "candidates": ["naiv"]}, "did you mean 'naive'"),
        ({"scope": "all", "candidates": ["naive"] * 11}, "11 candidates"),
        ({"scope": "all", "dataset": "none"}, "there is no dataset 'none'"),
        ({"scope": "all", "end_day": "tomorrow"}, "end_day: 'tomorrow' is no day"),
        ({"scope": "all", "end_day": "1999-01-01"}, "do not lie in"),
        ({"scope": "all", "end_day": "2026-01-20"}, "16 days of history leave no fold"),
        (
            {"scope": "all", "operation": "train_backtest_register", "horizon": 3},
            "horizon: models of shop are",
        ),
        (
            {"scope": "all", "operation": "train_backtest_register", "candidates": ["croston_sba"]},
            "croston_sba: no candidate of shop",
        ),
        ({"scope": "manual", "series": ["other__A__P1"]}, "is not of dataset 'shop'"),
        ({"scope": "manual", "stores": ["A|B"], "products": ["P1"]}, "no series has store id 'A|B'"),
        ({"scope": "manual", "stores": ["a"], "products": ["P1"]}, "no series has store id 'a'"),
        ({"scope": "manual", "stores": ["A"], "products": ["P11"]}, "did you mean 'P1'"),
        ({"scope": "manual", "series": ["shop__A__P11"]}, "no series has product id 'P11'"),
    ],
)
def test_what_cannot_be_done_is_refused_before_the_first_item(shopped, config, message):
    with pytest.raises(ForecastError) as refused:
        validate(shopped.stores, BatchConfig(**{"dataset": "shop", "candidates": ["naive"], **config}))
    assert message in refused.value.problem + refused.value.remedy


def test_a_refusal_is_the_same_sentence_in_dagit_and_leaves_nothing(shopped):
    before = len(shopped.table("launch"))
    refused = run(shopped, "batch", dataset="shop", scope="top_revenue", candidates=["naive"])
    assert refused.failure["problem"] == "scope top_revenue does not say top_n"
    assert (refused.failure["remedy"], refused.failure["code"]) == ("give top_n", "BadSetting")
    assert len(shopped.table("launch")) == before


@pytest.mark.parametrize("priority", [-2, 3])
def test_a_priority_out_of_its_bands_is_refused(priority):
    with pytest.raises(ValueError, match="default_child_priority"):
        BatchConfig(**MANUAL, series=[HEALTHY], default_child_priority=priority)


def test_every_item_leads_to_its_run(shopped, three):
    assert {item["run_id"] for item in items_of(shopped, three.run_id)} == {three.run_id}
    assert shopped.instance.get_run_by_id(three.run_id).job_name == "batch"


def test_metrics_are_those_of_a_plain_evaluation(shopped):
    shopped.evaluate(SERIES[0], SERIES[-1])
    done = run(shopped, "batch", dataset="shop", scope="all", candidates=list(LOCAL))
    rows = {(row["series"], row["candidate"]): row for row in shopped.table("backtest_metric")}
    compared = 0
    for item in items_of(shopped, done.run_id):
        if item["status"] == "completed":
            plain = rows[item["series"], item["candidate"]]
            assert item["metrics"] == {name: plain[name] for name in FIVE}
            assert item["outputs"] == {name: plain[name] for name in ("rmse", "wape_bias", "total_error")}
            compared += 1
    assert compared == 12


def test_items_come_by_store_and_product_and_then_by_candidate(shopped):
    two = ["naive", "seasonal_naive"]
    wide = run(shopped, "batch", dataset="many", scope="region", region="S1", candidates=two)
    item_keys = [
        (item["store_id"], item["product_id"], item["candidate"]) for item in items_of(shopped, wide.run_id)
    ]
    assert item_keys == [("S1", f"P{n:03d}", candidate) for n in range(12) for candidate in two]
    assert wide.outcome == "partial", "products that the store never sold fail alone"


@pytest.mark.parametrize(
    ("scope", "products"),
    [
        ({"scope": "top_revenue", "top_n": 2}, ["P011", "P010"]),
        ({"scope": "category", "category": "3"}, ["P003"] * 4),
        ({"scope": "demo"}, [f"P{n:03d}" for n in range(5)]),
    ],
)
def test_a_scope_says_which_pairs(shopped, scope, products):
    plan = validate(shopped.stores, BatchConfig(dataset="many", candidates=["naive"], **scope))
    assert [SeriesKey.parse(item.series).product for item in plan.items] == products


def test_revenue_is_units_times_price_where_a_price_is_known():
    units = np.array([[10, 10, 10], [2, 2, np.nan]], np.float32)
    price = np.array([[1, 1, 1, 1], [9, np.nan, 9, 9]], np.float32)
    panel = Panel(np.array(["a", "b"]), dt.date(2026, 1, 1), units, {}, {})
    assert revenue(panel).tolist() == [30, 4]
    assert revenue(replace(panel, known={"price": price})).tolist() == [30, 36]


def test_chosen_days_are_all_that_is_read(shopped, three):
    ended = run(shopped, "batch", **MANUAL, series=[HEALTHY], end_day="2026-02-20").run_id
    one, two = (
        next(item["metrics"] for item in items_of(shopped, run_id) if item["series"] == HEALTHY)
        for run_id in (three.run_id, ended)
    )
    assert one["mae"] == two["mae"] == 4, "day n sells n, so naive is 1 to 7 too low wherever it stands"
    assert one["wape"] < two["wape"], "but the sales it is compared with are lower"


def test_a_global_candidate_is_fitted_once_and_makes_nothing_look_out_of_date(shopped):
    config = {"dataset": "many", "scope": "all", "candidates": ["regression", "naive"]}
    before = len(shopped.reported("global_forecasts", "many"))
    first, second = (run(shopped, "batch", **config) for _ in range(2))
    assert first.outcome == "completed"
    observed = [
        [
            event.asset_observation_data.asset_observation.partition
            for event in done.result.all_node_events
            if event.event_type_value == "ASSET_OBSERVATION"
            and event.asset_key == dg.AssetKey("global_forecasts")
        ]
        for done in (first, second)
    ]
    assert observed == [["many"], []], "the second one reads what the first fitted"
    assert len(shopped.reported("global_forecasts", "many")) == before


def test_trained_candidates_and_forecasts_are_kept_and_lead_to_each_other(shopped):
    config = {**MANUAL, "series": [HEALTHY, YOUNG, "shop__B__P2"], "candidates": ["naive", "regression"]}
    for operation in ("train", "predict"):
        done = run(shopped, "batch", **config, operation=operation)
        assert done.outcome == "partial", "a pair that was never sold has no forecast"
        items = {(item["series"], item["candidate"]): item for item in items_of(shopped, done.run_id)}
        assert all(item["metrics"] is None for item in items.values())
        outputs = items[HEALTHY, "naive"]["outputs"]
        kept = shopped.stores.lake.read_table(outputs["forecasts"])
        lines = dict(zip(kept["series"].to_pylist(), kept["units"].to_pylist(), strict=True))
        assert lines[HEALTHY] == [60.0] * 7, "day n sells n, and naive repeats the newest"
        assert (outputs["total"], outputs["first_day"]) == (420.0, "2026-03-06")
        assert items[YOUNG, "naive"]["status"] == "completed"
        assert items["shop__B__P2", "naive"]["error_type"] == "NoSales"
        model = items[HEALTHY, "regression"]["outputs"].get("model")
        assert (model is not None) == (operation == "train")
        if model is not None:
            (trained,) = json.loads(shopped.stores.lake.read_bytes(model))["models"].values()
            assert json.loads(trained), "it is a model, not the reason why there is none"


def test_an_ensemble_is_scored_even_where_its_members_are_not_claimed_with_it(shopped):
    series = [key for key in SERIES if key in {HEALTHY, HOLED}]
    mean = "ensemble_mean(members=naive+seasonal_naive)"
    labels = ["naive", "seasonal_naive", "moving_average(window_size=28)", mean]
    board = load_scoring_context(shopped.stores, load(shopped.stores, "shop"), QUICK, Window(), series)
    alone = score(board, [Item(n, key, mean) for n, key in enumerate(series)])
    together = score(board, [Item(n, key, label) for n, key in enumerate(series) for label in labels])
    assert [done.metrics for done in alone] == [done.metrics for done in together[3::4]]


def test_parallelism_is_clamped_to_what_the_deployment_allows_and_echoed(shopped, monkeypatch):
    monkeypatch.setenv("FORECAST_BATCH_MAX_PARALLEL", "2")
    done = run(shopped, "batch", **MANUAL, series=[HEALTHY], max_parallel=64)
    launch = launch_of(shopped, done.run_id)
    assert launch.max_parallel == launch.spec["params"]["effective_parallel"] == 2
    assert launch.spec["params"]["max_parallel"] == 64


def test_a_settled_batch_stays_as_it_is(shopped, three):
    before = launch_of(shopped, three.run_id)
    assert not records.cancel(shopped.stores, three.run_id)
    reason = ("too late", "Late")
    assert settle(BATCH, shopped.stores, three.run_id, pending=reason, running=reason) == before


def test_a_priority_of_a_batch_that_has_ended_is_refused(shopped, three):
    refused = run(shopped, "prioritise_batch", batch=three.run_id, priority=2)
    assert refused.failure["problem"].endswith("is completed")


def test_a_matrix_names_candidates_for_all_series(shopped):
    named: dict[str, Any] = {"dataset": "shop", "scope": "demo", "matrix": "quick_baseline_sweep"}
    plan = validate(shopped.stores, BatchConfig(**named))
    assert {item.candidate for item in plan.items} == set(MATRICES["quick_baseline_sweep"])
    with pytest.raises(ForecastError, match="candidates and the matrix quick_baseline_sweep are both given"):
        validate(shopped.stores, BatchConfig(**named, candidates=["naive"]))


@pytest.mark.parametrize("name", [name for name in MATRICES if name != REFRESH])
def test_every_matrix_is_made_of_candidates_that_exist_and_of_all_that_are_installed(name):
    assert parse(MATRICES[name]) == MATRICES[name]
    assert candidates_of(name) == MATRICES[name], "the extras that tests install are all there"


def test_a_refresh_takes_of_each_series_its_champion_and_the_best_of_the_others(shopped):
    shopped.evaluate(HEALTHY, HOLED)
    config: dict[str, Any] = {
        "dataset": "shop",
        "scope": "manual",
        "series": [HEALTHY, HOLED, YOUNG],
        "matrix": REFRESH,
    }
    plan = validate(shopped.stores, BatchConfig(**config))
    champion = {row["series"]: row["champion"] for row in shopped.table("champion")}
    ranks = {(row["series"], row["candidate"]): row["rank"] for row in shopped.table("backtest_metric")}
    labels = {key: tuple(item.candidate for item in plan.items if item.series == key) for key in SERIES}
    for key in (HEALTHY, HOLED):
        first, second = labels[key]
        assert first == champion[key]
        better = {label for (series, label), rank in ranks.items() if series == key and rank is not None}
        assert ranks[key, second] == min(ranks[key, label] for label in better - {first})
    assert labels[YOUNG] == ("naive", "lightgbm"), "nothing was chosen for it"
    done = run(shopped, "batch", **{**config, "series": [HEALTHY, HOLED]})
    item_keys = [(item["series"], item["candidate"]) for item in items_of(shopped, done.run_id)]
    assert item_keys == [(key, label) for key in (HEALTHY, HOLED) for label in labels[key]]


def test_a_restricted_candidate_becomes_an_item_only_where_it_runs(shopped):
    config: dict[str, Any] = {
        "dataset": "many",
        "scope": "all",
        "candidates": ["naive", "ses"],
        "restrict": ["ses: top 2"],
    }
    plan = validate(shopped.stores, BatchConfig(**config))
    restricted = {SeriesKey.parse(item.series).product for item in plan.items if item.candidate == "ses"}
    assert restricted == {"P010", "P011"}
    assert len(plan.items) == 12 + 2


def test_a_restriction_of_the_dataset_goes_with_its_candidate():
    own = QUICK.model_copy(update={"restrict": (f"{QUICK.candidates[1]}: top 1",)})
    assert revised(own, {"candidates": [QUICK.candidates[0]]}).restrict == ()
    assert revised(own, {"candidates": list(QUICK.candidates[:2])}).restrict == own.restrict


def test_what_happens_is_told_with_one_correlation_id(shopped):
    done = run(shopped, "batch", **MANUAL, stores=["B"], products=["P1", "P2"])
    good, bad = items_of(shopped, done.run_id)
    records = shopped.instance.all_logs(done.run_id)
    lines = [entry.user_message for entry in records if entry.user_message.startswith("batch.")]
    about = f"correlation_id={done.run_id}"
    assert (lines[0], lines[-1]) == (f"batch.created {about}", f"batch.completed {about} status=partial")
    assert all(line.split()[1] == about for line in lines)
    assert f"batch.item_completed {about} items=[{good['item_id']}]" in lines
    assert f"batch.item_failed {about} items=[{bad['item_id']}] error={bad['error_message']}" in lines
    started = "".join(line for line in lines if line.startswith("batch.item_started"))
    assert str(good["item_id"]) in started
    assert str(bad["item_id"]) in started


def test_what_was_launched_long_ago_goes_with_its_files_unless_a_workspace_keeps_it(shopped):
    kept, gone = (run(shopped, "batch", **MANUAL, series=[HEALTHY], operation="predict") for _ in range(2))
    paths = {done: items_of(shopped, done.run_id)[0]["outputs"]["forecasts"] for done in (kept, gone)}
    keep(shopped.stores, ShowcaseConfig(preset=Preset.sparse, workspace_name="tour"), kept.run_id)
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=365)
    for apply in (False, True):
        parts = retain(
            shopped.stores,
            shopped.instance.delete_run,
            open_registry,
            Policy(),
            apply=apply,
            now=later,
        )
        assert next(part.count for part in parts if part.what == "launched records") > 0
        assert (paths[gone] in shopped.files()) == (not apply)
    assert not items_of(shopped, gone.run_id)
    assert len(items_of(shopped, kept.run_id)) == 1
    assert paths[kept] in shopped.files()


def test_the_best_series_of_a_dataset_without_a_price_are_those_with_the_most_units_and_it_is_said():
    scope = Scope(kind="top_revenue", top_n=2)
    source = FileSource(path="sales.csv")
    dataset = Dataset("shop", source, DatasetOptions(), None)
    assert ranked_by(dataset, scope) == {"ranked_by": "units: shop has no price column"}
    priced = replace(dataset, source=FileSource(path="sales.csv", columns=Columns(price="price")))
    assert ranked_by(priced, scope) == {}
