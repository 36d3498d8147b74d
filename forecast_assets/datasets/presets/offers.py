"""Promotions and markdowns of a preset.

Belongs here: when a product is cheaper, where, by how much, and how that adds up on a day.
Does not belong here: what it does to sales (``selling``).
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from forecast_assets.datasets.presets.catalogue import Effect
from forecast_assets.datasets.presets.draws import uniform, whole
from forecast_assets.forecasting.core.arrays import Ints, Values

if TYPE_CHECKING:
    from forecast_assets.datasets.presets.world import World

LIFT, MARKDOWN_LIFT = 1.3, 1.2
_CHAIN_WIDE = 0.7
_DAYS = (3, 14)
_PERCENTAGES = (10, 15, 20, 25, 30, 40, 50)
_AMOUNTS = (100, 200, 300, 500)
# What costs three dollars is not sold five dollars cheaper.
_LARGEST_AMOUNT = 0.5
_DEEPEST = 0.9
_MARKDOWN_PERCENT, _MARKDOWN_DAYS = 30, 14
_OLD, _DECLINING = 180, 270


@dataclass(frozen=True, slots=True)
class Promotion:
    """A product is cheaper from position ``first`` to ``last``, in one store or (``None``) everywhere.

    Either ``percent`` or ``amount`` (cents) is set.
    """

    product: int
    store: int | None
    name: str
    kind: str
    percent: int | None
    amount: int | None
    first: int
    last: int


@dataclass(frozen=True, slots=True, eq=False)
class Offers:
    """Promotions day by day, each (products, width): the share and the cents off, and the lift."""

    percent: Values
    amount: Values
    lift: Values

    @classmethod
    def none(cls, products: int, width: int) -> Self:
        """Nothing is cheaper."""
        return cls(np.zeros((products, width)), np.zeros((products, width)), np.ones((products, width)))

    def with_(self, offered: Iterable[Promotion]) -> Self:
        """Add promotions; where several meet, the largest counts."""
        copy = replace(self, percent=self.percent.copy(), amount=self.amount.copy(), lift=self.lift.copy())
        for one in offered:
            days = (one.product, slice(max(one.first, 0), one.last + 1))
            lift = MARKDOWN_LIFT if one.kind == "markdown" else LIFT
            for matrix, value in (
                (copy.percent, (one.percent or 0) / 100),
                (copy.amount, one.amount or 0),
                (copy.lift, lift),
            ):
                np.maximum(matrix[days], value, out=matrix[days])
        return copy

    def discount(self, cents: Ints) -> Values:
        """The share of the price that is off, with four decimals (products, width)."""
        share = np.maximum(self.percent, np.minimum(self.amount / cents, _DEEPEST))
        rounded: Values = np.rint(share * 10_000) / 10_000
        return rounded


def promotions(world: "World") -> Iterator[Promotion]:
    """Every promotion that touches the window or the plan behind it, by product and first day."""
    plan = world.blueprint
    longest = _DAYS[1]
    ordinals = plan.start.toordinal() + np.arange(-longest, plan.width)
    probability = plan.character.promotion_probability / 30
    starts = uniform(world.draws.daily("promotion", world.skus, ordinals)) < probability
    for product, place in zip(*np.nonzero(starts), strict=True):
        promotion = _promotion(world, int(product), int(place) - longest)
        if promotion.last >= 0:
            yield promotion
    if Effect.markdowns in plan.effects:
        yield from _markdowns(world)


def _promotion(world: "World", number: int, first: int) -> Promotion:
    product = world.products[number]
    day = world.blueprint.start + dt.timedelta(days=first)
    name = [f"{product.sku}/{day.isoformat()}"]
    draws = world.draws

    def drawn(purpose: str, low: int, high: int) -> int:
        return int(whole(draws.once(f"promotion {purpose}", name), low, high)[0])

    everywhere = uniform(draws.once("promotion everywhere", name))[0] < _CHAIN_WIDE
    store = None if everywhere else drawn("store", 0, len(world.stores) - 1)
    percent: int | None = _PERCENTAGES[drawn("percent", 0, len(_PERCENTAGES) - 1)]
    amount = _AMOUNTS[drawn("amount", 0, len(_AMOUNTS) - 1)] if drawn("kind", 0, 1) else None
    if amount is not None and amount > _LARGEST_AMOUNT * product.base_price:
        amount = None
    if amount is not None:
        percent = None
    label = f"{percent} % off" if percent is not None else f"{(amount or 0) / 100:,.2f} off"
    last = min(first + drawn("days", *_DAYS), world.blueprint.width) - 1
    return Promotion(number, store, f"{label} {product.name}", "pct_off", percent, amount, first, last)


def _markdowns(world: "World") -> Iterator[Promotion]:
    """Clear a product after every half a year, and when it begins to decline."""
    for number, product in enumerate(world.products):
        launch = int(world.launches[number])
        firsts = {launch + age for age in range(_OLD, world.blueprint.width - launch, _OLD)}
        if product.discontinue is not None:
            firsts.add(launch + _DECLINING)
        for first in sorted(firsts):
            last = min(first + _MARKDOWN_DAYS, world.blueprint.width) - 1
            if last >= max(first, 0):
                yield Promotion(
                    number,
                    None,
                    f"Clearance {product.name}",
                    "markdown",
                    _MARKDOWN_PERCENT,
                    None,
                    first,
                    last,
                )
