"""The rules sales must keep, one sentence and one remedy each.

Belongs here: what a column may hold, judged value by value.
Does not belong here: naming the offenders (``findings``), rules that span rows or parts (``canonical``).
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import cast

import numpy as np
import polars as pl
import pyarrow as pa

from forecast_assets.datasets import dates, numbers
from forecast_assets.datasets.ids import MISSING
from forecast_assets.errors import BadSales

PLAN_DAYS = 730
MOST_UNITS = 1e9
_FIRST_DAY = date(1970, 1, 1)
_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)

EMPTY_ID = "is empty"
FOREIGN_ID = "holds ids that nobody could read"
FLOAT_ID = "holds ids that were read as floats"
TWIN_ID = "holds ids that differ only by case, blanks or Unicode form"
NEGATIVE = "is negative"
NEGATIVE_PRICE = "holds a negative price"
DOUBTFUL = "can be read in two ways"
_TOO_EARLY = "lies before 1970-01-01"
_TOO_LATE = f"lies more than {PLAN_DAYS} days ahead"
_UNSOLD = "holds units of days after today"
_TOO_MANY = "is above 1e9"
_TOO_LARGE = "is too large for a number of 32 bits"
REMEDIES = {
    EMPTY_ID: "give every row a store and a product id; sums at the end are left out with --totals drop",
    FOREIGN_ID: "give every row an id that is more than blanks, without the character NUL or a byte order "
    "mark (of files that were joined: give them apart, in a folder)",
    FLOAT_ID: "export ids as text or as whole numbers: 7.0 may have been 007, and 1.23E+12 lost its end",
    TWIN_ID: "write each id in one way only, or take them as two with --twins keep",
    dates.EMPTY_DATE: "give every row a date; sums at the end are left out with --totals drop",
    dates.NOT_A_DATE: "write dates as YYYY-MM-DD, or say how they are written with --date-format, "
    "such as %d/%m/%Y",
    dates.TIMED: "sum the sales of a day into one row dated YYYY-MM-DD (--receipts sum), or --cut-time",
    dates.ZONED: "convert to the store's own calendar day and drop the zone (--time-zone)",
    _TOO_EARLY: "mend these dates; 1899 and 1900 are a spreadsheet's empty date",
    _TOO_LATE: "drop the plan rows beyond two years",
    _UNSOLD: "leave units empty on days that have not been sold yet, or mend the dates",
    NEGATIVE: "say what returns are: --returns zero drops what exceeds the sales of a day, --returns keep "
    "counts it as returns beside them",
    NEGATIVE_PRICE: "leave the price empty on these rows (the last one then holds), or name the column with "
    "--known-future NAME:number if it is no price",
    numbers.INFINITE: "leave the cell empty where nothing was observed",
    _TOO_MANY: "check the unit of measure; a day cannot sell more than a billion",
    _TOO_LARGE: "scale the column down",
    numbers.BOOLEAN: "name the column that counts units",
    numbers.SEPARATED: "say how numbers are written: --decimal comma or point, --thousands point, "
    "comma, space or none",
    numbers.TEXT: "write plain numbers such as 12 or 12.5 (true/false or 1/0 where a column is a flag), "
    "and leave the cell empty where nothing was observed",
    numbers.NOT_A_FLAG: "mark such days with true, yes or 1, all others with false, no, 0 or nothing",
    DOUBTFUL: "say what the point is: --decimal point (1.234 is about one), or --decimal comma "
    "--thousands point (1.234 is more than a thousand)",
}


def refuse_type(source: str, column: str, kind: pa.DataType, *, holds_ids: bool) -> None:
    """Refuse at once a column whose type no value could mend."""
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    text = pa.types.is_string(inner) or pa.types.is_large_string(inner)
    if pa.types.is_decimal256(inner):
        raise BadSales(
            f"{source}: column {column!r} holds {inner}",
            remedy="store numbers of 38 digits at most, as decimal128 or double",
        )
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
    return judge(codes, [(codes == MISSING, EMPTY_ID)])


def idle_rows(
    frame: pl.DataFrame, raw: pl.DataFrame, date_column: str, *, drop: bool
) -> tuple[pl.Series, pl.Series] | None:
    """Return which rows hold nothing at all, and which other ones have no date (sums); else ``None``.

    ``frame`` holds the codes of stores and products, ``raw`` all other columns. Words in place of a date are
    none where ids are missing, too. Unless sums are to ``drop``, rows with all ids are not looked at.
    """
    if not (drop or (frame["store_id"] == MISSING).any() or (frame["product_id"] == MISSING).any()):
        return None
    days = raw[date_column]
    undated = days.is_null() if days.dtype != pl.String else numbers.cells(days).is_null()
    nameless = (frame["store_id"] == MISSING) & (frame["product_id"] == MISSING)
    if days.dtype == pl.String and nameless.any():
        undated |= nameless & ~days.str.contains("[0-9]").fill_null(value=False)
    if not undated.any():
        return None
    empty = undated & nameless
    for name in raw.columns:
        cells = raw[name]
        empty &= cells.is_null() if cells.dtype != pl.String else numbers.cells(cells).is_null()
    return empty, undated & ~empty


def judge_calendar(days: pl.Series, sold: pl.Series, today: date) -> pl.Series | None:
    """Judge which days may occur; only days up to today may have sold anything."""
    oldest, newest = days.min(), days.max()
    if not isinstance(oldest, date) or not isinstance(newest, date):
        return None
    if oldest >= _FIRST_DAY and newest <= today:
        return None
    return judge(
        days,
        [
            (days < _FIRST_DAY, _TOO_EARLY),
            (days > today + timedelta(days=PLAN_DAYS), _TOO_LATE),
            ((days > today) & sold, _UNSOLD),
        ],
    )


def judge_size(values: pl.Series, *, units: bool, returns: bool = False) -> pl.Series | None:
    """Judge the size of numbers: units count something, other columns must only be representable.

    With ``returns`` units may be negative.
    """
    low, high = (
        (-MOST_UNITS if returns else 0.0, MOST_UNITS) if units else (-_LARGEST_FLOAT32, _LARGEST_FLOAT32)
    )
    least, most = cast("float | None", values.min()), cast("float", values.max())
    if least is None or (low <= least and most <= high):
        return None
    rules = [(values.is_infinite(), numbers.INFINITE)] if values.dtype.is_float() else []
    if units:
        rules += [(values < low, _TOO_MANY if returns else NEGATIVE), (values > MOST_UNITS, _TOO_MANY)]
    else:
        rules += [(values.cast(pl.Float64).abs() > _LARGEST_FLOAT32, _TOO_LARGE)]
    return judge(values, rules)


def judge(value: pl.Series, rules: Sequence[tuple[pl.Series, str]]) -> pl.Series | None:
    """Name the first rule each row breaks; ``None`` when all rows are fine."""
    if not any(mask.any() for mask, _ in rules):
        return None
    verdict = pl.repeat(None, len(value), dtype=pl.String, eager=True)
    for mask, what in reversed(rules):
        verdict = verdict.set(mask.fill_null(value=False), what)
    return verdict
