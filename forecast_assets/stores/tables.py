"""The tables of one schema as files of rows, out of a database and back into it.

Belongs here: copying rows, their order by foreign keys, sequences, counting them.
Does not belong here: which schemas make a backup (``backup``), and making tables (``database``).

Rows are data and nothing else: no statement is ever read from a file, so that a file somebody has changed
can bring wrong rows but cannot run anything.
"""

import gzip
import zlib
from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Self

import psycopg2
import sqlalchemy as sa
from pydantic import BaseModel

from forecast_assets.errors import BadSetting

# The same text on every server, however it is configured.
_PLAIN = ("set local client_encoding = 'UTF8'", "set local datestyle = 'ISO, YMD'",
          "set local intervalstyle = 'postgres'", "set local bytea_output = 'hex'",
          "set local extra_float_digits = 1", "set local lock_timeout = '60s'")  # fmt: skip
_REVISIONS = "alembic_version"  # belongs to the tables, not to the rows
_COLUMNS = sa.text("""
    select c.relname as name, array_agg(a.attname::text order by a.attnum) as columns
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    where c.relnamespace = to_regnamespace(:schema) and c.relkind = 'r' and c.relname <> :revisions
    group by c.relname
""")
_REFERENCES = sa.text("""
    select distinct c.relname as name, f.relname as referred
    from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_class f on f.oid = k.confrelid
    where k.contype = 'f' and k.connamespace = to_regnamespace(:schema) and c.oid <> f.oid
""")
_SEQUENCES = sa.text("select sequencename, last_value from pg_sequences where schemaname = :schema")
_NUMBERED = sa.text("""
    select s.relname as sequence, c.relname as name, a.attname as column
    from pg_depend d
    join pg_class s on s.oid = d.objid and s.relkind = 'S' and s.relnamespace = to_regnamespace(:schema)
    join pg_class c on c.oid = d.refobjid
    join pg_attribute a on a.attrelid = c.oid and a.attnum = d.refobjsubid
    where d.deptype in ('a', 'i')
""")
_NOT_WHOLE = "use another backup; this one is not whole"


class TableRows(BaseModel, frozen=True):
    """The rows of one table in a file: how many of which columns."""

    namespace: str
    name: str
    columns: list[str]
    rows: int
    file: str


def write_rows(connection: sa.Connection, schema: str, folder: Path, below: str) -> list[TableRows]:
    """Write every table of ``schema`` to ``folder/below/schema/table.gz``; one transaction is one moment."""
    (folder / below / schema).mkdir(parents=True)
    written = []
    _make_plain(connection)
    for name, columns in sorted(columns_of(connection, schema).items()):
        file = f"{below}/{schema}/{name}.gz"
        statement = f"copy {_quoted(schema)}.{_quoted(name)} ({_listed(columns)}) to stdout"
        with gzip.open(folder / file, "wb", compresslevel=6) as sink, _cursor(connection) as cursor:
            cursor.copy_expert(statement, sink)
            written.append(
                TableRows(namespace=schema, name=name, columns=columns, rows=cursor.rowcount, file=file)
            )
    return written


def sequences(connection: sa.Connection, schema: str) -> dict[str, int]:
    """The last value of each sequence of ``schema`` that was used."""
    rows = connection.execute(_SEQUENCES, {"schema": schema})
    return {f"{schema}.{name}": value for name, value in rows if value is not None}


def read_rows(
    connection: sa.Connection, schema: str, folder: Path, tables: Iterable[TableRows], *, exactly: bool
) -> None:
    """Add the rows of ``tables`` to the empty tables of ``schema``, and count what is there then.

    ``exactly``: the tables are those of the backup, no more and no less, as those of another release of
    Dagster or MLflow need not be. Raises ``BadSetting`` when a table or a column is not there, or the rows
    are not as many as promised.
    """
    by_name = {table.name: table for table in tables}
    present = columns_of(connection, schema)
    columns = {name: set(table.columns) for name, table in by_name.items()}
    others = {name for name in columns | present if columns.get(name) != set(present.get(name, ()))}
    if exactly and others:
        raise BadSetting(
            f"the backup does not hold {schema} as its revision has it: {', '.join(sorted(others))}",
            remedy=_NOT_WHOLE,
        )
    order = _by_references(connection, schema)
    _make_plain(connection)
    for table in sorted(by_name.values(), key=lambda one: order.get(one.name, -1)):
        missing = set(table.columns) - set(present.get(table.name, ()))
        if missing and table.rows:
            raise BadSetting(
                f"the backup holds {schema}.{table.name} with {', '.join(sorted(missing))}, which this "
                "installation's tables do not have",
                remedy="restore with the release of Dagster and MLflow that made the backup, then upgrade",
            )
        with _Lines(folder, table) as lines:
            if not missing:
                _read(connection, lines, table)
    for name in present:
        count = connection.exec_driver_sql(f"select count(*) from {_quoted(schema)}.{_quoted(name)}")  # noqa: S608 - names of the server
        expected = by_name[name].rows if name in by_name else 0
        if (rows := int(count.scalar_one())) != expected:
            raise BadSetting(
                f"{schema}.{name} holds {rows:,} rows instead of {expected:,}", remedy=_NOT_WHOLE
            )


def empty(connection: sa.Connection, schema: str) -> None:
    """Delete all rows of ``schema``, but for the revision of its tables."""
    _make_plain(connection)
    names = ", ".join(f"{_quoted(schema)}.{_quoted(name)}" for name in columns_of(connection, schema))
    if names:
        connection.exec_driver_sql(f"truncate {names}")


def set_sequences(connection: sa.Connection, schema: str, values: Mapping[str, int]) -> None:
    """Let each sequence of ``schema`` go on after its value in ``values`` and after its rows."""
    numbered = {row.sequence: row for row in connection.execute(_NUMBERED, {"schema": schema})}
    names = list(connection.execute(_SEQUENCES, {"schema": schema}).scalars())
    for name in names:
        used = [values[f"{schema}.{name}"]] if f"{schema}.{name}" in values else []
        if name in numbered:
            column, full = numbered[name].column, f"{_quoted(schema)}.{_quoted(numbered[name].name)}"
            newest = connection.exec_driver_sql(f"select max({_quoted(column)}) from {full}")  # noqa: S608
            used += [int(value) for value in newest.scalars() if value]
        if used:
            full = f"{_quoted(schema)}.{_quoted(name)}"
            connection.execute(
                sa.text("select setval(cast(:name as regclass), :value)"), {"name": full, "value": max(used)}
            )


def columns_of(connection: sa.Connection, schema: str) -> dict[str, list[str]]:
    """The columns that can be written, by table; none where there is no such schema."""
    rows = connection.execute(_COLUMNS, {"schema": schema, "revisions": _REVISIONS})
    return {name: list(columns) for name, columns in rows}


class _Lines:
    """The rows of one table as the server reads them, counted here, as it stops at a mark of their end.

    Raises ``BadSetting`` on leaving when they are not as many as promised: a row is always one line.
    """

    def __init__(self, folder: Path, table: TableRows) -> None:
        self._source = gzip.open(folder / table.file)  # noqa: SIM115 - closed on leaving
        self._table = table
        self._count = 0
        self._ends = b"\n"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._source:
            if kind is not None:
                return
            while self.read(1 << 20):
                pass
        if self._count != self._table.rows or self._ends != b"\n":
            more = "more" if self._count >= self._table.rows else f"{self._count:,}"
            raise BadSetting(
                f"{self._table.file} holds {more} lines instead of {self._table.rows:,}", remedy=_NOT_WHOLE
            )

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes, as the driver wants them."""
        if self._count > self._table.rows:
            return b""
        try:
            content = self._source.read(size)
        except (OSError, EOFError, zlib.error) as error:
            raise BadSetting(f"{self._table.file} cannot be read: {error}", remedy=_NOT_WHOLE) from None
        self._count += content.count(b"\n")
        self._ends = content[-1:] or self._ends
        return content


def _read(connection: sa.Connection, lines: _Lines, table: TableRows) -> None:
    full = f"{_quoted(table.namespace)}.{_quoted(table.name)}"
    try:
        with _cursor(connection) as cursor:
            cursor.copy_expert(f"copy {full} ({_listed(table.columns)}) from stdin", lines)
    except (psycopg2.DataError, psycopg2.IntegrityError, psycopg2.errors.QueryCanceled) as error:
        reason = str(error).strip().partition("\n")[0]
        raise BadSetting(f"{table.file} does not fit into {full}: {reason}", remedy=_NOT_WHOLE) from None


def _by_references(connection: sa.Connection, schema: str) -> dict[str, int]:
    """Position of each table that has to do with a foreign key, those that are referred to first."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name, referred in connection.execute(_REFERENCES, {"schema": schema}):
        sorter.add(name, referred)
    return {name: place for place, name in enumerate(sorter.static_order())}


def _make_plain(connection: sa.Connection) -> None:
    for statement in _PLAIN:
        connection.exec_driver_sql(statement)


def _cursor(connection: sa.Connection) -> Any:  # noqa: ANN401 - the driver is untyped
    driver: Any = connection.connection
    return driver.cursor()


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _listed(columns: Iterable[str]) -> str:
    return ", ".join(_quoted(name) for name in columns)
