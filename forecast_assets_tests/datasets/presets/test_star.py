"""The star schema keeps the rules of its tables and tells the same sales as the rows."""

import polars as pl
import pytest

from forecast_assets.datasets.presets.catalogue import Effect, Preset
from forecast_assets.datasets.presets.effects import CHANNELS, REASONS
from forecast_assets.datasets.presets.rows import sales_of
from forecast_assets.datasets.presets.selling import Selling
from forecast_assets_tests.datasets.presets.making import star, world

KEY = ["date", "store_id", "product_id"]


@pytest.fixture(scope="module")
def chain():
    return world(Preset.new_launches, seed=3, promotion_probability=0.4, stockout_probability=0.1)


@pytest.fixture(scope="module")
def tables(chain):
    return star(chain)


@pytest.fixture(scope="module")
def rows(chain):
    return pl.concat([sales_of(Selling(chain, number)) for number in range(2)]).with_columns(
        pl.col("store_id", "product_id").cast(pl.String)
    )


def test_sales_are_those_of_the_rows(tables, rows):
    sold = rows.filter(pl.col("units").is_not_null()).select(*KEY, "units", "price", "discount")
    joined = tables["sales_daily"].join(sold, on=KEY, how="full", coalesce=True)
    assert len(joined) == len(sold) == len(tables["sales_daily"])
    assert (joined["quantity"] == joined["units"]).all()
    paid = joined["price"].cast(pl.Float64) * (1 - joined["discount"].cast(pl.Float64))
    assert (joined["unit_price"] - paid).abs().max() < 0.006
    assert (joined["total_amount"] - joined["unit_price"] * joined["quantity"]).abs().max() < 0.006
    assert (joined["unit_price"] >= 0).all()
    assert joined["channel"].unique().to_list() == ["in_store"]


def test_a_day_without_stock_has_no_sales_row_but_one_without_units_and_an_inventory(tables, rows):
    out = tables["inventory_snapshot_daily"].filter("is_stockout").select(KEY)
    assert len(out) > 500
    assert out.join(tables["sales_daily"], on=KEY, how="semi").is_empty()
    stockout_rows = out.join(rows, on=KEY, how="left")
    assert stockout_rows["units"].null_count() == len(out)
    assert stockout_rows["price"].null_count() == 0


def test_inventory_is_counted_once_a_day_and_ordered_when_low(tables):
    stock = tables["inventory_snapshot_daily"]
    assert stock.select(KEY).is_unique().all()
    assert ((stock["on_hand_qty"] == 0) == stock["is_stockout"]).all()
    low = stock["on_hand_qty"] < 150
    assert ((stock["on_order_qty"] > 0) == low).all()
    assert stock.filter(low)["on_order_qty"].is_between(100, 500).all()


def test_prices_follow_each_other_without_hole_and_match_the_rows(tables, rows):
    prices = tables["price_history"]
    assert prices.filter(pl.col("store_id").is_not_null())["product_id"].n_unique() > 0
    following = prices.with_columns(
        next=pl.col("valid_from").shift(-1).over("product_id", "store_id"),
    )
    assert following.filter(pl.col("next").is_null())["valid_to"].null_count() == len(
        following.filter(pl.col("next").is_null())
    )
    assert (
        (following.drop_nulls("next").select(pl.col("valid_to") + pl.duration(days=1) == pl.col("next")))
        .to_series()
        .all()
    )
    last = pl.col("valid_to").fill_null(pl.date(2099, 1, 1))
    sold = rows.select(*KEY, "price").join(prices, on="product_id")
    valid = sold.filter(pl.col("date").is_between(pl.col("valid_from"), last)).filter(
        pl.col("store_id_right").is_null() | (pl.col("store_id_right") == pl.col("store_id"))
    )
    assert len(valid) == len(rows)
    assert (valid["price"] - valid["price_right"]).abs().max() < 1e-4


def test_promotions_explain_every_promoted_day(tables, rows):
    promotions = tables["promotion"]
    assert (promotions["start_date"] <= promotions["end_date"]).all()
    assert promotions["kind"].unique().to_list() == ["pct_off"]
    assert (promotions["discount_pct"].is_null() != promotions["discount_amount"].is_null()).all()
    on = rows.select(*KEY, "promo").join(promotions, on="product_id")
    on = on.filter(pl.col("date").is_between("start_date", "end_date")).filter(
        pl.col("store_id_right").is_null() | (pl.col("store_id_right") == pl.col("store_id"))
    )
    promoted = rows.filter(pl.col("promo") == 1).select(KEY)
    assert len(promoted) == len(on.select(KEY).unique())


def test_stores_products_and_days_are_unique_and_complete(tables, rows):
    assert tables["store"]["store_id"].to_list() == ["S0001", "S0002"]
    products = tables["product"]
    assert products["product_id"].is_unique().all()
    assert products["base_price"].is_between(0.99, 29.99).all()
    assert (products["base_cost"] / products["base_price"]).is_between(0.38, 0.71).all()
    assert products.select("category").n_unique() == 5
    sold = rows.filter(pl.col("units").is_not_null()).group_by("product_id").agg(pl.col("date").min())
    launched = products.join(sold, on="product_id")
    assert (launched["date"] >= launched["launch_date"]).all()
    calendar = tables["calendar"]
    assert calendar["date"].is_unique().all()
    assert len(calendar) == 290
    assert calendar["is_holiday"].equals(calendar["holiday_name"].is_not_null())
    assert calendar.filter(pl.col("day_of_week") == 0)["date"].dt.weekday().unique().to_list() == [1]
    assert "sales_returns" not in tables


def test_optional_tables_change_nothing_else(tables, chain):
    plain = star(chain)
    both = star(
        world(
            Preset.new_launches,
            seed=3,
            promotion_probability=0.4,
            stockout_probability=0.1,
            effects=[Effect.channels, Effect.returns],
        )
    )
    assert all(plain[name].equals(tables[name]) for name in plain), "made again, the same bytes"
    assert both["sales_daily"].drop("channel").equals(tables["sales_daily"].drop("channel"))
    assert both["inventory_snapshot_daily"].equals(tables["inventory_snapshot_daily"])
    shares = dict(both["sales_daily"]["channel"].value_counts(normalize=True).rows())
    assert set(shares) == set(CHANNELS)
    assert shares["in_store"] == pytest.approx(0.70, abs=0.03)
    returns = both["sales_returns"]
    assert len(returns) / len(both["sales_daily"]) == pytest.approx(0.02, abs=0.005)
    assert (returns["return_quantity"] >= 1).all()
    assert set(returns["return_reason"]) == set(REASONS)


def test_a_markdown_is_a_promotion_of_its_own_kind():
    promotions = star(world(Preset.new_launches, effects=[Effect.markdowns, Effect.lifecycle]))["promotion"]
    marked = promotions.filter(pl.col("kind") == "markdown")
    assert len(marked) > 5
    assert marked["discount_pct"].unique().to_list() == [0.3]
    whole = marked.filter(pl.col("end_date") < promotions["end_date"].max())
    assert (whole["end_date"] - whole["start_date"]).dt.total_days().unique().to_list() == [13]
