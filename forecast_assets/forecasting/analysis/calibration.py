"""Do distributions keep what they say, now that the days have come?

Belongs here: hits of intervals and stock by week, and whether they are off by more than chance explains.
Does not belong here: where forecasts and sales are stored.

A limit that equals what was sold may count as held or not. Where zeros or whole units make such ties, the
share with them lies above the level by itself, which is no miss: only a share with ties below the level, or
one without them above it, is. Errors of one week go together, so that weeks are the sample: under a true
level the sign of a week's distance from it is a coin's (Fisher's sign-flip test).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Values

# Smaller distances are no reason to act, however sure.
TOLERANCE = 0.02
_EVERY_SIGN = 12
_FLIPS = 4096
_SEED = 29
_EPSILON = 1e-6


class Hits:
    """Sums of one promise by week: cases, those kept with ties, those kept without; ``level`` is promised."""

    def __init__(self) -> None:
        self._weeks: dict[int, Values] = {}

    def add(self, weeks: NDArray[np.int64], level: Values, with_ties: Values, without_ties: Values) -> None:
        """Add cases (N,): the week of each, its promised share, and whether it was kept (1) or not (0)."""
        for week in np.unique(weeks).tolist():
            mine = weeks == week
            sums = [
                float(mine.sum()),
                *(float(part[mine].sum()) for part in (level, with_ties, without_ties)),
            ]
            self._weeks[week] = self._weeks.get(week, np.zeros(4)) + np.array(sums)

    def verdict(self, name: str, alarm: float) -> "Verdict":
        """Judge the promise so that of kept ones at most the share ``alarm`` is flagged."""
        if not self._weeks:
            return Verdict(name, None, None, None, 0, None, alarm)
        table = np.stack([self._weeks[week] for week in sorted(self._weeks)])
        cases, level, closed, opened = table.sum(axis=0)
        missed = min(closed - level, 0.0) or max(opened - level, 0.0)
        kept = closed if missed <= 0 else opened
        by_week = table[:, 2 if missed <= 0 else 3] - table[:, 1]
        chance = 1.0 if missed == 0 else _chance(by_week)
        return Verdict(
            name, float(level / cases), float(kept / cases), float(missed / cases), len(table), chance, alarm
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """One promise: ``level`` and ``achieved`` are shares of cases, ``missed`` how far it is off (0 = not).

    ``achieved`` counts ties in the promise's favour. ``chance`` is how often a kept promise looks at least
    this far off, ``None`` without a case.
    """

    name: str
    level: float | None
    achieved: float | None
    missed: float | None
    weeks: int
    chance: float | None
    alarm: float

    @property
    def holds(self) -> bool | None:
        """Whether it holds; ``None`` where too few weeks have come for an alarm to be possible."""
        if self.missed is None or self.chance is None or 2.0 ** (1 - self.weeks) > self.alarm:
            return None
        return abs(self.missed) <= TOLERANCE or self.chance > self.alarm


def _chance(by_week: Values) -> float:
    """Return the share of sign flips (n,) whose sum is at least as far from zero as what was seen."""
    count = len(by_week)
    if count <= _EVERY_SIGN:
        signs = 1 - 2 * ((np.arange(2**count)[:, None] >> np.arange(count)) & 1)
    else:
        drawn = np.random.default_rng(_SEED).choice([-1, 1], (_FLIPS - 1, count))
        signs = np.vstack([np.ones((1, count), np.int64), drawn])
    sums = np.abs((signs * by_week).sum(axis=1))
    return float((sums >= abs(by_week.sum()) - 1e-9).mean())


def inside(sold: Values, lower: Values, upper: Values) -> tuple[Values, Values]:
    """Return whether units (N,) lie between limits (1 or 0): ties counted as inside, and as outside."""
    closed = (sold >= lower - _EPSILON) & (sold <= upper + _EPSILON)
    opened = (sold > lower + _EPSILON) & (sold < upper - _EPSILON)
    return closed.astype(np.float64), opened.astype(np.float64)


def covered(demand: Values, stock: Values) -> tuple[Values, Values]:
    """Return whether stock (N,) covers a demand (1 or 0): ties counted as covered, and as not."""
    return (demand <= stock + _EPSILON).astype(np.float64), (demand < stock - _EPSILON).astype(np.float64)


def randomised_pit(sold: Values, quantiles: Values, levels: Values, lot: Values) -> Values:
    """Return the probability (N,) that the distribution gives to less than was sold; ties by ``lot`` (N,).

    ``quantiles`` (N, q) are at rising ``levels`` (q,), interpolated linearly and ending at 0 and 1. Of a
    calibrated distribution the values are uniform, however many zeros there are. Source: Czado, Gneiting,
    Held 2009.
    """
    below = (quantiles < sold[:, None] - _EPSILON).sum(axis=1)
    up_to = (quantiles <= sold[:, None] + _EPSILON).sum(axis=1)
    ends = np.concatenate([[0.0], levels, [1.0]])
    last = len(levels)
    wide = np.concatenate([quantiles[:, :1], quantiles, quantiles[:, -1:]], axis=1)
    row = np.arange(len(sold))
    low, high = wide[row, below], wide[row, np.minimum(below + 1, last + 1)]
    share = np.divide(sold - low, high - low, out=np.full(len(sold), 0.5), where=high - low > _EPSILON)
    between = ends[below] + np.clip(share, 0, 1) * (ends[np.minimum(below + 1, last + 1)] - ends[below])
    # A tie with the outermost quantile holds all of the tail beyond it.
    first = np.where(below == 0, 0.0, ends[np.minimum(below + 1, last + 1)])
    final = np.where(up_to == last, 1.0, ends[up_to])
    ties = first + lot * (final - first)
    pit: Values = np.where(up_to > below, ties, between)
    return pit
