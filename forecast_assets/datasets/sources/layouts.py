"""From the columns a file has to those a source needs: other names, named by folders, constant, one per day.

Belongs here: turning one part into another.
Does not belong here: reading files.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pyarrow as pa

from forecast_assets.datasets.sources.base import Part
from forecast_assets.datasets.sources.date_formats import labelled, parsed
from forecast_assets.errors import BadSales

_NUMBERED = re.compile(r"^(.*?)([0-9]+)$")
_MIDNIGHT = r"[ T]00:00(:00)?$"
_ISO = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T]00:00(:00)?)?$"
_FEWEST_DAYS = 7
_ROWS_PER_PART = 2_000_000


def renamed(part: Part, written: Mapping[str, str]) -> Part:
    """Let columns go by the names of the source (keys), whatever the file calls them (values)."""
    if all(name == one for name, one in written.items()):
        return part

    def read(columns: Sequence[str]) -> pa.Table:
        return part.read([written.get(name, name) for name in columns]).rename_columns(list(columns))

    return replace(part, read=read)


def with_constants(part: Part, constants: Mapping[str, str | None], anchor: str) -> Part:
    """Add columns that hold the same text on every row; ``anchor`` is a column that the part has."""
    if not constants:
        return part

    def read(columns: Sequence[str]) -> pa.Table:
        real = [name for name in columns if name not in constants] or [anchor]
        table = part.read(real)
        for name, value in constants.items():
            if name in columns:
                codes = pa.array(np.zeros(len(table), np.int32), mask=np.full(len(table), value is None))
                column = pa.DictionaryArray.from_arrays(codes, pa.array([value or ""], pa.string()))
                table = table.append_column(name, column)
        return table.select(list(columns))

    return replace(part, read=read)


def day_columns(names: Sequence[str], first_day: date | None, date_format: str | None) -> dict[str, date]:
    """The columns that are days of a wide table, with the day of each.

    They are named by dates (ISO, or by ``date_format``), or numbered from 1 with a common beginning,
    as ``d_1``, where ``first_day`` is the first.
    """
    texts = pl.Series(names, dtype=pl.String)
    days = _days(texts) if date_format is None else parsed(texts, date_format)
    dated = {name: day for name, day in zip(names, days.to_list(), strict=True) if day is not None}
    if len(dated) >= _FEWEST_DAYS or first_day is None:
        return dated if len(dated) >= _FEWEST_DAYS else {}
    return {name: first_day + timedelta(days=number - 1) for name, number in numbered_columns(names).items()}


def numbered_columns(names: Sequence[str]) -> dict[str, int]:
    """The largest group of columns with a common beginning and a number, as ``d_1``; empty below a week."""
    groups: dict[str, dict[str, int]] = {}
    for name in names:
        if match := _NUMBERED.match(name):
            groups.setdefault(match[1], {})[name] = int(match[2])
    largest = max(groups.values(), key=len, default={})
    return largest if len(largest) >= _FEWEST_DAYS else {}


def _days(names: pl.Series) -> pl.Series:
    """The days that ISO dates name, and the first days of weeks and months."""
    days = names.str.replace(_MIDNIGHT, "").str.to_date("%Y-%m-%d", strict=False)
    return days.set(~names.str.contains(_ISO), None).fill_null(labelled(names))


def melted(part: Part, days: Mapping[str, date], *, date_column: str, units_column: str) -> Iterator[Part]:
    """Turn a part with one column per day into parts with one row per day, of some rows each."""
    names = list(days)
    rows = len(part.read(names[:1]))
    block = max(1, _ROWS_PER_PART // len(days))
    calendar = np.array([days[name] for name in names], "datetime64[D]")
    for start in range(0, rows, block):

        def read(columns: Sequence[str], start: int = start) -> pa.Table:
            own = [name for name in columns if name not in {date_column, units_column}]
            wide = part.read([*own, *names] if units_column in columns else own or names[:1])
            piece = wide.slice(start, block)
            renamed = {
                name: piece[name].combine_chunks().take(_repeated(len(piece), len(names))) for name in own
            }
            if date_column in columns:
                renamed[date_column] = pa.array(np.tile(calendar, len(piece)))
            if units_column in columns:
                renamed[units_column] = _row_by_row(piece.select(names))
            return pa.table(renamed).select(list(columns))

        yield Part(read)


def _repeated(rows: int, times: int) -> pa.Array:
    return pa.array(np.repeat(np.arange(rows, dtype=np.int64), times))


def _row_by_row(table: pa.Table) -> pa.Array:
    """All cells of a table, one row after the other."""
    frame = pl.DataFrame(table)
    kinds = set(frame.dtypes)
    if any(kind == pl.String for kind in kinds):
        frame = frame.cast(pl.String)
    elif not all(kind.is_numeric() for kind in kinds):
        raise BadSales(
            f"the columns of days hold {', '.join(sorted(map(str, kinds)))}",
            remedy="let every column that is named by a day hold units",
        )
    return frame.transpose().unpivot()["value"].to_arrow() if len(frame) else pa.array([], pa.float64())
