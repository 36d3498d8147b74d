"""What a planner should know about a forecast, and how steady its series was lately.

Belongs here: reason codes, and confidence where no choice of a champion says one.
Does not belong here: the parts of a forecast (``contributions``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.panel import Panel

_WEEK, _MONTH = 7, 28
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
    """Return what is remarkable about one series, and about ``horizon`` days that begin after a ``gap``."""
    units = panel.units[0]
    ahead = slice(panel.days + gap, panel.days + gap + horizon)
    seen = ~np.isnan(units)
    first = int(seen.argmax()) if seen.any() else panel.days
    age, lately = panel.days - first, units[max(first, panel.days - _MONTH) :]
    reasons = []
    if (closed := int(np.isnan(lately).sum())) > 0:
        reasons.append(
            Reason(
                "stockout_constrained", "warn", f"{closed} of the last {len(lately)} days were not observed"
            )
        )
    for column, code, what in (
        ("promo", "promotion_overlap", "promoted"),
        ("holiday", "holiday_effect", "a holiday"),
    ):
        planned = int((panel.known[column][0, ahead] == 1).sum()) if column in panel.known else 0
        if planned:
            reasons.append(Reason(code, "info", f"{planned} of the next {horizon} days are {what}"))
    if age < _NEW_DAYS:
        reasons.append(
            Reason("lifecycle_decay", "warn", f"launched {age} days ago: first sales may not last")
        )
    week, month = _mean(units[-_WEEK:]), _mean(units[-_MONTH:])
    if week is not None and month and abs(week / month - 1) > _SHIFT:
        reasons.append(
            Reason("trend_shift", "warn", f"the last week sold {week / month - 1:+.0%} against the month")
        )
    if int(seen.sum()) < _SHORT_DAYS:
        reasons.append(Reason("insufficient_history", "warn", f"only {int(seen.sum())} observed days"))
    return reasons


def _mean(values: NDArray[np.float32]) -> float | None:
    seen = values[~np.isnan(values)]
    return float(seen.mean(dtype=np.float64)) if seen.size else None


def confidence_of(panel: Panel, reasons: Sequence[Reason]) -> Literal["high", "medium", "low"]:
    """By the variation of the last four weeks, and never high with little history."""
    lately = panel.units[0, -_MONTH:]
    mean = _mean(lately)
    if not mean or any(reason.code == "insufficient_history" for reason in reasons):
        return "low"
    variation = float(np.nanstd(lately.astype(np.float64))) / mean
    return "high" if variation < _STEADY else "medium" if variation < _UNSTEADY else "low"
