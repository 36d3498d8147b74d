"""The data-quality monitor: every suspicion is found where it was planted, and nothing in clean sales."""

import datetime as dt

import numpy as np
import pytest

from forecast_assets.forecasting.analysis import quality
from forecast_assets.forecasting.core.panel import Panel

DAYS = 200


def clean(count: int = 6, seed: int = 5) -> np.ndarray:
    """Ordinary sales: about eight units a day, the weekend stronger."""
    level = 8 + 4 * (np.arange(DAYS) % 7 >= 5)
    return np.random.default_rng(seed).poisson(level, (count, DAYS)).astype(np.float32)


def panel(units: np.ndarray, **known: np.ndarray) -> Panel:
    series = np.array([f"d__s__{n:05d}" for n in range(len(units))], dtype=np.str_)
    columns = {name: column.astype(np.float32) for name, column in known.items()}
    return Panel(series, dt.date(2026, 1, 1), units, columns, {})


def findings(units: np.ndarray, stores=None, **known: np.ndarray) -> list[tuple[str, int, int, int]]:
    stores = np.array(stores if stores is not None else ["s"] * len(units))
    return [
        (one.suspicion.name, one.row, one.first, one.last)
        for one in quality.findings(panel(units, **known), stores)
    ]


def test_clean_sales_are_not_suspicious():
    promo = np.zeros((6, DAYS))
    promo[:, ::10] = 1
    lifted = clean() + 6 * promo.astype(np.float32)
    assert findings(lifted, promo=promo, price=np.full((6, DAYS), 2.5)) == []


def test_zeros_after_daily_sales_are_a_suspected_stockout_and_then_a_long_run():
    units = clean()
    units[1, -4:] = 0
    units[2, -30:] = 0
    assert findings(units) == [("suspected_stockout", 1, 196, 199), ("long_zero_run", 2, 170, 199)]


def test_zeros_of_a_series_that_seldom_sells_are_usual():
    rare = (np.random.default_rng(2).random((50, DAYS)) < 0.1).astype(np.float32)
    rare[:, -20:] = 0
    assert [name for name, *_ in findings(np.concatenate([clean(), rare])) if "zero" in name] == []


def test_a_shut_store_is_one_finding_and_no_stockout_of_its_products():
    units = clean()
    units[:3, -5:] = 0
    stores = ["a"] * 3 + ["b"] * 3
    assert findings(units, stores) == [("calendar_gap", 0, 195, 199)]


def test_a_spike_is_told_unless_it_was_planned_or_happened_before():
    units = clean()
    units[0, -10] = 200
    units[1, -10] = 200
    units[2, [60, -10]] = 200
    promo = np.zeros_like(units)
    promo[1, -10] = 1
    promo[1, :70:10] = 1
    units[1, :70:10] += 9
    assert findings(units, promo=promo) == [("spike", 0, 190, 190)]


def test_prices_that_jump_or_are_impossible_are_told():
    price = np.full((6, DAYS), 4.0)
    price[0, -5:] = 40
    price[1, -8:-6] = 0
    price[2, -20:-10] = 2  # a promotion, down and up again
    promo = np.zeros_like(price)
    promo[2, -20:-10] = 1
    units = clean()
    units[2, -20:-10] += 20
    assert findings(units, price=price, promo=promo) == [
        ("impossible_price", 1, 192, 193),
        ("price_jump", 0, 195, 195),
    ]


def test_promotions_that_sell_less_than_other_days_are_told():
    promo = np.zeros((6, DAYS))
    promo[:, 3::20] = 1
    units = clean() + 10 * promo.astype(np.float32)
    units[4, 3::20] = 1
    assert findings(units, promo=promo) == [("promotion_without_lift", 4, 3, 183)]


def test_a_series_that_is_no_longer_delivered_is_told():
    units = clean()
    units[3, -40:] = np.nan
    assert findings(units) == [("stale_series", 3, 160, 199)]


def test_series_without_any_day_and_panels_without_any_series_are_no_trouble():
    assert findings(np.full((2, DAYS), np.nan, np.float32)) == []
    assert findings(np.zeros((0, DAYS), np.float32)) == []
    assert findings(np.zeros((2, DAYS), np.float32)) == []


@pytest.mark.parametrize("suspicion", quality.SUSPICIONS, ids=lambda one: one.name)
def test_every_suspicion_says_what_to_do(suspicion):
    assert suspicion.severity in {"error", "warning", "info"}
    assert len(suspicion.action) > 20


def test_findings_do_not_depend_on_other_stores():
    units = np.concatenate([clean(seed=1), clean(seed=2)])
    units[7, -4:] = 0
    stores = ["a"] * 6 + ["b"] * 6
    (alone,) = findings(units[6:])
    (together,) = findings(units, stores)
    assert together == (alone[0], alone[1] + 6, *alone[2:])
