"""Sums over any stretch of days from one pass over a series.

Belongs here: running sums and counts, means between two positions, and the newest position before another.
Does not belong here: which stretches matter; features decide that.

Everything runs along the last axis in float64: a series sums to the same bits whatever stands beside it.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Ints, Values

Counts = NDArray[np.int32]
_Number = TypeVar("_Number", np.int32, np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Running:
    """Sums and counts of the observed values before each position; both (series, width + 1)."""

    total: Values
    seen: Counts

    def between(self, rows: Ints, begin: Ints, end: Ints) -> tuple[Values, Counts]:
        """Sum and count over the positions ``[begin, end)``; those below 0 hold nothing."""
        # One flat index serves all four lookups, at half the cost of four pairs.
        offset = rows * self.total.shape[1]
        low, high = offset + np.maximum(begin, 0), offset + np.maximum(end, 0)
        total, seen = self.total.ravel(), self.seen.ravel()
        return total[high] - total[low], seen[high] - seen[low]

    def mean(self, rows: Ints, begin: Ints, end: Ints) -> Values:
        """Mean over the positions ``[begin, end)``, NaN where nothing was observed."""
        return ratio(*self.between(rows, begin, end))


def running(filled: NDArray[np.floating], observed: NDArray[np.bool_]) -> Running:
    """Sum ``filled`` (series, width), 0 where it was not ``observed``."""
    total = np.cumsum(filled, axis=1, dtype=np.float64)
    return Running(before(total, 0), before(np.cumsum(observed, axis=1, dtype=np.int32), 0))


def before(running: NDArray[_Number], start: int) -> NDArray[_Number]:
    """Shift (series, width) to (series, width + 1): what stands at a position leaves out its own day."""
    return np.concatenate([np.full((len(running), 1), start, running.dtype), running], axis=1)


def ratio(above: Values, below: Values | Counts) -> Values:
    """``above / below``, NaN unless ``below`` is positive."""
    shape = np.broadcast_shapes(above.shape, below.shape)
    quotient: Values = np.divide(above, below, out=np.full(shape, np.nan), where=np.asarray(below > 0))
    return quotient
