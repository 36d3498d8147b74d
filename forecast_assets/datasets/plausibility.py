"""Is a delivery what the sales before it lead one to expect, or did its sender make a mistake?

Belongs here: comparing new sales with the last good ones, in sentences.
Does not belong here: rows that break a rule (``rules``), and what is done with a doubt (``building``).

Every doubt is about many stores or series at once: one store, product or day may do anything. Limits were
set by replaying real deliveries, and how often they are wrong is measured by benchmarks/deliveries.py.
"""

import datetime as dt
import math
from collections.abc import Iterable, Iterator

import polars as pl

from forecast_assets.datasets.deliveries import PERIODS, Comparison, Delivery
from forecast_assets.errors import BadSales
from forecast_assets.forecasting.core.frequency import DAY, Frequency
from forecast_assets.stores.lake import Lake

# Fewer say nothing about a sender.
LEAST_STORES, LEAST_SERIES = 3, 20
_MISSING_STORES, _MISSING_SERIES, _NEW_SERIES = 0.3, 0.3, 0.3
_SCALE = 3.0
_EQUAL, _DOUBLED = 0.9, 0.9
_CHANGED = 0.3
_CORRECTED = 1.8
_SHIFTED, _STAYED = 0.8, 0.5
_ROWS_LEFT = 0.7
_DAYS_BACK = 3
# How many periods before a new one its copy may lie.
_LAGS = {"day": (1, 2, 7, 364, 365, 366), "week": (1, 2, 52), "month": (1, 2, 12)}
_UNITS = {"day": "d", "week": "w", "month": "mo"}
_SERIES = ["store", "product"]


class HeldBack(BadSales):
    """A delivery breaks no rule, but looks like a mistake of its sender; the sales before it stay in use."""


def examine(
    lake: Lake,
    compared: Comparison,
    before: tuple[Iterable[str], int],
    now: tuple[Iterable[str], dt.date | None, int],
) -> list[str]:
    """Return the doubts about sales ``now``: files, newest observed day and number of rows.

    Files are read where ``compared`` has not taken what is in them.
    """
    (old_files, old_rows), (new_files, newest, new_rows) = before, now
    old = compared.before.or_read(lake, old_files).delivery(old_rows)
    new = compared.now.or_read(lake, new_files).delivery(new_rows)
    return doubts(old, new, (compared.last, newest or compared.last), compared.frequency)


def hold_back(name: str, reasons: list[str], last: dt.date) -> HeldBack:
    """Return the refusal of a delivery of dataset ``name`` for the doubts that were found."""
    return HeldBack(
        f"the new sales of {name} are held back, those up to {last} stay in use: {'; '.join(reasons)}",
        remedy=f"ask their sender; if they are right: `forecast-assets evaluate {name} --accept`, or launch "
        "build_dataset with accept in the configuration of sales",
    )


def doubts(
    before: Delivery, now: Delivery, ends: tuple[dt.date, dt.date], frequency: Frequency = DAY
) -> list[str]:
    """Return what is suspicious about ``now`` in sentences; nothing where it is as expected.

    ``ends`` are the newest observed days of the two. Only days are compared by the day of the week.
    """
    last = ends[0]
    reasons = [*_shrunk(before, now, ends, frequency)]
    past = before.cells.filter(pl.col("date") <= last)
    dates = past["date"].unique().sort().tail(PERIODS)
    if reasons or dates.is_empty() or before.series.height < LEAST_SERIES:
        return reasons
    overlap = now.cells.filter(pl.col("date").is_in(dates.implode()))
    recent = past.filter(pl.col("date").is_in(dates.implode()))
    reasons += _rewritten(recent, overlap, frequency)
    if not reasons:
        redone = _redone(recent, overlap)
        usual = recent.filter(~pl.col("date").is_in(redone.implode()))
        again = overlap.filter(pl.col("date").is_in(redone.implode()))
        if not again.is_empty() and not usual.is_empty():
            reasons += _stores_missing(usual, again, frequency)
            reasons += _renumbered(before, usual, again)
            reasons += _scaled(usual, again, frequency)
    added = now.cells.filter(pl.col("date") > last)
    if not added.is_empty():
        reasons += _stores_missing(recent, added, frequency)
        reasons += _renumbered(before, recent, added)
        reasons += _scaled(recent, added, frequency)
        reasons += _copied(now.cells, added, frequency)
    return reasons


def _redone(recent: pl.DataFrame, overlap: pl.DataFrame) -> pl.Series:
    """Known periods that say something else than before, by more than corrections do; they count as new."""
    both = _side_by_side(recent, overlap).fill_null(0).filter(pl.col("units") > 0)
    changed = pl.col("units") != pl.col("units_now")
    ratio = (pl.col("units_now") / pl.col("units")).filter(changed).median()
    days = both.group_by("date").agg(pl.len(), share=changed.mean(), ratio=ratio)
    return days.filter(
        (pl.col("len") >= LEAST_SERIES)
        & (pl.col("share") > _CHANGED)
        & ~pl.col("ratio").is_between(1 / _CORRECTED, _CORRECTED)
    )["date"]


def _shrunk(
    before: Delivery, now: Delivery, ends: tuple[dt.date, dt.date], frequency: Frequency
) -> Iterator[str]:
    last, newest = ends
    if (last - newest).days > max(_DAYS_BACK, math.ceil(frequency.days)):
        yield f"its newest day is {newest}, and {last} was there before: is this an old file?"
    elif now.rows < _ROWS_LEFT * before.rows and before.series.height >= LEAST_SERIES:
        yield f"it has {now.rows:,} rows where {before.rows:,} were before"


def _rewritten(recent: pl.DataFrame, overlap: pl.DataFrame, frequency: Frequency) -> Iterator[str]:
    """Periods that were known before: do they say the same?"""
    both = _side_by_side(recent, overlap).fill_null(0)
    both = both.filter((pl.col("units") > 0) | (pl.col("units_now") > 0))
    if both.height < LEAST_SERIES:
        return
    changed = both.filter(pl.col("units") != pl.col("units_now"))
    share = changed.height / both.height
    yield from _doubled(both, frequency)
    if share <= _CHANGED:
        return
    for way in ("later", "earlier"):
        back = f"{'-' if way == 'later' else ''}1{_UNITS[frequency.name]}"
        moved = overlap.with_columns(pl.col("date").dt.offset_by(back))
        same = recent.join(moved, on=[*_SERIES, "date"], suffix="_now").filter(
            (pl.col("units") == pl.col("units_now")) & (pl.col("units") > 0)
        )
        if same.height >= _SHIFTED * recent.filter(pl.col("units") > 0).height and 1 - share < _STAYED:
            yield (
                f"what was sold {_in(frequency)} a {frequency.name} is now a {frequency.name} {way}: is its "
                "calendar shifted?"
            )
            return
    ratios = changed.filter((pl.col("units") > 0) & (pl.col("units_now") > 0))
    ratio = ratios.select((pl.col("units_now") / pl.col("units")).median()).item()
    # A sender who corrects its sales seldom doubles or halves most of them.
    if ratio is not None and not 1 / _CORRECTED < ratio < _CORRECTED:
        yield (
            f"{100 * share:,.0f} % of the last {frequency.name}s' sales that were known have changed, "
            f"to {ratio:,.2f} times what they were in the middle"
        )


def _side_by_side(recent: pl.DataFrame, overlap: pl.DataFrame) -> pl.DataFrame:
    """Cells of either frame with the units of both, null where one of them has none."""
    keys = [*_SERIES, "date"]
    # Frozen sales are sorted, and most nights add rows without taking any: a join would find the same.
    if recent.select(keys).equals(overlap.select(keys)):
        return recent.with_columns(units_now=overlap["units"])
    return recent.join(overlap, on=keys, how="full", coalesce=True, suffix="_now")


def _in(frequency: Frequency) -> str:
    return "on" if frequency == DAY else "in"


def _alike(frequency: Frequency) -> pl.Expr:
    """Which periods are compared with each other: days of the same weekday, all weeks, all months."""
    return pl.col("date").dt.weekday() if frequency == DAY else pl.lit(0, pl.Int8)


def _doubled(both: pl.DataFrame, frequency: Frequency) -> Iterator[str]:
    doubled = (
        both.group_by("date")
        .agg(pl.len(), twice=(pl.col("units_now") == 2 * pl.col("units")).mean())
        .filter((pl.col("len") >= LEAST_SERIES) & (pl.col("twice") >= _DOUBLED))
        .sort("date")
    )
    if not doubled.is_empty():
        days = ", ".join(str(day) for day in doubled["date"].head(3))
        name = frequency.name
        yield f"everything sold {_in(frequency)} {days} is there twice: was a {name} delivered twice?"


def _stores_missing(recent: pl.DataFrame, added: pl.DataFrame, frequency: Frequency) -> Iterator[str]:
    """Stores that always sell in periods like a new one, and in it do not, while others do."""
    sold = recent.filter(pl.col("units") > 0).select("store", "date").unique()
    grouped = sold.with_columns(alike=_alike(frequency))
    days = grouped.group_by("alike").agg(days=pl.col("date").n_unique())
    always = (
        grouped.group_by("store", "alike")
        .agg(pl.len())
        .join(days, on="alike")
        .filter((pl.col("len") >= 0.75 * pl.col("days")) & (pl.col("days") >= 3))  # noqa: PLR2004 - weeks
    )
    # A row of zero is a store that says it was closed; no row is a store that says nothing.
    for (day, alike), rows in added.group_by("date", _alike(frequency).alias("alike"), maintain_order=True):
        expected = set(always.filter(pl.col("alike") == alike)["store"])
        missing = sorted(expected - set(rows["store"]))
        here = len(expected) - len(missing)
        if len(expected) >= LEAST_STORES and here and len(missing) >= _MISSING_STORES * len(expected):
            names = ", ".join(missing[:3]) + (" and others" if len(missing) > 3 else "")  # noqa: PLR2004 - named
            stores = f"{len(missing):,} of {len(expected):,} stores"
            yield f"{stores} have no sales {_in(frequency)} {day}: {names}"


def _renumbered(before: Delivery, recent: pl.DataFrame, added: pl.DataFrame) -> Iterator[str]:
    """Series that sold all the time stop, and as many that nobody has seen begin."""
    selling = added.filter(pl.col("units") > 0).select(_SERIES).unique()
    days = recent["date"].n_unique()
    steady = recent.filter(pl.col("units") > 0).group_by(_SERIES).len().filter(pl.col("len") >= days / 2)
    new = selling.join(before.series, on=_SERIES, how="anti").height
    gone = steady.join(selling, on=_SERIES, how="anti").height
    if selling.height < LEAST_SERIES or steady.is_empty():
        return
    if new >= _NEW_SERIES * selling.height and gone >= _MISSING_SERIES * steady.height:
        yield (
            f"{new:,} of {selling.height:,} series that sell are new, and {gone:,} of {steady.height:,} that "
            "always sold do not: were products or stores renumbered?"
        )


def _scaled(recent: pl.DataFrame, added: pl.DataFrame, frequency: Frequency) -> Iterator[str]:
    """Most series sell a multiple of what they sold in periods alike, or a fraction."""
    usually = "on that day of the week" if frequency == DAY else f"in a {frequency.name}"
    new = added.select(_alike(frequency).unique()).to_series()
    usual = (
        recent.filter((pl.col("units") > 0) & _alike(frequency).is_in(new.implode()))
        .group_by(*_SERIES, alike=_alike(frequency))
        .agg(usual=pl.col("units").median(), days=pl.len())
        .filter(pl.col("days") >= 3)  # noqa: PLR2004 - weeks
    )
    ratios = (
        added.filter(pl.col("units") > 0)
        .with_columns(alike=_alike(frequency))
        .join(usual, on=[*_SERIES, "alike"])
        .select("date", ratio=pl.col("units") / pl.col("usual"))
        .group_by("date")
        .agg(pl.len(), middle=pl.col("ratio").median())
        .filter(
            (pl.col("len") >= LEAST_SERIES) & ((pl.col("middle") > _SCALE) | (pl.col("middle") < 1 / _SCALE))
        )
        .sort("date")
    )
    for day, _, middle in ratios.head(1).iter_rows():
        yield (
            f"{_in(frequency)} {day} most series sold {middle:,.2f} times what they usually do {usually}: "
            "did the unit change, as from pieces to cases?"
        )


def _copied(cells: pl.DataFrame, added: pl.DataFrame, frequency: Frequency) -> Iterator[str]:
    """A new period that says what another one said, series by series."""
    for (day,), rows in added.group_by("date", maintain_order=True):
        assert isinstance(day, dt.date)  # noqa: S101 - the column's type
        mine = rows.select(*_SERIES, "units")
        for lag in _LAGS[frequency.name]:
            copied = frequency.date(day, -lag)
            then = cells.filter(pl.col("date") == copied).select(*_SERIES, "units")
            both = mine.join(then, on=_SERIES, how="full", coalesce=True, suffix="_then").fill_null(0)
            sold = both.filter((pl.col("units") > 0) | (pl.col("units_then") > 0))
            same = sold.filter(pl.col("units") == pl.col("units_then")).height
            if sold.height >= LEAST_SERIES and same >= _EQUAL * sold.height:
                yield f"{day} repeats {copied}: is this an old file under a new date?"
                return
