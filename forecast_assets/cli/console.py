"""How the command line talks: data on stdout, everything else on stderr, four exit codes.

Belongs here: printing and saving listings.
Does not belong here: what a command does, and how a refusal ends it (``refusals``).
"""

import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from forecast_assets.cli.refusals import BROKE, DONE, OUTAGE, REFUSED, SAY
from forecast_assets.cli.terminal_table import KEYS, draw
from forecast_assets.errors import BadSetting, Outage, listed
from forecast_assets.rendering.columns import chosen
from forecast_assets.rendering.export import as_csv, as_json
from forecast_assets.rendering.numbers import plural
from forecast_assets.settings import settings

__all__ = ["BROKE", "DONE", "OUTAGE", "REFUSED", "SAY", "Format", "listing", "save", "writing"]


_IDS = ("store_id", "product_id")
_NOBODY_LOOKS = 200
_WHAT = 10


class Format(StrEnum):
    """How a listing is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


FormOption = Annotated[Format, typer.Option("--format", help="How to print.")]
ColumnsOption = Annotated[str | None, typer.Option("--columns", help="Only these columns, with commas.")]
WaitOption = Annotated[bool, typer.Option("--wait", help="Execute here and wait, instead of queueing it.")]
WideOption = Annotated[bool, typer.Option("--wide", help="All columns, however long the lines become.")]


@dataclass(frozen=True, slots=True)
class View:
    """How a listing is looked at: its format, the columns that were named, and whether all are printed."""

    form: Format = Format.TABLE
    columns: str | None = None
    wide: bool = False

    def of(self, frame: pl.DataFrame, name: str) -> pl.DataFrame:
        """Select the columns to print. Raises ``BadSetting`` for one that the listing does not have."""
        if self.columns is None:
            if self.form is not Format.TABLE:
                return frame
            names = chosen(name, frame.columns)
            if name and not self.wide:
                empty = [one for one in frame.columns if one not in KEYS and frame[one].is_null().all()]
                names = [one for one in names if one not in empty or frame.is_empty()]
            ids = () if names[:1] != ["series"] or _keys_hold_ids(frame) else _IDS
            first = [*names[:1], *ids, *(one for one in names[1:] if one not in ids)]
            return frame.select(*first, *((pl.exclude(first),) if self.wide else ()))
        names = [part.strip() for part in self.columns.split(",")]
        if unknown := [part for part in names if part not in frame.columns]:
            raise BadSetting(
                f"there is no column {listed(unknown)}", remedy=f"choose among {', '.join(frame.columns)}"
            )
        return frame.select(names)


def listing(frame: pl.DataFrame, view: View, name: str = "", *, if_empty: str | None = None) -> None:
    """Print ``frame`` on stdout; ``name`` says which listing it is, and so what a person sees of it.

    ``if_empty`` is the sentence in place of a table without rows.
    """
    chosen_frame = view.of(_with_originals(frame) if view.form is Format.TABLE else frame, name)
    if view.form is Format.JSON:
        sys.stdout.write(as_json(chosen_frame) + "\n")
    elif view.form is Format.CSV:
        sys.stdout.write(as_csv(chosen_frame))
    elif chosen_frame.is_empty():
        SAY.print(if_empty or f"nothing to list in the home {settings().home}", markup=False)
    else:
        left_out = draw(chosen_frame, _width(), wide=view.wide)
        hidden = [one for one in frame.columns if one not in chosen_frame.columns]
        if left_out:
            # Only listings with a name have the option.
            more = "--wide prints all columns" if name else "a wider terminal has it"
            SAY.print(f"no room for {listed(left_out)}; {more}", markup=False)
        elif hidden and not view.wide and view.columns is None:
            SAY.print(
                f"{plural(len(hidden), 'more column')} with --wide or --columns NAME,NAME", markup=False
            )


def summary_text(lines: Iterable[tuple[str, str]]) -> str:
    """Return lines of (what, in words) as text; a terminal gets the words below each other."""
    width, edge = _width(), " " * (_WHAT + 4)
    texts = [f"  {what:<{_WHAT}}  {detail}" for what, detail in lines]
    if width != _NOBODY_LOOKS:
        wrapping = textwrap.TextWrapper(
            max(width, 2 * len(edge)), subsequent_indent=edge, break_on_hyphens=False, break_long_words=False
        )
        texts = [wrapping.fill(text) for text in texts]
    return "".join(f"{text}\n" for text in texts)


def _width() -> int:
    """Characters of a line: of the terminal, as COLUMNS says, or 200 where nobody looks."""
    return shutil.get_terminal_size((_NOBODY_LOOKS, 24)).columns


def _with_originals(frame: pl.DataFrame) -> pl.DataFrame:
    """Put the ids of store and product behind the series' key where that does not say them."""
    if _keys_hold_ids(frame):
        return frame
    return frame.select("series", *_IDS, pl.exclude("series", *_IDS))


def _keys_hold_ids(frame: pl.DataFrame) -> bool:
    """Whether the keys say the ids as their source writes them, or the frame has none."""
    if not {"series", *_IDS} <= set(frame.columns):
        return True
    ids_of_key = pl.concat_str(pl.lit("__"), "store_id", pl.lit("__"), "product_id")
    return bool(frame.select(pl.col("series").str.ends_with(ids_of_key).all()).item())


def save(frame: pl.DataFrame, output: Path, form: str) -> None:
    """Write a listing to a file as ``csv``, ``json`` or ``parquet``; one that cannot be is an ``Outage``."""
    content = BytesIO()
    if form == "parquet":
        frame.write_parquet(content)
    else:
        text = as_json(frame) + "\n" if form == "json" else as_csv(frame)
        content.write(text.encode())
    with writing(output):
        output.write_bytes(content.getbuffer())


def check_folder(output: Path) -> None:
    """Raise ``Outage`` for a file in a folder that is not there."""
    if not output.parent.is_dir():
        raise Outage(
            f"{output} cannot be written: there is no folder {output.parent}",
            remedy="make the folder, or name another file",
        )


@contextmanager
def writing(output: Path) -> Iterator[None]:
    """Raise ``Outage`` when a file of the user's choice cannot be written; half of a new one is removed."""
    is_new = False
    try:
        is_new = not output.exists()
        check_folder(output)
        yield
    except OSError as error:
        with suppress(OSError):  # a disk that only reads refuses this too, even where there is no file
            if is_new:
                output.unlink(missing_ok=True)
        raise Outage(
            f"{output} cannot be written: {error.strerror or error}",
            remedy="see to its rights and to the free space of its disk, or name another file",
        ) from error
