"""Orders from distributions: levels, fill rates, costs, packs, minimum orders and shelf life."""

from statistics import NormalDist

import numpy as np
import pytest

from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.analysis.orders import Rounding, Window, levels, orders
from forecast_assets.forecasting.analysis.stock_sentences import aim_of
from forecast_assets.forecasting.core.fill_rates import at_levels, shortage
from forecast_assets.forecasting.core.lead_time import LeadTables
from forecast_assets.forecasting.core.stock import StockInputs
from forecast_assets.forecasting.core.stock_plans import Demand, StockAim
from forecast_assets.order_settings import OrderSettings, critical_ratio

MEAN, SIGMA = 30.0, 4.0
NORMAL = NormalDist()
NOTHING = np.array([0.0])


def normal_demand(series: int = 1, days: int = 28) -> Demand:
    """Demand of 30 units a day whose sums are normal: the curve itself swings by 4 units."""
    curve = np.tile([MEAN - SIGMA, MEAN + SIGMA], (series, days // 2))
    unknown = np.full(series, np.nan)
    inputs = StockInputs(
        np.ones(series), unknown, unknown, curve.std(axis=1), np.empty((series, 0), np.float32)
    )
    return Demand(None, LeadTables({}), None, curve, inputs)


def test_a_service_level_covers_the_lead_time_and_the_order_lasts_until_the_next_one():
    stock_levels = levels(normal_demand(), Window(1, 7, 4), np.array([0.9]), fill_rate=np.array([False]))
    z = NORMAL.inv_cdf(0.9)
    assert stock_levels.reorder_point[0] == pytest.approx(MEAN * 7 - SIGMA + z * SIGMA * np.sqrt(7)), (
        "the curve of seven days ends on a low one"
    )
    assert stock_levels.order_up_to[0] == pytest.approx(MEAN * 12 + z * SIGMA * np.sqrt(12))
    assert stock_levels.service[0] == 0.9


def test_parts_of_a_week_or_month_take_their_part_of_its_demand_and_the_root_of_its_uncertainty():
    level, z = np.array([0.9]), NORMAL.inv_cdf(0.9)
    demand = normal_demand()
    assert demand.expected(0.25)[0] == pytest.approx((MEAN - SIGMA) * 0.25)
    assert demand.expected(1.5)[0] == pytest.approx(MEAN - SIGMA + (MEAN + SIGMA) / 2)
    for days in (0.25, 1.5, 2.0):
        added = demand.units(days, level)[0, 0] - demand.expected(days)[0]
        assert added == pytest.approx(z * SIGMA * np.sqrt(days)), days
    covered = [demand.units(days, level)[0, 0] for days in np.arange(0.1, 6, 0.1)]
    assert covered == sorted(covered)


def test_every_series_may_have_a_level_of_its_own():
    demand = normal_demand(3)
    units = at_levels(demand, 4, np.array([0.8, 0.9, 0.95]))
    expected = [MEAN * 4 + NORMAL.inv_cdf(level) * SIGMA * 2 for level in (0.8, 0.9, 0.95)]
    assert units == pytest.approx(expected, abs=0.05)


def test_the_expected_shortage_is_the_loss_function_of_the_normal_distribution():
    sigma = SIGMA * 3
    for z in (-1.0, 0.0, 1.5):
        loss = sigma * (NORMAL.pdf(z) - z * (1 - NORMAL.cdf(z)))
        stock = np.array([MEAN * 9 - SIGMA + z * sigma])
        assert shortage(normal_demand(), 9, stock)[0] == pytest.approx(loss, rel=0.05, abs=0.02), z
    assert np.isnan(shortage(normal_demand(), 9, np.array([np.nan]))[0]), "unknown stock, unknown shortage"


def test_a_fill_rate_serves_its_share_of_the_demand_between_two_deliveries():
    window, demand = Window(0, 4, 10), normal_demand()
    stock_levels = levels(demand, window, np.array([0.98]), fill_rate=np.array([True]))
    short = shortage(demand, 14, stock_levels.order_up_to) - shortage(demand, 4, stock_levels.order_up_to)
    assert short[0] == pytest.approx(0.02 * MEAN * 10, rel=0.02)
    assert 0.3 < stock_levels.service[0] < 0.98, "long reviews lose few units at their end"
    higher = levels(demand, window, np.array([0.999]), fill_rate=np.array([True]))
    assert higher.order_up_to[0] > stock_levels.order_up_to[0]


def test_costs_become_the_newsvendors_service_level():
    assert critical_ratio(9, 0.5, 2) == pytest.approx(0.9)
    settings = OrderSettings(stock_target="cost", shortage_cost=9.0, holding_cost=0.5, review_days=2)
    assert settings.level() == pytest.approx(0.9)
    assert OrderSettings(stock_target="cost").level() == 0.95, "unknown costs leave the service level"
    with pytest.raises(BadSetting, match="shortage_cost 1 is below holding_cost 2 x review_days 3"):
        critical_ratio(1, 2, 3)


@pytest.mark.parametrize(
    ("need", "position", "pack", "minimum", "most", "ordered"),
    [
        (100, 40, 0, 0, np.inf, 60),
        (100, 39.5, 1, 0, np.inf, 61),
        (100, 40, 24, 0, np.inf, 72),
        (100, 100, 24, 0, np.inf, 0),
        (100, 140, 24, 50, np.inf, 0),  # a minimum order is not a reason to order
        (100, 95, 6, 20, np.inf, 24),  # raised to the minimum, in whole packs
        (100, 40, 24, 0, 100, 48),  # two packs sell in time, three do not
        (100, 40, 0, 0, 70, 30),
        (100, 40, 24, 50, 100, 0),  # what sells in time may not be ordered
        (100, -20, 12, 0, np.inf, 120),  # units that are owed count
        (0.3 + 0.6, 0, 0.3, 0, np.inf, 0.9),  # rounding errors buy no pack
    ],
)
def test_an_order_is_whole_packs_above_the_minimum_that_sell_in_time(  # noqa: PLR0917 - a table
    need, position, pack, minimum, most, ordered
):
    rounding = Rounding(*(np.array([float(one)]) for one in (pack, minimum, most)))
    order = orders(np.array([float(need)]), np.array([float(position)]), rounding)
    assert order.units[0] == pytest.approx(ordered)
    assert not np.signbit(order.units[0])


def test_stock_beyond_the_forecast_goes_on_like_its_mean_day_and_says_so():
    demand = normal_demand(days=14)
    assert not demand.extrapolates(14)
    assert demand.extrapolates(15)
    assert demand.expected(20)[0] == pytest.approx(MEAN * 20)


def test_a_forecast_holds_stock_for_the_fill_rate_that_the_dataset_declares():
    demand = normal_demand(2)
    filled = levels(demand, Window(0, 4, 10), np.array([0.9] * 2), fill_rate=np.array([True] * 2))
    for row, plan in enumerate(demand.plan(StockAim(4, 0.95, 10, fill_rate=0.9))):
        assert (plan.order_up_to, plan.reorder_point, plan.level) == pytest.approx(
            (filled.order_up_to[row], filled.reorder_point[row], filled.service[row])
        )
        assert (
            aim_of(plan.to_json())
            == f"a fill rate of 90.0 %, which takes a service level of {100 * plan.level:.1f} %"
        )
    by_service, by_cost = (
        demand.plan(StockAim(4, 0.9, 10, cheapest=cheapest))[0] for cheapest in (False, True)
    )
    assert aim_of(by_service.to_json()) == "a service level of 90.0 %"
    assert aim_of(by_cost.to_json()) == "a service level of 90.0 %, the one of lowest cost"
