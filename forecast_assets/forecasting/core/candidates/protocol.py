"""What every candidate that forecasts a series from its own past can do.

Belongs here: the one method the engine calls, and the reading rule that all candidates share.
Does not belong here: a forecasting method; the global model, which learns from many series at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from forecast_assets.forecasting.core.arrays import Positions, Units
from forecast_assets.forecasting.core.panel import Panel


class Candidate(Protocol):
    """A forecasting method over a slice of the panel; the answer of a row never depends on other rows."""

    @property
    def name(self) -> str:
        """The model type a planner chooses it by."""

    def predict(self, panel: Panel, cutoffs: Positions, horizon: int, window: int | None = None) -> Units:
        """Forecast every series from every cutoff.

        ``cutoffs`` is (k,) numbers of visible days, strictly rising, 0 to the days of the panel; ``window``
        limits the visible days to the newest so many before a cutoff. Returns (n, k, horizon) units per day,
        never negative: day j is calendar position ``cutoff + j``. NaN where there is too little history.
        Unobserved days are never learned from; of the days after a cutoff only the columns that are known
        ahead may be read.
        """


@dataclass(frozen=True, slots=True)
class History:
    """The days ``begin`` to ``end`` (half-open) serve the folds ``first`` to ``last`` (half-open).

    ``stops`` are the cutoffs of these folds, counted from ``begin``; the last one equals ``end - begin``.
    """

    begin: int
    end: int
    first: int
    last: int
    stops: Positions


def histories(cutoffs: Positions, window: int | None) -> Iterator[History]:
    """Yield what to read: one shared past without a window, else one slice per cutoff."""
    if window is None:
        if cutoffs.size:
            yield History(0, int(cutoffs[-1]), 0, cutoffs.size, cutoffs)
        return
    for fold, cutoff in enumerate(cutoffs.tolist()):
        begin = max(0, cutoff - window)
        yield History(begin, cutoff, fold, fold + 1, np.array([cutoff - begin], np.int64))


def unknown(units: Units, cutoffs: Positions, horizon: int, window: int | None) -> Units:
    """Check the arguments of ``predict`` and return its (n, k, horizon) result, still all NaN.

    Raises ``ValueError`` when a position cannot be right.
    """
    if cutoffs.ndim != 1 or (np.diff(cutoffs) <= 0).any():
        raise ValueError(f"cutoffs must rise strictly: {cutoffs.tolist()}")
    if cutoffs.size and not 0 <= cutoffs[0] <= cutoffs[-1] <= units.shape[1]:
        raise ValueError(f"cutoffs {cutoffs.tolist()} do not lie in {units.shape[1]} days")
    if horizon < 1 or (window is not None and window < 1):
        raise ValueError(f"horizon {horizon} and window {window} must be at least 1")
    return np.full((units.shape[0], cutoffs.size, horizon), np.nan, np.float32)


def blocks(count: int, size: int) -> Iterator[slice]:
    """Cut ``count`` rows into slices of at most ``size``: bounds the memory, never changes a result."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
