"""What every piece of a source held, so that a later load can do without reading it again.

Belongs here: counting pieces, and keeping that beside the sales which were frozen from them.
Does not belong here: cutting sources into pieces (``sources.pieces``), what a later load does (``patching``).
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import date
from hashlib import blake2b
from importlib.metadata import version
from typing import Any, Self

import polars as pl

from forecast_assets.datasets.column_audit import Marked
from forecast_assets.datasets.ids import Ids
from forecast_assets.datasets.sources import Source
from forecast_assets.datasets.sources.base import Piece
from forecast_assets.stores.lake import Lake
from forecast_assets.stores.paths import READINGS

_FILE = "pieces.json.gz"


@dataclass(slots=True)
class Tally:
    """What one piece held: rows, those left out, first and last day, stores (codes, or ids when stored)."""

    flags: tuple[str, ...] = ()
    rows: int = 0
    empty_rows: int = 0
    total_rows: int = 0
    first: date | None = None
    last: date | None = None
    stores: set[int] = field(default_factory=set)
    marked: dict[str, Marked] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.marked = self.marked or {name: Marked() for name in self.flags}

    def add(self, frame: pl.DataFrame) -> None:
        """Count rows: store_id (codes) and date."""
        self.rows += len(frame)
        days = [day for day in (frame["date"].min(), frame["date"].max()) if isinstance(day, date)]
        self.first = min([*days, *([self.first] if self.first else [])], default=None)
        self.last = max([*days, *([self.last] if self.last else [])], default=None)
        self.stores |= set(frame["store_id"].unique().to_list())


@dataclass(frozen=True, slots=True)
class Reading:
    """What sales with hash ``content`` were read from: pieces with their tallies, ids in the order of codes.

    ``is_doubted``: some cell could have been thousands or decimals until another one settled it.
    """

    content: str
    stores: list[tuple[str, str]]
    products: list[tuple[str, str]]
    is_doubted: bool
    pieces: Mapping[Piece, Tally]

    @classmethod
    def of(
        cls, content: str, ids: tuple[Ids, Ids], pieces: Mapping[Piece, Tally], *, is_doubted: bool
    ) -> Self:
        """Return what is to be remembered of ``pieces`` that were read with these ids."""
        stores, products = (list(zip(one.texts, one.finals, strict=True)) for one in ids)
        return cls(content, stores, products, is_doubted, pieces)

    def write(self, lake: Lake, sales_path: str, source: Source) -> None:
        """Store the reading beside the sales below ``sales_path``."""
        content = {
            "content": self.content,
            "recipe": _recipe(source),
            "stores": self.stores,
            "products": self.products,
            "is_doubted": self.is_doubted,
            "pieces": [[*astuple(piece), _plain(tally)] for piece, tally in self.pieces.items()],
        }
        lake.write_text(f"{reading_path(sales_path)}/{_FILE}", json.dumps(content))


def read_reading(lake: Lake, sales_path: str, source: Source, content: str) -> Reading | None:
    """Return what the sales below ``sales_path`` were read from; ``None`` unless it fits all arguments."""
    file = f"{reading_path(sales_path)}/{_FILE}"
    if file not in lake.list(reading_path(sales_path)):
        return None
    stored = json.loads(lake.read_text(file))
    if (stored["recipe"], stored["content"]) != (_recipe(source), content):
        return None
    return Reading(
        content=content,
        stores=[(text, final) for text, final in stored["stores"]],
        products=[(text, final) for text, final in stored["products"]],
        is_doubted=stored["is_doubted"],
        pieces={Piece(*names): _tally(tally) for *names, tally in stored["pieces"]},
    )


def reading_path(sales_path: str) -> str:
    """Return the folder of what the sales below ``sales_path`` were read from."""
    return READINGS.path(sales_path.partition("/")[2])


def marks_of(tallies: Iterable[Tally], flags: Collection[str]) -> dict[str, Marked]:
    """Add up the marks of all pieces, in their order."""
    totals = {name: Marked() for name in flags}
    for tally in tallies:
        for name, marked in tally.marked.items():
            totals[name].join(marked)
    return totals


def _recipe(source: Source) -> str:
    """Equal as long as the same bytes are read as the same rows."""
    text = f"{version('forecast_assets')}{source.model_dump_json()}"
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _plain(tally: Tally) -> list[object]:
    days = [None if day is None else day.isoformat() for day in (tally.first, tally.last)]
    marked = {name: astuple(one) for name, one in tally.marked.items()}
    return [tally.rows, tally.empty_rows, tally.total_rows, *days, sorted(tally.stores), marked]


def _tally(stored: Sequence[Any]) -> Tally:
    rows, empty_rows, total_rows, first, last, stores, marked = stored
    return Tally(
        flags=tuple(marked),
        rows=rows,
        empty_rows=empty_rows,
        total_rows=total_rows,
        first=None if first is None else date.fromisoformat(first),
        last=None if last is None else date.fromisoformat(last),
        stores=set(stores),
        marked={name: Marked(*numbers) for name, numbers in marked.items()},
    )
