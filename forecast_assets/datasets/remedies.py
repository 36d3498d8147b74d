"""What mends rows that break a rule, by the looks of what they hold.

Belongs here: choosing the sentence that names the option which fits.
Does not belong here: the rules and their usual remedies (``rules``), what mends dates (``dates``).
"""

import polars as pl

from forecast_assets.datasets import dates, numbers, rules
from forecast_assets.datasets.sources.dialects import Dialect


def remedy(  # noqa: PLR0917 - one value each
    what: str, raw: pl.Series, rows: pl.Series, frame: pl.DataFrame, read: dates.Days | None, dialect: Dialect
) -> str:
    """What mends these rows: what fits the column they stand in, or else the rule."""
    fitting = None
    if raw.dtype == pl.String and (raw[rows].str.strip_chars() == raw.name).fill_null(value=False).all():
        return (
            "remove lines that repeat the names of columns; files that were joined are better left apart "
            "in a folder"
        )
    if read is not None:
        days = frame.select("store_id", "product_id").with_columns(read.days.alias("date"))
        repeated = bool(days[rows].is_duplicated().any())
        times = None if read.times is None else read.times[rows]
        fitting = dates.remedy(what, raw[rows], times, repeated=repeated)
    if what in {numbers.SEPARATED, numbers.TEXT}:
        fitting = _of_numbers(raw[rows])
    if what == rules.NEGATIVE:
        values = numbers.read(raw[rows], dialect, booleans=False)[0]
        fitting = (
            f"{rules.REMEDIES[what]}; {len(rows):,} rows hold {-float(values.sum() or 0):g} units below zero"
        )
    return fitting or rules.REMEDIES[what]


def _of_numbers(raw: pl.Series) -> str | None:
    """What mends cells that are no numbers, by their looks; nothing where they have nothing in common."""
    text = numbers.cells(raw).drop_nulls()
    if text.is_empty():
        return None
    looks = {
        r"^[+-]?[0-9]{1,3}(,[0-9]{3})+$": f"say what the comma is: --thousands comma ({text[0]} is more "
        "than a thousand) or --decimal comma",
        r"^[+-]?[0-9.]*,[0-9]+$": "give --decimal comma",
        r"^[+-]?[0-9]{1,3}(_[0-9]{3})+(\.[0-9]+)?$": "give --thousands _",
        r"^[+-]?[0-9.,]+ ?%$": "export numbers without a sign of percent",
        r"^[+-]?[0-9.,]+ ?\p{L}+\.?$": "leave units of measure out: export numbers alone",
        r"\p{Sc}": "export numbers without signs of currencies: a price has one currency, and units "
        "count pieces",
        r"^#.+[!?]$|^#n(ame|ull).*$": "mend the formulas that the spreadsheet could not work out, or "
        "leave their cells empty",
        r"^[.-]+$": "write 0 where nothing was sold, and leave the cell empty where nothing was observed",
    }
    return next((mends for look, mends in looks.items() if text.str.contains(look).all()), None)
