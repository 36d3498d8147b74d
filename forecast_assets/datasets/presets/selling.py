"""What one store of a preset sells, day by day.

Belongs here: the demand as a product of factors, stockouts, gaps and stock.
Does not belong here: what is planned ahead (``world``), optional factors (``effects``), tables.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from forecast_assets.datasets.presets import effects
from forecast_assets.datasets.presets.catalogue import Effect
from forecast_assets.datasets.presets.draws import normal, rounded, uniform, whole
from forecast_assets.datasets.presets.offers import Offers
from forecast_assets.datasets.presets.world import World
from forecast_assets.forecasting.core.arrays import Ints, Mask, Values
from forecast_assets.forecasting.core.hashing import Hashes

ELASTICITY = -0.5
WEEK = (0.8, 0.9, 1.0, 1.0, 1.1, 1.3, 1.2)
_STOCK, _STOCK_SPREAD, _LOW_STOCK = 500, 0.3, 0.3
_ON_ORDER = (100, 500)
_GAP_DAYS = (2, 10)
# In every so many days a stockout strikes as often as it should, so that no series is spared by luck.
_STOCKOUT_BLOCK = 20


@dataclass(frozen=True)
class Selling:
    """One store of a world. Matrices are (products, days); with a plan (products, width)."""

    world: World
    number: int

    @property
    def pairs(self) -> list[str]:
        """The names that this store's numbers are drawn under."""
        code = self.world.stores[self.number].code
        return [f"{code}/{sku}" for sku in self.world.skus]

    def _drawn(self, purpose: str) -> Hashes:
        days = self.world.ordinals[: self.world.blueprint.days]
        return self.world.draws.daily(purpose, self.pairs, days)

    @cached_property
    def prices(self) -> Ints:
        """Price in cents before any promotion, planned ahead."""
        return self.world.prices_in(self.world.stores[self.number])

    @cached_property
    def offers(self) -> Offers:
        """Promotions in this store, planned ahead."""
        here = [one for one in self.world.promotions if one.store in {None, self.number}]
        return Offers.none(len(self.pairs), self.world.blueprint.width).with_(here)

    @cached_property
    def discount(self) -> Values:
        """The share of the price that is off, planned ahead."""
        return self.offers.discount(self.prices)

    @cached_property
    def listed(self) -> Mask:
        """Where a product is in the assortment, planned ahead: sold here, launched, not discontinued."""
        days = np.arange(self.world.blueprint.width)
        alive: Mask = (days >= self.world.launches[:, None]) & (days < self.world.ends[:, None])
        alive &= self.world.selling[self.number][:, None]
        return alive

    @cached_property
    def gaps(self) -> Mask:
        """Days of which nothing is recorded although the product is listed."""
        gaps = np.zeros((len(self.pairs), self.world.blueprint.days), np.bool_)
        day = np.arange(gaps.shape[1])
        for turn in range(self.world.blueprint.character.gaps):
            long = whole(self.world.draws.once(f"gap days {turn}", self.pairs), *_GAP_DAYS)
            drawn = uniform(self.world.draws.once(f"gap start {turn}", self.pairs))
            first = np.floor(drawn * (gaps.shape[1] - long)).astype(np.int64)
            gaps |= (day >= first[:, None]) & (day < (first + long)[:, None])
        return gaps

    @cached_property
    def stockouts(self) -> Mask:
        """Days without stock: nothing can be sold, whatever the demand."""
        count, days = len(self.pairs), self.world.blueprint.days
        blocks = -(-days // _STOCKOUT_BLOCK)
        ordinals = self.world.ordinals[0] + np.arange(blocks * _STOCKOUT_BLOCK)
        drawn = self.world.draws.daily("stockout", self.pairs, ordinals)
        order = drawn.reshape(count, blocks, _STOCKOUT_BLOCK).argsort(axis=2, kind="stable")
        rank = order.argsort(axis=2, kind="stable")
        share = self.world.blueprint.character.stockout_probability * _STOCKOUT_BLOCK
        # A fraction of a day strikes in that fraction of the blocks.
        spare = uniform(self.world.draws.daily("stockout share", self.pairs, ordinals[::_STOCKOUT_BLOCK]))
        struck = rank < np.floor(share + spare)[:, :, None]
        return struck.reshape(count, -1)[:, :days]

    @cached_property
    def recorded(self) -> Mask:
        """Days that have a row of sales; a day without stock has none."""
        return self.listed[:, : self.world.blueprint.days] & ~self.gaps & ~self.stockouts

    @cached_property
    def units(self) -> Ints:
        """Units sold; 0 where there was no stock."""
        drawn = self._expected() * self._noise() * self._anomalies()
        units = np.maximum(np.rint(drawn), 0).astype(np.int64)
        return np.where(self.stockouts, 0, units)

    def _expected(self) -> Values:
        """The demand without luck, factor by factor."""
        days = self.world.blueprint.days
        change = self.prices[:, :days] / np.array([p.base_price for p in self.world.products])[:, None] - 1
        demand = self._calendar()[None, :] * self.offers.lift[:, :days]
        demand *= np.maximum(1 + ELASTICITY * change, 0)
        age = np.arange(days) - self.world.launches[:, None]
        if Effect.lifecycle in self.world.blueprint.effects:
            demand *= effects.lifecycle(age)
        else:
            demand *= np.clip(age / self.world.blueprint.character.ramp_days, 0, 1)
        if Effect.changepoints in self.world.blueprint.effects:
            drawn = self._drawn("changepoint"), self._drawn("changepoint size")
            demand *= effects.changepoints(*(uniform(one) for one in drawn))
        return demand

    def _calendar(self) -> Values:
        """What every product shares: base demand, trend, weekday, month, holiday (days,)."""
        plan = self.world.blueprint
        days = np.datetime64(plan.start, "D") + np.arange(plan.days)
        demand = plan.character.base_demand * self._trend()
        demand *= np.array(WEEK)[(plan.start.weekday() + np.arange(plan.days)) % 7]
        if plan.character.months:
            month = days.astype("datetime64[M]").astype(np.int64) % 12 + 1
            demand *= np.array([plan.character.months.get(number, 1.0) for number in range(1, 13)])[month - 1]
        for day, (_, factor) in plan.character.holidays.items():
            if plan.start <= day <= plan.end:
                demand[(day - plan.start).days] *= factor
        if Effect.yearly in plan.effects:
            demand *= effects.yearly(days)
        return demand

    def _trend(self) -> Values:
        plan = self.world.blueprint
        slope, days = plan.character.slope, np.arange(plan.days)
        if plan.character.trend == "linear":
            return 1.0 + slope * days.astype(np.float64)
        if plan.character.trend == "exponential":
            return rounded(np.exp(slope * days))
        return np.ones(plan.days)

    def _noise(self) -> Values:
        return 1 + self.world.blueprint.character.noise_sigma * normal(self._drawn("noise"))

    def _anomalies(self) -> Values:
        character = self.world.blueprint.character
        struck = uniform(self._drawn("anomaly")) < character.anomaly_probability
        up = uniform(self._drawn("anomaly direction")) < 1 / 2
        size = np.where(up, character.anomaly_magnitude, 1 / character.anomaly_magnitude)
        return np.where(struck, size, 1.0)

    @cached_property
    def on_hand(self) -> Ints:
        """Units in stock."""
        around = _STOCK * (1 + _STOCK_SPREAD * normal(self._drawn("stock")))
        units = np.maximum(np.rint(around), 1).astype(np.int64)
        return np.where(self.stockouts, 0, units)

    @cached_property
    def on_order(self) -> Ints:
        """Units ordered; only when stock is low."""
        low = self.on_hand < _LOW_STOCK * _STOCK
        return np.where(low, whole(self._drawn("order"), *_ON_ORDER), 0)
