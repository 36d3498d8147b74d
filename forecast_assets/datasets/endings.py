"""Where the sales of a store and of its series end, and which days nobody knows anything of.

Belongs here: days that a whole store did not deliver, late deliveries, products that are no longer sold.
Does not belong here: making sales dense (``panels``), the verdict on a series (``availability``).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Ints, Mask, Units
from forecast_assets.forecasting.core.frequency import DAY, Frequency

# A product is no longer sold after so many days without a sale, or so many times its longest usual gap.
_END_DAYS, _END_GAPS = 60, 4
# A store that has delivered nothing for a quarter is not late.
_STORE_DAYS = 91
# One gap out of so many may be a closure or a stock-out; then the longest gap that came twice is the usual.
_MANY_GAPS = 10
# A store whose rows hold fewer zeros than this delivers only what it sold.
_ZEROS = 0.01
_IMPROBABLE = 1e-4

Rows = NDArray[np.uint32]
Days = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Endings:
    """How n series of one store end; positions of days, ``newest`` is the last day that the store delivered.

    ``last_sale`` (n,) is -1 for a series that never sold; ``silent`` (n,) counts days from there to
    ``newest``. ``ended`` (n,): no longer sold. ``filled`` (n,): days without a row after its last one count
    as zero; elsewhere the delivery looks late.
    """

    newest: int
    last_sale: Ints
    silent: Ints
    ended: Mask
    filled: Mask


def changes(rows: Rows) -> Mask:
    """Where a row differs from the one before it; the first one does."""
    changed = np.ones(len(rows), np.bool_)
    np.not_equal(rows[1:], rows[:-1], out=changed[1:])
    return changed


def observed_days(rows: Rows, days: Days, units: Units, width: int) -> Mask:
    """Days (width,) of which a store's sales are known: delivered, or likely without a sale.

    A store that delivers its zeros says nothing of a day without any row. One that delivers only sales had
    none on such days, unless its series sell so often that a stretch without one is no chance.
    """
    is_known = ~np.isnan(units) & (days < width)
    delivered = np.zeros(width, np.bool_)
    delivered[days[is_known]] = True
    if delivered.all() or not is_known.any():
        return delivered
    if (units[is_known] == 0).mean() >= _ZEROS:
        return delivered
    # The logarithm of the chance that no series sells, day by day, of those between first and last sale.
    sold = is_known & (units > 0)
    at = np.flatnonzero(changes(rows[sold]))
    if not at.size:
        return delivered
    begin, end = days[sold][at], days[sold][np.append(at[1:], sold.sum()) - 1]
    times, span = np.diff(np.append(at, sold.sum())), end - begin + 1
    chance = np.log((span - times + 1) / (span + 1))
    steps = np.zeros(width + 1)
    np.add.at(steps, begin, chance)
    np.add.at(steps, end + 1, -chance)
    by_day = np.cumsum(steps)[:width]
    newest = int(np.flatnonzero(delivered)[-1])
    empty = ~delivered
    empty[newest + 1 :] = False
    run = np.cumsum(changes(empty.astype(np.uint32)))
    together = np.bincount(run, np.where(empty, by_day, 0))[run]
    possible: Mask = delivered | (empty & (together >= np.log(_IMPROBABLE)))
    return possible


def endings(  # noqa: PLR0917 - one value each
    rows: Rows, days: Days, units: Units, count: int, known_days: Mask, frequency: Frequency = DAY
) -> Endings:
    """Judge how ``count`` series end; ``known_days`` are the days of which their store's sales are known."""
    width = len(known_days)
    newest = int(np.flatnonzero(known_days)[-1]) if known_days.any() else -1
    sold = (units > 0) & (days < width)
    of, at = rows[sold], days[sold]
    starts = np.flatnonzero(changes(of))
    last_sale = np.full(count, -1, np.int64)
    last_sale[of] = at  # days of a series rise: the last one stays
    gap = np.zeros(count, np.int64)
    if len(of):
        step = np.diff(at, prepend=0).astype(np.int64)
        step[starts] = 0
        gap[of[starts]] = _usual(step, starts)
    # Days on which it could not be sold do not count.
    shut = np.isnan(units) & (days <= newest) & (days > last_sale[rows])
    unsold = np.bincount(rows[shut], minlength=count)
    silent = np.where(last_sale >= 0, newest - last_sale - unsold, 0)
    limit = np.maximum(frequency.periods(_END_DAYS), _END_GAPS * gap)
    open_before = np.append(0, np.cumsum(known_days))
    silent_open = open_before[newest + 1] - open_before[last_sale + 1] - unsold
    late_store = width - 1 - newest >= frequency.periods(_STORE_DAYS)
    ended = (last_sale >= 0) & (((silent >= limit) & (2 * silent_open >= limit)) | late_store)
    return Endings(newest, last_sale, silent, ended, ended | (silent <= _END_GAPS * gap))


def _usual(step: Ints, starts: Ints) -> Ints:
    """The longest gap of every series, or of many gaps the second longest."""
    longest = np.maximum.reduceat(step, starts)
    count = np.diff(np.append(starts, len(step))) - 1
    of = np.repeat(np.arange(len(starts)), count + 1)
    peak = np.flatnonzero(step == longest[of])
    once = step.copy()
    once[peak[changes(of[peak].astype(np.uint32))]] = 0
    second = np.maximum.reduceat(once, starts)
    return np.where(count >= _MANY_GAPS, second, longest)
