"""How good were forecasts, now that the days they were about have come?

Belongs here: adding up the errors of stored forecasts per series and range of lead.
Does not belong here: where forecasts and sales are stored, metrics of backtests (``metrics``).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Ints, Values
from forecast_assets.forecasting.core.metrics import BUCKETS

ALL = "all"
RANGES = (ALL, *BUCKETS)
CLAIMED = ("wape", "bias")
_LATEST = np.iinfo(np.int64).max


class Scores:
    """Running sums over forecasts of n series, in ranges of lead (n, ranges).

    ``wrong``: absolute errors, ``sold``: units, ``missed``: actual minus forecast, ``days`` scored,
    ``forecasts`` with a scored day, ``first`` and ``last`` scored position of the panel's calendar;
    ``_claims`` and ``_claimed_days`` weigh what was claimed by the scored days.
    """

    def __init__(self, series: int) -> None:
        shape = (series, len(RANGES))
        self.wrong, self.sold, self.missed = (np.zeros(shape) for _ in range(3))
        self.days, self.forecasts = (np.zeros(shape, np.int64) for _ in range(2))
        self.first, self.last = np.full(shape, _LATEST), np.full(shape, -1, np.int64)
        self._claims = {metric: np.zeros(shape) for metric in CLAIMED}
        self._claimed_days = {metric: np.zeros(shape, np.int64) for metric in CLAIMED}

    def add(
        self,
        rows: Ints,
        actual: NDArray[np.floating],
        forecast: NDArray[np.floating],
        at: int,
        claimed: Mapping[str, Values],
    ) -> None:
        """Score one forecast (r, h) for each of the distinct series ``rows`` (r,).

        ``claimed`` holds (r, ranges) by metric, what was claimed when it was made, NaN where nothing was.

        Its first day is position ``at``; ``actual`` (r, h) is NaN where nothing was observed or the day has
        not come, which is not scored.
        """
        scored = ~np.isnan(actual) & np.isfinite(forecast)
        truth = np.where(scored, actual, 0).astype(np.float64)
        error = truth - np.where(scored, forecast, 0)
        day = at + np.arange(actual.shape[1])
        for place, name in enumerate(RANGES):
            low, high = (1, None) if name == ALL else BUCKETS[name]
            lead = slice(low - 1, high)
            is_known = scored[:, lead]
            if not is_known.any():
                continue
            some = is_known.any(axis=1)
            self.wrong[rows, place] += np.abs(error[:, lead]).sum(axis=1)
            self.sold[rows, place] += np.abs(truth[:, lead]).sum(axis=1)
            self.missed[rows, place] += error[:, lead].sum(axis=1)
            self.days[rows, place] += is_known.sum(axis=1)
            for metric in CLAIMED:
                claim = claimed[metric][:, place]
                days = np.where(np.isnan(claim), 0, is_known.sum(axis=1))
                self._claims[metric][rows, place] += np.nan_to_num(claim) * days
                self._claimed_days[metric][rows, place] += days
            self.forecasts[rows, place] += some
            early = np.where(is_known, day[lead], _LATEST).min(axis=1)
            late = np.where(is_known, day[lead], -1).max(axis=1)
            self.first[rows, place] = np.minimum(self.first[rows, place], early)
            self.last[rows, place] = np.maximum(self.last[rows, place], late)

    def live(self) -> "Live":
        """The metrics of every series and range (n, ranges)."""
        return Live(
            _share(100 * self.wrong, self.sold), _share(self.wrong, self.days), _share(self.missed, self.days)
        )

    def claimed(self) -> dict[str, Values]:
        """Mean of what was claimed (n, ranges) by metric, NaN where nothing was."""
        return {metric: _share(self._claims[metric], self._claimed_days[metric]) for metric in CLAIMED}

    def total(self) -> "Live":
        """The metrics of all series together (ranges,)."""
        wrong, sold, missed, days = (
            values.sum(axis=0) for values in (self.wrong, self.sold, self.missed, self.days)
        )
        return Live(_share(100 * wrong, sold), _share(wrong, days), _share(missed, days))


@dataclass(frozen=True, slots=True, eq=False)
class Live:
    """``wape`` in percent, ``mae`` and ``bias`` (actual minus forecast) in units a period, or NaN."""

    wape: Values
    mae: Values
    bias: Values


def _share(above: Values, below: Values | Ints) -> Values:
    quotient: Values = np.divide(above, below, out=np.full(above.shape, np.nan), where=np.asarray(below > 0))
    return quotient
