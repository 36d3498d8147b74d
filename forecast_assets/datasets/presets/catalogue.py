"""The eight presets: how big each is, how its sales behave, and what to expect of it.

Belongs here: the presets by name, their sizes, windows and parameters, and the card that introduces each.
Does not belong here: making sales (``world``, ``selling``) and what a planner may override (``options``).
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, NamedTuple

from forecast_assets.errors import BadSetting

# Raise it when the same preset and seed give other sales than before: datasets are then generated anew.
GENERATION = 1
LEAST_DAYS = 75  # three folds of 14 days behind 30 days of training
MOST_DAYS = 1095


class Preset(StrEnum):
    """A kind of retail data; the names are what scripts and launches say."""

    retail_standard = "retail_standard"
    holiday_rush = "holiday_rush"
    high_variance = "high_variance"
    stockout_heavy = "stockout_heavy"
    new_launches = "new_launches"
    sparse = "sparse"
    demo_minimal = "demo_minimal"
    showcase_rich = "showcase_rich"


class Effect(StrEnum):
    """What may be switched on beside a preset; without any, its data are what they always were."""

    yearly = "yearly"
    changepoints = "changepoints"
    lifecycle = "lifecycle"
    markdowns = "markdowns"
    channels = "channels"
    returns = "returns"


EFFECT_TEXTS: Mapping[Effect, str] = {
    Effect.yearly: "a sine over the year, 20 % up in early April and down in early October",
    Effect.changepoints: "sudden rises and falls of a series that fade within weeks",
    Effect.lifecycle: "products are introduced, grow, mature, decline over months and are discontinued",
    Effect.markdowns: "30 % off for 14 days when a product gets old or declines",
    Effect.channels: "sales_daily names the channel most units were sold through",
    Effect.returns: "a table of returned goods; sales stay as they are",
}


@dataclass(frozen=True, slots=True)
class Character:
    """How sales behave; probabilities are per day, factors multiply the base demand."""

    base_demand: float = 100
    trend: Literal["none", "linear", "exponential"] = "none"
    slope: float = 0.0
    months: Mapping[int, float] = field(default_factory=dict)
    holidays: Mapping[dt.date, tuple[str, float]] = field(default_factory=dict)
    noise_sigma: float = 0.10
    anomaly_probability: float = 0.01
    anomaly_magnitude: float = 2.0
    promotion_probability: float = 0.05
    stockout_probability: float = 0.02
    ramp_days: int = 30
    launching: float = 0.0
    sparsity: float = 0.0
    gaps: int = 0


class Size(NamedTuple):
    """Stores, products, and how many days the window reaches back from its last day."""

    stores: int
    products: int
    span: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One preset. ``pinned`` is the only window that it makes sense in, if there is one."""

    title: str
    character: Character
    native: Size
    demo: Size
    nature: str
    expected: str
    seconds: int = 90
    caveat: str = ""
    pinned: tuple[dt.date, dt.date] | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """What a person reads before choosing a preset; ``seconds`` is the budget of a showcase on it."""

    preset: str
    title: str
    size: str
    nature: str
    expected: str
    seconds: int
    caveat: str


_RUSH = (dt.date(2024, 10, 1), dt.date(2024, 12, 31))
_RUSH_DAYS = {
    dt.date(2024, 11, 28): ("Thanksgiving", 2.0),
    dt.date(2024, 11, 29): ("Black Friday", 3.0),
    dt.date(2024, 12, 24): ("Christmas Eve", 1.5),
    dt.date(2024, 12, 25): ("Christmas Day", 0.3),
}
_NATIVE, _DEMO = Size(10, 50, 365), Size(5, 15, 180)
_MINIMAL = Size(3, 10, 91)

PRESETS: Mapping[Preset, Entry] = {
    Preset.retail_standard: Entry(
        "Standard retail",
        Character(trend="linear", slope=0.0005, noise_sigma=0.15, promotion_probability=0.10),
        _NATIVE,
        _DEMO,
        "slow linear growth, weekly pattern, moderate noise, promotions",
        "every series is ready",
    ),
    Preset.holiday_rush: Entry(
        "Holiday rush",
        Character(
            base_demand=80,
            trend="exponential",
            slope=0.005,
            months={10: 1.0, 11: 1.3, 12: 1.8},
            holidays=_RUSH_DAYS,
            noise_sigma=0.20,
            promotion_probability=0.25,
            stockout_probability=0.15,
        ),
        Size(10, 50, 91),
        Size(5, 15, 91),
        "fourth quarter of 2024: growth, spikes on Thanksgiving and Black Friday, many stockouts",
        "every series is limited: about 78 observed days",
        caveat="its window is pinned to 2024-10-01 to 2024-12-31 and never moves",
        pinned=_RUSH,
    ),
    Preset.high_variance: Entry(
        "High variance",
        Character(
            noise_sigma=0.40,
            anomaly_probability=0.05,
            anomaly_magnitude=3.0,
            promotion_probability=0.15,
            stockout_probability=0.05,
        ),
        _NATIVE,
        _DEMO,
        "no trend, strong noise, frequent anomalies",
        "every series is ready",
    ),
    Preset.stockout_heavy: Entry(
        "Stockouts everywhere",
        Character(base_demand=50, noise_sigma=0.20, promotion_probability=0.20, stockout_probability=0.25),
        _NATIVE,
        _DEMO,
        "out of stock on every fourth day, which is not observed and never a sale of zero",
        "every series is limited and confidence low: 75 % of the days are observed, 80 % are needed",
    ),
    Preset.new_launches: Entry(
        "New launches",
        Character(
            base_demand=80,
            trend="linear",
            slope=0.002,
            ramp_days=45,
            promotion_probability=0.15,
            launching=0.6,
        ),
        Size(10, 100, 365),
        Size(5, 25, 180),
        "three of five products are launched in the first half of the window and ramp up for 45 days",
        "ready, or limited where a product was launched less than 100 observed days ago; "
        "in windows below 90 days a late launch may be unusable",
        seconds=120,
    ),
    Preset.sparse: Entry(
        "Sparse assortment",
        Character(sparsity=0.5, gaps=3),
        _NATIVE,
        Size(3, 10, 91),
        "half of the store-product pairs never sell, the others have three gaps of 2 to 10 days",
        "pairs that never sell are no series; the others are limited at demo size and ready at full size",
        caveat="a gap counts as zero sales, so features or a backtest may fail on an empty fold: "
        "that is expected here",
    ),
    Preset.demo_minimal: Entry(
        "Minimal demo",
        Character(trend="linear", slope=0.0005, promotion_probability=0.10),
        _MINIMAL,
        _MINIMAL,
        "a quarter of a year of a small, well-behaved shop",
        "every series is limited: about 90 observed days",
        seconds=60,
    ),
    Preset.showcase_rich: Entry(
        "Rich showcase",
        Character(trend="linear", slope=0.0005, promotion_probability=0.15, stockout_probability=0.05),
        _DEMO,
        _DEMO,
        "half a year of five stores, with promotions and stockouts",
        "every series is ready",
        seconds=180,
        caveat="steps that need a language model provider are skipped without its keys",
    ),
}


def card(preset: Preset) -> Card:
    """Introduce a preset at the size a showcase uses."""
    entry = PRESETS[preset]
    stores, products, span = entry.demo
    return Card(
        preset=preset.value,
        title=entry.title,
        size=f"{stores:,} stores x {products:,} products x {span + 1:,} days",
        nature=entry.nature,
        expected=entry.expected,
        seconds=entry.seconds,
        caveat=entry.caveat,
    )


def check_window(preset: Preset, start: dt.date, end: dt.date) -> None:
    """Raise ``BadSetting`` for a window that a preset cannot fill."""
    days = (end - start).days + 1
    pinned = PRESETS[preset].pinned
    if pinned is not None and (start, end) != pinned:
        raise BadSetting(
            f"{preset} cannot be moved to {start} to {end}: its holidays would be lost",
            remedy=f"leave the window out; it is always {pinned[0]} to {pinned[1]}",
        )
    if not LEAST_DAYS <= days <= MOST_DAYS:
        raise BadSetting(
            f"a window of {days:,} days ({start} to {end}) cannot be generated",
            remedy=f"choose a start and an end {LEAST_DAYS} to {MOST_DAYS:,} days apart, both included",
        )
