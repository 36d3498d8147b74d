"""The rules sales must keep, one sentence and one remedy each.

Belongs here: what a column may hold, judged value by value.
Does not belong here: naming the offenders (``findings``), rules that span rows or parts (``canonical``).
"""

from collections.abc import Sequence
from datetime import date, time, timedelta

import numpy as np
import polars as pl
import pyarrow as pa

from forecast_assets.datasets.ids import MISSING
from forecast_assets.errors import BadSales

PLAN_DAYS = 730
MOST_UNITS = 1e9
_FIRST_DAY = date(1970, 1, 1)
_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)

EMPTY_ID = "is empty"
FOREIGN_ID = "holds ids that cannot be part of a key"
TWIN_ID = "holds ids that differ only by case, blanks or Unicode form"
EMPTY_DATE = "has no date"
_NOT_A_DATE = "holds what is not a date"
_TIMED = "holds a time of day"
_ZONED = "holds a time zone"
_TOO_EARLY = "lies before 1970-01-01"
_TOO_LATE = f"lies more than {PLAN_DAYS} days ahead"
_UNSOLD = "holds units of days after today"
_NEGATIVE = "is negative"
_INFINITE = "is infinite"
_TOO_MANY = "is above 1e9"
_TOO_LARGE = "is too large for a number of 32 bits"
_BOOLEAN = "holds true/false instead of numbers"
_SEPARATED = "holds thousand separators or decimal commas"
_TEXT = "holds what is not a number"
_NOT_A_FLAG = "is neither true/false nor 0/1"
REMEDIES = {
    EMPTY_ID: "give every row a store and a product id",
    FOREIGN_ID: "use letters and digits joined by single '.', '_' or '-', or turn on map_ids",
    TWIN_ID: "write each id in one way only",
    EMPTY_DATE: "give every row a date",
    _NOT_A_DATE: "write dates as YYYY-MM-DD, or say how they are written with date_format, such as %d/%m/%Y",
    _TIMED: "sum the sales of a day into one row dated YYYY-MM-DD",
    _ZONED: "convert to the store's own calendar day and drop the zone",
    _TOO_EARLY: "mend these dates; 1899 and 1900 are a spreadsheet's empty date",
    _TOO_LATE: "drop the plan rows beyond two years",
    _UNSOLD: "leave units empty on days that have not been sold yet, or mend the dates",
    _NEGATIVE: "net returns against the sales of their day, or keep returns in a table of their own",
    _INFINITE: "leave the cell empty where nothing was observed",
    _TOO_MANY: "check the unit of measure; a day cannot sell more than a billion",
    _TOO_LARGE: "scale the column down",
    _BOOLEAN: "name the column that counts units",
    _SEPARATED: "write numbers as 1234.5: no thousand separators, a point before decimals",
    _TEXT: "write plain numbers such as 12 or 12.5, and leave the cell empty where nothing was observed",
    _NOT_A_FLAG: "mark such days with true or 1, all others with false, 0 or nothing",
}

_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_GROUPED = r"^[+-]?[0-9]{1,3}([ ,.'_\x{a0}\x{202f}][0-9]{3})+([.,][0-9]+)?$|^[+-]?[0-9]+,[0-9]+$"
_MIDNIGHT = r"[ T]00:00(:00(\.0+)?)?$"
_CLOCK = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}"
_ZONE = _CLOCK + r".*(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"


def refuse_type(source: str, column: str, kind: pa.DataType, *, holds_ids: bool) -> None:
    """Refuse at once a column whose type no value could mend."""
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    text = pa.types.is_string(inner) or pa.types.is_large_string(inner)
    whole = pa.types.is_integer(inner) or (pa.types.is_decimal(inner) and inner.scale == 0)
    if text or whole or pa.types.is_null(inner):
        return
    if holds_ids:
        raise BadSales(
            f"{source}: column {column!r} holds {inner}, and ids may not be rounded",
            remedy="store ids as text or as whole numbers",
        )
    plain = (pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean, pa.types.is_date)
    if not any(fits(inner) for fits in (*plain, pa.types.is_timestamp)):
        raise BadSales(
            f"{source}: column {column!r} holds {inner}",
            remedy="store numbers, text, dates or true/false",
        )


def judge_ids(codes: pl.Series) -> pl.Series | None:
    """Judge which rows lack an id; what ids hold is judged once per id (``ids``)."""
    return _judge(codes, [(codes == MISSING, EMPTY_ID)])


def read_days(raw: pl.Series, date_format: str | None) -> tuple[pl.Series, pl.Series | None]:
    """Read dates; answer them and what is wrong with each row."""
    nothing = raw.is_null()
    if raw.dtype == pl.Date:
        return raw, _judge(raw, [(nothing, EMPTY_DATE)])
    if isinstance(raw.dtype, pl.Datetime):
        zoned = pl.repeat(raw.dtype.time_zone is not None, len(raw), eager=True)
        timed = raw.dt.replace_time_zone(None).dt.time() != time(0)
        return raw.dt.date(), _judge(raw, [(nothing, EMPTY_DATE), (zoned, _ZONED), (timed, _TIMED)])
    text = raw.cast(pl.String).str.strip_chars()
    nothing = nothing | (text == "")
    if date_format is None:
        plain = text.str.replace(_MIDNIGHT, "")
        days = plain.str.to_date("%Y-%m-%d", strict=False)
        days = days.set(plain.str.len_bytes() != len("YYYY-MM-DD"), None)
    else:
        days = text.str.to_date(date_format, strict=False)
    unread = days.is_null()
    zoned, timed = unread & text.str.contains(_ZONE), unread & text.str.contains(_CLOCK)
    return days, _judge(raw, [(nothing, EMPTY_DATE), (zoned, _ZONED), (timed, _TIMED), (unread, _NOT_A_DATE)])


def judge_calendar(days: pl.Series, sold: pl.Series, today: date) -> pl.Series | None:
    """Judge which days may occur; only days up to today may have sold anything."""
    oldest, newest = days.min(), days.max()
    if not isinstance(oldest, date) or not isinstance(newest, date):
        return None
    if oldest >= _FIRST_DAY and newest <= today:
        return None
    return _judge(
        days,
        [
            (days < _FIRST_DAY, _TOO_EARLY),
            (days > today + timedelta(days=PLAN_DAYS), _TOO_LATE),
            ((days > today) & sold, _UNSOLD),
        ],
    )


def read_numbers(raw: pl.Series, *, booleans: bool) -> tuple[pl.Series, pl.Series | None]:
    """Read numbers, NaN and nothing alike as null; answer them and what is not a number."""
    if raw.dtype == pl.Boolean:
        return raw.cast(pl.Float32), None if booleans else _judge(raw, [(raw.is_not_null(), _BOOLEAN)])
    if raw.dtype.is_float():
        return raw.fill_nan(None), None
    if raw.dtype.is_decimal():
        return raw.cast(pl.Float64), None
    if raw.dtype.is_numeric():
        return raw, None
    if raw.dtype == pl.Null:
        return raw.cast(pl.Float32), None
    text = raw.cast(pl.String).str.strip_chars().str.to_lowercase()
    text = text.set(text.is_in(["", "nan"]), None)
    if booleans:
        text = text.replace({"true": "1", "false": "0"})
    readable = text.str.contains(_NUMBER)
    infinite = text.str.contains(r"^[+-]?inf(inity)?$")
    values = text.set(~readable, None).cast(pl.Float64)
    rules = [
        (text.is_in(["true", "false"]), _BOOLEAN),
        (infinite, _INFINITE),
        (~readable & text.str.contains(_GROUPED), _SEPARATED),
        (~readable, _TEXT),
    ]
    return values, _judge(raw, rules)


def read_flags(raw: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    """Read flags, nothing as false; answer them and what is no flag."""
    values, verdict = read_numbers(raw, booleans=True)
    wrong = (values != 0) & (values != 1)
    if verdict is not None:
        wrong = wrong | verdict.is_not_null()
    return (values == 1).fill_null(value=False), _judge(values, [(wrong, _NOT_A_FLAG)])


def judge_size(values: pl.Series, *, units: bool) -> pl.Series | None:
    """Judge the size of numbers: units count something, other columns must only be representable."""
    low, high = (0.0, MOST_UNITS) if units else (-_LARGEST_FLOAT32, _LARGEST_FLOAT32)
    least, most = values.min(), values.max()
    if least is None or (low <= float(least) and float(most) <= high):  # type: ignore[arg-type]
        return None
    rules = [(values.is_infinite(), _INFINITE)] if values.dtype.is_float() else []
    if units:
        rules += [(values < 0, _NEGATIVE), (values > MOST_UNITS, _TOO_MANY)]
    else:
        rules += [(values.cast(pl.Float64).abs() > _LARGEST_FLOAT32, _TOO_LARGE)]
    return _judge(values, rules)


def _judge(value: pl.Series, rules: Sequence[tuple[pl.Series, str]]) -> pl.Series | None:
    """Name the first rule each row breaks; ``None`` when all rows are fine."""
    if not any(mask.any() for mask, _ in rules):
        return None
    verdict = pl.repeat(None, len(value), dtype=pl.String, eager=True)
    for mask, what in reversed(rules):
        verdict = verdict.set(mask.fill_null(value=False), what)
    return verdict
