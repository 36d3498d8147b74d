"""Every factor of the demand acts as its formula says, and luck strikes as often as it should."""

import datetime as dt

import numpy as np
import pytest

from forecast_assets.datasets.presets.catalogue import Effect, Preset
from forecast_assets.datasets.presets.draws import Draws, normal, uniform, whole
from forecast_assets.datasets.presets.selling import ELASTICITY, WEEK, Selling
from forecast_assets.datasets.presets.world import PLAN_DAYS
from forecast_assets_tests.datasets.presets.making import CALM, demo, selling, world


def weekly(sales: Selling) -> np.ndarray:
    start, days = sales.world.blueprint.start, sales.world.blueprint.days
    return np.array(WEEK)[(start.weekday() + np.arange(days)) % 7]


def bases(sales: Selling) -> np.ndarray:
    return np.array([product.base_price for product in sales.world.products])[:, None]


def test_without_luck_a_day_sells_base_demand_times_trend_times_weekday():
    sales = selling(**CALM, slope=0.001)
    untouched = (sales.prices == bases(sales)).all(axis=1)
    assert untouched.any()
    expected = np.rint(100 * (1 + 0.001 * np.arange(200)) * weekly(sales))
    assert (sales.units[untouched] == expected).all()


def test_exponential_growth_compounds():
    sales = selling(**CALM, trend="exponential", slope=0.005)
    untouched = (sales.prices == bases(sales)).all(axis=1)
    expected = 100 * np.exp(0.005 * np.arange(200)) * weekly(sales)
    assert np.abs(sales.units[untouched] - expected).max() <= 0.51


def test_demand_falls_by_half_the_share_by_which_the_price_rises():
    sales = selling(**CALM, trend="none", base_demand=10_000)
    change = sales.prices[:, :200] / bases(sales) - 1
    raised, lowered = change > 0.05, change < -0.05
    assert raised.any()
    assert lowered.any()
    expected = 10_000 * weekly(sales) * (1 + ELASTICITY * change)
    assert np.abs(sales.units - expected).max() <= 0.51
    assert np.abs(change).max() <= 0.2 + 0.5 / 99


def test_a_launched_product_ramps_up_in_equal_steps_and_has_no_row_before():
    sales = selling(Preset.new_launches, **CALM, trend="none", base_demand=9_000)
    launches = sales.world.launches
    launched = np.flatnonzero(launches >= 0)
    assert len(launched) == 12, "three of five"
    assert launches.max() < 100, "in the first half of the window"
    for product in launched:
        assert not sales.listed[product, : launches[product]].any()
        assert sales.listed[product, launches[product] :].all()
        ages = np.arange(200 - launches[product])
        change = sales.prices[product, launches[product] : 200] / sales.world.products[product].base_price - 1
        steps = 9_000 * weekly(sales)[launches[product] :] * np.minimum(ages / 45, 1) * (1 - change / 2)
        assert np.abs(sales.units[product, launches[product] :] - steps).max() <= 0.51


def test_a_promotion_lifts_sales_by_three_tenths():
    sales = selling(**{**CALM, "promotion_probability": 0.5}, trend="none", base_demand=10_000)
    on = sales.discount[:, :200] > 0
    assert 0.05 < on.mean() < 0.3
    usual = 10_000 * weekly(sales) * (1 + ELASTICITY * (sales.prices[:, :200] / bases(sales) - 1))
    assert np.abs(sales.units / usual - np.where(on, 1.3, 1.0)).max() < 1e-3


def test_promotions_last_three_to_fourteen_days_and_most_are_chain_wide():
    promotions = world(promotion_probability=0.5).promotions
    assert len(promotions) > 50
    assert {one.last - one.first + 1 for one in promotions if one.last < 200 + PLAN_DAYS - 1} <= set(
        range(3, 15)
    )
    assert 0.5 < np.mean([one.store is None for one in promotions]) < 0.9
    assert all((one.percent is None) != (one.amount is None) for one in promotions)


def test_the_rush_has_its_spikes_on_their_days():
    sales = Selling(
        type(world())(demo(Preset.holiday_rush, noise_sigma=0, stockout_intensity=0).blueprint()), 0
    )
    total = dict(
        zip(
            (dt.date(2024, 10, 1) + dt.timedelta(days=n) for n in range(92)),
            sales.units.sum(axis=0),
            strict=True,
        )
    )
    week_before = {day: total[day] / total[day - dt.timedelta(days=7)] for day in total if day.month > 10}
    assert week_before[dt.date(2024, 11, 28)] == pytest.approx(2.0, rel=0.25)
    assert week_before[dt.date(2024, 11, 29)] == pytest.approx(3.0, rel=0.25)
    assert week_before[dt.date(2024, 12, 24)] == pytest.approx(1.5, rel=0.25)
    assert week_before[dt.date(2024, 12, 25)] == pytest.approx(0.3, rel=0.25)


def test_stockouts_spare_no_series_and_favour_none():
    sales = selling(stockout_probability=0.25)
    per_block = sales.stockouts.reshape(20, 10, 20).sum(axis=2)
    assert (per_block == 5).all()
    rare = selling(stockout_probability=0.03).stockouts
    assert 0.02 < rare.mean() < 0.04
    assert (rare.reshape(20, 10, 20).sum(axis=2) <= 1).all()
    assert (sales.units[sales.stockouts] == 0).all()
    assert (sales.on_hand[sales.stockouts] == 0).all()
    assert not sales.recorded[sales.stockouts].any()


def test_anomalies_strike_both_ways_as_often_as_asked():
    calm, struck = selling(**CALM), selling(**{**CALM, "anomaly_probability": 0.05}, anomaly_magnitude=3.0)
    ratio = struck.units / calm.units
    assert 0.015 < (ratio > 2.8).mean() < 0.035
    assert 0.015 < (ratio < 0.36).mean() < 0.035


def test_gaps_are_days_without_a_row():
    sales = selling(Preset.sparse, sparsity=0.0)
    assert sales.gaps.sum(axis=1).min() >= 6
    assert sales.gaps.sum(axis=1).max() <= 30
    assert not (sales.recorded & sales.gaps).any()
    assert not (sales.stockouts[sales.gaps] & sales.recorded[sales.gaps]).any()


def test_exactly_the_asked_share_of_pairs_never_sells_and_one_always_does():
    assert world(sparsity=0.5).selling.sum() == 20
    assert world(sparsity=0.9).selling.sum() == 4
    lonely = demo(Preset.sparse, stores=1, products=1).blueprint()
    assert type(world())(lonely).selling.all()


def test_some_products_have_prices_of_their_own_in_every_store():
    chain = world(seed=3)
    local = chain.locally_priced
    assert local.any()
    assert not local.all()
    here, there = (chain.prices_in(store) for store in chain.stores)
    assert (here[~local] == there[~local]).all()
    assert (here[:, 0] == [product.base_price for product in chain.products]).all()


@pytest.mark.parametrize("effect", [Effect.yearly, Effect.changepoints, Effect.lifecycle, Effect.markdowns])
def test_an_effect_acts_on_sales(effect):
    assert (selling(effects=[effect]).units != selling().units).any()


def test_the_year_turns_like_a_sine():
    ratio = (
        selling(**CALM, effects=[Effect.yearly], base_demand=10_000).units
        / selling(**CALM, base_demand=10_000).units
    )
    day = np.array(
        [(dt.date(2025, 9, 13) + dt.timedelta(days=n)).timetuple().tm_yday - 1 for n in range(200)]
    )
    assert np.abs(ratio - (1 + 0.2 * np.sin(2 * np.pi * day / 365.25))).max() < 1e-3


def test_a_discontinued_product_leaves_the_assortment():
    sales = selling(Preset.new_launches, effects=[Effect.lifecycle])
    ends = sales.world.ends
    gone = np.flatnonzero((ends > 0) & (ends < sales.world.blueprint.width))
    assert gone.size
    for product in gone:
        assert sales.listed[product, : ends[product]].any()
        assert not sales.listed[product, ends[product] :].any()
    young = np.flatnonzero(sales.world.launches > 0)
    stages = {sales.world.products[product].stage(sales.world.blueprint.start) for product in young}
    assert stages == {"intro"}


def test_a_changepoint_fades():
    ratio = (
        selling(**CALM, effects=[Effect.changepoints], base_demand=10_000).units
        / selling(**CALM, base_demand=10_000).units
    )
    steps = np.abs(np.diff(np.abs(ratio - 1), axis=1))
    assert 0 < (steps > 0.1).mean() < 0.02
    assert 0.3 < ratio.min() < 0.9
    assert ratio.max() > 1.1


def test_drawn_numbers_are_spread_as_they_should_be():
    cells = Draws(1).daily("test", [f"n{n}" for n in range(200)], np.arange(500))
    flat, bell = uniform(cells), normal(cells)
    assert abs(flat.mean() - 0.5) < 0.005
    assert abs(flat.var() - 1 / 12) < 0.002
    assert abs(bell.mean()) < 0.015
    assert abs(bell.std() - 1) < 0.015
    assert abs(np.corrcoef(flat[:, 1:].ravel(), flat[:, :-1].ravel())[0, 1]) < 0.015
    dice = whole(cells, 1, 6)
    assert set(np.unique(dice)) == {1, 2, 3, 4, 5, 6}
    assert np.abs(np.bincount(dice.ravel())[1:] / dice.size - 1 / 6).max() < 0.005
    assert (Draws(2).once("test", ["a"]) != Draws(1).once("test", ["a"])).all()
