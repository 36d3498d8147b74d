"""Why is tomorrow's forecast what it is? Parts that add up to it, and what to keep in mind.

Belongs here: contributions to the forecast of the first day, reason codes, confidence, one paragraph; all
from days up to the newest one and from what is known ahead.
Does not belong here: why a candidate became champion (``explanation``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from forecast_assets.forecasting.analysis.feature_words import in_words, weekday_of
from forecast_assets.forecasting.analysis.reasons import Reason, confidence_of, reasons_of
from forecast_assets.forecasting.core.boosting import contributions as tree_contributions
from forecast_assets.forecasting.core.boosting import gains
from forecast_assets.forecasting.core.candidates.additive import ProphetLike
from forecast_assets.forecasting.core.candidates.baselines import MovingAverage, WeightedMovingAverage
from forecast_assets.forecasting.core.candidates.catalogue import (
    candidate,
    ensemble,
    entry,
    is_blend,
    is_global,
)
from forecast_assets.forecasting.core.demand import demand_classes
from forecast_assets.forecasting.core.frequency import DAY
from forecast_assets.forecasting.core.global_model import GlobalModel, origin_rows
from forecast_assets.forecasting.core.isolation import isolated
from forecast_assets.forecasting.core.openings import closed_ahead
from forecast_assets.forecasting.core.outlook import Models, weights_of, with_plan
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.forecasting.core.pool import Pool
from forecast_assets.forecasting.core.ranking import Confidence

Direction = Literal["up", "down", "none"]
_MOST_LISTED = 10


@dataclass(frozen=True, slots=True)
class Driver:
    """One part of the first day's forecast, in units; ``value`` is the feature's, ``None`` without one."""

    name: str
    value: float | None
    contribution: float
    description: str

    @property
    def direction(self) -> Direction:
        return "up" if self.contribution > 0 else "down" if self.contribution < 0 else "none"


@dataclass(frozen=True, slots=True)
class Contributions:
    """The forecast of the first day and its parts, which add up to it; ``exact`` is false for a black box."""

    forecast: float
    drivers: Sequence[Driver]
    exact: bool
    reasons: Sequence[Reason]
    confidence: Literal["high", "medium", "low"]
    summary: str


def contributions(
    panel: Panel,
    label: str,
    models: Models,
    horizon: int,
    *,
    window: int | None = None,
    confidence: Confidence | None = None,
    threads: int,
    pool: Pool | None = None,
    gap: int = 0,
) -> Contributions | None:
    """Explain the expected units of the first forecast day of one series; ``None`` if there are none.

    It is the day after the panel, or ``gap`` days later; ``horizon`` days are forecast from it on.

    What errors pooled at the level of the candidate's curve add to it is a part of its own. ``confidence`` is
    the one of the choice of this champion; by the spread of the last sales without it.
    """
    planned, _ = with_plan(panel, gap + max(horizon, panel.frequency.short))
    parts = _parts(planned, label, models, window=window, threads=threads, gap=gap)
    if parts is None:
        return None
    drivers, exact = parts
    total = sum(driver.contribution for driver in drivers)
    forecast = max(total, 0.0)
    if forecast != total:
        drivers = [*drivers, Driver("floor", None, -total, "sales cannot be negative")]
    if pool is not None and label in pool.errors:
        expected = float(pool.errors[label].tables[-1].expected(np.array([forecast]))[0])
        added = Driver("level", None, expected - forecast, "mean error of many series at this level")
        drivers, forecast = [*drivers, added], expected
    if forecast and closed_ahead(panel, gap + 1)[0, gap]:
        drivers = [*drivers, Driver("closed", None, -forecast, "it is never open on this weekday")]
        forecast = 0.0
    drivers = _shortened(drivers)
    reasons = reasons_of(planned, horizon, gap)
    level = confidence or confidence_of(panel, reasons)
    period = panel.frequency.name
    when = f"{period} {gap + 1} ahead" if gap else f"the next {period}"
    expects = f"{label} expects {forecast:,.2f} units {'on' if period == DAY.name else 'in'} {when}"
    return Contributions(forecast, drivers, exact, reasons, level, _summary(expects, drivers, reasons, level))


def _parts(
    panel: Panel, label: str, models: Models, *, window: int | None, threads: int, gap: int
) -> tuple[list[Driver], bool] | None:
    if (mean := ensemble(label)) is not None:
        shares = weights_of(label, models).shares(demand_classes(panel.units)[0])
        named = {member: share for member, share in zip(mean.of(), shares, strict=True) if share}
        parts = {
            member: _parts(panel, member, models, window=window, threads=threads, gap=gap) for member in named
        }
        usable = {member: one for member, one in parts.items() if one is not None}
        if not usable or (len(usable) < len(parts) and not is_blend(label)):
            return None
        whole = sum(named[member] for member in usable)
        drivers = [
            Driver(
                f"{member}: {part.name}",
                part.value,
                part.contribution * named[member] / whole,
                part.description,
            )
            for member, one in usable.items()
            for part in one[0]
        ]
        return drivers, all(exact for _, exact in usable.values())
    if is_global(label):
        model = models.get(label)
        return (_of_trees(panel, model, threads, gap), True) if isinstance(model, GlobalModel) else None
    fitted = candidate(label)
    exact = _EXACT.get(type(fitted))
    if exact is None:
        return _of_answer(panel, label, window, gap)
    own = exact(panel, fitted, window, gap)
    return None if own is None else (own, True)


def _of_answer(panel: Panel, label: str, window: int | None, gap: int) -> tuple[list[Driver], bool] | None:
    """Level and season of a candidate that only looks back; a black box is one part."""
    answer, failures = isolated(label, panel, np.array([panel.days]), gap + panel.frequency.short, window)
    if failures or not np.isfinite(answer).all():
        return None
    week = answer[0, 0, gap:].astype(np.float64)
    if entry(label).foreign or entry(label).feature_aware:
        return [Driver("model", None, float(week[0]), f"what {label} answers as a whole")], False
    level = float(week.mean())
    is_daily = panel.frequency == DAY
    whole = "week" if is_daily else f"next {panel.frequency.count(panel.frequency.short)}"
    drivers = [Driver("level", None, level, f"mean of the {'week ahead' if is_daily else whole}")]
    if week[0] != level:
        place = "weekday" if is_daily else panel.frequency.name
        drivers.append(
            Driver(place, None, float(week[0]) - level, f"how this {place} differs from the {whole}")
        )
    return drivers, True


def _of_days(panel: Panel, model: Any, window: int | None, _: int) -> list[Driver] | None:  # noqa: ANN401 - an average
    """Every observed day of an average with its weight, the same for all days ahead."""
    size = model.window_size or panel.frequency.short
    size = size if window is None else min(size, window)
    days = panel.units[0, max(0, panel.days - size) :].astype(np.float64)
    seen = ~np.isnan(days)
    if not seen.any():
        return None
    weight = np.ones(len(days))
    if isinstance(model, WeightedMovingAverage):
        weight = model.weights(size)[-len(days) :]
    share = np.where(seen, weight, 0) / weight[seen].sum()
    return [
        Driver(
            f"{panel.frequency.count(len(days) - at)} ago"
            if at < len(days) - 1
            else f"newest {panel.frequency.name}",
            float(days[at]),
            float(days[at] * share[at]),
            f"weighs {100 * share[at]:,.1f} %",
        )
        for at in np.flatnonzero(seen)[::-1]
    ]


def _of_ridge(panel: Panel, model: Any, window: int | None, gap: int) -> list[Driver] | None:  # noqa: ANN401 - prophet_like
    ((_, parts),) = model.parts(panel, panel.days, gap + 1, window)
    effects = {
        "intercept": "what it usually sells",
        "trend": "recent sales and time since launch",
        "seasonality": "weekday, month and place in the month" if panel.frequency == DAY else "season",
        "holiday_regressor": "price, promotion and holiday",
    }
    values = {name: float(part[0, gap]) for name, part in parts.items()}
    if not all(np.isfinite(value) for value in values.values()):
        return None
    return [Driver(name, None, value, effects[name]) for name, value in values.items()]


_EXACT: Mapping[type, Callable[[Panel, Any, int | None, int], list[Driver] | None]] = {
    MovingAverage: _of_days,
    WeightedMovingAverage: _of_days,
    ProphetLike: _of_ridge,
}


def _of_trees(panel: Panel, model: GlobalModel, threads: int, gap: int) -> list[Driver]:
    """SHAP values of the global model (Lundberg et al. 2020), in units."""
    rows, level = origin_rows(model, panel, panel.days, gap + 1)
    parts = tree_contributions(model.settings.learner, model.text, rows[:1], threads)[0] * level[0]
    drivers = [Driver("all series", None, float(parts[-1]), "what the model expects without looking")]
    weekday = weekday_of(panel.frequency, panel.date(panel.days + gap))
    for name, value, part in zip(model.features, rows[0], parts[:-1], strict=True):
        words = in_words(name, panel.frequency, weekday)
        drivers.append(Driver(name, float(value) if np.isfinite(value) else None, float(part), words))
    return drivers


def strongest_features(model: GlobalModel, most: int = _MOST_LISTED) -> dict[str, float]:
    """The features whose splits gained most over all series, with their share of the whole gain."""
    shares = gains(model.settings.learner, model.text, len(model.features))
    return {model.features[at]: float(shares[at]) for at in np.argsort(-shares, kind="stable")[:most]}


def _shortened(drivers: Sequence[Driver]) -> list[Driver]:
    """The strongest drivers, the rest as one, so that they still add up."""
    ordered = sorted(drivers, key=lambda driver: -abs(driver.contribution))
    if len(ordered) <= _MOST_LISTED:
        return ordered
    rest = sum(driver.contribution for driver in ordered[_MOST_LISTED - 1 :])
    return [
        *ordered[: _MOST_LISTED - 1],
        Driver("all others", None, rest, f"{len(ordered) - _MOST_LISTED + 1:,} weaker parts"),
    ]


def spoken(driver: Driver) -> str:
    """Return what a driver says, after the member of a blend that it belongs to."""
    member, of_member, _ = driver.name.rpartition(": ")
    return f"{member}{of_member}{driver.description}"


def _summary(expects: str, drivers: Sequence[Driver], reasons: Sequence[Reason], level: str) -> str:
    strongest = ", ".join(f"{spoken(one)} ({one.contribution:+,.2f})" for one in drivers[:3])
    sentence = f"{expects}, most of it from {strongest}. "
    sentence += f"Confidence is {level}"
    warnings = [reason.text for reason in reasons if reason.severity == "warn"]
    return f"{sentence}; mind that {'; '.join(warnings)}." if warnings else f"{sentence}."
