"""Sales of a source of which only some pieces changed, from the sales of the load before and those pieces.

Belongs here: finding out which pieces changed, leaving their old rows out and joining the new ones.
Does not belong here: what a piece is (``sources.pieces``), reading and judging rows (``validation``).

What could make the result differ from a full load, or be refused, is left to a full load (``NotPatchable``).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forecast_assets.datasets.canonical import (
    DAY_BITS,
    Account,
    CanonicalReader,
    by_store,
    heads_of,
    sort_rows,
    with_ids,
)
from forecast_assets.datasets.definition import Snapshot
from forecast_assets.datasets.deliveries import Comparison
from forecast_assets.datasets.increments import day_keys
from forecast_assets.datasets.merging import Merger
from forecast_assets.datasets.sources import Source, limits
from forecast_assets.datasets.sources.base import Part, Piece
from forecast_assets.datasets.tallies import Reading, Tally, read_reading
from forecast_assets.datasets.validation import ValidatedSales
from forecast_assets.forecasting.core.panel import ORIGINAL_IDS
from forecast_assets.stores.lake import Lake

# Where less than this share of the rows is kept, a full load costs no more.
_LEAST_KEPT = 0.5

Opened = Mapping[Piece, Callable[[], Iterable[Part]]]


class NotPatchable(Exception):
    """Only a full load can say what the sales are."""


@dataclass(frozen=True, slots=True)
class Before:
    """The load before: its snapshot and what that was read from."""

    snapshot: Snapshot
    reading: Reading


def before_of(lake: Lake, source: Source, snapshot: Snapshot) -> Before | None:
    """Return the load that made ``snapshot``; ``None`` where its pieces are not known."""
    reading = read_reading(lake, snapshot.sales_path, source, snapshot.hash)
    return None if reading is None else Before(snapshot, reading)


class PatchedReader(CanonicalReader):
    """The same sales as those of ``CanonicalReader``, from the load before and the pieces that changed.

    Raises ``NotPatchable`` where that cannot be proven, at any time of the iteration.
    """

    def __init__(
        self,
        source: Source,
        *,
        dataset: str,
        today: date,
        lake: Lake,
        before: Before,
        compared: Comparison | None = None,
    ) -> None:
        super().__init__(source, dataset=dataset, today=today)
        self._lake, self._before, self._compared = lake, before, compared

    def __iter__(self) -> Iterator[tuple[str, pl.DataFrame]]:
        before, source = self._before, self._source
        rules = source.rows
        if {rules.receipts, rules.returns, rules.overlap} != {"refuse"}:
            raise NotPatchable("rows of several pieces may become one")
        if before.snapshot.last_day > self._today:
            raise NotPatchable("days that were there before have not come yet")
        opened = source.pieces(before.reading.pieces.keys())
        boxes = _boxes_of_gone(before, opened.keys())
        if boxes and (source.columns.static or before.reading.is_doubted):
            raise NotPatchable("rows that are gone may have said something of others")
        sales, merger, fresh = self._read_new(opened)
        account = Account(source.columns)
        products = dict(zip(sales.products.finals, sales.products.texts, strict=True))
        stores = dict(zip(sales.stores.finals, sales.stores.texts, strict=True))
        remaining: set[str] = set()
        old = {store_of(file): file for file in before.snapshot.files(self._lake)}
        for store in sorted(old.keys() | fresh.keys()):
            frames = [self._outside(store, old[store], boxes.get(store, ()))] if store in old else []
            frame, heads, names = _joined([*frames, *([fresh[store]] if store in fresh else [])])
            if not names:
                continue
            limits.check_rows(f"{source.name}: store {store!r}", len(frame), len(source.columns.needed))
            frame = account.with_newest_statics(frame, heads)
            texts = [products[name] for name in names]
            if stores[store] != store or texts != names:
                rows = np.repeat(np.arange(len(heads)), np.diff(heads, append=len(frame)))
                frame = with_ids(frame, stores[store], pl.Series(texts, dtype=pl.String).gather(rows))
            account.add(store, frame, heads)
            remaining |= {f"store {store}", *names}
            yield store, frame
        if any(account.changed.values()):
            raise NotPatchable("a static column says something new")
        expected = {*(f"store {name}" for name in sales.stores.finals[1:]), *sales.products.finals[1:]}
        if boxes and remaining != expected:
            raise NotPatchable("some id is gone")
        if source.columns.static:
            account.changed = dict(before.snapshot.summary["changed_static"])
        tallies = {**before.reading.pieces, **{one: tally for one, tally in sales.tallies.items() if one}}
        sales.points.is_doubted |= before.reading.is_doubted
        self.finish(account, sales, {piece: tallies[piece] for piece in opened}, merger)

    def _outside(self, store: str, file: str, boxes: Iterable["_Box"]) -> pl.DataFrame:
        """Read the sales of one store that lie outside of ``boxes``."""
        table = self._lake.read_table(file)
        if self._compared is not None:
            self._compared.before.add(store, table)
        frame = pl.DataFrame(table).drop(ORIGINAL_IDS, strict=False)
        inside = [pl.col("date").is_between(*box) for box in boxes]
        return frame.filter(~pl.any_horizontal(inside)) if inside else frame

    def _read_new(self, opened: Opened) -> tuple[ValidatedSales, Merger, dict[str, pl.DataFrame]]:
        """Read the pieces that were not there before: their sales, by store."""
        source, reading = self._source, self._before.reading
        new = {piece: open_ for piece, open_ in opened.items() if piece not in reading.pieces}
        parts = [replace(part, piece=piece) for piece, open_ in new.items() for part in open_()]
        sales = ValidatedSales(source, dataset=self._dataset, today=self._today, parts=parts)
        sales.stores.resume(reading.stores)
        sales.products.resume(reading.products)
        merger = Merger(source.rows, source.columns, sales.files)
        if not parts:
            return sales, merger, {}
        batches = list(sales)
        if len(batches) > 1:
            raise NotPatchable("the new rows do not fit into memory at once")
        frame = sort_rows(batches[0], sales, merger, source.rows)
        heads = heads_of(frame)
        self.refuse_long_keys(frame.select("store_id", "product_id")[heads], sales)
        if sales.findings:
            raise NotPatchable("the new rows break a rule")
        account = Account(source.columns)
        fresh = dict(by_store(frame, heads, sales, account))
        if any(account.changed.values()):
            raise NotPatchable("a static column has two values")
        return sales, merger, fresh


class _Box(NamedTuple):
    """The days of one store that a piece held."""

    first: date
    last: date


def _boxes_of_gone(before: Before, now: Iterable[Piece]) -> dict[str, list[_Box]]:
    """Return the days by store of the pieces that are gone; nothing that is kept may lie in them."""
    reading, kept = before.reading, set(now)
    gone = [tally for piece, tally in reading.pieces.items() if piece not in kept and tally.rows]
    rest = [tally for piece, tally in reading.pieces.items() if piece in kept and tally.rows]
    if sum(tally.rows for tally in rest) < _LEAST_KEPT * before.snapshot.row_count:
        raise NotPatchable("most rows changed")
    boxes: dict[str, list[_Box]] = {}
    for one in gone:
        if one.first is None or one.last is None or any(_meet(one, other) for other in rest):
            raise NotPatchable("rows that are gone cannot be distinguished from others")
        for code in one.stores:
            boxes.setdefault(reading.stores[code][1], []).append(_Box(one.first, one.last))
    return boxes


def _meet(one: Tally, other: Tally) -> bool:
    if one.first is None or one.last is None or other.first is None or other.last is None:
        return True
    return one.first <= other.last and other.first <= one.last and not one.stores.isdisjoint(other.stores)


def _joined(frames: list[pl.DataFrame]) -> tuple[pl.DataFrame, NDArray[np.intp], list[str]]:
    """Join sorted sales of one store; return them with the first row and the product of every series."""
    frames = [frame.drop(ORIGINAL_IDS, strict=False) for frame in frames if len(frame)]
    if not frames:
        return pl.DataFrame(), np.zeros(0, np.intp), []
    keys, names = day_keys(frames)
    rows, key = pl.concat([frame.drop("product_id") for frame in frames]), np.concatenate(keys)
    if len(frames) > 1:
        order = np.argsort(key, kind="stable")  # which joins runs that are sorted in one pass
        rows, key = rows[order], key[order]
    if not (key[1:] > key[:-1]).all():
        raise NotPatchable("a day of a series is there twice")
    codes = key >> DAY_BITS
    products = pl.Series("product_id", names, pl.String).cast(pl.Categorical).gather(codes)
    return rows.insert_column(0, products), np.flatnonzero(np.diff(codes, prepend=-1)), names


def store_of(file: str) -> str:
    """Return the store whose canonical sales are in ``file``."""
    return file.rpartition("/")[2].removesuffix(".parquet")
