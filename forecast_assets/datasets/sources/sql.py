"""The result of one query on any database SQLAlchemy can reach.

Belongs here: connecting, the query, keeping secrets out of messages.
Does not belong here: whether a value makes sense (``rules``).
"""

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from hashlib import blake2b
from typing import TYPE_CHECKING, ClassVar, Literal, Self, TypeVar

import sqlalchemy as sa
from pydantic import Field, field_validator, model_validator

from forecast_assets.datasets.sources import query_days, reach, read_only
from forecast_assets.datasets.sources.base import Part, Piece, SourceBase
from forecast_assets.datasets.sources.columns import Columns, check_columns
from forecast_assets.datasets.sources.dialects import Dialect
from forecast_assets.datasets.sources.row_rules import RowRules
from forecast_assets.errors import BadSetting, Outage, listed

if TYPE_CHECKING:
    import pyarrow as pa

# Parameters of a URL that hold no secret whatever the driver; any other one is kept nowhere.
_HARMLESS = re.compile(
    r"""
    application_name | channel_binding | charset | client_encoding | connect_timeout | driver | encrypt
    | encoding | gssencmode | host | http_path | keepalives(_count|_idle|_interval)? | krbsrvname | port
    | read_timeout | role | schema | service_name | sslmode | sslrootcert | ssl_ca
    | ssl_verify_(cert|identity) | target_session_attrs | timeout | trustservercertificate | warehouse
    """,
    re.VERBOSE | re.IGNORECASE,
)
_BY_ENVIRONMENT = "put the whole URL into an environment variable and give env:NAME_OF_THE_VARIABLE"
_ROWS_PER_FETCH, _BYTES_PER_FETCH = 50_000, 2**26
Result = TypeVar("Result")


class SqlSource(SourceBase):
    """The result of one query on any database SQLAlchemy can reach."""

    kind: Literal["sql"] = "sql"
    url: str = Field(description="env:NAME of an environment variable, or a SQLAlchemy URL without password.")
    query: str = Field(min_length=1, description="SQL text that answers one row per store, product and day.")
    columns: Columns = Columns()
    map_ids: bool = Field(default=True, description="Of no effect: every text is an id.")
    rows: RowRules = RowRules()
    dialect: Dialect = Dialect()
    change_column: str | None = Field(
        default=None,
        description="Column of the query that gets a value newer than any before whenever a row is written: "
        "only weeks in which it changed are read again.",
    )
    date_format: ClassVar[None] = None
    first_day: ClassVar[None] = None

    @field_validator("url")
    @classmethod
    def _holds_no_secret(cls, value: str) -> str:
        if value.startswith("env:"):
            return value
        url = _parsed(value, "the url")
        if url.password is not None:
            raise BadSetting("the url of a SQL source contains a password", remedy=_BY_ENVIRONMENT)
        # A driver that is named by its file is loaded from there.
        unknown = sorted(
            name
            for name, value in url.query.items()
            if not _HARMLESS.fullmatch(name) or (name.lower() == "driver" and "/" in value)
        )
        # Drivers of ODBC and libpq read more parameters behind these signs, whichever part they stand in.
        parts = [url.username or "", url.host or "", *(url.query[name] for name in url.query)]
        parts += [] if url.get_backend_name() in {"sqlite", "duckdb"} else [url.database or ""]
        if any(sign in str(part) for part in parts for sign in (";", "=", "://")):
            raise BadSetting(
                "the url of a SQL source has ; or = or :// within one of its parts, which may hide a secret",
                remedy=_BY_ENVIRONMENT,
            )
        if unknown:
            raise BadSetting(
                f"the url of a SQL source has the parameter {listed([repr(name) for name in unknown])}, "
                "which may hold a secret",
                remedy=_BY_ENVIRONMENT,
            )
        return value

    @model_validator(mode="after")
    def _watches_another_column(self) -> Self:
        if self.change_column in self.columns.needed:
            raise BadSetting(
                f"--change-column {self.change_column!r} is a column of the sales itself",
                remedy="name one that says when a row was written, as updated_at",
            )
        return self

    @property
    def name(self) -> str:
        """How messages call this source."""
        text = " ".join(self.query.split())
        return f"query {text if len(text) <= 80 else text[:77] + '...'!r}"  # noqa: PLR2004 - one line of a terminal

    def resolved_url(self) -> sa.URL:
        """The URL to connect to; read from the environment only now. Raises ``BadSetting``."""
        if not self.url.startswith("env:"):
            return sa.make_url(self.url)
        variable = self.url.removeprefix("env:")
        value = os.environ.get(variable)
        if not value:
            raise BadSetting(
                f"environment variable {variable} is not set", remedy="set it to a SQLAlchemy URL"
            )
        return _parsed(value, f"the value of {variable}")

    def fingerprint(self) -> str | None:
        """Hash of the settings and of what the change column says; ``None`` without one."""
        if self.change_column is None:
            return None
        digest = blake2b(self.model_dump_json().encode(), digest_size=16)
        for piece in self._days():
            digest.update(f"{piece.file}\0{piece.digest}\n".encode())
        return digest.hexdigest()

    def mark(self) -> str:
        """Text that changes with the change column, or else with rows, first and newest day and units.

        Far cheaper than reading them; a correction that keeps all four is only found by a load.
        """
        return self.fingerprint() or " ".join(str(value) for value in _execute(self, _summary))

    def pieces(self, before: Collection[Piece] = ()) -> Mapping[Piece, Callable[[], Iterable[Part]]]:
        """One piece per week where a change column is declared, else none."""
        days = {} if self.change_column is None else self._days()
        new = [piece for piece in days if piece not in before]
        values = None if len(new) == len(days) else [value for piece in new for value in days[piece]]
        read = cache(lambda: self._weeks(new, values))
        return {piece: partial(lambda one: [Part(read()[one].select)], piece) for piece in days}

    def _days(self) -> query_days.Days:
        columns = (self.columns.date, str(self.change_column))
        return _execute(
            self, lambda connection, one: query_days.days_of(connection, self.name, one.query, *columns)
        )

    def _weeks(self, pieces: Sequence[Piece], values: Sequence[object] | None) -> "dict[Piece, pa.Table]":
        table, weeks = _execute(self, lambda connection, source: _fetched(connection, source, values))
        return query_days.by_piece(self.name, table, weeks, pieces)

    def warning(self) -> str | None:
        """Say what its login could do besides reading, if anything."""
        could = _execute(self, lambda connection, _: read_only.what_the_role_could_do(connection))
        return could and (
            f"the source {self.name} is only read, but {could}: give it a role that can do nothing but select"
        )

    def parts(self) -> Iterator[Part]:
        """The whole result as one part, or one for each of its pieces."""
        if self.change_column is None:
            yield Part(_execute(self, lambda connection, source: _fetched(connection, source)[0]).select)
        for piece, opened in self.pieces().items():
            yield from (replace(part, piece=piece) for part in opened())


def secrets(url: sa.URL) -> list[str]:
    """What a URL holds that must never be shown."""
    password = [] if url.password is None else [url.password]
    values = [value for key, value in url.query.items() if not _HARMLESS.fullmatch(key)]
    return [*password, *(text for value in values for text in ([value] if isinstance(value, str) else value))]


def _execute(source: SqlSource, ask: Callable[[sa.Connection, SqlSource], Result]) -> Result:
    url = source.resolved_url()
    reach.check_database(source.url, url)
    from forecast_assets.datasets.sources import query_rules

    used = query_rules.check_query(source.query, url.get_backend_name())
    try:
        engine = read_only.open_engine(url)
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
            read_only.begin_reading(connection)
            read_only.check_use(connection, used.text, used.functions, used.tables)
            return ask(connection, source.model_copy(update={"query": used.text}))
        except sa.exc.SQLAlchemyError as error:
            message = _without_secret(error, url)
            if isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated:
                raise Outage(f"the sales database went away: {message}", remedy="launch again") from None
            raise BadSetting(
                f"{source.name} fails: {message}", remedy="try the query in a SQL client and mend it"
            ) from None


def _summary(connection: sa.Connection, source: SqlSource) -> Sequence[object]:
    sales = query_days.as_table(source.query, [source.columns.date, source.columns.units])
    day, units = sales.c[source.columns.date], sales.c[source.columns.units]
    return connection.execute(
        sa.select(sa.func.count(), sa.func.min(day), sa.func.max(day), sa.func.sum(units))
    ).one()


def _fetched(
    connection: sa.Connection, source: SqlSource, days: Sequence[object] | None = None
) -> "tuple[pa.Table, list[str]]":
    """Return all rows, or those on some values of the date column, and the week of each."""
    from forecast_assets.datasets.sources import limits, query_arrays

    needed, count, size, step = source.columns.needed, 0, 0, 1
    chunks: list[list[pa.Array]] = [[] for _ in needed]
    weeks: list[str] = []
    week_of = cache(query_days.week_of)
    for result in _results(connection, source, days):
        names = list(result.keys())
        check_columns(source.name, names, needed)
        places = [names.index(column) for column in needed]
        while rows := result.fetchmany(step):
            count += len(rows)
            limits.check_rows(source.name, count, len(needed))
            by_column = list(zip(*rows, strict=True))
            for chunk, place in zip(chunks, places, strict=True):
                chunk.append(query_arrays.typed(by_column[place]))
                limits.check_cells(source.name, chunk[-1])
                size += chunk[-1].nbytes
            limits.check_bytes(source.name, count, size)
            # Rows with texts of megabytes are noticed while there are few of them.
            step = min(10 * step, _ROWS_PER_FETCH, 1 + _BYTES_PER_FETCH // (1 + size // count))
            if source.change_column is not None:
                weeks += map(week_of, by_column[names.index(source.columns.date)])
    return query_arrays.table_of(needed, chunks), weeks


def _results(
    connection: sa.Connection, source: SqlSource, days: Sequence[object] | None
) -> Iterator[sa.CursorResult[tuple[object, ...]]]:
    streaming = connection.execution_options(stream_results=True, no_parameters=days is None)
    if days is not None:
        columns = (source.columns.needed, source.columns.date)
        yield from map(streaming.execute, query_days.rows_of(source.query, *columns, days))
        return
    result = streaming.exec_driver_sql(source.query)
    if not result.returns_rows:
        raise BadSetting(f"{source.name} answers no rows", remedy="give a query that selects sales")
    yield result


def _without_secret(error: Exception, url: sa.URL) -> str:
    text = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    for secret in filter(None, secrets(url)):
        text = text.replace(secret, "***")
    return text


def _parsed(text: str, what: str) -> sa.URL:
    try:
        return sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        raise BadSetting(
            f"{what} is not a SQLAlchemy URL", remedy="write it as dialect://user@host:port/database"
        ) from None
