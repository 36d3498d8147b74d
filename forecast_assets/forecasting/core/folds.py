"""Folds: from which days of the past the candidates must forecast, and what is held out.

Belongs here: the plan, its cutoffs, and which series can be scored in which fold.
Does not belong here: forecasting and scoring.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.core.bounds import check_whole
from forecast_assets.forecasting.core.frequency import DAY, Frequency

Strategy = Literal["expanding", "sliding"]


@dataclass(frozen=True, slots=True)
class FoldPlan:
    """How to look back, in days; common to all series of a dataset and anchored to its newest day.

    ``horizon``: days scored per fold (1-90). ``n_splits``: folds (2-20). ``gap``: days between the last
    visible day and the first scored one (0-30, below the horizon). ``min_train``: days a cutoff must have
    behind it (7 or more). ``step``: days between cutoffs, the horizon unless given. ``strategy``: an
    ``expanding`` fold reads all days before its cutoff, a ``sliding`` one only the last ``min_train``.
    Raises ``BadSetting`` for anything else.
    """

    horizon: int = 14
    n_splits: int = 5
    gap: int = 0
    min_train: int = 30
    step: int | None = None
    strategy: Strategy = "expanding"

    def __post_init__(self) -> None:
        check_whole("horizon", self.horizon, 1, 90)
        check_whole("n_splits", self.n_splits, 2, 20)
        check_whole("gap", self.gap, 0, 30)
        check_whole("min_train", self.min_train, 7)
        if self.step is not None:
            check_whole("step", self.step, 1)
        if self.horizon <= self.gap:
            raise BadSetting(
                f"gap is {self.gap} with a horizon of {self.horizon}",
                remedy="set gap below horizon, or raise horizon",
            )
        if self.strategy not in get_args(Strategy):
            raise BadSetting(
                f"strategy is {self.strategy!r}", remedy=f"set strategy to {' or '.join(get_args(Strategy))}"
            )

    def cutoffs(self, days: int, frequency: Frequency = DAY) -> NDArray[np.int64]:
        """Return the number of visible days of each fold (k,), oldest first, when ``days`` days are there.

        The scored days of a fold are ``[cutoff + gap, cutoff + gap + horizon)``; those of the last fold end
        on the newest day. Folds with fewer than ``min_train`` visible days are left out; raises
        ``BadSetting`` when none remains.
        """
        step = self.horizon if self.step is None else self.step
        newest = days - self.gap - self.horizon
        cutoffs = newest - step * np.arange(self.n_splits - 1, -1, -1, dtype=np.int64)
        cutoffs = cutoffs[cutoffs >= self.min_train]
        if not cutoffs.size:
            needed = self.min_train + self.gap + self.horizon
            raise BadSetting(
                f"{frequency.count(days)} of history leave no fold; min_train {self.min_train}, gap "
                f"{self.gap} and horizon {self.horizon} need {needed}",
                remedy="lower horizon or min_train, or wait for more sales",
            )
        return cutoffs

    def window(self) -> int | None:
        """Return how many days before a cutoff may be read; ``None`` means all of them."""
        return self.min_train if self.strategy == "sliding" else None


def eligible(units: NDArray[np.float32], cutoffs: NDArray[np.int64], plan: FoldPlan) -> NDArray[np.bool_]:
    """Return (n, k): can series s be scored in fold i?

    It can with at least ``min_train`` calendar days from its first observed day to the cutoff, and at
    least one observed day among the scored ones. ``units`` is (n, days), NaN = not observed.
    """
    answer = np.zeros((units.shape[0], cutoffs.size), np.bool_)
    for fold, cutoff in enumerate(cutoffs.tolist()):
        begin = cutoff + plan.gap
        old_enough = _observed(units[:, : max(0, cutoff - plan.min_train + 1)])
        answer[:, fold] = old_enough & _observed(units[:, begin : begin + plan.horizon])
    return answer


def _observed(units: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return (n,): is any day observed?"""
    # fmin skips NaN, so only rows without a single number stay NaN; no matrix of flags is needed.
    if not units.shape[1]:
        return np.zeros(units.shape[0], np.bool_)
    any_day: NDArray[np.bool_] = ~np.isnan(np.fmin.reduce(units, axis=1))
    return any_day
