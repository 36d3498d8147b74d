"""From a source to judged rows: numbers, days and ids instead of whatever the source holds.

Belongs here: reading whole stores in batches that fit into memory, applying every rule to every column.
Does not belong here: the rules (``rules``), the order of rows and what spans them (``canonical``).
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from forecast_assets.datasets import dates, numbers, remedies, rules
from forecast_assets.datasets.findings import AGE, AT, Findings, Places, Points, quoted
from forecast_assets.datasets.ids import Codes, Ids
from forecast_assets.datasets.sources import Source, limits
from forecast_assets.datasets.sources.base import Part, Piece
from forecast_assets.datasets.tallies import Tally
from forecast_assets.errors import BadSales
from forecast_assets.keys import MAX_LENGTH, SEPARATOR

ROWS_PER_BATCH = 5_000_000


@dataclass(frozen=True, slots=True)
class _Counted:
    """A part, its rows by store code, and the number of its first row if rows are lines."""

    part: Part
    rows: NDArray[np.intp]
    first: int | None


class ValidatedSales:
    """Iterate over frames of whole stores, in the order of store ids; rows as they come, ids as codes.

    ``findings`` grows on the way; what breaks a rule is null or ``MISSING`` where it would do harm.
    Column ``AT`` is there when rows are lines. ``tallies`` count what every piece of the source held.
    ``parts`` are read in place of the whole source.
    """

    def __init__(
        self, source: Source, *, dataset: str, today: date, parts: Sequence[Part] | None = None
    ) -> None:
        self._source, self.columns, self._today = source, source.columns, today
        room = (MAX_LENGTH - len(dataset) - 2 * len(SEPARATOR)) // 2
        kept, apart = not source.map_ids, source.rows.twins == "keep"
        self.stores = Ids(room=room, kept=kept, apart=apart)
        self.products = Ids(room=room, kept=kept, apart=apart)
        self.findings = Findings()
        self.places = Places(self.stores, self.products)
        self.files: list[str] = []
        self._days = dates.DayRules(source.date_format, source.first_day, source.rows)
        self.points = Points()
        self.tallies: dict[Piece | None, Tally] = {}
        self._parts = parts
        self._counted: list[_Counted] = []

    def __iter__(self) -> Iterator[pl.DataFrame]:
        opened = list(self._source.parts()) if self._parts is None else self._parts
        self.files = [part.file for part in sorted(opened, key=lambda part: part.age)]
        self._counted = [self._count(part) for part in opened]
        for batch in self._batches(self._counted):
            yield self._read(self._counted, batch)
        self._judge_whole()

    def _first_places(self, column: str, ids: Ids, named: Sequence[int]) -> list[str]:
        """Say where ids (codes) stand first, by reading their column again."""
        places = {code: quoted(ids.texts[code]) for code in named}
        for one in self._counted:
            codes = ids.encode(one.part.read([column])[column])
            for code in [code for code in places if places[code] == quoted(ids.texts[code])]:
                if one.first is not None and (codes == code).any():
                    line = self.places.lines([one.first + int(np.argmax(codes == code))])[0]
                    places[code] = f"{line} ({places[code]})"
        return list(places.values())

    def _judge_whole(self) -> None:
        """Judge what only all rows together can show."""
        columns = self.columns
        for name, ids in ((columns.store, self.stores), (columns.product, self.products)):
            if floats := ids.floats():
                what = f"column {name!r} {rules.FLOAT_ID}"
                places = self._first_places(name, ids, floats[: self.findings.room(what)])
                self.findings.add(what, rules.REMEDIES[rules.FLOAT_ID], places, len(floats))
        for name, (named, total) in self.points.doubtful().items():
            self.findings.add(
                f"column {name!r} {rules.DOUBTFUL}", rules.REMEDIES[rules.DOUBTFUL], named, total
            )

    def _count(self, part: Part) -> _Counted:
        columns = self.columns
        table = part.read([columns.store])
        first = None if part.origin is None else self.places.enter(part.origin, len(table))
        stores = self._coded(self.stores, columns.store, table, first)
        self.tallies.setdefault(part.piece, Tally(columns.flags)).total_rows += part.left_out
        return _Counted(part, np.bincount(stores), first)

    def _coded(self, ids: Ids, column: str, table: pa.Table, first: int | None) -> Codes:
        """Number the ids of a column and report those that were not seen before and break a rule."""
        rules.refuse_type(self._source.name, column, table[column].type, holds_ids=True)
        codes = ids.encode(table[column])
        if ids.foreign:
            self._report_ids(f"column {column!r} {rules.FOREIGN_ID}", rules.FOREIGN_ID, ids, codes, first)
            ids.foreign = []
        if ids.twins:
            self._report_ids(f"column {column!r} {rules.TWIN_ID}", rules.TWIN_ID, ids, codes, first)
            ids.twins = []
        return codes

    def _report_ids(self, what: str, rule: str, ids: Ids, codes: Codes, first: int | None) -> None:
        """Report ids that break a rule where they stand first; twins with the id that was there before."""
        pairs = ids.twins if rule == rules.TWIN_ID else [(code, code) for code in ids.foreign]
        texts = []
        for before, code in pairs[: self.findings.room(what)]:
            one, other = ids.texts[before], ids.texts[code]
            alike = unicodedata.normalize("NFKC", one) == unicodedata.normalize("NFKC", other)
            show = ascii if alike and one != other else quoted
            text = show(one) if before == code else f"{show(one)} and {show(other)}"
            if first is not None and (codes == code).any():
                text = f"{self.places.lines([first + int(np.argmax(codes == code))])[0]} ({text})"
            texts.append(text)
        self.findings.add(what, rules.REMEDIES[rule], texts, len(pairs))

    def _batches(self, counted: Sequence[_Counted]) -> Iterator[NDArray[np.bool_]]:
        """Group whole stores in the order of their ids; a batch marks its codes."""
        rows = np.zeros(len(self.stores.texts), np.int64)
        for one in counted:
            rows[: len(one.rows)] += one.rows
        self._refuse_size(rows)
        batch, held = np.zeros(len(rows), bool), 0
        by_id = np.argsort(self.stores.ranks())
        for code in by_id[rows[by_id] > 0]:
            if held and held + rows[code] > ROWS_PER_BATCH:
                yield batch
                batch, held = np.zeros(len(rows), bool), 0
            batch[code] = True
            held += int(rows[code])
        yield batch

    def _refuse_size(self, rows: NDArray[np.int64]) -> None:
        if not rows.any():
            raise BadSales(
                f"{self._source.name} has columns but no rows",
                remedy="export at least one day of sales, or widen the query",
            )
        largest = int(rows.argmax())
        store = f"{self._source.name}: store {quoted(self.stores.texts[largest])}"
        limits.check_rows(store, int(rows[largest]), len(self.columns.needed))

    def _read(self, counted: Sequence[_Counted], batch: NDArray[np.bool_]) -> pl.DataFrame:
        frames = []
        for one in counted:
            inside = batch[np.flatnonzero(one.rows)]
            if inside.any():
                frames.append(self._judged(one, None if inside.all() else batch))
        return pl.concat(frames)

    def _judged(self, one: _Counted, batch: NDArray[np.bool_] | None) -> pl.DataFrame:
        """Read one part and judge its rows, all or those that belong to the batch."""
        columns = self.columns
        table = one.part.read(columns.needed)
        stores = self.stores.encode(table[columns.store])
        products = self._coded(self.products, columns.product, table, one.first)
        others = [name for name in columns.needed if name not in {columns.store, columns.product}]
        for name in others:
            rules.refuse_type(self._source.name, name, table[name].type, holds_ids=False)
        frame = pl.DataFrame({"store_id": stores, "product_id": products})
        if one.first is not None:
            frame = frame.with_columns(pl.int_range(one.first, one.first + len(frame), eager=True).alias(AT))
        if self._source.rows.overlap != "refuse":
            frame = frame.with_columns(pl.lit(one.part.age, pl.Int32).alias(AGE))
        raw = pl.DataFrame(table.select(others))
        if batch is not None:
            rows = np.flatnonzero(batch[stores])
            raw, frame = raw[rows], frame[rows]
        tally = self.tallies.setdefault(one.part.piece, Tally(columns.flags))
        raw, frame = self._without_idle(raw, frame, tally)
        for name, codes in ((columns.store, frame["store_id"]), (columns.product, frame["product_id"])):
            self._report(name, codes, rules.judge_ids(codes), frame)
        frame = self._with_values(frame, raw, tally)
        tally.add(frame)
        return frame

    def _without_idle(
        self, raw: pl.DataFrame, frame: pl.DataFrame, tally: Tally
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Leave out rows without any value, and sums if they are to be dropped; count both."""
        drop = self._source.rows.totals == "drop"
        idle = rules.idle_rows(frame, raw, self.columns.date, drop=drop)
        if idle is None:
            return raw, frame
        empty, totals = idle
        tally.empty_rows += int(empty.sum())
        if drop:
            tally.total_rows += int(totals.sum())
            empty |= totals
        return raw.filter(~empty), frame.filter(~empty)

    def _with_values(self, frame: pl.DataFrame, raw: pl.DataFrame, tally: Tally) -> pl.DataFrame:
        columns = self.columns
        read = dates.read(raw[columns.date], self._days)
        days = read.days
        self._report(columns.date, raw[columns.date], rules.judge(days, read.verdicts), frame, read)
        frame = frame.with_columns(days.alias("date"))
        units = self._number(columns.units, raw, frame, units=True)
        delivered = units
        for name in columns.flags:
            flagged = self._flagged(name, raw, frame)
            tally.marked[name].add(delivered, flagged)
            units = units.set(flagged, None)
        unsold = rules.judge_calendar(days, units.is_not_null(), self._today)
        self._report(columns.date, days, unsold, frame)
        expressions = [units.cast(pl.Float32).alias("units")]
        for name, column in columns.known.items():
            values = self._number(column, raw, frame, units=False)
            if columns.roles.get(name) == "price":
                below = rules.judge(values, [(values < 0, rules.NEGATIVE_PRICE)])
                self._report(column, raw[column], below, frame)
            expressions.append(values.cast(pl.Float32).alias(name))
        for name in columns.static:
            text = raw[name].cast(pl.String)
            expressions.append(text.set(text == "", None).alias(name))
        return frame.with_columns(expressions)

    def _number(self, column: str, raw: pl.DataFrame, frame: pl.DataFrame, *, units: bool) -> pl.Series:
        values, verdicts = numbers.read(raw[column], self._source.dialect, booleans=not units)
        self._report(column, raw[column], rules.judge(values, verdicts), frame)
        self._doubt(column, raw[column], frame)
        sized = rules.judge_size(values, units=units, returns=units and self._source.rows.nets)
        self._report(column, raw[column], sized, frame)
        # What is out of bounds was reported; nothing behind this line should trip over it.
        return values if sized is None else values.set(sized.is_not_null(), None)

    def _flagged(self, column: str, raw: pl.DataFrame, frame: pl.DataFrame) -> pl.Series:
        """Which rows of a flag are days on which nothing could be sold."""
        flagged, verdicts = numbers.read_flags(raw[column], self._source.dialect)
        self._report(column, raw[column], rules.judge(flagged, verdicts), frame)
        if column == self.columns.open:
            return ~flagged & numbers.cells(raw[column]).is_not_null()
        return flagged

    def _doubt(self, column: str, raw: pl.Series, frame: pl.DataFrame) -> None:
        """Remember cells that may be thousands or decimals until all others have been seen."""
        doubted, settled = numbers.doubtful(raw, self._source.dialect)
        if doubted is None:
            return
        rows = doubted.arg_true()
        named = rows.head(self.points.room(column)).to_list()
        examples = [
            f"{place} ({quoted(raw[row])})"
            for place, row in zip(self.places.of(frame, named), named, strict=True)
        ]
        self.points.add(column, examples, len(rows), settled)

    def _report(
        self,
        column: str,
        raw: pl.Series,
        verdict: pl.Series | None,
        frame: pl.DataFrame,
        read: dates.Days | None = None,
    ) -> None:
        if verdict is None:
            return
        for what in verdict.drop_nulls().unique(maintain_order=True):
            label = f"column {column!r} {what}"
            rows = (verdict == what).arg_true()
            named = rows.head(self.findings.room(label)).to_list()
            lines = self.places.of(frame, named)
            if what not in {rules.EMPTY_ID, dates.EMPTY_DATE}:
                values = [quoted(raw[row]) for row in named]
                # The day of a key may be the value itself.
                lines = [
                    place if place.endswith(f" {value}") else f"{place} ({value})"
                    for place, value in zip(lines, values, strict=True)
                ]
            remedy = remedies.remedy(what, raw, rows, frame, read, self._source.dialect)
            self.findings.add(label, remedy, lines, len(rows))
