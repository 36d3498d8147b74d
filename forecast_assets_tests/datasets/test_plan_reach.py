"""How far ahead plans are known: measured per column, declared by people, frozen at the anchor."""

import datetime as dt
from collections.abc import Sequence

import polars as pl
import pytest

from forecast_assets.datasets import building, definition
from forecast_assets.datasets.definition import DatasetOptions
from forecast_assets.datasets.plan_reach import PlanReach, check_declared, sentence
from forecast_assets.datasets.sources import Columns
from forecast_assets.errors import BadSetting
from forecast_assets.reports.page_data import collect
from forecast_assets_tests.scenario import DAYS, START, Place, many

NEWEST = dt.date(2026, 3, 5)


def rows(product: str, ahead: int, **columns: Sequence[float | None]) -> pl.DataFrame:
    """A product sold on the two newest days, and its plan for ``ahead`` days."""
    return pl.DataFrame(
        {
            "product_id": product,
            "date": [NEWEST + dt.timedelta(days=n) for n in range(-1, ahead + 1)],
            "units": pl.Series([1.0, 2.0] + [None] * ahead, dtype=pl.Float32),
            **{name: pl.Series(values, dtype=pl.Float32) for name, values in columns.items()},
        }
    )


def test_the_reach_is_what_most_series_have_and_the_end_of_a_list_of_promotions():
    reach = PlanReach({"price": "price", "promo": "flag", "rain": "number"}, NEWEST)
    for number, ahead in enumerate([5, 5, 5, 0, 9]):
        price = [2.0] * (2 + ahead)
        promo = [None] * (1 + ahead) + [1.0 if number == 0 else None]
        reach.add(rows(f"P{number}", ahead, price=price, promo=promo, rain=[None] * (2 + ahead)))
    assert reach.days() == {"price": 5, "promo": 5, "rain": 0}


def planned(days: int, ahead: int) -> pl.DataFrame:
    """Sales of two series with a promotion plan of so many days."""
    sold = many(2, days=days, dataset="shop").with_columns(promo=pl.lit(0))
    keys = sold.select("store_id", "product_id").unique()
    dates = pl.DataFrame({"date": [START + dt.timedelta(days=days + n) for n in range(ahead)]})
    plan = keys.join(dates, how="cross").with_columns(units=pl.lit(None, pl.Float64), promo=pl.lit(1))
    return pl.concat([sold, plan.select(sold.columns)])


def build(place: Place, run_id: str) -> dict[str, int]:
    building.load_sales(place.stores, "shop", run_id=run_id, today=dt.date(2026, 7, 1))
    building.build_panel(place.stores, "shop", run_id=run_id, register=lambda _: None)
    dataset = definition.load(place.stores, "shop")
    assert dict(building.read_panel(place.stores, dataset).reach) == dataset.reach
    return dataset.reach


def test_the_measured_reach_is_frozen_until_the_anchor_moves(place):
    place.add("shop", planned(DAYS, 5), columns=Columns(promo="promo"), anchor="week")
    assert build(place, "r1") == {"promo": 5}
    place.write("shop", planned(DAYS + 1, 9))  # a Friday: the same week
    assert build(place, "r2") == {"promo": 5}
    place.write("shop", planned(DAYS + 3, 9))
    assert build(place, "r3") == {"promo": 9}


def test_a_declared_reach_wins_and_must_name_a_known_column(place):
    place.add("shop", planned(DAYS, 2), columns=Columns(promo="promo"), plan_days={"promo": 14})
    assert build(place, "r1") == {"promo": 14}
    dataset = definition.load(place.stores, "shop")
    assert dataset.plan_steps(7) == {}
    assert dataset.plan_steps(28) == {"promo": 14}
    declared = dataset.options.plan_days["promo"]
    assert sentence(2, declared) == "plan declared to be known for 14 days after the newest sale"
    with pytest.raises(BadSetting, match="'price'"):
        check_declared({"price": 3}, {"promo": "promo"})


def test_what_folds_do_not_know_is_said_beside_the_champion_and_in_the_report(place):
    place.prepare("shop", planned(DAYS, 2), columns=Columns(promo="promo"))
    keys = sorted(row["series"] for row in place.table("series"))
    assert place.evaluate(keys[0], keys[-1]).success
    champion = place.table("champion")[0]
    assert "scored without knowing future promo (plan known for 2 of 7 days)" in str(champion["explanation"])
    assert {str(row["plan_reach"]) for row in place.table("evaluation")} == {"{'promo': 2}"}
    facts = collect(place.stores, "shop")["facts"]
    assert ["Plans", "scored without knowing future promo (plan known for 2 of 7 days)"] in facts


def test_roles_are_declared_for_known_future_columns_only():
    assert Columns(promo="p", known_future=("snap",), declared={"snap": "flag"}).roles == {
        "promo": "flag",
        "snap": "flag",
    }
    assert Columns(known_future=("snap",)).roles == {"snap": "number"}
    with pytest.raises(BadSetting, match="'snap'"):
        Columns(declared={"snap": "flag"})
    assert DatasetOptions(plan_days={"snap": 3}).plan_days == {"snap": 3}
