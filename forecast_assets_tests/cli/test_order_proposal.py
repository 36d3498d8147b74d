"""What to order today: on the command line, in Dagit, in Python and in the report, from one file of stock."""

import datetime as dt
import gzip
import json
from base64 import b64decode

import dagster as dg
import polars as pl
import pytest

import forecast_assets as fa
from forecast_assets.forecasts.store import read_forecast
from forecast_assets.orders.assets import order_proposal
from forecast_assets_tests.scenario import DAYS, HEALTHY, HOLED, NEVER, START, TORN

NEWEST = START + dt.timedelta(days=DAYS - 1)
TODAY = NEWEST + dt.timedelta(days=1)


def test_an_order_lasts_until_the_next_delivery_and_a_doubt_gives_none(cli, home, tmp_path):
    stock = tmp_path / "stock.csv"
    stock.write_text(
        "store,product,on_hand,on_order,counted,pack_size\n"
        f"A,P1,100,20,{NEWEST},12\nA,P2,500,,{NEWEST},\nB,P1,9,,{NEWEST - dt.timedelta(days=3)},\n"
        f"A-1,P1,0,,{NEWEST},\nRome,P1,0,,{NEWEST},\n"
    )
    assert cli("evaluate", "shop").code in {0, 1}
    changed = cli("dataset", "change", "shop", "--inventory", str(stock), "--lead-time-days", "5")
    assert "all results stay valid" in changed.out + changed.err, changed.err

    done = cli("export", "order-proposal", "shop", "--day", str(TODAY), "--format", "json")
    assert done.code == 0, done.err
    rows = {row["series"]: row for row in done.rows}
    assert "1 rows of the inventory are of no series" in done.err
    assert done.rows[0]["series"] == HEALTHY, "it has the most at risk"
    healthy = rows[HEALTHY]
    forecast = read_forecast(home.stores, HEALTHY)
    assert forecast is not None
    # The day since the count, five of lead time and one of review.
    expected = float(forecast.units[:7].sum())
    assert healthy["order_up_to"] > expected
    assert healthy["order_units"] % 12 == 0
    assert 0 <= 120 + healthy["order_units"] - healthy["order_up_to"] < 12
    # Three folds are few errors: what they foretell is wider than the errors were.
    assert expected - 120 <= healthy["units_at_risk"] <= 1.15 * (expected - 120)
    assert "in packs of 12" in healthy["reason"]
    assert (healthy["lead_time_days"], healthy["lasts_until"]) == (5, str(TODAY + dt.timedelta(days=6)))
    assert rows[HOLED]["order_units"] == 0
    assert rows[HOLED]["reason"].startswith("nothing to order: 500.0 on hand")
    assert rows[TORN]["order_units"] is None
    assert "4 days ago, and counts of more than 1 are stale" in rows[TORN]["reason"]
    assert rows[NEVER]["order_units"] is None
    assert "it has no forecast" in rows[NEVER]["reason"]

    stock.write_text(f"store,product,on_hand,counted\nA,P1,x,{NEWEST}\n")
    refused = cli("export", "order-proposal", "shop")
    assert refused.code == 2
    assert "column 'on_hand' holds what is not a number: line 2 of stock.csv" in refused.err

    stock.write_text(f"store,product,on_hand,counted\nA,P1,1000,{NEWEST}\n")
    late = NEWEST + dt.timedelta(days=30)
    frame = fa.order_proposal("shop", day=str(late), to="polars")
    assert frame["order_units"].null_count() == len(frame)
    assert f"its forecast ended on {frame['last_day'][0]}" in frame["reason"][0]

    result = dg.materialize(
        [order_proposal],
        instance=home.instance,
        resources={"stores": home.resource},
        partition_key="shop",
        run_config={"ops": {"order_proposal": {"config": {"day": str(TODAY)}}}},
        selection=[order_proposal],
    )
    metadata = result.asset_materializations_for_node("order_proposal")[0].metadata
    assert metadata["orders"].value == 0
    kept = pl.DataFrame(home.stores.lake.read_table(str(metadata["path"].value)))
    assert kept.filter(pl.col("series") == HEALTHY)["reason"][0].startswith("nothing to order: 1,000.0")

    page = tmp_path / "page.html"
    nowhere = cli("report", "shop", "--output", str(tmp_path / "none" / page.name))
    assert (nowhere.code, "there is no folder" in nowhere.err) == (3, True)
    assert cli("report", "shop", "--output", str(page)).code == 0
    block = page.read_text(encoding="utf-8").partition('id="data">')[2].partition("</script>")[0]
    orders = json.loads(gzip.decompress(b64decode(block)))["orders"]
    assert orders["columns"][3:5] == ["order_units", "reason"]
    reasons = orders["values"][4]
    assert len(reasons) == orders["size"] > 0
    assert all(one.startswith("no order: ") for one in reasons), "it is not March 2026 any more"


@pytest.mark.usefixtures("home")
def test_orders_of_a_dataset_are_set_shown_and_unset(cli):
    assert cli("dataset", "change", "shop", "--pack-size", "6", "--shelf-life-days", "4").code == 0
    orders = cli("dataset", "show", "shop", "--format", "json").rows[0]["orders"]
    assert "pack_size 6.0" in orders
    assert "shelf_life_days 4" in orders
    assert cli("dataset", "change", "shop", "--drop", "pack_size").code == 0
    assert "pack_size" not in cli("dataset", "show", "shop", "--format", "json").rows[0]["orders"]
    wrong = cli("dataset", "change", "shop", "--holding-cost", "2", "--shortage-cost", "1")
    assert wrong.code == 2
    assert "holding_cost" in wrong.err
    assert cli("export", "champions", "shop", "--day", "2026-01-01").code == 2
    assert "--day: '1.1.26' is no day" in cli("export", "order-proposal", "shop", "--day", "1.1.26").err
