"""The warehouse: every question asked of PostgreSQL, and every row written to it.

Belongs here: running ``sql/queries`` with bound values and writing frames, all of them or none.
Does not belong here: what the rows mean, and which server it is (``database``).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from io import BytesIO
from typing import Any

import polars as pl
import psycopg2
import sqlalchemy as sa

from forecast_assets.stores.database import SQL, engine, outages_raised, warehouse_url
from forecast_assets.stores.locks import Locks
from forecast_assets.stores.rows import R, columns_of, compare, fetched, query_of, typed

# A row that is written.
Row = dict[str, Any]
_BYTES_PER_MESSAGE = 1 << 16


@lru_cache(maxsize=256)
def _question(name: str) -> sa.TextClause:
    return sa.text((SQL / "queries" / f"{name}.sql").read_text(encoding="utf-8"))


class Warehouse:
    """One pool of connections to the schema ``forecast``.

    Who finds all ``connections`` in use waits so many seconds of ``patience`` before it is an ``Outage``.
    """

    def __init__(self, url: sa.URL | None = None, *, connections: int = 10, patience: float = 30) -> None:
        self._url = url or warehouse_url()
        kept = min(2, connections)
        self._engine = engine(
            self._url,
            pool_size=kept,
            max_overflow=connections - kept,
            pool_timeout=patience,
            pool_pre_ping=True,
            hide_parameters=True,  # rows of planners do not belong into a log
        )

    @property
    def url(self) -> sa.URL:
        """Where it is, with its password."""
        return self._url

    def rows(self, of: type[R], **values: object) -> list[R]:
        """Return the rows of the query that the type ``of`` is named after, with bound ``values``."""
        with self.transaction() as connection:
            return self.rows_in(connection, of, **values)

    def rows_in(self, connection: sa.Connection, of: type[R], **values: object) -> list[R]:
        """Return a query inside a transaction that is under way."""
        return typed(connection.execute(_question(query_of(of)), values), of)

    def row(self, of: type[R], **values: object) -> R | None:
        """Return the first row of a query, or nothing."""
        return next(iter(self.rows(of, **values)), None)

    def frame(self, of: type, **values: object) -> pl.DataFrame:
        """Return a query as a frame, columns named even when there is no row."""
        with self.transaction() as connection:
            result = connection.execute(_question(query_of(of)), values)
            columns = columns_of(result)
            compare(of, columns)
            names = [name for name, _ in columns]
            return pl.DataFrame(fetched(result), schema=names, orient="row", infer_schema_length=None)

    def execute(self, query: str, connection: sa.Connection | None = None, **values: object) -> int:
        """Run a statement of ``sql/queries``; return the number of rows it changed."""
        if connection is not None:
            return connection.execute(_question(query), values).rowcount
        with self.transaction() as own:
            return own.execute(_question(query), values).rowcount

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """All of the block or nothing of it. A lost connection raises ``Outage``."""
        with outages_raised(self._url), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def locks(self) -> Iterator[Locks]:
        """Locks that live as long as the block, or until this process dies."""
        with outages_raised(self._url), self._engine.connect() as plain:
            # A session that waits inside a transaction would hold back the server's cleaning.
            connection = plain.execution_options(isolation_level="AUTOCOMMIT")
            held = Locks(connection)
            try:
                yield held
            finally:
                if not connection.invalidated:
                    held.release_all()

    def copy(self, connection: sa.Connection, table: str, frame: pl.DataFrame) -> None:
        """Append ``frame`` to ``table``, columns by name; NaN becomes null, inside arrays as well."""
        text = BytesIO()
        # All text in quotes: an empty one is not null, and none can look like the end of the data.
        frame.with_columns(_as_text(name, kind) for name, kind in frame.schema.items()).write_csv(
            text, include_header=False, quote_style="non_numeric"
        )
        text.seek(0)
        statement = f"copy {_quoted(table)} ({_names(frame.columns)}) from stdin with (format csv)"
        driver: Any = connection.connection
        with driver.cursor() as cursor:
            try:
                cursor.copy_expert(statement, text, _BYTES_PER_MESSAGE)
            except psycopg2.Error as error:
                if driver.closed:
                    connection.invalidate(error)
                raise

    def replace(
        self, connection: sa.Connection, table: str, frame: pl.DataFrame, *, keys: Sequence[str]
    ) -> None:
        """Make ``frame`` all that ``table`` holds for its values of ``keys``; twice is the same as once."""
        with self.staged(connection, table, frame.select(keys).unique(maintain_order=True)) as staged:
            connection.exec_driver_sql(
                f"delete from {_quoted(table)} t using {staged} s where "  # noqa: S608 - names are ours
                + " and ".join(f"t.{_quoted(key)} = s.{_quoted(key)}" for key in keys)
            )
        self.copy(connection, table, frame)

    def upsert(self, connection: sa.Connection, table: str, frame: pl.DataFrame, *, key: str) -> None:
        """Insert the rows of ``frame``, or update those whose ``key`` is there; what refers to them stays.

        Rows that say what is there already are not written again.
        """
        names = _names(frame.columns)
        others = [name for name in frame.columns if name != key]
        action = "nothing"
        if others:
            changes = ", ".join(f"{_quoted(name)} = excluded.{_quoted(name)}" for name in others)
            before, after = (
                ", ".join(f"{of}.{_quoted(name)}" for name in others) for of in (_quoted(table), "excluded")
            )
            action = f"update set {changes} where ({before}) is distinct from ({after})"
        with self.staged(connection, table, frame) as staged:
            # In one order for everybody: two writers of the same keys would deadlock otherwise.
            connection.exec_driver_sql(
                f"insert into {_quoted(table)} ({names}) select {names} from {staged} "  # noqa: S608 - names are ours
                f"order by {_quoted(key)} on conflict ({_quoted(key)}) do {action}"
            )

    @contextmanager
    def staged(self, connection: sa.Connection, table: str, frame: pl.DataFrame) -> Iterator[str]:
        """Put ``frame`` (columns of ``table``) into a passing table ``staged`` for the block."""
        connection.exec_driver_sql(
            f"create temp table staged on commit drop as "  # noqa: S608 - names are ours
            f"select {_names(frame.columns)} from {_quoted(table)} limit 0"
        )
        self.copy(connection, "staged", frame)
        yield "staged"
        connection.exec_driver_sql("drop table staged")

    def dispose(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _names(columns: Sequence[str]) -> str:
    return ", ".join(_quoted(name) for name in columns)


def _as_text(name: str, kind: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if kind.is_float():
        return column.fill_nan(None)
    if not isinstance(kind, pl.Array | pl.List):
        return column
    lists = column.arr.to_list() if isinstance(kind, pl.Array) else column
    numbers = pl.element().cast(pl.Float64).fill_nan(None).cast(pl.String).fill_null("NULL")
    # An array that is null itself stays null.
    return pl.concat_str(pl.lit("{"), lists.list.eval(numbers).list.join(","), pl.lit("}")).alias(name)
