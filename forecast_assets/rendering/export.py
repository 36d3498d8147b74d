"""Files for other programs: CSV that no spreadsheet executes, JSON, Parquet.

Belongs here: turning a frame into text.
Does not belong here: which frame.
"""

import json
import math

import polars as pl

# A spreadsheet takes a cell that begins with one of these signs for a formula: also in their full-width and
# small forms, and behind blanks and invisible characters, which some programs trim. The Unicode numbers are
# those of the full-width and small = + - @ and of the minus sign.
_SIGN = (
    r"[\s\p{Z}\p{C}]*"
    r"[=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}\x{FE66}\x{FE62}\x{FE63}\x{FE6B}\x{2212}]"
)
_FORMULA = rf"^(?:[\t\r\n]|{_SIGN})"
# Where a spreadsheet of another country parts cells, whatever the quotes say.
_FORMULA_BEHIND = rf"([;\t\r\n])({_SIGN})"
_TEXTS = (pl.String, pl.Categorical, pl.Enum)


def as_csv(frame: pl.DataFrame) -> str:
    """UTF-8 CSV after RFC 4180 with CRLF; formulas are disarmed by an apostrophe, lists are JSON.

    What is not a number is an empty cell.
    """
    nested = [name for name, kind in frame.schema.items() if kind.is_nested() or kind == pl.Object]
    text = [name for name, kind in frame.schema.items() if kind in _TEXTS]
    numbers = [name for name, kind in frame.schema.items() if kind.is_float()]
    guarded = frame.with_columns(
        *(pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in numbers),
        *(
            pl.Series(
                name,
                [None if v is None else json.dumps(_plain(v)) for v in frame[name].to_list()],
                dtype=pl.String,
            )
            for name in nested
        ),
    )
    guarded = guarded.with_columns(
        _disarmed(pl.col(name).cast(pl.String)).alias(name) for name in [*text, *nested]
    )
    names = pl.DataFrame({"name": guarded.columns}, schema={"name": pl.String})
    guarded.columns = names.select(_disarmed(pl.col("name")).alias("name"))["name"].to_list()
    return guarded.write_csv(line_terminator="\r\n", datetime_format="%Y-%m-%dT%H:%M:%S%z")


def _disarmed(text: pl.Expr) -> pl.Expr:
    behind = text.str.replace_all(_FORMULA_BEHIND, "${1}'${2}")
    return pl.when(text.str.contains(_FORMULA)).then(pl.concat_str(pl.lit("'"), behind)).otherwise(behind)


def as_json(frame: pl.DataFrame) -> str:
    """A list of objects; what is not a number is null."""
    return json.dumps([_plain(row) for row in frame.to_dicts()], default=str, ensure_ascii=False, indent=1)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
