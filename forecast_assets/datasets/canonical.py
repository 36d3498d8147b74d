"""From a source to canonical sales: validated, sorted, one frame per store.

Belongs here: the order of rows, the rules that span them, the summary and the hash of what leaves.
Does not belong here: reading and judging single rows (``validation``), filling gaps, anything stored.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forecast_assets.datasets.column_audit import Marked
from forecast_assets.datasets.findings import AGE, AT
from forecast_assets.datasets.ids import MISSING
from forecast_assets.datasets.merging import Merger
from forecast_assets.datasets.rules import NEGATIVE, REMEDIES
from forecast_assets.datasets.sources import Columns, Source
from forecast_assets.datasets.sources.base import Piece
from forecast_assets.datasets.sources.columns import RETURNS
from forecast_assets.datasets.sources.row_rules import RowRules
from forecast_assets.datasets.tallies import Reading, Tally, marks_of
from forecast_assets.datasets.validation import ValidatedSales
from forecast_assets.forecasting.core.panel import ORIGINAL_IDS
from forecast_assets.keys import MAX_LENGTH, SEPARATOR, check_id

DAY_BITS = 17
_NO_DAY = 2**DAY_BITS - 1
_SERIES = "\0series"
_DUPLICATE = "a store, product and date may occur only once"
_LONG_KEY = f"series keys DATASET__STORE__PRODUCT are longer than {MAX_LENGTH} characters"


@dataclass(frozen=True, slots=True)
class SalesSummary:
    """What was read. ``null_units`` counts rows without observed units, plan rows among them.

    ``changed_static`` says per static column how many series hold more than one value;
    ``mapped_ids`` how many store and product ids have another form in keys; ``replaced`` how many rows of
    each file gave way to a newer file, ``summed`` how many rows were added to another of their day,
    ``returned`` how many days had more returns than sales, and by how many units;
    ``left_out`` names days of incomplete periods.
    """

    rows: int
    series: int
    stores: int
    first_day: date | None
    last_day: date | None
    null_units: int
    changed_static: dict[str, int]
    mapped_ids: int
    replaced: dict[str, int] = field(default_factory=dict)
    summed: int = 0
    returned: int = 0
    returned_units: float = 0.0
    left_out: tuple[str, ...] = ()
    empty_rows: int = 0
    total_rows: int = 0


class CanonicalReader:
    """Iterate over ``(store_id, frame)`` in the order of store ids; each frame sorted by product and date.

    Columns: product_id (categorical), date, units (null = not observed), the known-future columns,
    the static columns. Raises one ``BadSales`` that names all offenders at the end of the iteration,
    so a consumer keeps nothing before the iterator is exhausted. ``summary``, ``content_hash``, ``marked``
    (days that closed and stock-out columns take away) and ``reading`` (what a later load needs to read only
    what changed) are available from then on.
    """

    def __init__(self, source: Source, *, dataset: str, today: date) -> None:
        check_id("dataset name", dataset)
        self._source, self._dataset, self._today = source, dataset, today
        self._summary: SalesSummary | None = None
        self._hash = ""
        self.marked = dict[str, Marked]()
        self.reading: Reading | None = None

    @property
    def summary(self) -> SalesSummary:
        """What was read; only after the iteration."""
        if self._summary is None:
            raise RuntimeError("the summary is known when all stores were read")
        return self._summary

    @property
    def content_hash(self) -> str:
        """Hash of the canonical content, the same whatever the source's kind and row order."""
        if self._summary is None:
            raise RuntimeError("the hash is known when all stores were read")
        return self._hash

    def __iter__(self) -> Iterator[tuple[str, pl.DataFrame]]:
        self._summary = None
        sales = ValidatedSales(self._source, dataset=self._dataset, today=self._today)
        account = Account(self._source.columns)
        merger: Merger | None = None
        for batch in sales:
            merger = merger or Merger(self._source.rows, self._source.columns, sales.files)
            frame = sort_rows(batch, sales, merger, self._source.rows)
            heads = heads_of(frame)
            self.refuse_long_keys(frame.select("store_id", "product_id")[heads], sales)
            if not sales.findings:
                yield from by_store(frame, heads, sales, account)
        if sales.findings:
            raise sales.findings.error(self._source.name)
        self.finish(account, sales, {piece: tally for piece, tally in sales.tallies.items() if piece}, merger)

    def finish(
        self, account: "Account", sales: ValidatedSales, pieces: Mapping[Piece, Tally], merger: Merger | None
    ) -> None:
        """Sum up what was read of ``sales``, whose ``pieces`` are all that there are now."""
        tallies = list(pieces.values()) or list(sales.tallies.values())
        self._hash = account.hash.hexdigest()
        self.marked = marks_of(tallies, self._source.columns.flags)
        self._summary = replace(
            account.summary(sales.stores.mapped + sales.products.mapped, merger),
            empty_rows=sum(tally.empty_rows for tally in tallies),
            total_rows=sum(tally.total_rows for tally in tallies),
        )
        ids = (sales.stores, sales.products)
        if pieces:
            self.reading = Reading.of(self._hash, ids, pieces, is_doubted=sales.points.is_doubted)

    def refuse_long_keys(self, series: pl.DataFrame, sales: ValidatedSales) -> None:
        """Name series whose keys would be too long; codes of stores and products."""
        room = MAX_LENGTH - len(self._dataset) - 2 * len(SEPARATOR)
        stores, products = (
            np.array([len(text) for text in ids.finals])[series[column].to_numpy()]
            for ids, column in ((sales.stores, "store_id"), (sales.products, "product_id"))
        )
        long = np.flatnonzero(stores + products > room)
        if long.size:
            keys = sales.places.keys(series, long[: sales.findings.room(_LONG_KEY)].tolist())
            remedy = "shorten the dataset name or the ids, or remove the dataset and add it again"
            sales.findings.add(_LONG_KEY, remedy, keys, int(long.size))


def sort_rows(frame: pl.DataFrame, sales: ValidatedSales, merger: Merger, rules: RowRules) -> pl.DataFrame:
    """Sort by store, product and date, merge what the rules allow, and refuse what occurs twice."""
    if sales.findings:
        frame = frame.filter((frame["store_id"] != MISSING) & (frame["product_id"] != MISSING))
    days = frame["date"].to_physical()
    if sales.findings:
        days = days.set(~days.is_between(0, _NO_DAY - 1).fill_null(value=False), _NO_DAY)
    stores, products = sales.stores.ranks(), sales.products.ranks()
    series = stores[frame["store_id"].to_numpy()] * len(products) + products[frame["product_id"].to_numpy()]
    key = (series << DAY_BITS) + days.to_numpy()
    if not (key[1:] > key[:-1]).all():
        order = np.argsort(key, kind="stable")
        frame, key = frame[order], key[order]
        frame, key = merger.merge(frame, key, key & _NO_DAY == _NO_DAY)
        again = (key[1:] == key[:-1]) & (key[1:] & _NO_DAY != _NO_DAY)
        _refuse_duplicates(frame, np.flatnonzero(again), sales)
    if rules.nets:
        if rules.returns == "refuse":
            _refuse_returns(frame, sales)
        else:
            frame = merger.settle_returns(frame)
    return frame.drop(AGE, strict=False)


def _refuse_returns(frame: pl.DataFrame, sales: ValidatedSales) -> None:
    """Name the days that are below zero after all rows of the day were added up."""
    below = frame.filter((pl.col("units") < 0).fill_null(value=False))
    if below.is_empty():
        return
    what = f"column {sales.columns.units!r} {NEGATIVE} after adding up each day"
    keys = sales.places.keys(below, list(range(min(len(below), sales.findings.room(what)))))
    lost = -float(below["units"].sum())
    remedy = f"{REMEDIES[NEGATIVE]}; {len(below):,} days hold {lost:g} units below zero"
    sales.findings.add(what, remedy, keys, len(below))


def _refuse_duplicates(frame: pl.DataFrame, again: NDArray[np.intp], sales: ValidatedSales) -> None:
    if not again.size:
        return
    named = again[: sales.findings.room(_DUPLICATE)].tolist()
    keys = sales.places.keys(frame, named)
    if AT in frame.columns:
        first, second = sales.places.of(frame, named), sales.places.of(frame, [row + 1 for row in named])
        keys = [f"{one} and {two} ({key})" for one, two, key in zip(first, second, keys, strict=True)]
    remedy = "keep one row of each, or add them up with --receipts sum"
    if len(set(sales.files)) > 1:
        remedy += "; where exports overlap, --overlap newest lets the last file by name win"
    sales.findings.add(_DUPLICATE, remedy, keys, int(again.size))


def heads_of(frame: pl.DataFrame) -> NDArray[np.intp]:
    """The first row of every series of a sorted frame."""
    stores, products = frame["store_id"].to_numpy(), frame["product_id"].to_numpy()
    new = np.ones(len(frame), bool)
    new[1:] = (stores[1:] != stores[:-1]) | (products[1:] != products[:-1])
    return np.flatnonzero(new)


def by_store(
    frame: pl.DataFrame, heads: NDArray[np.intp], sales: ValidatedSales, account: "Account"
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Cut a sorted batch into stores, with ids for codes, and account for what leaves."""
    codes = frame["store_id"].to_numpy()
    starts = np.flatnonzero(np.diff(codes, prepend=MISSING))
    frame = account.with_newest_statics(frame, heads)
    codes_of_products = frame["product_id"]
    products = pl.Series("product_id", [None, *sales.products.finals[1:]], pl.String).cast(pl.Categorical)
    frame = frame.with_columns(products.gather(frame["product_id"])).drop(AT, "store_id", strict=False)
    for start, end in pairwise((*starts.tolist(), len(frame))):
        part = frame.slice(start, end - start)
        store = sales.stores.finals[codes[start]]
        part = _with_originals(part, codes[start], codes_of_products.slice(start, end - start), sales)
        own = heads[np.searchsorted(heads, start) : np.searchsorted(heads, end)] - start
        account.add(store, part, own)
        yield store, part


def _with_originals(
    frame: pl.DataFrame, store: int, products: pl.Series, sales: ValidatedSales
) -> pl.DataFrame:
    """Add the ids of a store as they came, where any of them has another form in keys."""
    texts = (sales.stores.texts[store], pl.Series(sales.products.texts, dtype=pl.String))
    if (
        texts[0] == sales.stores.finals[store]
        and not sales.products.differ[products.unique().to_numpy()].any()
    ):
        return frame
    return with_ids(frame, texts[0], texts[1].gather(products))


def with_ids(frame: pl.DataFrame, store: str, products: pl.Series) -> pl.DataFrame:
    """Add the ids of a store's rows as they came."""
    return frame.with_columns(pl.lit(store).alias(ORIGINAL_IDS[0]), products.alias(ORIGINAL_IDS[1]))


class Account:
    """What left so far: the summary and the hash in the making."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.hash = hashlib.blake2b(digest_size=16)
        self._counted: dict[str, int] = dict.fromkeys(("rows", "series", "stores", "null_units"), 0)
        self.changed = dict.fromkeys(columns.static, 0)
        self._observed: list[date] = []

    def with_newest_statics(self, frame: pl.DataFrame, heads: NDArray[np.intp]) -> pl.DataFrame:
        """Spread the newest value of every static column over its series, and count what changed."""
        names = list(self._columns.static)
        if not names:
            return frame
        series = np.repeat(np.arange(len(heads), dtype=np.int32), np.diff(heads, append=len(frame)))
        newest = [pl.col(name).drop_nulls().last() for name in names]
        changed = [(pl.col(name).min() != pl.col(name).max()).alias(f"\0{name}") for name in names]
        numbered = frame.select(*names, pl.Series(_SERIES, series))
        table = numbered.group_by(_SERIES, maintain_order=True).agg(*newest, *changed)
        for name in names:
            self.changed[name] += int(table[f"\0{name}"].sum())
        return frame.with_columns(table.select(names)[series])

    def add(self, store: str, frame: pl.DataFrame, heads: NDArray[np.intp]) -> None:
        """Count and hash one store."""
        observed = frame["date"].filter(frame["units"].is_not_null())
        self._counted["rows"] += len(frame)
        self._counted["series"] += len(heads)
        self._counted["stores"] += 1
        self._counted["null_units"] += len(frame) - len(observed)
        self._observed += [day for day in (observed.min(), observed.max()) if isinstance(day, date)]
        texts = [name for name in frame.columns if frame[name].dtype == pl.String]
        first = frame.select("product_id", *texts)[heads].cast(pl.String)
        record = [store, frame.columns, len(frame), heads.tolist(), first.rows()]
        self.hash.update(json.dumps(record).encode())
        self.hash.update(frame["date"].to_physical().to_numpy().data)
        for name in ("units", *self._columns.known, *(RETURNS,) * (RETURNS in frame.columns)):
            # Adding zero gives -0.0 and 0.0 the same bytes.
            numbers = frame[name].fill_null(float("nan")).to_numpy() + np.float32(0)
            self.hash.update(numbers.data)

    def summary(self, mapped_ids: int, merger: Merger | None) -> SalesSummary:
        """Sum up when all stores have left."""
        return SalesSummary(
            rows=self._counted["rows"],
            series=self._counted["series"],
            stores=self._counted["stores"],
            null_units=self._counted["null_units"],
            first_day=min(self._observed, default=None),
            last_day=max(self._observed, default=None),
            changed_static=self.changed,
            mapped_ids=mapped_ids,
            replaced={} if merger is None else dict(merger.replaced),
            summed=0 if merger is None else merger.summed,
            returned=0 if merger is None else merger.returned,
            returned_units=0.0 if merger is None else merger.returned_units,
        )
