"""Reading days: written in any order, stamped with a time, counted by a spreadsheet.

Belongs here: from cells to days, and which cells are none.
Does not belong here: which days may occur (``rules``), how dates are written (``profiles``).
"""

from dataclasses import dataclass
from datetime import date, time, timedelta

import polars as pl

from forecast_assets.datasets.sources.date_formats import labelled, parsed
from forecast_assets.datasets.sources.row_rules import RowRules

EMPTY_DATE = "has no date"
NOT_A_DATE = "holds what is not a date"
TIMED = "holds a time of day"
ZONED = "holds a time zone"

DAY_NUMBERS = "excel"
# Day 1 of spreadsheets is 1900-01-01, and they believe in 1900-02-29.
_SPREADSHEET_ZERO = date(1899, 12, 30)
_SPREADSHEET_DAYS = r"^[2-6][0-9]{4}(\.[0-9]+)?$"
_DAY_MICROSECONDS = 86_400_000_000
_MENDS = {
    r"^(KW ?|W)?[0-5]?[0-9]$": "write weeks and months with their year, "
    "as 2024-W07 or 2024-07, in one column",
    r"(?i)^([0-9]{2,4}[ /-]?[QH][1-4]|[QH][1-4][ /-]?[0-9]{2,4}|(19|20)[0-9]{2})$": "sales are forecast by "
    "day, week or month: export one of these instead of quarters, half-years or years",
    r"^[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4} *(-|\x{2013}|to|bis) *[0-9]{1,4}[./-][0-9]": "give the first "
    "day of each row alone, in a column of its own",
    r"^1[0-9]{9}([0-9]{3})?$": "these are seconds or milliseconds since 1970: write days as YYYY-MM-DD",
    r"^[0-9]{4}-?[0-9]{2}-?[0-9]{2}[T ]?[0-9]{2}$": "sales are forecast by day, week or month: add the hours "
    "of each day up, or write them as 2024-05-01 13:00 and give --receipts sum",
    r"^([0-9]{1,2}[./-][0-9]{2}|[0-9]{1,2}[ ./-]\p{L}{3,})$": "write months with a year of four digits, as "
    "2024-07, or say which number is the year, as --date-format %m/%y or %y-%b",
    r"^\p{L}{3,} [0-9]{4}$": "write months as 2024-07, or in English or another language that docs/data.md "
    "names",
    r"^[0-9]{4}-(00|1[3-9]|[2-9][0-9])$": "months are 01 to 12: mend these cells",
    r"^[0-9]{1,4}([./-])[0-9]{1,2}[./-][0-9]{1,4}$": "the calendar has no such day, or it is "
    "written in another way than the others: mend these cells, or say with --date-format how all are written",
}
_WEEK_LABEL = (
    r"^(?:(?<year>[0-9]{4})[-/ ]?(?:W|KW ?)[0-9]{1,2}|(?:W|KW ?)[0-9]{1,2}[-/ ](?<last>[0-9]{4})"
    r"|(?<before>[0-9]{4})(?:00|5[3-9]|[6-9][0-9]))$"
)
_MIDNIGHT = r"[ T]00:00(:00(\.0+)?)?$"
_CLOCK = r"[0-9][ T][0-9]{1,2}:[0-9]{2}"
_STAMP = (
    r"^(?<day>.*?)(?:[ T](?<hour>[0-9]{1,2}):(?<minute>[0-9]{2})(?::(?<second>[0-9]{2})(?:\.[0-9]+)?)?"
    r"(?: ?(?<half>[AaPp])\.?[Mm]\.?)?\s*(?<zone>Z|[+-][0-9]{2}:?[0-9]{2}|[+-][0-9]{2})?)?$"
)
_SHIFTED_HOURS = 2


@dataclass(frozen=True, slots=True)
class DayRules:
    """How days are written (``date_format``, or numbers from ``first_day`` on) and what a stamp means."""

    date_format: str | None
    first_day: date | None
    rows: RowRules


@dataclass(frozen=True, slots=True)
class Days:
    """Days, the mask of rows that break a rule by its name, and the times of day (microseconds)."""

    days: pl.Series
    verdicts: list[tuple[pl.Series, str]]
    times: pl.Series | None = None


def read(raw: pl.Series, how: DayRules) -> Days:
    """Read dates; say what is wrong with each row."""
    if raw.dtype == pl.Date:
        return Days(raw, [(raw.is_null(), EMPTY_DATE)])
    if isinstance(raw.dtype, pl.Datetime):
        return _stamps(raw, raw.is_null(), how.rows)
    text = raw.cast(pl.String).str.strip_chars()
    nothing = text.is_null() | (text == "")
    if how.first_day is not None:
        number = text.str.extract(r"^[^0-9]*([0-9]{1,5})$").cast(pl.Int32)
        days = _after(how.first_day, number - 1)
        return Days(days, [(nothing, EMPTY_DATE), (days.is_null(), NOT_A_DATE)])
    if how.date_format == DAY_NUMBERS:
        return _spreadsheet_days(text, nothing, how.rows)
    days = _plain_days(text.str.replace(_MIDNIGHT, ""), how.date_format)
    unread = days.is_null() & ~nothing
    timed = unread & text.str.contains(_CLOCK)
    if not timed.any():
        return Days(days, [(nothing, EMPTY_DATE), (unread, NOT_A_DATE)])
    return _written_stamps(text, nothing, how)


def _spreadsheet_days(text: pl.Series, nothing: pl.Series, rows: RowRules) -> Days:
    """Read day numbers of a spreadsheet, whose fractions are times of day."""
    number = text.set(~text.str.contains(_SPREADSHEET_DAYS).fill_null(value=False), None).cast(pl.Float64)
    days = _after(_SPREADSHEET_ZERO, number.floor().cast(pl.Int32))
    clock = ((number - number.floor()) * _DAY_MICROSECONDS).round().cast(pl.Int64)
    verdicts = [(nothing, EMPTY_DATE), (days.is_null(), NOT_A_DATE)]
    if not rows.any_time:
        verdicts.append((clock != 0, TIMED))
    return Days(days, verdicts, clock)


def _after(first: date, days: pl.Series) -> pl.Series:
    return (days + (first - date(1970, 1, 1)).days).cast(pl.Date)


def _plain_days(text: pl.Series, date_format: str | None) -> pl.Series:
    if date_format is not None:
        return parsed(text, date_format)
    days = text.str.to_date("%Y-%m-%d", strict=False)
    days = days.set((text.str.len_bytes() != len("YYYY-MM-DD")).fill_null(value=True), None)
    # Labels are looked for only where days are missing, so that columns of days cost nothing more.
    return days.fill_null(labelled(text)) if days.null_count() else days


def _written_stamps(text: pl.Series, nothing: pl.Series, how: DayRules) -> Days:
    parts = text.str.extract_groups(_STAMP).struct.unnest()
    days = _plain_days(parts["day"], how.date_format)
    clock = parts.select(_clock()).to_series()
    zoned = parts["zone"].is_not_null()
    if how.rows.time_zone is None:
        unread = days.is_null() & ~nothing
        verdicts = [(nothing, EMPTY_DATE), (zoned, ZONED), (unread, NOT_A_DATE)]
        if not how.rows.any_time:
            verdicts.insert(2, ((clock != 0) & days.is_not_null(), TIMED))
        return Days(days, verdicts, clock)
    local = days.cast(pl.Datetime("us")).cast(pl.Int64) + clock
    utc = (local - parts.select(_offset()).to_series()).cast(pl.Datetime("us"))
    return _stamps(utc, nothing, how.rows)


def _clock() -> pl.Expr:
    """Microseconds since midnight of a stamp that was cut by ``_STAMP``."""
    hour, minute, second = (pl.col(name).cast(pl.Int64).fill_null(0) for name in ("hour", "minute", "second"))
    half = pl.col("half").str.to_lowercase()
    hour = pl.when(half == "p").then(hour % 12 + 12).when(half == "a").then(hour % 12).otherwise(hour)
    return (hour * 3600 + minute * 60 + second) * 1_000_000


def _offset() -> pl.Expr:
    """Microseconds by which the zone of a stamp is ahead of UTC; none without a zone."""
    digits = pl.col("zone").str.replace_all(r"[^0-9]", "").str.pad_end(4, "0")
    minutes = digits.str.slice(0, 2).cast(pl.Int64) * 60 + digits.str.slice(2, 2).cast(pl.Int64)
    ahead = pl.when(pl.col("zone").str.starts_with("-")).then(-minutes).otherwise(minutes)
    return ahead.fill_null(0) * 60_000_000


def _stamps(raw: pl.Series, nothing: pl.Series, rows: RowRules) -> Days:
    zoned = getattr(raw.dtype, "time_zone", None) is not None
    if rows.time_zone is not None:
        aware = raw if zoned else raw.dt.replace_time_zone("UTC")
        raw, zoned = aware.dt.convert_time_zone(rows.time_zone), False
    local = raw.dt.replace_time_zone(None, ambiguous="earliest")
    clock = local.dt.time().cast(pl.Int64) // 1000
    verdicts = [(nothing, EMPTY_DATE), (raw.is_null() & ~nothing, NOT_A_DATE)]
    if zoned:
        verdicts.append((raw.is_not_null(), ZONED))
    if not rows.any_time:
        verdicts.append((local.dt.time() != time(0), TIMED))
    return Days(local.dt.date(), verdicts, clock)


def remedy(what: str, raw: pl.Series, times: pl.Series | None, *, repeated: bool) -> str | None:
    """What mends rows that break rule ``what``, by the looks of the column; nothing where no case is special.

    ``repeated`` says that some series has several rows on a day.
    """
    if what == ZONED:
        return _zone_remedy(raw)
    if what == TIMED and times is not None:
        return _time_remedy(times, repeated=repeated)
    return _text_remedy(raw.cast(pl.String).str.strip_chars().drop_nulls()) if what == NOT_A_DATE else None


def _text_remedy(text: pl.Series) -> str | None:
    """What mends cells that name no day; nothing where they have nothing in common."""
    if text.is_empty():
        return None
    numbers = text.filter(text.str.contains(_SPREADSHEET_DAYS))
    if len(numbers) == len(text):
        first = _SPREADSHEET_ZERO + timedelta(days=int(float(numbers[0])))
        return (
            f"these are a spreadsheet's day numbers ({numbers[0]} is {first}): give --date-format "
            f"{DAY_NUMBERS}, or format the column as dates and export again"
        )
    weeks = text.str.extract_groups(_WEEK_LABEL).struct.unnest()
    year = weeks.select(pl.coalesce("year", "last", "before")).to_series()
    if year.null_count() == 0:
        one = int(year[0])
        last = date(one, 12, 28).isocalendar().week
        begin = date.fromisocalendar(one, last, 1) + timedelta(weeks=1)
        return (
            f"weeks of ISO 8601 are counted from 01, and {one} has {last}: {one}-W{last} is followed by "
            f"{one + 1}-W01, which begins on {begin}; mend these cells, or give the first day of each week"
        )
    return next((mends for pattern, mends in _MENDS.items() if text.str.contains(pattern).all()), None)


def _zone_remedy(raw: pl.Series) -> str:
    zone = getattr(raw.dtype, "time_zone", None)
    midnights = False
    if zone is not None:
        utc = raw.dt.convert_time_zone("UTC").dt.time()
        midnights = bool((utc == time(0)).all())
    elif raw.dtype == pl.String:
        midnights = bool(raw.str.strip_chars().str.contains(r"T?00:00(:00(\.0+)?)?(Z|[+-]00:?00)$").all())
    named = zone if zone not in {None, "UTC"} else "Europe/Paris"
    if midnights:
        return "these are midnights in UTC: --time-zone UTC takes their days as they are written"
    return (
        "say which zone the stores' days belong to, as --time-zone "
        f"{named}, or convert to the store's own calendar day and drop the zone"
    )


def _time_remedy(times: pl.Series, *, repeated: bool) -> str:
    clocks = times.drop_nulls().unique()
    hours = (
        sorted(value / 3_600_000_000 for value in clocks.to_list()) if len(clocks) <= _SHIFTED_HOURS else []
    )
    whole = bool(hours) and all(hour.is_integer() for hour in hours)
    if whole and (len(hours) == _SHIFTED_HOURS and hours[1] - hours[0] == 1 and hours[0] != 0):
        zone = "Europe/Paris" if hours[0] > 12 else "America/New_York"  # noqa: PLR2004 - noon
        at = " and ".join(f"{int(hour):02d}:00" for hour in hours)
        return (
            f"all of them are {at}: these look like midnights of the stores' zone written in UTC; convert "
            f"them with --time-zone, as {zone} (cutting the time would move every day)"
        )
    if repeated:
        return "these are receipts: --receipts sum adds up all rows of a store, product and day"
    return "there is one row a day: --cut-time keeps the day and leaves the time out"
