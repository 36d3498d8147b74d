"""The world of a preset: its stores, products, calendar, prices and promotions.

Belongs here: everything that is decided before a single unit is sold, and known ahead.
Does not belong here: what one store sells (``selling``), tables of it (``star``).
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from forecast_assets.datasets.presets.catalogue import Character, Effect
from forecast_assets.datasets.presets.draws import Draws, uniform, whole
from forecast_assets.datasets.presets.offers import Promotion, promotions
from forecast_assets.datasets.presets.usa import federal_holidays
from forecast_assets.forecasting.core.arrays import Ints

PLAN_DAYS = 90  # the longest horizon: prices, promotions and holidays are planned that far ahead

_PLACES = (
    ("North", "Northfield"),
    ("South", "Southport"),
    ("East", "Eastbury"),
    ("West", "Westhaven"),
)
_STORE_TYPES = ("supermarket", "express", "warehouse")
_RANGES = (
    ("Beverages", "Juice"),
    ("Dairy", "Cheese"),
    ("Bakery", "Bread"),
    ("Snacks", "Nuts"),
    ("Household", "Cleaning"),
    ("Beverages", "Water"),
    ("Dairy", "Yoghurt"),
    ("Bakery", "Cake"),
    ("Snacks", "Crisps"),
    ("Household", "Paper"),
)
_BRANDS = ("Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir")
_PACKS = (1, 1, 1, 2, 4, 6, 12)
_FIRST_SKU = 10_000
_PRICES = (99, 2999)
_COST_SHARES = (40, 70)
_CHANGE_PROBABILITY = 0.1 / 30
_CHANGE = 0.20
_LOCAL_PRICES_PER_MILLION = 100_000
# Intro, growth and maturity, then the days a product declines before it is discontinued.
INTRO, GROWTH, MATURITY, DECLINE = 30, 60, 180, 180


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What is to be generated. ``end`` is the last day that sells; plans reach 90 days further."""

    character: Character
    effects: frozenset[Effect]
    seed: int
    stores: int
    products: int
    start: dt.date
    end: dt.date

    @property
    def days(self) -> int:
        """Days that sell."""
        return (self.end - self.start).days + 1

    @property
    def width(self) -> int:
        """Days with a plan: those that sell and those after."""
        return self.days + PLAN_DAYS


@dataclass(frozen=True, slots=True)
class Store:
    """One store; its code is its id."""

    code: str
    name: str
    region: str
    city: str
    kind: str


@dataclass(frozen=True, slots=True)
class Product:
    """One product; its SKU is its id. Prices are in cents."""

    sku: str
    name: str
    category: str
    subcategory: str
    brand: str
    base_price: int
    base_cost: int
    pack_size: int
    launch: dt.date
    discontinue: dt.date | None

    def stage(self, day: dt.date) -> str:
        """The stage of its life on a day; a product that is still to come counts as introduced."""
        age = (day - self.launch).days
        if self.discontinue is None:
            return "intro" if age < INTRO else "growth" if age < INTRO + GROWTH else "maturity"
        limits = np.cumsum([INTRO, GROWTH, MATURITY, DECLINE])
        stages = ("intro", "growth", "maturity", "decline", "discontinued")
        return stages[int(np.searchsorted(limits, age, side="right"))]


class World:
    """Everything about a blueprint that no store decides alone; what is costly is made when asked for."""

    def __init__(self, blueprint: Blueprint) -> None:
        self.blueprint = blueprint
        self.draws = Draws(blueprint.seed)
        self.ordinals: Ints = blueprint.start.toordinal() + np.arange(blueprint.width)
        self.stores = tuple(_stores(blueprint, self.draws))
        self.products = tuple(_products(blueprint, self.draws))

    @property
    def skus(self) -> list[str]:
        """The products' ids."""
        return [product.sku for product in self.products]

    @cached_property
    def launches(self) -> Ints:
        """Position of every product's first day (products,); negative before the window."""
        return np.array([(product.launch - self.blueprint.start).days for product in self.products])

    @cached_property
    def ends(self) -> Ints:
        """Position of the first day on which a product is not sold any more (products,)."""
        starts = self.blueprint.start
        return np.array(
            [
                self.blueprint.width if product.discontinue is None else (product.discontinue - starts).days
                for product in self.products
            ]
        )

    @cached_property
    def holidays(self) -> dict[dt.date, str]:
        """Holidays of the calendar by day; those of the preset override names."""
        last = self.blueprint.start + dt.timedelta(days=self.blueprint.width - 1)
        special = {day: name for day, (name, _) in self.blueprint.character.holidays.items()}
        return federal_holidays(self.blueprint.start, last) | special

    @cached_property
    def prices(self) -> Ints:
        """Chain-wide price in cents (products, width)."""
        return self._track(self.skus)

    @cached_property
    def locally_priced(self) -> NDArray[np.bool_]:
        """Which products (products,) have prices of their own in every store."""
        return whole(self.draws.once("local price", self.skus), 1, 1_000_000) <= _LOCAL_PRICES_PER_MILLION

    def prices_in(self, store: Store) -> Ints:
        """Price in cents in one store (products, width)."""
        local = self._track([f"{sku}/{store.code}" for sku in self.skus])
        return np.where(self.locally_priced[:, None], local, self.prices)

    def _track(self, names: Sequence[str]) -> Ints:
        """Prices that jump now and then, always by a share of the base price."""
        base = np.array([product.base_price for product in self.products])[:, None]
        jumps = uniform(self.draws.daily("price jump", names, self.ordinals)) < _CHANGE_PROBABILITY
        jumps[:, 0] = False
        change = _CHANGE * (2 * uniform(self.draws.daily("price change", names, self.ordinals)) - 1)
        newest = np.maximum.accumulate(np.where(jumps, np.arange(jumps.shape[1]), 0), axis=1)
        share = np.where(newest > 0, np.take_along_axis(change, newest, axis=1), 0.0)
        track: Ints = np.maximum(np.rint(base * (1 + share)), 1).astype(np.int64)
        return track

    @cached_property
    def promotions(self) -> tuple[Promotion, ...]:
        """Every promotion that touches the window or the plan behind it."""
        return tuple(promotions(self))

    @cached_property
    def selling(self) -> NDArray[np.bool_]:
        """Which pairs (stores, products) sell at all; at least one does."""
        pairs = [f"{store.code}/{sku}" for store in self.stores for sku in self.skus]
        dead = min(round(self.blueprint.character.sparsity * len(pairs)), len(pairs) - 1)
        alive = np.ones(len(pairs), np.bool_)
        alive[np.argsort(self.draws.once("never sold", pairs), kind="stable")[:dead]] = False
        return alive.reshape(len(self.stores), len(self.products))


def _stores(blueprint: Blueprint, draws: Draws) -> Iterator[Store]:
    codes = [f"S{number:04d}" for number in range(1, blueprint.stores + 1)]
    kinds = whole(draws.once("store type", codes), 0, len(_STORE_TYPES) - 1)
    for number, (code, kind) in enumerate(zip(codes, kinds, strict=True)):
        region, city = _PLACES[number % len(_PLACES)]
        yield Store(code, f"{city} {number // len(_PLACES) + 1}", region, city, _STORE_TYPES[kind])


def _products(blueprint: Blueprint, draws: Draws) -> Iterator[Product]:
    skus = [f"SKU-{_FIRST_SKU + number}" for number in range(blueprint.products)]
    brands = whole(draws.once("brand", skus), 0, len(_BRANDS) - 1)
    packs = whole(draws.once("pack size", skus), 0, len(_PACKS) - 1)
    prices = whole(draws.once("base price", skus), *_PRICES)
    costs = whole(draws.once("base cost", skus), *_COST_SHARES)
    ages = uniform(draws.once("launch", skus))
    for number, sku in enumerate(skus):
        category, subcategory = _RANGES[number % len(_RANGES)]
        brand = _BRANDS[brands[number]]
        launch, discontinue = _life(blueprint, number, float(ages[number]))
        yield Product(
            sku=sku,
            name=f"{brand} {subcategory} {number + 1}",
            category=category,
            subcategory=subcategory,
            brand=brand,
            base_price=int(prices[number]),
            base_cost=int(prices[number] * costs[number] // 100),
            pack_size=_PACKS[packs[number]],
            launch=launch,
            discontinue=discontinue,
        )


def _life(blueprint: Blueprint, number: int, drawn: float) -> tuple[dt.date, dt.date | None]:
    """When a product comes and goes: some in the first half of the window, the others long before."""
    share = blueprint.character.launching
    ageing = Effect.lifecycle in blueprint.effects
    if int((number + 1) * share) > int(number * share):
        position = int(drawn * (blueprint.days // 2))
    else:
        position = -int(drawn * (INTRO + GROWTH + MATURITY)) if ageing else -365 - int(drawn * 730)
    launch = blueprint.start + dt.timedelta(days=position)
    life = dt.timedelta(days=INTRO + GROWTH + MATURITY + DECLINE)
    return launch, launch + life if ageing else None
