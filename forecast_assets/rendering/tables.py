"""Dagit's own tables.

Belongs here: rows and descriptions of columns as metadata.
Does not belong here: which rows are shown, and Markdown (``markdown``).
"""

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from forecast_assets.rendering.addresses import by_path
from forecast_assets.rendering.columns import CHOSEN, chosen
from forecast_assets.rendering.digits import decimals_of
from forecast_assets.rendering.markdown import cell

# Dagit hides longer Markdown behind a link.
_SHOWN_AT_ONCE = 1_000
_RUN_ID = re.compile(r"([0-9a-f]{8})(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def table(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> dg.TableMetadataValue:
    """A table for Dagit with the digits that matter; nulls stay empty."""
    digits = {name: decimals_of(name, (row[name] for row in rows)) for name in columns}
    kinds = {int: "int", float: "float", bool: "bool"}
    types = {
        name: next((kinds.get(type(row[name]), "string") for row in rows if row[name] is not None), "string")
        for name in columns
    }
    records = [dg.TableRecord({name: _plain(row[name], digits[name]) for name in columns}) for row in rows]
    schema = dg.TableSchema([dg.TableColumn(name, types[name]) for name in columns])
    return dg.MetadataValue.table(records, schema)


def chosen_table(
    listing: str, rows: Sequence[Mapping[str, object]], *, without: Sequence[str] = ()
) -> dg.TableMetadataValue:
    """A table for Dagit with the columns that ``listing`` has on a terminal, too, but for those ``without``.

    Beside the list of partitions there is room for about 75 characters; Dagit hides what is beyond.
    """
    names = chosen(listing, list(rows[0]) if rows else CHOSEN[listing])
    return table(rows, filled(rows, [name for name in names if name not in without]))


def filled(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> list[str]:
    """Return the ``columns`` that any row has a value for: empty ones take the room of the others."""
    return [name for name in columns if not rows or any(row[name] is not None for row in rows)]


def links(targets: Iterable[tuple[str, str | None]]) -> dg.MarkdownMetadataValue:
    """Labels that lead to pages, as many as Dagit shows at once: cells of its tables cannot."""
    text = ""
    for label, url in targets:
        name = cell(label).replace("]", "\\]")
        link = f"[{name}]({by_path(url)})" if url else ""
        if link and len(text) + len(link) < _SHOWN_AT_ONCE:
            text += f" · {link}" if text else link
    return dg.MetadataValue.md(text or "none")


def _plain(value: object, decimals: int) -> str | int | float | None:
    if isinstance(value, float):
        return round(value, decimals)
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, str):
        return _RUN_ID.sub(r"\1", value)
    if value is None or isinstance(value, int | bool):
        return value
    return str(value)


def schema(**columns: str) -> dg.TableSchema:
    """Columns as ``name="type: description"``."""
    parts = {name: text.split(": ", 1) for name, text in columns.items()}
    return dg.TableSchema(
        [dg.TableColumn(name, kind, description=description) for name, (kind, description) in parts.items()]
    )
