"""Opening a source: its rows as they are, in parts that fit into memory.

Belongs here: CSV, Parquet, SQL, presets; what is refused because it cannot be opened or lacks a column.
Does not belong here: what a planner may say (``sources``), whether a value makes sense (``rules``).
"""

import csv
import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import sqlalchemy as sa

from forecast_assets.datasets.presets.rows import sales_of
from forecast_assets.datasets.presets.selling import Selling
from forecast_assets.datasets.presets.world import World
from forecast_assets.datasets.sources import FileSource, PresetSource, Source, SqlSource, secrets
from forecast_assets.errors import SHOWN_OFFENDERS, BadSales, BadSetting, Outage, listed

_MOST_ROWS_PER_GROUP = 67_108_864
_MOST_BYTES_PER_GROUP = 8 * 2**30
_ROWS_PER_FETCH = 50_000
Answer = TypeVar("Answer")
_PLAIN_TYPES = {str, int, float, bool, date, datetime, Decimal, bytes}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a source that fits into memory: ``read`` answers the named columns of all its rows.

    ``file`` is the text file its rows are lines of; elsewhere rows have no number worth telling.
    """

    read: Callable[[Sequence[str]], pa.Table]
    file: Path | None = None


def parts(source: Source) -> Iterator[Part]:
    """Open a source; every part has the needed columns. Raises ``BadSales``, ``BadSetting`` or ``Outage``."""
    if isinstance(source, SqlSource):
        yield Part(_asked(source, _fetched).select)
        return
    if isinstance(source, PresetSource):
        world = World(source.blueprint())
        yield from (_generated(world, number) for number in range(source.stores))
        return
    for file in source.files():
        if file.suffix.lower() == ".csv":
            yield Part(_csv(file, source).select, file)
        else:
            yield from _row_groups(file, source)


def _generated(world: World, number: int) -> Part:
    def read(columns: Sequence[str]) -> pa.Table:
        # Made when it is read: only one store at a time is in memory.
        return sales_of(Selling(world, number)).select(columns).to_arrow()

    return Part(read)


def mark(source: SqlSource) -> str:
    """Text that changes with the rows, the first and newest day or all units that a query answers.

    Far cheaper than reading them; a correction that keeps all four is only found by a load.
    """
    return " ".join(str(value) for value in _asked(source, _summary))


def lines(file: Path, records: Iterable[int]) -> dict[int, int]:
    """Line on which each record (0 = first after the header) of a CSV starts; blank lines count."""
    wanted = set(records)
    found: dict[int, int] = {}
    with file.open(encoding="utf-8-sig", newline="") as stream:
        reader, record, start = csv.reader(stream), -1, 1
        for row in reader:
            if row:
                if record in wanted:
                    found[record] = start
                    if len(found) == len(wanted):
                        break
                record += 1
            start = reader.line_num + 1
    return found


def _check_columns(name: str, present: Sequence[str], needed: Sequence[str]) -> None:
    twice = [repr(column) for column in needed if present.count(column) > 1]
    if twice:
        raise BadSales(
            f"{name}: column {listed(twice)} appears twice", remedy="rename or drop one of the two"
        )
    missing = [column for column in needed if column not in present]
    if not missing:
        return
    if len(present) == 1 and (";" in present[0] or "\t" in present[0]):
        raise BadSales(
            f"{name}: the columns are not separated by commas", remedy="save it with commas between columns"
        )
    told = []
    by_lower = {column.lower(): column for column in present}
    for column in missing:
        near = difflib.get_close_matches(column.lower(), by_lower, n=1)
        told.append(f"{column!r} (did you mean {by_lower[near[0]]!r}?)" if near else repr(column))
    raise BadSales(
        f"{name}: no column {listed(told)}; it has {listed([repr(column) for column in present])}",
        remedy="say which of its columns plays this role, or rename the column",
    )


def _csv(file: Path, source: FileSource) -> pa.Table:
    """Read the needed columns as text; ids in the compact form that a few repeated values allow."""
    _refuse_other_content(file)
    needed = source.columns.needed
    ids = (source.columns.store, source.columns.product)
    types = dict.fromkeys(needed, pa.string()) | dict.fromkeys(ids, pa.dictionary(pa.int32(), pa.string()))
    ragged: list[tuple[int, str]] = []

    def note(row: pa_csv.InvalidRow) -> str:
        ragged.append((row.number - 2, f"has {row.actual_columns} of {row.expected_columns} columns"))
        return "skip"

    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            header = next(csv.reader(stream), None)
        if header is None:
            raise BadSales(f"{file.name} is empty", remedy="export the sales again, with a header line")
        _check_columns(file.name, header, needed)
        table = pa_csv.read_csv(
            file,
            # Only a single thread knows the number of a line that has too many or too few columns.
            read_options=pa_csv.ReadOptions(use_threads=False),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
            convert_options=pa_csv.ConvertOptions(
                column_types=types, include_columns=list(needed), strings_can_be_null=False
            ),
        )
    except (UnicodeDecodeError, pa.ArrowInvalid) as error:
        if isinstance(error, UnicodeDecodeError) or "UTF8" in str(error):
            raise _not_utf8(file) from None
        raise BadSales(
            f"{file.name} cannot be read as CSV: {error}", remedy="export it again as plain CSV"
        ) from None
    _refuse_ragged(file, ragged)
    return table


def _refuse_ragged(file: Path, ragged: Sequence[tuple[int, str]]) -> None:
    if ragged:
        shown = ragged[:SHOWN_OFFENDERS]
        at = lines(file, [record for record, _ in shown])
        told = [f"line {at.get(record, record + 2)} {what}" for record, what in shown]
        raise BadSales(
            f"{file.name}: {listed(told, len(ragged))}",
            remedy='give every line all columns, and put text that contains a comma or a quote into "..."',
        )


def _refuse_other_content(file: Path) -> None:
    """Say what a file really is when its ending lies."""
    with file.open("rb") as stream:
        start = stream.read(4)
    for magic, what in ((b"PAR1", "Parquet"), (b"\x1f\x8b", "gzip"), (b"PK\x03\x04", "zip or Excel")):
        if start.startswith(magic):
            raise BadSales(
                f"{file.name} is not CSV but {what}",
                remedy="rename Parquet to .parquet; unpack or export the others",
            )


def _not_utf8(file: Path) -> BadSales:
    with file.open("rb") as stream:
        numbered = enumerate(stream, start=1)
        wrong = (f": line {n}" for n, line in numbered if line.decode(errors="ignore").encode() != line)
        name = file.name + next(wrong, "")
    return BadSales(f"{name} is not UTF-8", remedy="save it as UTF-8, in Excel: CSV UTF-8")


def _row_groups(file: Path, source: FileSource) -> Iterator[Part]:
    try:
        metadata = pq.read_metadata(file)
        schema = metadata.schema.to_arrow_schema()
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file, error) from None
    _check_columns(file.name, schema.names, source.columns.needed)
    ids = [
        name
        for name in (source.columns.store, source.columns.product)
        if schema.field(name).type in (pa.string(), pa.large_string())
    ]
    for index in range(metadata.num_row_groups):
        group = metadata.row_group(index)
        if group.num_rows > _MOST_ROWS_PER_GROUP or group.total_byte_size > _MOST_BYTES_PER_GROUP:
            raise BadSales(
                f"{file.name}: row group {index} claims {group.num_rows} rows, {group.total_byte_size} bytes",
                remedy="write it in row groups of about a million rows",
            )

        def read(columns: Sequence[str], index: int = index) -> pa.Table:
            try:
                with pq.ParquetFile(file, metadata=metadata, read_dictionary=ids) as opened:
                    return opened.read_row_group(index, columns=list(columns))
            except (pa.ArrowException, OSError) as error:
                raise _unreadable(file, error) from None

        yield Part(read)


def _unreadable(file: Path, error: Exception) -> BadSales:
    return BadSales(
        f"{file.name} cannot be read as Parquet: {str(error).splitlines()[0]}",
        remedy="the file is damaged, cut off or of another kind: copy or export it again",
    )


def _asked(source: SqlSource, ask: Callable[[sa.Connection, SqlSource], Answer]) -> Answer:
    url = source.resolved_url()
    try:
        engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    except (sa.exc.ArgumentError, ImportError) as error:
        raise BadSetting(
            f"no driver for {url.drivername!r}: {_without_secret(error, url)}", remedy="install the driver"
        ) from None
    try:
        connection = engine.connect()
    except (sa.exc.SQLAlchemyError, OSError) as error:
        raise Outage(
            f"the sales database does not answer: {_without_secret(error, url)}",
            remedy="check that it runs and that the URL of the source is right, then launch again",
        ) from None
    with connection:
        try:
            return ask(connection, source)
        except sa.exc.SQLAlchemyError as error:
            told = _without_secret(error, url)
            if isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated:
                raise Outage(f"the sales database went away: {told}", remedy="launch again") from None
            raise BadSetting(
                f"{source.name} fails: {told}", remedy="try the query in a SQL client and mend it"
            ) from None


def _summary(connection: sa.Connection, source: SqlSource) -> Sequence[object]:
    day: sa.ColumnClause[object] = sa.column(source.columns.date)
    units: sa.ColumnClause[object] = sa.column(source.columns.units)
    # A colon of the query is no bound value of ours.
    query = sa.text(source.query.strip().rstrip(";").replace(":", "\\:"))
    sales = query.columns(day, units).subquery("sales")
    newest = (sa.func.min(sales.c[day.name]), sa.func.max(sales.c[day.name]))
    return connection.execute(sa.select(sa.func.count(), *newest, sa.func.sum(sales.c[units.name]))).one()


def _fetched(connection: sa.Connection, source: SqlSource) -> pa.Table:
    streaming = connection.execution_options(stream_results=True, no_parameters=True)
    result = streaming.exec_driver_sql(source.query)
    if not result.returns_rows:
        raise BadSetting(f"{source.name} answers no rows", remedy="give a query that selects sales")
    names, needed = list(result.keys()), source.columns.needed
    _check_columns(source.name, names, needed)
    places = [names.index(column) for column in needed]
    chunks: list[list[pa.Array]] = [[] for _ in needed]
    for rows in result.partitions(_ROWS_PER_FETCH):
        by_column = list(zip(*rows, strict=True))
        for chunk, place in zip(chunks, places, strict=True):
            chunk.append(_typed(by_column[place]))
    return pa.table({column: _one_type(chunk) for column, chunk in zip(needed, chunks, strict=True)})


def _typed(values: Sequence[object]) -> pa.Array:
    """Keep the driver's type where all values share it; else their text, which is judged like CSV."""
    kinds = {type(value) for value in values} - {type(None)}
    if kinds <= {int, float} or (len(kinds) == 1 and kinds <= _PLAIN_TYPES):
        try:
            return pa.array(values)
        except (pa.ArrowException, OverflowError):
            pass
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def _one_type(chunks: list[pa.Array]) -> pa.ChunkedArray:
    kinds = {chunk.type for chunk in chunks if not pa.types.is_null(chunk.type)}
    if len(kinds) > 1:
        numeric = all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in kinds)
        kinds = {pa.float64() if numeric else pa.string()}
    kind = next(iter(kinds), pa.string())
    return pa.chunked_array([chunk.cast(kind) for chunk in chunks], kind)


def _without_secret(error: Exception, url: sa.URL) -> str:
    text = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    for secret in filter(None, secrets(url)):
        text = text.replace(secret, "***")
    return text
