"""Sales by period: rows of days added up to weeks or months, and rows of months dated by their first day.

Belongs here: rewriting the canonical sales of a snapshot that nothing refers to yet.
Does not belong here: finding out the period (``spacing``), making it dense (``panels``).
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from forecast_assets.errors import BadSales
from forecast_assets.forecasting.core.frequency import DAY, MONTH, Frequency
from forecast_assets.forecasting.core.plans import Role
from forecast_assets.stores.lake import Lake

_ONE_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Periods:
    """What sales by period are: their number, first and last period, and the days that were left out."""

    rows: int
    first_day: dt.date
    last_day: dt.date
    null_units: int
    left_out: tuple[str, ...]


def add_up(
    lake: Lake,
    files: Sequence[str],
    frequency: Frequency,
    roles: Mapping[str, Role],
    span: tuple[dt.date, dt.date],
    *,
    weekdays: Collection[int],
) -> Periods:
    """Rewrite the daily rows of ``files`` as rows of ``frequency``; weeks begin on Monday.

    Units are added up; a period without any observed day is not observed. Flags count their days, prices and
    other numbers are averaged over the days that have them, texts keep their newest value. ``span``: first
    and last observed day of all stores. Periods that it covers in part are left out, where what they lack are
    not only days of the week (1 = Monday) on which nothing was ever observed: ``weekdays`` are the others.
    Raises ``BadSales`` when no period is complete.
    """
    first, last = span
    begin = _start(first, frequency)
    if _misses(begin, first, weekdays):
        begin = frequency.date(begin, 1)
    end = _start(last, frequency)
    if _misses(last + _ONE_DAY, frequency.last_day(end, 0) + _ONE_DAY, weekdays):
        end = frequency.date(end, -1)
    if end < begin:
        raise BadSales(
            f"the days {first} to {last} hold no complete {frequency.name}",
            remedy="leave --aggregate out, or wait for more days",
        )
    rows = null_units = 0
    for file in files:
        summed = _added_up(pl.DataFrame(lake.read_table(file)), frequency, roles, begin, end)
        lake.write_table(file, summed.to_arrow())
        rows, null_units = rows + len(summed), null_units + summed["units"].null_count()
    ends = ((first, begin - _ONE_DAY), (frequency.last_day(end, 0) + _ONE_DAY, last))
    left_out = tuple(f"{a} to {b}" for a, b in ends if a <= b)
    return Periods(rows, begin, end, null_units, left_out)


def _misses(first: dt.date, end: dt.date, weekdays: Collection[int]) -> bool:
    """Whether a day from ``first`` on, before ``end``, is one of ``weekdays``."""
    return any((first + n * _ONE_DAY).isoweekday() in weekdays for n in range((end - first).days))


def _added_up(
    frame: pl.DataFrame, frequency: Frequency, roles: Mapping[str, Role], begin: dt.date, end: dt.date
) -> pl.DataFrame:
    texts = [name for name, kind in frame.schema.items() if kind == pl.String and name != "product_id"]
    by_role = [
        (pl.col(name).sum() if role == "flag" else pl.col(name).mean()).cast(pl.Float32).alias(name)
        for name, role in roles.items()
    ]
    # Plans reach beyond the last complete period; sales of one that is not complete do not count.
    sold = pl.when(pl.col("date").is_between(begin, frequency.last_day(end, 0))).then(pl.col("units"))
    period = _truncated(frequency)
    # What is planned of a period counts when the plan covers all of it.
    after = period.dt.offset_by("1mo" if frequency == MONTH else "1w").dt.offset_by("-1d")
    planned = frame["date"].max()
    summed = (
        frame.with_columns(units=sold)
        .filter((period >= begin) & ((period <= end) | (after <= planned)))
        .group_by("product_id", period.alias("date"), maintain_order=True)
        .agg(
            pl.when(pl.col("units").is_not_null().any()).then(pl.col("units").sum()).alias("units"),
            *by_role,
            *(pl.col(name).drop_nulls().last() for name in texts),
        )
    )
    return summed.select(frame.columns)


def by_first_day(lake: Lake, files: Sequence[str], source: str) -> None:
    """Date the rows of months by the first day of their months.

    Raises ``BadSales`` for a series with two rows in one month.
    """
    for file in files:
        frame = pl.DataFrame(lake.read_table(file)).with_columns(date=_truncated(MONTH))
        twice = frame.filter(pl.struct("product_id", "date").is_duplicated())
        if len(twice):
            store = file.rsplit("/", 1)[-1].removesuffix(".parquet")
            raise BadSales(
                f"{source}: store {store!r}, product {twice['product_id'][0]!r} has several rows in "
                f"{twice['date'][0]:%Y-%m}",
                remedy="keep one row per month, or add them up",
            )
        lake.write_table(file, frame.to_arrow())


def _start(day: dt.date, frequency: Frequency) -> dt.date:
    if frequency == MONTH:
        return day.replace(day=1)
    return day if frequency == DAY else day - dt.timedelta(days=day.weekday())


def _truncated(frequency: Frequency) -> pl.Expr:
    return pl.col("date").dt.truncate("1mo" if frequency == MONTH else "1w")
