"""What looks wrong in the sales of a dataset, though no rule forbids it?

Belongs here: the suspicions, each with its severity and what to do about it, for all series of a panel.
Does not belong here: what makes sales invalid (they are refused on the way in) and counting missing rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Mask, Values
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.forecasting.core.zero_runs import LONGEST_STOCKOUT, zero_runs

Severity = Literal["error", "warning", "info"]

RECENT_DAYS = 28
HISTORY_DAYS = 365
_SPIKE = 8.0
_MAD_TO_DEVIATION = 1.4826
# What happened before is no surprise.
_RECORD = 1.5
_JUMP = 0.5
# A level that changes by less is a season.
_SHIFT, _LEVEL = 3.0, 1.0
_FEWEST_PROMOTED = 7


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One kind of doubt, how bad it is, and what a planner should do about it."""

    name: str
    severity: Severity
    action: str


STOCKOUT = Suspicion(
    "suspected_stockout", "warning", "check the stock of these days; mark them as stocked out if it was empty"
)
ZERO_RUN = Suspicion(
    "long_zero_run", "warning", "ask whether it is still on sale; end it in the source if it is delisted"
)
SPIKE = Suspicion("spike", "warning", "check these days for a typing error or a bulk order without promotion")
PRICE = Suspicion("price_jump", "info", "confirm the new price, or correct it in the source")
NO_PRICE = Suspicion("impossible_price", "error", "correct the price in the source; it must be above zero")
NO_LIFT = Suspicion("promotion_without_lift", "info", "check whether the promotion days are marked right")
MISSING = Suspicion("missing_dates", "warning", "deliver the missing rows; they count as days without sales")
SILENT = Suspicion("stale_series", "info", "check the delivery of this series; the others are newer")
SHUT = Suspicion(
    "calendar_gap", "warning", "mark these days as closed, or deliver the rows: nothing at all was sold"
)
SHIFTED = Suspicion("level_shift", "info", "ask whether it stays; what was learned before may no longer hold")
SUSPICIONS = (NO_PRICE, SHUT, STOCKOUT, ZERO_RUN, SHIFTED, SPIKE, MISSING, PRICE, NO_LIFT, SILENT)


@dataclass(frozen=True, slots=True)
class Finding:
    """A suspicion about one series (row of the panel): from day to day (positions), how much, in words."""

    suspicion: Suspicion
    row: int
    first: int
    last: int
    detail: str


def findings(panel: Panel, stores: NDArray[np.str_]) -> Iterator[Finding]:
    """Yield what is suspicious about each series, store by store.

    ``stores`` (n,) names the store of each series; series of a store are neighbours. Spikes and prices are
    looked for in the last 28 days, against the last 365, stretches of zeros in all of these. A day without a
    sale in a whole store is told once, of its first series, and is no fault of the others.
    """
    changes = [0, *(np.flatnonzero(stores[1:] != stores[:-1]) + 1).tolist(), len(stores)]
    for start, end in pairwise(changes if len(stores) else []):
        block = _Block(panel.take(np.arange(start, end)), start)
        for search in (_gaps, _zeros, _levels, _spikes, _prices, _promotions, _silence):
            yield from search(block)


class _Block:
    """The newest days of some series, the recent ones last; ``offset`` is the position of the first."""

    def __init__(self, panel: Panel, start: int) -> None:
        self.start = start
        self.period = panel.frequency
        self.late = panel.frequency.periods(RECENT_DAYS)
        self.offset = max(0, panel.days - panel.frequency.periods(HISTORY_DAYS))
        self.last = panel.last
        self.days = panel.days
        self.units = panel.units[:, self.offset :].astype(np.float64)
        self.known = {name: column[:, self.offset : panel.days] for name, column in panel.known.items()}
        self.recent = max(0, self.units.shape[1] - self.late)
        open_days = np.nansum(self.units, axis=0) > 0
        begun = open_days.argmax() if open_days.any() else len(open_days)
        # Days that were delivered, but on which a store of several series sold nothing.
        delivered = (~np.isnan(self.units)).sum(axis=0) > 1
        self.shut = ~open_days & delivered & (np.arange(len(open_days)) > begun)
        self.units[:, self.shut] = np.nan

    def finding(self, suspicion: Suspicion, row: int, first: int, last: int, detail: str) -> Finding:
        return Finding(
            suspicion, self.start + int(row), self.offset + int(first), self.offset + int(last), detail
        )

    def in_recent(self, marks: Mask) -> Iterator[tuple[int, int, int, int]]:
        """Yield (row, first, last, times) for every row with a mark on a recent day."""
        recent = marks[:, self.recent :]
        times = recent.sum(axis=1)
        first, last = recent.argmax(axis=1), recent.shape[1] - 1 - recent[:, ::-1].argmax(axis=1)
        for row in np.flatnonzero(times):
            yield int(row), self.recent + int(first[row]), self.recent + int(last[row]), int(times[row])


def _gaps(block: _Block) -> Iterator[Finding]:
    for _, first, last, times in block.in_recent(block.shut[None]):
        detail = f"{block.period.count(times)} without a sale in the whole store"
        yield block.finding(SHUT, 0, first, last, detail)


def _zeros(block: _Block) -> Iterator[Finding]:
    """Stretches of zeros in the last year that the days around them make improbable."""
    runs = zero_runs(block.units.astype(np.float32))
    for row, first, end, sales, around in zip(*(part.tolist() for part in runs), strict=True):
        detail = (
            f"{block.period.count(end - first)} without a sale, though it sold in {sales:,} of "
            f"{block.period.count(around)} around them"
        )
        suspicion = STOCKOUT if end - first < block.period.periods(LONGEST_STOCKOUT) else ZERO_RUN
        yield block.finding(suspicion, row, first, end - 1, detail)


def _levels(block: _Block) -> Iterator[Finding]:
    """A level of the last 28 days that is several times, or a fraction of, the one of the days before."""
    lately = _mean(block.units, np.isfinite(block.units) & (np.arange(block.units.shape[1]) >= block.recent))
    begin = block.recent - 2 * block.late
    past = np.arange(block.units.shape[1])
    before = _mean(block.units, np.isfinite(block.units) & (past >= begin) & (past < block.recent))
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(lately > before, lately / before, before / lately)
    strong = np.maximum(lately, before) >= _LEVEL
    for row in np.flatnonzero(strong & np.isfinite(factor) & (factor >= _SHIFT)).tolist():
        lasts = f"in the last {block.period.count(block.late)}"
        detail = f"{lately[row]:,.1f} units a {block.period.name} {lasts}, {before[row]:,.1f} before"
        yield block.finding(SHIFTED, row, block.recent, block.units.shape[1] - 1, detail)


def _spikes(block: _Block) -> Iterator[Finding]:
    units = block.units
    middle = _median(units)
    deviation = _MAD_TO_DEVIATION * _median(np.abs(units - middle[:, None]))
    # Counts vary by the root of their level at least, so a series of ones and twos has no spike of three.
    scale = np.maximum(deviation, np.sqrt(np.maximum(middle, 1)))
    record = np.fmax.reduce(units[:, : block.recent], axis=1, initial=0)
    marks = units > np.maximum(middle + _SPIKE * scale, _RECORD * record)[:, None]
    if "promo" in block.known:
        marks &= ~(block.known["promo"] > 0)
    for row, first, last, times in block.in_recent(marks):
        most = np.nanmax(np.where(marks[row], units[row], np.nan))
        detail = f"{block.period.count(times)} of up to {most:g} units, where {middle[row]:g} are usual"
        yield block.finding(SPIKE, row, first, last, detail)


def _prices(block: _Block) -> Iterator[Finding]:
    price = block.known.get("price")
    if price is None:
        return
    seen = ~np.isnan(block.units)
    for row, first, last, times in block.in_recent(seen & (price <= 0)):
        detail = f"{block.period.count(times)} with a price of zero or less"
        yield block.finding(NO_PRICE, row, first, last, detail)
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.abs(np.log(price[:, 1:] / price[:, :-1]))
    marks = np.pad(np.isfinite(step) & (step > np.log1p(_JUMP)), [(0, 0), (1, 0)])
    if "promo" in block.known:
        # A promotion lowers the price on purpose, on its first day and back after its last.
        promoted = block.known["promo"] > 0
        marks &= ~promoted & ~np.pad(promoted, [(0, 0), (1, 0)])[:, :-1]
    for row, first, last, _ in block.in_recent(marks):
        detail = f"from {price[row, last - 1]:g} to {price[row, last]:g}"
        yield block.finding(PRICE, row, first, last, detail)


def _promotions(block: _Block) -> Iterator[Finding]:
    promo = block.known.get("promo")
    if promo is None:
        return
    seen = ~np.isnan(block.units)
    promoted, plain = seen & (promo > 0), seen & ~(promo > 0)
    on, off = (_mean(block.units, days) for days in (promoted, plain))
    enough = (promoted.sum(axis=1) >= _FEWEST_PROMOTED) & (plain.sum(axis=1) >= _FEWEST_PROMOTED)
    for row in np.flatnonzero(enough & (off > 0) & (on <= off)).tolist():
        days = np.flatnonzero(promoted[row])
        period = block.period.name
        detail = (
            f"{on[row]:,.2f} units a {period} in {len(days):,} {period}s with a promotion, {off[row]:,.2f} "
            "in others"
        )
        yield block.finding(NO_LIFT, row, days[0], days[-1], detail)


def _silence(block: _Block) -> Iterator[Finding]:
    late = block.days - 1 - block.last
    for row in np.flatnonzero((block.last >= 0) & (late >= block.late)).tolist():
        first = max(int(block.last[row]) + 1 - block.offset, 0)
        detail = f"no row for {block.period.count(int(late[row]))} while the dataset went on"
        yield block.finding(SILENT, row, first, block.days - 1 - block.offset, detail)


def _median(values: Values) -> Values:
    """Median over the last axis without NaN; NaN for a row without a number."""
    ordered = np.sort(values, axis=1)
    count = (~np.isnan(values)).sum(axis=1)
    low, high = np.maximum((count - 1) // 2, 0), np.maximum(count // 2, 0)
    high = np.minimum(high, values.shape[1] - 1)
    rows = np.arange(len(values))
    middle: Values = np.where(count > 0, (ordered[rows, low] + ordered[rows, high]) / 2, np.nan)
    return middle


def _mean(values: Values, days: Mask) -> Values:
    count = days.sum(axis=1)
    total = np.where(days, values, 0).sum(axis=1)
    mean: Values = np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)
    return mean
