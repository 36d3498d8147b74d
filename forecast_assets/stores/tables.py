"""The tables of one schema as files of rows, out of a database and back into it.

Belongs here: copying rows, their order by foreign keys, sequences, counting.
Does not belong here: which schemas make a backup (``backup``), and making tables (``database``).

Rows are data and nothing else: no statement is ever read from a file, so that a file somebody has changed
can bring wrong rows but cannot run anything.
"""

import gzip
from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

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


def read_rows(connection: sa.Connection, folder: Path, tables: Iterable[TableRows]) -> None:
    """Add the rows of ``tables`` (of one schema) to tables that are empty.

    Raises ``BadSetting`` when a table or a column is not there, or the rows are not as many as promised.
    """
    by_name = {table.name: table for table in tables}
    if not by_name:
        return
    schema = next(iter(by_name.values())).namespace
    present = columns_of(connection, schema)
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
        if not missing:
            _read(connection, folder, table)


def empty(connection: sa.Connection, schema: str) -> None:
    """Delete all rows of ``schema``, but for the revision of its tables."""
    _make_plain(connection)
    names = ", ".join(f"{_quoted(schema)}.{_quoted(name)}" for name in columns_of(connection, schema))
    if names:
        connection.exec_driver_sql(f"truncate {names}")


def set_sequences(connection: sa.Connection, schema: str, values: Mapping[str, int]) -> None:
    """Let each sequence of ``schema`` that is there go on after its value in ``values``."""
    names = list(connection.execute(_SEQUENCES, {"schema": schema}).scalars())
    for name in names:
        if (value := values.get(f"{schema}.{name}")) is not None:
            full = f"{_quoted(schema)}.{_quoted(name)}"
            connection.execute(
                sa.text("select setval(cast(:name as regclass), :value)"), {"name": full, "value": value}
            )


def columns_of(connection: sa.Connection, schema: str) -> dict[str, list[str]]:
    """The columns that can be written, by table; none where there is no such schema."""
    rows = connection.execute(_COLUMNS, {"schema": schema, "revisions": _REVISIONS})
    return {name: list(columns) for name, columns in rows}


def counted(connection: sa.Connection, tables: Iterable[TableRows]) -> dict[str, int]:
    """How many rows each of these tables holds now; those that are not there are left out."""
    counts: dict[str, int] = {}
    present: dict[str, set[str]] = {}
    for table in tables:
        if table.namespace not in present:
            present[table.namespace] = set(columns_of(connection, table.namespace))
        if table.name in present[table.namespace]:
            full = f"{_quoted(table.namespace)}.{_quoted(table.name)}"
            count = connection.exec_driver_sql(f"select count(*) from {full}")  # noqa: S608 - names of ours
            counts[f"{table.namespace}.{table.name}"] = int(count.scalar_one())
    return counts


def _read(connection: sa.Connection, folder: Path, table: TableRows) -> None:
    full = f"{_quoted(table.namespace)}.{_quoted(table.name)}"
    remedy = "use another backup; this one is not whole"
    try:
        with gzip.open(folder / table.file) as source, _cursor(connection) as cursor:
            cursor.copy_expert(f"copy {full} ({_listed(table.columns)}) from stdin", source)
            count = cursor.rowcount
    except (psycopg2.DataError, psycopg2.IntegrityError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise BadSetting(f"{table.file} does not fit into {full}: {reason}", remedy=remedy) from None
    if count != table.rows:
        raise BadSetting(f"{table.file} holds {count:,} rows instead of {table.rows:,}", remedy=remedy)


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
