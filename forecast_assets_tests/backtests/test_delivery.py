"""A series that is no longer delivered ends on record and stops nobody else."""

import polars as pl
import pytest

from forecast_assets.backtests.evaluation import plan
from forecast_assets.errors import UnknownName
from forecast_assets.stores.rows.evaluations import ChampionHistoryRow
from forecast_assets_tests.scenario import many

KEYS = [f"many__S{i * 4 // 8}__P{i:03d}" for i in range(8)]
GONE = KEYS[3]


@pytest.fixture
def delisted(place):
    place.add("many", many(8))
    assert place.build("many").success
    assert place.evaluate(KEYS[0], KEYS[-1]).success
    place.write("many", many(8).filter(pl.col("product_id") != "P003"))
    assert place.build("many").success
    return place


def current(place) -> dict[str, dict]:
    return {row["series"]: row for row in place.table("champion") if row["is_current"]}


def test_a_range_over_it_is_green_and_says_that_it_ended(delisted):
    assert delisted.evaluate(KEYS[0], KEYS[-1]).success
    outcomes = delisted.outcomes()
    assert outcomes.pop(GONE) == "unusable"
    assert set(outcomes.values()) == {"scored"}
    champion = current(delisted)[GONE]
    assert champion["champion"] is None
    assert "the newest snapshot no longer delivers it" in champion["reason"]
    assert not [row for row in delisted.table("backtest_metric") if row["series"] == GONE]
    assert len(delisted.stores.warehouse.rows(ChampionHistoryRow, series=GONE)) == 2


def test_its_end_is_recorded_once(delisted):
    assert plan(delisted.stores, "many", None, changes={}).gone == [GONE]
    assert delisted.evaluate_changed("many").success
    work = plan(delisted.stores, "many", None, changes={})
    assert (work.gone, work.ended) == ([], [GONE])
    assert delisted.evaluate(GONE).success, "asked for alone, it is what is on record"
    assert len(delisted.stores.warehouse.rows(ChampionHistoryRow, series=GONE)) == 2


def test_it_returns_with_its_deliveries(delisted):
    delisted.evaluate_changed("many")
    delisted.write("many", many(8))
    delisted.build("many")
    assert delisted.evaluate_changed("many").success
    assert current(delisted)[GONE]["champion"] is not None


def test_a_series_that_never_was_is_refused(delisted):
    with pytest.raises(UnknownName, match="no series many__S0__P999"):
        plan(delisted.stores, "many", ["many__S0__P999"], changes={})
