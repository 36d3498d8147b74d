"""Demand over a lead time: a distribution of its own, because the errors of neighbouring days go together.

Belongs here: sums over sliding windows inside folds, tables of their errors, quantiles for any lead time.
Does not belong here: errors of single days (``distribution``) and what to order (``stock``).

Source: Trapero, Cardos, Kourentzes 2019: safety stock belongs to the error of the cumulative demand.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Floats, Mask, Values
from forecast_assets.forecasting.core.distribution import ErrorTable

LEADS = (1, 2, 3, 5, 7, 10, 14, 21, 28, 42, 56, 90)
_LEAST_SHARE_OBSERVED = 0.5


class Windows:
    """Sums over sliding windows of several arrays on the same usable days, for any number of days.

    ``values`` and ``usable`` are (..., h); days that are not usable (a closed shop) add nothing, and windows
    in which fewer than half of the days are usable do not count.
    """

    def __init__(self, usable: Mask, *values: NDArray[np.floating]) -> None:
        self._usable = np.cumsum(usable, axis=-1, dtype=np.float64)
        self._values = [np.cumsum(np.where(usable, one, 0).astype(np.float64), axis=-1) for one in values]

    def of(self, days: int) -> tuple[Mask, list[Values]]:
        """Return which windows of ``days`` days count, and the sums of each array: (..., h - days + 1)."""
        counted = _sliding(self._usable, days) >= max(1, days * _LEAST_SHARE_OBSERVED)
        return counted, [_sliding(one, days) for one in self._values]


def window_sums(values: NDArray[np.floating], usable: Mask, days: int) -> tuple[Values, Mask]:
    """Return the sums of ``Windows`` over every run of ``days`` days, and which of them count."""
    counted, (sums,) = Windows(usable, values).of(days)
    return sums, counted


def _sliding(total: Values, days: int) -> Values:
    """Return sums over runs of ``days`` days of what running sums ``total`` (..., h) add up."""
    sums = total[..., days - 1 :].copy()
    sums[..., 1:] -= total[..., :-days]
    return sums


@dataclass(frozen=True, slots=True, eq=False)
class LeadTables:
    """Error tables of sums by their number of days: what the folds say of demand over a lead time."""

    by_days: Mapping[int, ErrorTable]

    @classmethod
    def learn(
        cls,
        curve: Floats,
        actual: Floats,
        usable: Mask,
        *,
        whole: bool = False,
        leads: tuple[int, ...] = LEADS,
    ) -> Self:
        """Learn from a ``curve`` and what was sold, both (n, k, h), on ``usable`` days."""
        tables, windows = {}, Windows(usable, curve, actual)
        for days in leads:
            if days > curve.shape[-1]:
                break
            counted, (expected, sold) = windows.of(days)
            table = ErrorTable.learn(expected[counted], sold[counted], whole=whole)
            if table is not None:
                tables[days] = table
        return cls(tables)

    def quantiles(
        self,
        sums: Values,
        days: int,
        probabilities: Values,
        *,
        spread: Values | float = 1.0,
    ) -> Values:
        """Return units (n, q) at ``probabilities`` (q,) of demand over ``days`` whose curve sums to ``sums``.

        Lead times between those that were learned are interpolated on a logarithmic scale of days; beyond
        the longest one errors grow as they did up to it, between the square root of days and days.
        Raises ``ValueError`` without any table.
        """
        if not self.by_days:
            raise ValueError("no lead time was learned")
        leads = np.array(sorted(self.by_days))
        if days in self.by_days:
            return self.by_days[days].quantiles(sums, probabilities, spread=spread)
        above = int(np.searchsorted(leads, days))
        if above == len(leads):
            grown = spread * (days / leads[-1]) ** self._growth()
            return self.by_days[int(leads[-1])].quantiles(sums, probabilities, spread=grown)
        if above == 0:
            return self.by_days[int(leads[0])].quantiles(sums, probabilities, spread=spread)
        low, high = int(leads[above - 1]), int(leads[above])
        share = np.log(days / low) / np.log(high / low)
        ends = (self.by_days[one].quantiles(sums, probabilities, spread=spread) for one in (low, high))
        lower, upper = ends
        mixed: Values = (1 - share) * lower + share * upper
        return mixed

    def expected(self, sums: Values, days: int) -> Values:
        """Return the expected units (n,) over ``days`` whose curve sums to ``sums`` (n,)."""
        leads = np.array(sorted(self.by_days))
        nearest = int(leads[np.abs(np.log(leads / days)).argmin()])
        return self.by_days[nearest].expected(sums)

    def extrapolates(self, days: float) -> bool:
        """Return whether ``days`` lie beyond every lead time that was learned."""
        return days > max(self.by_days)

    def _growth(self) -> float:
        """By which power of days scaled errors grew over the second half of what was learned: 0 to 0.5."""
        longest = max(self.by_days)
        middle = min(self.by_days, key=lambda days: abs(days - longest / 2))
        if middle == longest:
            return 0.0
        size = [float(np.median(self.by_days[days].size)) for days in (middle, longest)]
        if min(size) <= 0:
            return 0.0
        return float(np.clip(np.log(size[1] / size[0]) / np.log(longest / middle), 0, 0.5))

    def to_json(self) -> dict[str, Any]:
        """Return plain numbers that ``from_json`` reads back."""
        return {str(days): table.to_json() for days, table in self.by_days.items()}

    @classmethod
    def from_json(cls, parts: Mapping[str, Any]) -> Self:
        """Return the tables that ``to_json`` wrote."""
        return cls({int(days): ErrorTable.from_json(table) for days, table in parts.items()})
