"""What are assumptions worth, and does the stock last?

Belongs here: units and revenue of a forecast under assumptions against the one as planned.
Does not belong here: the assumptions and who answers them (``whatif``).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from forecast_assets.forecasting.analysis.whatif import Difference
from forecast_assets.forecasting.core.arrays import Values

Coverage = Literal["covered", "at_risk", "stockout", "unknown"]

# Demand within 10 % of the stock may or may not be covered by it.
_TOLERANCE = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Effect:
    """What assumptions are worth over h days.

    ``units`` (h,) are the forecast under them; revenues are ``None`` where no price is known.
    """

    units: Values
    units_delta: float
    baseline_revenue: float | None
    scenario_revenue: float | None
    coverage: Coverage

    @property
    def revenue_delta(self) -> float | None:
        if self.scenario_revenue is None or self.baseline_revenue is None:
            return None
        return self.scenario_revenue - self.baseline_revenue


def effect(
    baseline: Values, answered: Values, prices: Values, difference: Difference, on_hand: float | None
) -> Effect:
    """Compare ``baseline`` (h,), forecast as planned, with ``answered`` (h,), forecast from what differs.

    ``prices`` (h,) are the planned ones, NaN where unknown.
    """
    units = np.maximum(answered * difference.factors, 0)
    priced = bool(np.isfinite(prices).all())
    paid = prices * difference.price
    return Effect(
        units=units,
        units_delta=float(units.sum() - baseline.sum()),
        baseline_revenue=float((baseline * prices).sum()) if priced else None,
        scenario_revenue=float((units * paid).sum()) if np.isfinite(paid).all() else None,
        coverage=coverage(float(units.sum()), on_hand),
    )


def coverage(demand: float, on_hand: float | None) -> Coverage:
    """Whether ``on_hand`` units cover a demand: up to 90 % of them they do, within 10 % they may."""
    if on_hand is None:
        return "unknown"
    if demand < (1 - _TOLERANCE) * on_hand:
        return "covered"
    return "at_risk" if demand <= (1 + _TOLERANCE) * on_hand else "stockout"
