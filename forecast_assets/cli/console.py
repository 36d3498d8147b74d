"""How the command line talks: data on stdout, everything else on stderr, four exit codes.

Belongs here: printing listings, progress.
Does not belong here: what a command does, and how a refusal ends it (``refusals``).
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from forecast_assets.cli.refusals import BROKE, DONE, OUTAGE, REFUSED, SAY
from forecast_assets.rendering.export import as_csv, as_json
from forecast_assets.rendering.tables import cell

__all__ = ["BROKE", "DONE", "OUTAGE", "REFUSED", "SAY", "Format", "listing", "progress", "save"]


class Format(StrEnum):
    """How a listing is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def listing(frame: pl.DataFrame, form: Format) -> None:
    """Print ``frame`` on stdout."""
    if form is Format.JSON:
        sys.stdout.write(as_json(frame) + "\n")
    elif form is Format.CSV:
        sys.stdout.write(as_csv(frame))
    else:
        _table(frame)


def _table(frame: pl.DataFrame) -> None:
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for name, kind in frame.schema.items():
        numeric = kind.is_numeric()
        shown.add_column(name.replace("_", " "), justify="right" if numeric else "left", no_wrap=numeric)
    for row in frame.iter_rows():
        shown.add_row(*(f"{value:,.1f}" if isinstance(value, float) else cell(value) for value in row))
    width = None if sys.stdout.isatty() else 200
    Console(width=width, highlight=False, markup=False).print(shown)


def save(frame: pl.DataFrame, output: Path, form: str) -> None:
    """Write a listing to a file as ``csv``, ``json`` or ``parquet``."""
    if form == "parquet":
        frame.write_parquet(output)
    elif form == "json":
        output.write_text(as_json(frame) + "\n", encoding="utf-8")
    else:
        output.write_text(as_csv(frame), encoding="utf-8", newline="")


@contextmanager
def progress(logger: logging.Logger, label: str) -> Iterator[None]:
    """Show a bar that follows records with the attributes ``done`` and ``total`` on ``logger``."""
    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=SAY, transient=True) as bar:
        task = bar.add_task(label, total=None)

        class Follow(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                seen = vars(record)
                bar.update(task, completed=seen["done"], total=seen["total"])

        handler = Follow()
        level, propagate = logger.level, logger.propagate
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate
