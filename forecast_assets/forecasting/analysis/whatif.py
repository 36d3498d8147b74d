"""What if the price, a promotion, a holiday, the stock or the life of a product were different?

Belongs here: assumptions with their bounds, their factors, the panel that a model reads under them.
Does not belong here: what they are worth (``effect``), and where a plan is kept.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from forecast_assets.days import read_day
from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.core.arrays import Values
from forecast_assets.forecasting.core.bounds import Checked, Rule, choice_rule, number_rule, optional, ruled
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.forecasting.core.plans import keeps

Method = Literal["model_exogenous", "heuristic"]

# Rules of thumb, for what no model was asked about.
PRICE_ELASTICITY = -1.2
HOLIDAY_FACTOR = 1.3
_LEAST, _MOST = 0.1, 5.0
# Of two units one is paid.
_BOGO = 0.5
_PRICE, _PROMO, _HOLIDAY = "price", "promo", "holiday"
_SAME_PRICE = 1.001  # prices whose ratio is smaller count as the same


class Promotion(StrEnum):
    """Kinds of promotions."""

    PCT_OFF = "pct_off"
    BOGO = "bogo"
    BUNDLE = "bundle"
    MARKDOWN = "markdown"


class Lifecycle(StrEnum):
    """Stages of a product's life."""

    LAUNCH = "launch"
    GROWTH = "growth"
    MATURITY = "maturity"
    DECLINE = "decline"


PROMOTION_FACTORS: Mapping[str, float] = {
    Promotion.PCT_OFF: 1.25,
    Promotion.BOGO: 1.4,
    Promotion.BUNDLE: 1.15,
    Promotion.MARKDOWN: 1.3,
}
LIFECYCLE_FACTORS: Mapping[str, float] = {
    Lifecycle.LAUNCH: 1.2,
    Lifecycle.GROWTH: 1.1,
    Lifecycle.MATURITY: 1.0,
    Lifecycle.DECLINE: 0.85,
}


@dataclass(frozen=True, slots=True)
class Assumptions(Checked):
    """What is different in the days ahead; ``None`` and ``()`` leave things as they are planned.

    ``price_change`` is relative (-0.1: a tenth cheaper). Price and promotion hold from ``first_day`` to
    ``last_day``, over the whole horizon when unset; ``lifecycle`` and ``on_hand`` (units) always do.
    ``discount`` is what a promotion takes off the price, as it did in past promotions when unset.
    """

    price_change: float | None = optional(number_rule(-0.9, 5.0))
    promotion: str | None = optional(choice_rule(*map(str, Promotion)))
    discount: float | None = optional(number_rule(0, 0.9))
    holidays: tuple[dt.date, ...] = ruled((), Rule(lambda value: isinstance(value, tuple), "a list of days"))
    on_hand: float | None = optional(number_rule(0, 1e9))
    lifecycle: str | None = optional(choice_rule(*map(str, Lifecycle)))
    first_day: dt.date | None = None
    last_day: dt.date | None = None

    def to_json(self) -> dict[str, object]:
        """What differs from the plan, with days as text."""
        assumptions = {name: value for name, value in asdict(self).items() if value not in (None, ())}
        return {
            name: [str(day) for day in value]
            if isinstance(value, tuple)
            else str(value)
            if isinstance(value, dt.date)
            else value
            for name, value in assumptions.items()
        }

    @classmethod
    def from_json(cls, stored: dict[str, object]) -> "Assumptions":
        """What ``to_json`` answered, or what a person wrote. Raises ``BadSetting``."""
        names = {one.name for one in fields(cls)}
        if unknown := sorted(set(stored) - names):
            raise BadSetting(
                f"unknown assumptions: {', '.join(unknown)}", remedy=f"use {', '.join(sorted(names))}"
            )
        values: dict[str, Any] = dict(stored)
        for name in ("first_day", "last_day"):
            if values.get(name) is not None:
                values[name] = _day(name, values[name])
        days = values.get("holidays") or ()
        values["holidays"] = tuple(_day("holidays", day) for day in days)
        return cls(**values)


def _day(name: str, value: object) -> dt.date:
    return value if isinstance(value, dt.date) else read_day(name, str(value))


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """What the assumptions do to h days: ``factors`` (h,) for what the model was not asked about.

    ``panel`` is what the model reads, ``None`` when it is asked about nothing; ``price`` (h,) is the new
    price as a share of the planned one; ``sentences`` says for every assumption who answers it.
    """

    panel: Panel | None
    factors: Values
    price: Values
    sentences: Sequence[str]

    def after(self, gap: int) -> "Difference":
        """The same without the first ``gap`` days."""
        return replace(self, factors=self.factors[gap:], price=self.price[gap:])

    @property
    def method(self) -> Method:
        return "heuristic" if self.panel is None else "model_exogenous"


def differing(panel: Panel, horizon: int, assumptions: Assumptions, *, asks_model: bool) -> Difference:
    """Split ``assumptions`` into what a model that reads plans answers, and what factors do.

    ``panel`` holds one series, its known columns reach over the ``horizon``. A model (``asks_model``) is
    asked about a price, promotion or holiday that its data have a column of, with a plan it could learn
    from. Raises ``BadSetting`` for
    days outside the horizon, and when nothing is assumed.
    """
    dates = panel.dates(panel.days, panel.days + horizon)
    changes = _changes(assumptions, dates)
    if not changes and assumptions.on_hand is None:
        raise BadSetting(
            "nothing is assumed",
            remedy="give at least one of price_change, promotion, holidays, lifecycle, on_hand",
        )
    columns, factors, sentences, reads_model = dict(panel.known), np.ones(horizon), [], False
    reach = dict(panel.reach)
    for change in changes:
        if asks_model and change.column in columns and _is_learned(panel, change.column):
            reach.pop(change.column, None)
            wide = columns[change.column].copy()
            ahead = wide[0, panel.days : panel.days + horizon]
            dearer = np.float32(1 + (assumptions.price_change or 0))
            usual = ahead[change.days] * dearer if change.column == _PRICE else _usual(wide[0, : panel.days])
            ahead[change.days] = usual
            columns[change.column], reads_model = wide, True
            sentences.append(f"{change.sentence}: answered by the model")
        else:
            factors[change.days] *= change.factor
            sentences.append(f"{change.sentence}: rule of thumb, x{change.factor:,.2f}")
    price = np.ones(horizon)
    if assumptions.price_change is not None:
        price[_span(assumptions, dates)] += assumptions.price_change
        sentences += _unseen_prices(panel, horizon, price)
    if assumptions.promotion is not None and _PRICE in panel.known:
        paid, sentence = _promoted_price(panel, assumptions)
        price[_span(assumptions, dates)] *= paid
        sentences.append(sentence)
    # Only what changes is bounded: a factor of one stays one.
    bounded = factors.clip(_LEAST, _MOST)
    return Difference(
        replace(panel, known=columns, reach=reach) if reads_model else None, bounded, price, sentences
    )


def _unseen_prices(panel: Panel, horizon: int, share: Values) -> list[str]:
    """Say where a changed price lies outside of all prices that the series was ever sold at.

    ``share`` (h,) is the new price as a share of the planned one; 1 means unchanged.
    """
    if _PRICE not in panel.known:
        return []
    known = panel.known[_PRICE][0]
    past = known[: panel.days]
    past = past[past > 0]
    ahead = (known[panel.days : panel.days + horizon] * share)[share != 1]
    ahead = ahead[np.isfinite(ahead)]
    if not past.size or not ahead.size:
        return []
    low, high = past.min(), past.max()
    for end, is_beyond, word in (
        (ahead.max(), ahead.max() > high * _SAME_PRICE, "above"),
        (ahead.min(), ahead.min() * _SAME_PRICE < low, "below"),
    ):
        if is_beyond:
            so_far = f"any price so far ({low:,.2f} to {high:,.2f})"
            return [f"a price of {end:,.2f} lies {word} {so_far}: no sale tells what happens there"]
    return []


def _is_learned(panel: Panel, column: str) -> bool:
    """Whether a model could learn what a column does: a flag without any plan teaches nothing."""
    return keeps(panel.role(column)) or panel.reach.get(column) != 0


def _promoted_price(panel: Panel, assumptions: Assumptions) -> tuple[float, str]:
    """What is paid in a promotion as a share of the planned price, NaN if nobody knows, and why."""
    kind = str(assumptions.promotion)
    if assumptions.discount is not None:
        return (
            1 - assumptions.discount,
            f"promotion {kind}: {100 * assumptions.discount:,.0f} % off the price",
        )
    if kind == Promotion.BOGO:
        return _BOGO, f"promotion {kind}: every second unit is free"
    price = panel.known[_PRICE][0, : panel.days]
    promoted = panel.known.get(_PROMO, np.zeros_like(panel.known[_PRICE]))[0, : panel.days] > 0
    on, off = (price[days & (price > 0)] for days in (promoted, ~promoted))
    if on.size and off.size and (paid := float(on.mean() / off.mean())) < 1:
        return paid, f"promotion {kind}: {100 * (1 - paid):,.0f} % off the price, as in past promotions"
    return float("nan"), f"promotion {kind}: its revenue is not known without a discount"


@dataclass(frozen=True, slots=True, eq=False)
class _Change:
    """One assumption: the column a model reads it from (none for some), its days (h,) and its factor."""

    column: str | None
    sentence: str
    days: NDArray[np.bool_]
    factor: float


def _changes(assumptions: Assumptions, dates: NDArray[np.datetime64]) -> list[_Change]:
    changes = []
    if (change := assumptions.price_change) is not None:
        factor = (1 + change) ** PRICE_ELASTICITY
        changes.append(_Change(_PRICE, f"price {100 * change:+,.0f} %", _span(assumptions, dates), factor))
    if (kind := assumptions.promotion) is not None:
        span = _span(assumptions, dates)
        changes.append(_Change(_PROMO, f"promotion {kind}", span, PROMOTION_FACTORS[kind]))
    if days := assumptions.holidays:
        changes.append(_Change(_HOLIDAY, f"{len(days):,} holidays", _holidays(days, dates), HOLIDAY_FACTOR))
    if (stage := assumptions.lifecycle) is not None:
        every = np.ones(len(dates), dtype=bool)
        changes.append(_Change(None, f"lifecycle {stage}", every, LIFECYCLE_FACTORS[stage]))
    return changes


def _holidays(days: Sequence[dt.date], dates: NDArray[np.datetime64]) -> NDArray[np.bool_]:
    holidays = np.array(days, "datetime64[D]")
    if strangers := holidays[~np.isin(holidays, dates)].tolist():
        raise BadSetting(
            f"holidays outside the forecast: {', '.join(map(str, strangers))}",
            remedy=f"name days from {dates[0]} to {dates[-1]}",
        )
    return np.isin(dates, holidays)


def _span(assumptions: Assumptions, dates: NDArray[np.datetime64]) -> NDArray[np.bool_]:
    first = dates[0] if assumptions.first_day is None else np.datetime64(assumptions.first_day)
    last = dates[-1] if assumptions.last_day is None else np.datetime64(assumptions.last_day)
    span = (dates >= first) & (dates <= last)
    if not span.any():
        raise BadSetting(
            f"no forecast day lies from {first} to {last}",
            remedy=f"set first_day and last_day between {dates[0]} and {dates[-1]}",
        )
    return span


def _usual(past: NDArray[np.float32]) -> np.float32:
    """What a column (days,) holds on days that have a promotion or a holiday: 1, or its usual strength."""
    strong = past[past > 0]
    return np.float32(strong.mean(dtype=np.float64)) if strong.size else np.float32(1)
