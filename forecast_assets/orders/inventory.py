"""Stock on hand and on order, from a file of its own.

Belongs here: reading the file, refusing what is wrong in it, matching its rows to series.
Does not belong here: the defaults of a dataset (``order_settings``), what is ordered (``proposal``).

A file is read by the readers of sales and anew for every proposal. A row is one count of one product in one
store; where a series has several, the newest counts, so that a history of counts, or the sales with a column
of stock, will do.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from forecast_assets.datasets import dates, matching, numbers
from forecast_assets.datasets.date_patterns import find_date_format
from forecast_assets.datasets.findings import Findings
from forecast_assets.datasets.rules import DOUBTFUL, EMPTY_ID, FLOAT_ID, REMEDIES
from forecast_assets.datasets.sources import FileSource, dialects
from forecast_assets.datasets.sources.base import Part  # noqa: TC001 - as every import here
from forecast_assets.datasets.sources.columns import plain
from forecast_assets.datasets.sources.dialects import Dialect
from forecast_assets.datasets.sources.opening import SourceFile, is_url
from forecast_assets.datasets.sources.row_rules import RowRules
from forecast_assets.derived import bounds_of
from forecast_assets.errors import BadSetting, listed
from forecast_assets.order_settings import OrderSettings

_WORDS = {
    "on_hand": "onhand stock stockonhand qtyonhand quantityonhand inventory soh bestand lagerbestand",
    "counted": "counted countedon countdate countday date day asof snapshotdate datum inventurdatum",
    "on_order": "onorder qtyonorder quantityonorder ordered incoming intransit openorders bestellt",
    "pack_size": "packsize pack casepack casesize ordermultiple gebinde",
    "minimum_order": "minimumorder minorder moq minorderqty minimumorderquantity mindestbestellmenge",
    "review_days": "reviewdays reviewperiod reviewperioddays",
    "lead_time_days": "leadtimedays leadtime lieferzeit",
    "shelf_life_days": "shelflifedays shelflife haltbarkeit",
    "unit_cost": "unitcost cost purchaseprice einkaufspreis",
    "holding_cost": "holdingcost",
    "shortage_cost": "shortagecost",
    "service_level": "servicelevel",
    "fill_rate": "fillrate",
}
NUMBERS = tuple(name for name in _WORDS if name != "counted")
_WHOLE = ("review_days", "lead_time_days", "shelf_life_days")
_REMEDY = "write one row per product and store, with numbers such as 12 or 12.5 and days as YYYY-MM-DD"
_TWICE = "count a series twice on one day"
_FUTURE = "was counted after today"
_MOST = 1e9
_BOUNDS: Mapping[str, tuple[str, Callable[[pl.Series, float], pl.Series]]] = {
    "ge": ("at least", lambda values, edge: values < edge),
    "gt": ("above", lambda values, edge: values <= edge),
    "le": ("at most", lambda values, edge: values > edge),
    "lt": ("below", lambda values, edge: values >= edge),
}


@dataclass(frozen=True, slots=True, eq=False)
class Inventory:
    """The newest count of every series: series, on_hand, on_order, counted and settings of its own, or null.

    ``older`` rows gave way to a newer count, ``strange`` ones are of no series of the dataset.
    """

    frame: pl.DataFrame
    older: int
    strange: int


def inventory_source(path: str, today: dt.date) -> FileSource:
    """Return the file, folder or URL of an inventory, once all of it was read.

    Raises ``BadSetting`` where there is none or columns are missing, ``BadSales`` for what is wrong in it.
    """
    source = FileSource(path=path if is_url(path) else str(Path(path).absolute()))
    # Which store a file without one means is for the dataset to say.
    reader = _Reader(source, {""}, today)
    for file in source.files():
        for _ in reader.frames(file):
            pass
    reader.refuse()
    return source


def read_inventory(source: FileSource, series: Mapping[tuple[str, str], str], today: dt.date) -> Inventory:
    """Read the counts of ``series``: their keys by store and product as the source of sales writes them.

    Raises ``BadSales`` naming column and rows of what is wrong, ``BadSetting`` for missing columns and where
    no row is of any series.
    """
    reader = _Reader(source, {store for store, _ in series}, today)
    every = pl.concat([frame for file in source.files() for frame in reader.frames(file)])
    reader.refuse()
    keys = [series.get(ids) for ids in zip(every["store"], every["product"], strict=True)]
    matched = every.with_columns(pl.Series("series", keys, pl.String)).filter(pl.col("series").is_not_null())
    if matched.is_empty():
        raise BadSetting(
            f"{source.name}: none of its {len(every):,} rows is of a series of this dataset",
            remedy="write store and product ids as the source of sales does",
        )
    ordered = matched.sort("series", "counted", nulls_last=False, maintain_order=True)
    reader.add("store and product", _TWICE, ordered, ordered.select("series", "counted").is_duplicated())
    reader.refuse()
    newest = ordered.unique("series", keep="last", maintain_order=True)
    columns = ["series", "counted", *NUMBERS]
    return Inventory(newest.select(columns), len(matched) - len(newest), len(every) - len(matched))


class _Reader:
    """Reads the parts of a source one after the other, and remembers what is wrong and where."""

    def __init__(self, source: FileSource, stores: set[str], today: dt.date) -> None:
        dialect = source.dialect.model_copy(update={"each_file": True})
        self._source = source.model_copy(update={"dialect": dialect})
        self._stores, self._today = stores, today
        self._parts: list[tuple[str, Part]] = []
        self._findings = Findings()

    def refuse(self) -> None:
        """Raise ``BadSales`` if anything was wrong so far."""
        if self._findings:
            raise self._findings.error(self._source.name)

    def frames(self, file: SourceFile) -> Iterator[pl.DataFrame]:
        """Return store, product, day and numbers of every part of a file, and where each row is."""
        source = self._source
        columns = _columns(file.name, source.header(file), single=len(self._stores) == 1)
        names = list(columns.values())
        for part in source.parts_of(file, names, []):
            self._parts.append((file.name, part))
            raw = pl.DataFrame(part.read(names))
            rows = pl.DataFrame({"part": len(self._parts) - 1, "record": range(len(raw))})
            yield rows.select(
                self._ids("store", raw, columns, rows),
                self._ids("product", raw, columns, rows),
                self._days(raw[columns["counted"]], rows),
                *(self._numbers(role, raw, columns, rows, source.dialect) for role in NUMBERS),
                "part",
                "record",
            )

    def add(self, column: str, what: str, rows: pl.DataFrame, wrong: pl.Series) -> None:
        """Note the ``rows`` that are ``wrong``."""
        bad = rows.filter(wrong)
        if bad.is_empty():
            return
        remedy = REMEDIES[what] if what in {EMPTY_ID, FLOAT_ID} else _REMEDY
        what = f"column {column!r} {what}"
        examples = bad.head(self._findings.room(what))
        places = zip(examples["part"].to_list(), examples["record"].to_list(), strict=True)
        named = [self._place(part, record) for part, record in places]
        self._findings.add(what, remedy, named, len(bad))

    def _place(self, part: int, record: int) -> str:
        file, opened = self._parts[part]
        if opened.origin is None:
            return f"row {record + 1} of {file}"
        return f"line {opened.origin.lines([record])[record]} of {file}"

    def _ids(self, role: str, raw: pl.DataFrame, columns: Mapping[str, str], rows: pl.DataFrame) -> pl.Series:
        if role not in columns:
            return pl.repeat(min(self._stores), len(raw), dtype=pl.String, eager=True).alias(role)
        column = raw[columns[role]]
        is_float = column.dtype.is_float()
        self.add(column.name, FLOAT_ID, rows, pl.repeat(is_float, len(rows), eager=True))
        ids = column.cast(pl.String).str.strip_chars()
        self.add(column.name, EMPTY_ID, rows, ids.is_null() | (ids == ""))
        return ids.alias(role)

    def _days(self, column: pl.Series, rows: pl.DataFrame) -> pl.Series:
        how = dates.DayRules(None, None, RowRules(cut_time=True))
        if column.dtype == pl.String:
            texts = column.drop_nulls().str.strip_chars()
            texts = texts.filter(texts != "").unique().sort()
            date_format = find_date_format(texts, self._source.name) if len(texts) else None
            how = dates.DayRules(date_format, None, RowRules(cut_time=True))
        read = dates.read(column, how)
        for wrong, what in read.verdicts:
            if what != dates.EMPTY_DATE:
                self.add(column.name, what, rows, wrong.fill_null(value=False))
        self.add(column.name, _FUTURE, rows, (read.days > self._today).fill_null(value=False))
        return read.days.alias("counted")

    def _numbers(
        self, role: str, raw: pl.DataFrame, columns: Mapping[str, str], rows: pl.DataFrame, dialect: Dialect
    ) -> pl.Series:
        if role not in columns:
            return pl.repeat(None, len(raw), dtype=pl.Float64, eager=True).alias(role)
        column = raw[columns[role]]
        if column.dtype == pl.String:
            cells = [cell for cell in column.drop_nulls().to_list() if not cell.isdigit()]
            decimal, thousands = dialects.find_numbers(cells)
            dialect = dialect.model_copy(update={"decimal": decimal, "thousands": thousands})
            doubt, sure = numbers.doubtful(column, dialect)
            if doubt is not None and not sure:
                self.add(column.name, DOUBTFUL, rows, doubt)
        values, verdicts = numbers.read(column, dialect, booleans=False)
        values = values.cast(pl.Float64)
        for wrong, what in verdicts:
            self.add(column.name, what, rows, wrong.fill_null(value=False))
        for wrong, what in _out_of_bounds(role, values):
            self.add(column.name, what, rows, wrong.fill_null(value=False))
        return values.alias(role)


def _columns(name: str, header: Sequence[str], *, single: bool) -> dict[str, str]:
    """Return the column of every role that a file has. Raises ``BadSetting`` without what is needed."""
    words = {role: matching.SYNONYMS[role] for role in ("store", "product")}
    words |= {role: tuple(text.split()) for role, text in _WORDS.items()}
    by_plain: dict[str, str] = {}
    for column in header:
        by_plain.setdefault(plain(column), column)
    fitting = {role: [by_plain[word] for word in names if word in by_plain] for role, names in words.items()}
    matched = {role: columns[0] for role, columns in fitting.items() if columns}
    needed = ["product", "on_hand", "counted", *(() if single else ("store",))]
    if missing := [role for role in needed if role not in matched]:
        raise BadSetting(
            f"{name}: no column is recognized as {listed(missing)}; it has "
            f"{listed([repr(column) for column in header])}",
            remedy="name the columns store, product, on_hand (units) and counted (the day of the count)",
        )
    return matched


def _out_of_bounds(role: str, values: pl.Series) -> Iterator[tuple[pl.Series, str]]:
    """Return which values are not possible, and why; stock on hand may be anything that a count says."""
    yield (values.is_infinite() | (values.abs() > _MOST)), "is above 1e9"
    if role in _WHOLE:
        yield values != values.round(), "is not a whole number of days"
    if role == "on_order":
        yield values < 0, "is negative"
    elif role in OrderSettings.model_fields:
        bounds = bounds_of(OrderSettings.model_fields[role])
        for name, (sign, test) in _BOUNDS.items():
            if name in bounds:
                yield test(values, bounds[name]), f"is not {sign} {bounds[name]:g}"
