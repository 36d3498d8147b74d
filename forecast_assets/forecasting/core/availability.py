"""Has a series enough history to be judged?

Belongs here: the verdict ready, limited or unusable, and the sentence that says why.
Does not belong here: counting days in sales files (``datasets``).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.folds import FoldPlan
from forecast_assets.forecasting.core.frequency import DAY, Frequency
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.forecasting.core.zero_runs import stockouts

State = Literal["ready", "limited", "unusable"]
MIN_COVERAGE = 0.80
_STRICTNESS: dict[State, int] = {"ready": 0, "limited": 1, "unusable": 2}


@dataclass(frozen=True, slots=True)
class Availability:
    """A verdict with its reason, one sentence for a planner."""

    state: State
    reason: str

    def stricter(self, other: "Availability") -> "Availability":
        """Return the worse of two verdicts; of two equal ones the first."""
        return other if _STRICTNESS[other.state] > _STRICTNESS[self.state] else self


def of_history(
    observed_days: int,
    expected_days: int,
    plan: FoldPlan,
    *,
    ended: str | None = None,
    frequency: Frequency = DAY,
) -> Availability:
    """Judge the whole history.

    ``observed_days`` counts days with a known quantity, zeros included, ``expected_days`` the calendar days
    from the first sale to the newest day of the dataset. Ready needs min_train + horizon x n_splits observed
    days at a coverage of 80 %; limited needs min_train + horizon. ``ended`` says why a series is no longer
    sold: there is nothing to forecast then.
    """
    if observed_days == 0:
        return Availability("unusable", "no sales at all")
    if ended is not None:
        return Availability("unusable", ended)
    observed = f"{observed_days:,} observed {frequency.name}{'' if observed_days == 1 else 's'}"
    full = plan.min_train + plan.horizon * plan.n_splits
    least = plan.min_train + plan.horizon
    if observed_days < least:
        return Availability("unusable", f"{observed}, at least {least:,} are needed")
    coverage = observed_days / expected_days
    if observed_days < full:
        return Availability("limited", f"{observed}, {full:,} are needed for all folds")
    if coverage < MIN_COVERAGE:
        return Availability(
            # Rounded down: "80 % observed, 80 % needed" would explain nothing.
            "limited",
            f"{int(100 * coverage)} % of the {frequency.name}s are observed, "
            f"{100 * MIN_COVERAGE:,.0f} % are needed",
        )
    return Availability("ready", f"{observed}, {100 * coverage:,.0f} % of the calendar")


def of_scored_days(
    panel: Panel, plan: FoldPlan, cutoffs: NDArray[np.int64], rows: NDArray[np.int64]
) -> dict[str, Availability]:
    """Judge the days that the series ``rows`` of a panel are scored on; return the verdicts by key.

    Limited are those with a suspected stock-out on scored days, or with too few of these days observed.
    """
    begin = int(cutoffs[0]) + plan.gap
    spans: dict[int, tuple[int, int, int]] = {}
    for row, first, end in stockouts(panel, begin):
        days = end - max(first, begin)
        spans[row] = (first, end, spans[row][2] + days if row in spans else days)
    scored = cutoffs[:, None] + plan.gap + np.arange(plan.horizon)
    verdicts = {}
    for row in rows.tolist():
        units = panel.units[row, scored.ravel()]
        observed = float(np.isfinite(units[max(0, int(np.isfinite(units).argmax())) :]).mean())
        stockout = None
        if row in spans:
            first, end, days = spans[row]
            stockout = (str(panel.date(first)), str(panel.date(end - 1)), days)
        verdicts[str(panel.series[row])] = _of_days(stockout, observed, panel.frequency)
    return verdicts


def _of_days(stockout: tuple[str, str, int] | None, observed: float, frequency: Frequency) -> Availability:
    if stockout is not None:
        first, last, days = stockout
        return Availability(
            "limited",
            f"suspected stock-out or closure in scored {frequency.name}s: {frequency.count(days)} "
            f"without a sale, the newest from {first} to {last}; check the stock, or "
            "leave them out (leave_out_stockouts)",
        )
    if observed < MIN_COVERAGE:
        return Availability(
            "limited", f"{int(100 * observed)} % of the scored {frequency.name}s were observed"
        )
    return Availability("ready", f"the scored {frequency.name}s look right")


def of_window(folds: int, plan: FoldPlan, frequency: Frequency = DAY) -> Availability:
    """Judge the evaluated window by the number of folds that the series can be scored on."""
    if folds == 0:
        needed = frequency.count(plan.min_train)
        return Availability("unusable", f"no fold has {needed} of history before it and sales to score")
    if folds == 1:
        return Availability("limited", "only one fold can be scored")
    return Availability("ready", f"{folds} folds can be scored")
