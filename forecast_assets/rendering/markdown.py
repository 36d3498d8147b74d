"""Tables for people as Markdown that cannot be broken by its content.

Belongs here: formatting of values and rows, escaping.
Does not belong here: which rows are shown, and Dagit's own tables (``tables``).

Dagster stays out, since reports are printed by commands that do without it.
"""

import datetime as dt
from collections.abc import Mapping, Sequence

from forecast_assets.rendering.digits import decimals_of
from forecast_assets.rendering.numbers import amount

_DASH = "-"
_BREAKERS = str.maketrans(
    {"\\": "\\\\", "|": "\\|", "\n": " ", "\r": " ", "<": "&lt;", ">": "&gt;", "`": "'", "[": "\\["}
)


def cell(value: object, decimals: int = 2) -> str:
    """One value as Markdown text: numbers for people, a dash for nothing, nothing that ends the cell."""
    if value is None:
        return _DASH
    if isinstance(value, float):
        return amount(value, decimals)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    return str(value).translate(_BREAKERS)


def markdown(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> str:
    """A Markdown table of ``columns``; a short line when there are no rows."""
    if not rows:
        return "nothing to show"
    digits = {name: decimals_of(name, (row[name] for row in rows)) for name in columns}
    lines = [
        "| " + " | ".join(name.replace("_", " ") for name in columns) + " |",
        "|" + "---|" * len(columns),
        *("| " + " | ".join(cell(row[name], digits[name]) for name in columns) + " |" for row in rows),
    ]
    return "\n".join(lines)
