"""Has a series enough history to be judged?

Belongs here: the verdict ready, limited or unusable, and the sentence that says why.
Does not belong here: counting days in sales files (``datasets``).
"""

from dataclasses import dataclass
from typing import Literal

from forecast_assets.forecasting.core.folds import FoldPlan

State = Literal["ready", "limited", "unusable"]
MIN_COVERAGE = 0.80
_STRICTNESS: dict[State, int] = {"ready": 0, "limited": 1, "unusable": 2}


@dataclass(frozen=True, slots=True)
class Availability:
    """A verdict with its reason, one sentence for a planner."""

    state: State
    reason: str

    def stricter(self, other: "Availability") -> "Availability":
        """Answer the worse of two verdicts; of two equal ones the first."""
        return other if _STRICTNESS[other.state] > _STRICTNESS[self.state] else self


def of_history(
    observed_days: int, expected_days: int, plan: FoldPlan, *, ended: str | None = None
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
    full = plan.min_train + plan.horizon * plan.n_splits
    least = plan.min_train + plan.horizon
    if observed_days < least:
        return Availability("unusable", f"{observed_days} observed days, at least {least} are needed")
    coverage = observed_days / expected_days
    if observed_days < full:
        return Availability("limited", f"{observed_days} observed days, {full} are needed for all folds")
    if coverage < MIN_COVERAGE:
        return Availability(
            # Rounded down: "80% observed, 80% needed" would explain nothing.
            "limited",
            f"{int(100 * coverage)}% of the days are observed, {MIN_COVERAGE:.0%} are needed",
        )
    return Availability("ready", f"{observed_days} observed days, {coverage:.0%} of the calendar")


def of_window(folds: int, plan: FoldPlan) -> Availability:
    """Judge the evaluated window by the number of folds that the series can be scored on."""
    if folds == 0:
        return Availability(
            "unusable", f"no fold has {plan.min_train} days of history before it and sales to score"
        )
    if folds == 1:
        return Availability("limited", "only one fold can be scored")
    return Availability("ready", f"{folds} folds can be scored")
