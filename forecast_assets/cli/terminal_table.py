"""A listing on a terminal: whole keys first, numbers with the digits that matter, text in its own column.

Belongs here: which columns fit a width, and how a cell is written for a person.
Does not belong here: which columns a listing has (``rendering.columns``), and files (``rendering.export``).
"""

import datetime as dt
import json
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import polars as pl
from rich.console import Console, JustifyMethod
from rich.table import Table

from forecast_assets.rendering.digits import decimals_of

# Columns that identify a row: never cut, never wrapped.
KEYS = frozenset({
    "series", "store_id", "product_id", "original_store", "original_product", "dataset", "name", "run_id",
    "candidate", "champion", "date", "preset", "version", "workspace_id",
})  # fmt: skip
_NARROWEST_TEXT = 15
_SHORT = 16
_GAP = 2
_DASH = "-"


@dataclass(frozen=True, slots=True)
class Column:
    """One column as text: ``cells`` of its rows, the width that it needs and the one that it would like."""

    name: str
    cells: list[str]
    is_number: bool
    is_key: bool

    @property
    def longest(self) -> int:
        return max(map(len, self.cells), default=0)

    @property
    def needed(self) -> int:
        heading = max(map(len, self.name.split("_")))
        if self.is_key or self.is_number or self.longest <= _SHORT:
            return max(self.longest, heading)
        return max(min(self.longest, _NARROWEST_TEXT), heading)

    @property
    def liked(self) -> int:
        return max(self.longest, self.needed)


def column(values: pl.Series, keys: Collection[str] = KEYS) -> Column:
    """Write all values of one column for a person."""
    is_number = values.dtype.is_numeric()
    decimals = decimals_of(values.name, values) if values.dtype.is_float() else 0
    cells = [_cell(value, decimals) for value in values.to_list()]
    return Column(values.name, cells, is_number, values.name in keys)


def fitting(columns: Sequence[Column], width: int) -> tuple[list[Column], list[str]]:
    """Return the columns that fit into ``width`` characters, and the names of those that do not.

    The last ones give way first; keys never do.
    """
    kept = list(columns)
    left_out: list[str] = []
    while sum(one.needed + _GAP for one in kept) - _GAP > width:
        last = next((one for one in reversed(kept) if not one.is_key), None)
        if last is None or len(kept) == 1:
            break
        kept.remove(last)
        left_out.insert(0, last.name)
    return kept, left_out


def draw(frame: pl.DataFrame, width: int, *, wide: bool = False) -> list[str]:
    """Print ``frame`` on stdout and return the names of the columns that did not fit.

    With ``wide`` every column is printed in full, however long the lines become.
    """
    # A run has a key of its own; its dataset may give way.
    keys = KEYS - {"dataset"} if "run_id" in frame.columns else KEYS
    columns = [column(frame[name], keys) for name in frame.columns]
    kept, left_out = (columns, []) if wide else fitting(columns, width)
    widths = {one.name: one.liked if wide else one.needed for one in kept}
    spare = width - sum(widths.values()) - _GAP * (len(kept) - 1)
    # Equal shares for all that wrap: the longest text would otherwise leave the others their narrowest.
    for left, one in enumerate(sorted(kept, key=lambda c: c.liked - c.needed)):
        wish = min(one.liked - widths[one.name], max(spare, 0) // (len(kept) - left))
        widths[one.name] += wish
        spare -= wish
    drawn = Table(box=None, header_style="bold", pad_edge=False, padding=(0, _GAP, 0, 0))
    for one in kept:
        heading = one.name.replace("_", " ")
        justify: JustifyMethod = "right" if one.is_number else "left"
        drawn.add_column(heading, justify=justify, width=widths[one.name], overflow="fold")
    for cells in zip(*(one.cells for one in kept), strict=True):
        drawn.add_row(*cells)
    whole = sum(widths.values()) + _GAP * len(kept)
    Console(width=max(width, whole), highlight=False, markup=False, emoji=False).print(drawn)
    return left_out


def _cell(value: object, decimals: int) -> str:  # noqa: PLR0911 - one per kind of value
    match value:
        case None:
            return _DASH
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:,.{decimals}f}" if math.isfinite(value) else _DASH
        case int():
            return f"{value:,}"
        case dt.datetime():
            return value.strftime("%Y-%m-%d %H:%M")
        case list() | dict():
            return _clean(json.dumps(value, default=str, ensure_ascii=False))
    return _clean(str(value))


def _clean(text: str) -> str:
    """Text of data cannot move the cursor or colour the terminal."""
    return "".join(char if char.isprintable() else " " for char in text)
