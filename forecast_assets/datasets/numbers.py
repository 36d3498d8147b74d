"""Reading numbers and flags as people and programs write them.

Belongs here: decimal commas, thousands, words for true and false, marks for nothing.
Does not belong here: how large a number may be (``rules``).
"""

import re

import polars as pl

from forecast_assets.datasets.sources.dialects import Dialect, grouped

BOOLEAN = "holds true/false instead of numbers"
INFINITE = "is infinite"
SEPARATED = "holds thousand separators or decimal commas"
TEXT = "holds what is not a number"
NOT_A_FLAG = "is neither true/false nor 0/1"

# What R, pandas, databases and spreadsheets write where they have nothing.
NOTHING = ("", "na", "n/a", "nan", "null", "none", "<na>", "#n/a")
TRUE = ("true", "t", "yes", "y", "ja", "j", "oui", "si", "s\u00ed", "sim", "wahr", "vrai", "tak", "on")
FALSE = ("false", "f", "no", "n", "nein", "non", "n\u00e3o", "falsch", "faux", "nie", "off")
_WORDS = dict.fromkeys(TRUE, "1") | dict.fromkeys(FALSE, "0")
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_GROUPED = r"^[+-]?[0-9]{1,3}([ ,.'_\x{a0}\x{202f}][0-9]{3})+([.,][0-9]+)?$|^[+-]?[0-9]+,[0-9]+$"
# A thousand, or one and a bit?
_THREE_DIGITS = r"^[+-]?[1-9][0-9]{0,2}\.[0-9]{3}$"

# SAP writes -3 as 3-, accountants as (3).
_MINUS_BEHIND, _IN_BRACKETS = r"^([0-9][^-]*)-$", r"^\(([0-9][^()-]*)\)$"

Verdict = tuple[pl.Series, str]


def cells(raw: pl.Series) -> pl.Series:
    """Text of a column without blanks around it, in lower case, null where nothing stands."""
    text = raw.cast(pl.String).str.strip_chars().str.to_lowercase()
    return text.set(text.is_in(NOTHING), None)


def read(raw: pl.Series, dialect: Dialect, *, booleans: bool) -> tuple[pl.Series, list[Verdict]]:
    """Read numbers, NaN and nothing alike as null; return them and which rows hold what is no number."""
    if raw.dtype == pl.Boolean:
        return raw.cast(pl.Float32), [] if booleans else [(raw.is_not_null(), BOOLEAN)]
    if raw.dtype.is_float():
        return raw.fill_nan(None), []
    if raw.dtype.is_decimal():
        return raw.cast(pl.Float64), []
    if raw.dtype.is_numeric():
        return raw, []
    if raw.dtype == pl.Null:
        return raw.cast(pl.Float32), []
    text = cells(raw)
    words = text.is_in(list(_WORDS))
    if booleans:
        text = text.replace(_WORDS)
    plain, readable = _plain(text, dialect)
    if not readable.all():
        # Money is no count of units.
        text = _without_currency(text) if booleans else text
        text = text.str.replace(_MINUS_BEHIND, "-$1").str.replace(_IN_BRACKETS, "-$1")
        plain, readable = _plain(text, dialect)
    infinite = text.str.contains(r"^[+-]?inf(inity)?$")
    return plain.set(~readable, None).cast(pl.Float64), [
        (words if not booleans else words & False, BOOLEAN),
        (infinite, INFINITE),
        (~readable & text.str.contains(_GROUPED), SEPARATED),
        (~readable, TEXT),
    ]


def _without_currency(text: pl.Series) -> pl.Series:
    """Leave out the sign of a currency around numbers, if it is the same one in all cells."""
    signs = text.str.extract(r"^[+-]?(\p{Sc})|(\p{Sc})$", 0).str.strip_chars("+-").drop_nulls()
    return text.str.replace(r" ?\p{Sc} ?", "") if signs.n_unique() == 1 else text


def _plain(text: pl.Series, dialect: Dialect) -> tuple[pl.Series, pl.Series]:
    """Numbers with a decimal point and no thousands, and which of the cells are written as declared."""
    point, group = dialect.decimal or ".", dialect.thousands
    if point == "." and not group:
        return text, text.str.contains(_NUMBER)
    thousands = rf"{grouped(re.escape(group))}|" if group else ""
    readable = text.str.contains(rf"^[+-]?({thousands}[0-9]*)({re.escape(point)}[0-9]*)?(e[+-]?[0-9]+)?$")
    readable &= text.str.contains("[0-9]")
    plain = text.str.replace_all(group, "", literal=True) if group else text
    return plain.str.replace(point, ".", literal=True), readable


def doubtful(raw: pl.Series, dialect: Dialect) -> tuple[pl.Series | None, int]:
    """Which cells may be thousands or decimals (1.234), and how many have a point that is surely decimal.

    Nothing is in doubt in columns of numbers, and where the decimal character is declared.
    """
    if dialect.decimal is not None or raw.dtype != pl.String:
        return None, 0
    pointed = raw.str.contains(".", literal=True).fill_null(value=False)
    if not pointed.any():
        return None, 0
    three = raw.str.strip_chars().str.contains(_THREE_DIGITS).fill_null(value=False)
    return three, int((pointed & ~three).sum())


def read_flags(raw: pl.Series, dialect: Dialect) -> tuple[pl.Series, list[Verdict]]:
    """Read flags, nothing as false; return them and which rows hold no flag."""
    values, verdicts = read(raw, dialect, booleans=True)
    wrong = ((values != 0) & (values != 1)).fill_null(value=False)
    for mask, _ in verdicts:
        wrong |= mask.fill_null(value=False)
    return (values == 1).fill_null(value=False), [(wrong, NOT_A_FLAG)]
