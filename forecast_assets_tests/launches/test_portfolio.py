"""The portfolio at a glance: champions of a batch, heatmap, leaderboard."""

import math
from base64 import b64decode
from collections import Counter
from typing import Any

import dagster as dg
import polars as pl
import pytest

from forecast_assets.errors import ForecastError
from forecast_assets.launches import aggregation
from forecast_assets.launches.aggregation import cells, champion_of, scale
from forecast_assets.launches.batch import picking
from forecast_assets.rendering.heatmap import heatmap as drawn
from forecast_assets.reports.assets import CellMetric, HeatmapConfig, cells_of, heatmap, leaderboard
from forecast_assets_tests.dagit import unbroken
from forecast_assets_tests.launches.conftest import items_of, launch_of, run
from forecast_assets_tests.scenario import HEALTHY, HOLED, LOCAL, SERIES, TORN, YOUNG, Place


def result(
    candidate: str, wape: float | None, smape: float = 1.0, created_at: str = "1", **more: Any
) -> dict:
    return {
        "series": "s__A__P1",
        "store_id": "A",
        "product_id": "P1",
        "candidate": candidate,
        "wape": wape,
        "smape": smape,
        "mae": 1.0,
        "bias": -2.0,
        "sample_size": 21,
        "run_id": "run",
        "created_at": created_at,
        **more,
    }


@pytest.mark.parametrize(
    ("results", "best"),
    [
        ([result("a", 2.0), result("b", 1.0)], "b"),
        ([result("a", 1.0, 3.0), result("b", 1.0, 2.0)], "b"),
        ([result("a", 1.0, 2.0, "2"), result("b", 1.0, 2.0, "1")], "b"),
        ([result("a", None), result("b", math.inf), result("c", math.nan), result("d", 9.0)], "d"),
        ([result("a", None), result("b", math.inf)], None),
    ],
)
def test_a_pairs_champion_is_the_lowest_wape_then_smape_then_the_earliest(results, best):
    champion = champion_of(results)
    assert (champion and champion["candidate"]) == best


def test_a_cell_without_a_value_is_missing_and_never_zero():
    results = [result("a", 4.0), result("b", None), result("c", math.inf), result("d", 5.0)]
    assert cells(results, "wape")["value"].to_list() == [4.0]
    assert cells(results, "wape", candidate="b")["value"].to_list() == [None]
    assert cells(results, "wape", candidate="none")["value"].to_list() == [None]
    assert cells(results, "convergence")["value"].to_list() == [0.5]
    assert cells(results, "bias", candidate="d").select("value", "is_champion").row(0) == (-2.0, False)
    assert cells([], "wape").is_empty()
    assert list(cells([], "wape").columns) == list(aggregation.CELLS)


def test_the_colour_scale_leaves_missing_values_out():
    assert scale(pl.Series([None, 1.0, 2.0, 3.0])) == {"min": 1.0, "p50": 2.0, "p95": 2.9, "max": 3.0}
    assert scale(pl.Series([None], dtype=pl.Float64)) is None


@pytest.mark.parametrize("products", [30, 330])
def test_a_heatmap_grows_downwards_and_not_beyond_a_readers_screen(products):
    frame = pl.DataFrame(
        [
            {"store_id": f"S{n % 10}", "product_id": f"P{n // 10}", "value": None if n % 7 == 0 else float(n)}
            for n in range(10 * products)
        ]
    )
    picture = b64decode(drawn("wape", frame, scale(frame["value"]), diverging=False).split("base64,")[1][:-1])
    width, height = (int.from_bytes(picture[at : at + 4]) for at in (16, 20))
    assert picture.startswith(b"\x89PNG")
    assert width <= 1440
    assert (height > 400) == (products > 320)


@pytest.mark.parametrize("store", ["A", r"$\href{x}{y}$", "5$ or 6$", "\\"])
def test_a_heatmap_of_nothing_known_is_drawn_too(store):
    frame = pl.DataFrame(
        {"store_id": [store], "product_id": ["P"], "value": [None]}, schema_overrides={"value": pl.Float64}
    )
    assert drawn("bias", frame, None, diverging=True).startswith("![")


def metadata_of(place: Place, asset: dg.AssetsDefinition, dataset: str, **config: Any) -> dict[str, Any]:
    done = dg.materialize(
        [asset],
        instance=place.instance,
        resources={"stores": place.resource},
        partition_key=dataset,
        run_config={"ops": {asset.key.path[-1]: {"config": config}}} if config else None,
    )
    (event,) = done.asset_materializations_for_node(asset.key.path[-1])
    return {name: entry.value for name, entry in event.metadata.items()}


def test_dagit_shows_the_heatmap_of_an_evaluation_and_the_cells_are_kept(shopped):
    shopped.evaluate(SERIES[0], SERIES[-1])
    metadata = metadata_of(shopped, heatmap, "shop", metric="wape")
    kept = pl.DataFrame(shopped.stores.lake.read_table(metadata["path"]))
    champions = {row["series"]: row for row in shopped.table("champion") if row["is_current"]}
    assert set(kept["series"]) == {row["series"] for row in shopped.table("backtest_metric")}
    for row in kept.iter_rows(named=True):
        assert row["value"] == champions[row["series"]]["wape"]
        assert row["candidate"] == champions[row["series"]]["champion"]
    assert metadata["heatmap"].startswith("![shop: WAPE, percent]")
    whole = metadata_of(shopped, leaderboard, "shop")
    for table in ("candidates", "totals_by_store"):
        assert unbroken(whole[table]) <= 78, "more runs off the right edge at 1400 pixels"
    by_store = {line.data["store_id"]: line.data for line in whole["totals_by_store"].records}
    scored = {
        row["series"]: row["store_id"] for row in kept.iter_rows(named=True) if row["value"] is not None
    }
    assert {store: line["series"] for store, line in by_store.items()} == Counter(scored.values())
    alone = by_store["B"]
    assert alone["period_total_error"] == pytest.approx(champions[TORN]["wape"], rel=0.2)
    assert abs(alone["bias_percent"]) <= alone["period_total_error"]
    assert {record.data["candidate"] for record in whole["candidates"].records} == set(LOCAL)


def test_a_heatmap_shows_a_batch_and_refuses_one_of_another_dataset(shopped):
    done = run(
        shopped, "batch", dataset="shop", scope="manual", series=[HEALTHY, YOUNG], candidates=list(LOCAL)
    )
    config = HeatmapConfig(batch=done.run_id, metric=CellMetric["convergence"])
    frame = cells_of(shopped.stores, "shop", config)
    assert dict(zip(frame["series"], frame["value"], strict=True)) == {HEALTHY: 1.0, YOUNG: 0.0}
    with pytest.raises(ForecastError, match="is of dataset 'shop'"):
        cells_of(shopped.stores, "many", config)


def test_champions_of_a_batch_are_shown_first_and_marked_once_after_a_typed_confirmation(shopped):
    done = run(shopped, "batch", dataset="shop", scope="manual", series=[HEALTHY, HOLED, YOUNG])
    assert done.outcome == "partial"
    dry = run(shopped, "promote", batch=done.run_id)
    assert dry.result.success
    assert not any(item["is_champion"] for item in items_of(shopped, done.run_id))
    refused = run(shopped, "promote", batch=done.run_id, confirm="yes", approved_by="Ann")
    assert refused.failure["remedy"] == "look at the dry run, then type: promote 2 champions"
    nobody = run(shopped, "promote", batch=done.run_id, confirm="promote 2 champions")
    assert nobody.failure["problem"] == "nobody approves it"
    agreed = {"batch": done.run_id, "confirm": "promote 2 champions", "approved_by": "Ann"}
    decided = run(shopped, "promote", **agreed)
    assert decided.result.success
    decision = launch_of(shopped, decided.run_id)
    assert (decision.kind, decision.status, decision.completed) == ("promote-batch", "completed", 2)
    assert (decision.dataset, decision.requested_by) == ("shop", "Ann")
    assert [one["series"] for one in items_of(shopped, decided.run_id)] == [HEALTHY, HOLED]
    marked = [item for item in items_of(shopped, done.run_id) if item["is_champion"]]
    assert [item["series"] for item in marked] == [HEALTHY, HOLED]
    row = launch_of(shopped, done.run_id)
    summary = row.result["champions"]
    assert (summary["count"], summary["unresolved"]) == (2, [YOUNG])
    assert run(shopped, "promote", **agreed).result.success
    assert launch_of(shopped, done.run_id) == row, "a second time touches nothing, not even a timestamp"
    again = picking.pick(shopped.stores, done.run_id)
    assert again.diff == {"new": 0, "updated": 0, "unchanged": 2}
    assert again.winners[0]["proposed_alias_name"] == f"champion-batch-{done.run_id}-A-P1"
    assert again.winners[0]["winner_run_id"] == done.run_id, "nothing was registered: the run made it"
    assert again.winners[0]["link"].endswith(f"/runs/{done.run_id}")


def test_a_batch_without_a_completed_item_has_no_champions(shopped):
    done = run(shopped, "batch", dataset="shop", scope="manual", series=[YOUNG])
    with pytest.raises(ForecastError, match="has no completed item"):
        picking.pick(shopped.stores, done.run_id)
    with pytest.raises(ForecastError, match="there is no launch"):
        picking.pick(shopped.stores, "none")
