"""Which period does a row of sales cover: a day, a week or a month?

Belongs here: telling it from the dates of the rows, and refusing files that mix periods.
Does not belong here: what follows from a period (``forecasting.core.frequency``).

Only dates on which units were observed speak. Daily files without their zero rows have weeks with one row, so
that a period is found only where all rows of a store keep to it.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forecast_assets.errors import BadSales, listed
from forecast_assets.forecasting.core.frequency import DAY, MONTH, WEEK, Frequency, FrequencyName

# Fewer dates than this fit any period by chance.
_FEWEST_DATES = 5
# So many neighbouring weeks with one date on one weekday, or dates more than a week apart, are no chance.
_FEWEST_WEEKS = 8
_LEAST_FILLED = 0.5
# The last working day of a month is one of its last four days: a weekend and a holiday may follow.
_LONGEST_CLOSURE = 4


@dataclass(frozen=True, slots=True)
class Spacing:
    """The period that the rows of a store keep to, with their first two dates; ``None`` where all fit.

    ``wide`` says how far apart rows are that may as well cover longer periods than ``frequency``.
    """

    frequency: Frequency | None
    dates: tuple[dt.date, ...]
    wide: str | None = None


def spacing_of(days: pl.Series) -> Spacing:
    """Return the spacing of the observed dates of one store, in any order."""
    numbers: NDArray[np.int64] = np.unique(days.to_physical().to_numpy()).astype(np.int64)
    dates = numbers.astype("datetime64[D]")
    examples = tuple(day.item() for day in dates[:2])
    if len(dates) < _FEWEST_DATES:
        return Spacing(None, examples)
    gaps = np.diff(numbers)
    weeks, rest = np.divmod(gaps, 7)
    if not rest.any() and (weeks == 1).sum() >= _LEAST_FILLED * weeks.sum():
        return Spacing(WEEK, examples)
    months = dates.astype("datetime64[M]")
    if len(np.unique(months)) == len(dates) and _same_place(dates, months):
        step = int(np.gcd.reduce(np.diff(months.astype(np.int64))))
        return Spacing(MONTH, examples, None if step == 1 else f"{MONTH.count(step)} apart")
    if gaps.min() > WEEK.days and len(dates) >= _FEWEST_WEEKS:
        least, most = int(gaps.min()), int(gaps.max())
        apart = DAY.count(least) if least == most else f"{least} to {DAY.count(most)}"
        return Spacing(DAY if rest.any() else WEEK, examples, f"{apart} apart")
    gaps_are_weeks = gaps == 7  # noqa: PLR2004 - a week
    last = (dates + 1).astype("datetime64[M]") != months
    gaps_are_months = (np.diff(months.astype(np.int64)) == 1) & (
        (np.diff((dates - months.astype("datetime64[D]")).astype(np.int64)) == 0) | (last[1:] & last[:-1])
    )
    for period, are_apart in (("week", gaps_are_weeks), ("month", gaps_are_months)):
        if (stretch := _stretch(dates, are_apart)) is not None:
            raise _Mixed(period, stretch, dates)
    return Spacing(DAY, examples)


class _Mixed(Exception):
    """The rows of one store change their spacing: dates of a longer period, and others."""

    def __init__(self, period: str, stretch: NDArray[np.datetime64], dates: NDArray[np.datetime64]) -> None:
        rest = np.setdiff1d(dates, stretch)
        gaps = np.diff(rest.astype(np.int64))
        near = rest[int(gaps.argmin()) :][:2]
        finer = "day" if gaps.min() < WEEK.days else "week"
        super().__init__(
            f"one a {period} on {listed([str(day) for day in stretch[:3]])}, "
            f"one a {finer} on {listed([str(day) for day in near])}"
        )


def _same_place(dates: NDArray[np.datetime64], months: NDArray[np.datetime64]) -> bool:
    """Whether all dates are the same day of their months, or the first or last working day."""
    day = (dates - months.astype("datetime64[D]")).astype(np.int64) + 1
    last = (dates + _LONGEST_CLOSURE).astype("datetime64[M]") != months
    return bool((day == day[0]).all() or last.all() or (day <= _LONGEST_CLOSURE).all())


def _stretch(dates: NDArray[np.datetime64], are_apart: NDArray[np.bool_]) -> NDArray[np.datetime64] | None:
    """The longest run of dates a longer period apart, if it is long and so are stretches of a shorter one."""
    gaps = np.diff(dates.astype(np.int64))
    shorter = gaps == (1 if (gaps == 1).sum() >= _FEWEST_WEEKS else WEEK.days)
    if (shorter & ~are_apart).sum() < _FEWEST_WEEKS:
        return None
    edges = np.flatnonzero(np.diff(np.concatenate([[0], are_apart.astype(np.int8), [0]])))
    if not edges.size:
        return None
    begins, ends = edges[::2], edges[1::2]
    longest = int((ends - begins).argmax())
    if ends[longest] - begins[longest] < _FEWEST_WEEKS:
        return None
    return dates[begins[longest] : ends[longest] + 1]


def frequency_of(
    source: str, stores: Mapping[str, pl.Series], declared: FrequencyName | None = None
) -> Frequency:
    """Return the frequency that the observed dates of all stores keep to, a day where none is clear.

    ``stores``: dates by store id. Raises ``BadSales`` naming stores or dates that keep to different periods,
    or rows that may cover longer ones than any that is forecast, unless their period is ``declared``.
    """
    spacings: dict[str, Spacing] = {}
    for store, days in stores.items():
        try:
            spacings[store] = spacing_of(days)
        except _Mixed as mixed:
            raise BadSales(
                f"{source}: the rows of store {store!r} have no common spacing: {mixed}",
                remedy="deliver all rows by the same period, or load each part as a dataset of its own",
            ) from None
    kinds: dict[Frequency, str] = {}
    wide: dict[Frequency, str] = {}
    for store, one in spacings.items():
        if one.frequency is not None:
            (kinds if one.wide is None else wide)[one.frequency] = store
    if not kinds and wide and declared is None:
        frequency, store = next(iter(wide.items()))
        one = spacings[store]
        raise BadSales(
            f"{source}: the rows of store {store!r} are {one.wide} ({' and '.join(map(str, one.dates))}), "
            "and sales are forecast by day, week or month",
            remedy=f"export sales by day, week or month; where the {frequency.name}s between sold nothing, "
            f"--frequency {frequency.name}",
        )
    # Few sales of one store say nothing against the period of the others that they fit into.
    kinds |= {one: store for one, store in wide.items() if not kinds.keys() & {one, DAY}}
    if len(kinds) > 1:
        examples = [
            f"store {store!r} by {kind.name} ({' and '.join(map(str, spacings[store].dates))})"
            for kind, store in sorted(kinds.items(), key=lambda item: item[0].name)
        ]
        raise BadSales(
            f"{source}: stores deliver by different periods: {listed(examples)}",
            remedy="load the stores of each period as a dataset of its own, or add up the finer ones",
        )
    return next(iter(kinds), DAY)
