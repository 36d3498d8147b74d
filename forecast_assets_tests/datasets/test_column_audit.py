"""Columns that tell what was sold: each kind planted once, and none found where there is none."""

import datetime as dt
from typing import Any

import dagster as dg
import numpy as np
import polars as pl
import pytest

from forecast_assets.datasets import building, definition
from forecast_assets.datasets.checks import columns_are_plans
from forecast_assets.datasets.column_audit import ColumnAudit, ColumnFinding, Marked
from forecast_assets.datasets.column_revisions import Revisions, doubts
from forecast_assets.datasets.sources import Columns
from forecast_assets.errors import BadSales
from forecast_assets_tests.scenario import TODAY, Place

FIRST, DAYS, PRODUCTS = dt.date(2026, 1, 5), 120, 4


@pytest.fixture(scope="module")
def sales() -> pl.DataFrame:
    """One store, closed on Sundays, whose products sell on two days of three, with a plan."""
    draw = np.random.default_rng(3)
    count = DAYS * PRODUCTS
    date = [FIRST + dt.timedelta(days=n) for _ in range(PRODUCTS) for n in range(DAYS)]
    sunday = np.array([day.weekday() == 6 for day in date])
    promo = draw.random(count) < 0.2
    price = np.round(np.where(promo, 1.5, 2.0), 2)
    units = np.where(sunday, 0, draw.poisson(1.2 + 2 * promo) * 1.0)
    return pl.DataFrame(
        {
            "store_id": "S1",
            "product_id": [f"P{n}" for n in range(PRODUCTS) for _ in range(DAYS)],
            "date": date,
            "units": units,
            "price": price,
            "promo": promo.astype(float),
            "open_all": (~sunday).astype(float),
        }
    )


def findings(frame: pl.DataFrame, *further: str, **declared: Any) -> dict[str, ColumnFinding]:
    columns = Columns(price="price", promo="promo", known_future=further, declared=declared)
    audit = ColumnAudit(columns)
    audit.add(frame.with_columns(pl.col("units").cast(pl.Float32)))
    return {one.column: one for one in audit.findings({})}


def test_plans_raise_no_doubt(sales):
    assert findings(sales, "open_all") == {}


def test_days_that_were_not_observed_are_no_days_without_a_row(sales):
    sold_out = (pl.int_range(pl.len()) % 9 == 0) | (pl.col("units") == 0)
    stocked_out = sales.with_columns(units=pl.when(~sold_out).then("units"))
    assert findings(stocked_out) == {}


def test_a_price_on_sold_days_only_is_told_with_its_shares(sales):
    bare = sales.with_columns(price=pl.when(pl.col("units") > 0).then("price"))
    one = findings(bare)["price"]
    assert (one.kind, one.is_refused) == ("missing_on_days_without_sales", False)
    assert "on 100 % of the days with sales and on 0 % of those without" in one.sentence
    # The same sales without their zero rows say the same.
    assert findings(bare.filter(pl.col("units") > 0))["price"].kind == "missing_on_days_without_sales"


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pl.col("units"), "equals_units"),
        (pl.col("units") * pl.col("price"), "follows_units"),
        (pl.col("units") * 2 + 1, "follows_units"),
    ],
)
def test_a_column_that_equals_or_follows_the_units_is_refused(sales, column, kind):
    one = findings(sales.with_columns(footfall=column), "footfall")["footfall"]
    assert (one.kind, one.is_refused) == (kind, True)


@pytest.mark.parametrize("sold", [True, False])
def test_a_flag_made_of_the_sales_is_refused_and_a_calendar_of_the_store_is_not(sales, sold):
    frame = sales.with_columns(mark=((pl.col("units") > 0) == sold).cast(pl.Float64))
    one = findings(frame, "mark", mark="flag")["mark"]
    assert (one.kind, one.is_refused) == ("mark_made_afterwards", True)
    together = frame.with_columns(
        units=pl.when(pl.col("open_all") == 0).then(0.0).otherwise(pl.col("units") + 1),
        mark=(pl.col("open_all") == float(sold)).cast(pl.Float64),
    )
    one = findings(together, "mark", mark="flag")["mark"]
    assert (one.kind, one.is_refused) == ("mark_made_afterwards", False)


def test_a_closed_column_that_is_one_on_open_days_is_refused_with_its_numbers(place, sales):
    with pytest.raises(BadSales) as refused:
        place.add("shop", sales, columns=Columns(closed="open_all"))
    sold = sales.filter(pl.col("units") > 0)
    sentence = (
        f"{len(sold):,} of {len(sold):,} days with sales ({sold['units'].sum():,.0f} units) are marked closed"
    )
    assert sentence in str(refused.value)
    assert "--trust open_all" in str(refused.value)
    assert definition.names(place.stores) == []


def test_a_stock_out_column_that_takes_every_zero_is_told():
    counts = Marked()
    units = pl.Series([0.0] * 60 + [3.0] * 60)
    counts.add(units, units == 0)
    (one,) = ColumnAudit(Columns(stockout="empty")).findings({"empty": counts})
    assert (one.kind, one.is_refused) == ("mark_made_afterwards", False)
    assert "60 of 60 days with zero units" in one.sentence


def test_a_column_that_is_vouched_for_is_used_and_stays_told(place: Place, sales):
    frame = sales.with_columns(copy=pl.col("units"))
    columns = Columns(known_future=("copy",))
    with pytest.raises(BadSales, match="copy equals the units"):
        place.add("shop", frame, columns=columns)
    loaded = place.add("shop", frame, columns=columns, trust=("copy",))
    assert doubts(loaded.snapshot)[0].startswith("copy equals the units")
    result = dg.materialize(
        [building_sales(), columns_are_plans],
        instance=place.instance,
        resources={"stores": place.resource},
        partition_key="shop",
    )
    (check,) = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed) == ("columns_are_plans", False)


def building_sales() -> dg.AssetsDefinition:
    from forecast_assets.datasets.assets import sales as asset

    return asset


def test_plans_that_are_revised_after_the_fact_are_told(place: Place, sales):
    def version(last: int, promo: pl.Expr) -> pl.DataFrame:
        days = pl.col("date") < FIRST + dt.timedelta(days=last)
        plan = pl.col("date") < FIRST + dt.timedelta(days=last + 14)
        return sales.filter(plan).with_columns(
            units=pl.when(days).then("units"), promo=promo.cast(pl.Float64)
        )

    place.add("shop", version(80, pl.lit(0)), columns=Columns(promo="promo"))
    place.write("shop", version(94, pl.col("promo")))
    loaded = building.load_sales(place.stores, "shop", run_id="next", today=TODAY)
    kinds = {one["kind"]: one["sentence"] for one in loaded.snapshot.summary["columns"]}
    assert set(kinds) == {"revised_past", "revised_plan"}
    assert "planned days" in kinds["revised_plan"]


def test_columns_that_keep_their_values_are_not_revised(sales):
    revisions = Revisions({"promo": "promo"}, FIRST + dt.timedelta(days=80))
    revisions.add(sales, sales)
    assert revisions.findings() == []
