"""What a planner should know about a forecast, and how steady its series was lately.

Belongs here: reason codes, and confidence where no choice of a champion says one.
Does not belong here: the parts of a forecast (``contributions``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.frequency import Frequency
from forecast_assets.forecasting.core.panel import Panel

_NEW_DAYS, _SHORT_DAYS = 30, 90
_SHIFT = 0.25
_STEADY, _UNSTEADY = 0.5, 1.0


@dataclass(frozen=True, slots=True)
class Reason:
    """Something a planner should know about this forecast."""

    code: str
    severity: Literal["info", "warn"]
    text: str


def reasons_of(panel: Panel, horizon: int, gap: int) -> list[Reason]:
    """Return what is remarkable about one series, and about ``horizon`` periods after a ``gap``."""
    units, period = panel.units[0], panel.frequency
    ahead = slice(panel.days + gap, panel.days + gap + horizon)
    seen = ~np.isnan(units)
    first = int(seen.argmax()) if seen.any() else panel.days
    age, lately = panel.days - first, units[max(first, panel.days - period.recent) :]
    reasons = []
    if (closed := int(np.isnan(lately).sum())) > 0:
        span = period.count(len(lately))
        reasons.append(
            Reason("stockout_constrained", "warn", f"{closed} of the last {span} were not observed")
        )
    for column, code, what in (
        ("promo", "promotion_overlap", "a promotion"),
        ("holiday", "holiday_effect", "a holiday"),
    ):
        planned = int((panel.known[column][0, ahead] > 0).sum()) if column in panel.known else 0
        if planned:
            span = period.count(horizon)
            reasons.append(Reason(code, "info", f"{planned} of the next {span} have {what}"))
    if age < period.periods(_NEW_DAYS):
        since = period.count(age)
        reasons.append(Reason("lifecycle_decay", "warn", f"launched {since} ago: first sales may not last"))
    newest, usual = _mean(units[-period.stretch :]), _mean(units[-_level_span(period) :])
    if newest is not None and usual and abs(newest / usual - 1) > _SHIFT:
        change = f"{100 * (newest / usual - 1):+,.0f} %"
        shift = f"the last {period.count(period.stretch)} sold {change} against the last "
        reasons.append(Reason("trend_shift", "warn", shift + period.count(_level_span(period))))
    if int(seen.sum()) < period.periods(_SHORT_DAYS):
        observed = f"only {period.count(int(seen.sum()))} observed"
        reasons.append(Reason("insufficient_history", "warn", observed))
    return reasons


def _level_span(period: Frequency) -> int:
    """Over how many periods a level is usual: about four weeks, and three months where months count."""
    return max(period.recent, period.short)


def _mean(values: NDArray[np.float32]) -> float | None:
    seen = values[~np.isnan(values)]
    return float(seen.mean(dtype=np.float64)) if seen.size else None


def confidence_of(panel: Panel, reasons: Sequence[Reason]) -> Literal["high", "medium", "low"]:
    """By the variation of the last weeks or months, and never high with little history."""
    lately = panel.units[0, -_level_span(panel.frequency) :]
    mean = _mean(lately)
    if not mean or any(reason.code == "insufficient_history" for reason in reasons):
        return "low"
    variation = float(np.nanstd(lately.astype(np.float64))) / mean
    return "high" if variation < _STEADY else "medium" if variation < _UNSTEADY else "low"
