"""A query of somebody else's database that can only read.

Belongs here: connections that refuse to write, what a role could do nevertheless.
Does not belong here: what a query may be (``query_rules``), what is done with its rows (``sql``), where a
source may lie (``reach``).

Three walls, each for what the one before cannot see: the text is parsed and must be one SELECT without
functions that reach files, programs or other servers; the connection only reads, where the database has
such a thing; SQLite is asked about every single operation, PostgreSQL which functions may change anything.
"""

import re
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from forecast_assets.errors import BadSetting

# Names of functions that read or write files, run programs, call other servers, change the session, or
# hand text to the server as a statement.
REACHING = re.compile(
    r"""
    pg_(read|create|drop|logical|replication|backup|file|import|wal|execute|advisory|try_advisory|sleep).*
    | pg_(ls_.*|stat_file|terminate_backend|cancel_backend|reload_conf|rotate_logfile|switch_wal)
    | pg_(promote|notify|start_backup|stop_backup|export_snapshot|current_logfile)
    | lo_.* | dblink.* | (query|table|schema|database|cursor)_to_xml.* | set_config | nextval | setval
    | loread | lowrite | crosstab.* | connectby | xpath_table | ts_stat | ts_rewrite
    | http_.* | aws_s3.* | aws_lambda | adminpack.* | cron | plpy
    | load_extension | readfile | writefile | edit | fts3_tokenizer | zipfile | lsdir
    | load_file | sys_exec | sys_eval | sleep | benchmark | get_lock | release_(all_)?locks? | .*_pos_wait
    | wait_(for|until)_.* | (asynchronous_connection|group_replication|keyring|service|audit_log)_.*
    | ((mysql_)?firewall|version_tokens|rds)_.* | (load|flush)_rewrite_rules
    | read_(csv|json|ndjson).* | read_(parquet|text|blob) | parquet_.* | sniff_csv | glob | getenv
    | iceberg_.* | delta_scan | read_(xlsx|duckdb|avro|gsheet) | (en|dis)able_(logging|profiling|.*_log.*)
    | json_execute_serialized_sql | (force_)?checkpoint | write_log | which_secret
    | (duckdb|pragma)_.*
    | openrowset | opendatasource | openquery | openxml | xp_.* | sp_.* | fn_(trace|xe).* | fn_get_audit_file
    | utl_.* | dbms_.* | httpuritype | external_query
    | (file|url|s3|azureblobstorage|hdfs|deltalake|iceberg|hudi)(cluster)? | gcs | input
    | cluster(allreplicas)?
    | remote | remotesecure | executable | jdbc | odbc | mysql | postgresql | mongodb | redis | sqlite
    | dictget.* | catboostevaluate | (postgres|mysql|sqlite)_(scan|query).* | st_read.* | query | query_table
    | system\$.*
    """,
    re.VERBOSE,
)
BEYOND = "which reaches beyond the tables of the database"
MAKE_A_VIEW = "select from tables and views only; let the database's owner make a view of anything else"
# Functions that PostgreSQL calls volatile, although they change nothing.
_HARMLESS = [
    "clock_timestamp",
    "gen_random_uuid",
    "random",
    "timeofday",
    "uuid_generate_v4",
    "uuidv4",
    "uuidv7",
]
# Of functions of one name each is judged, since nobody here knows which of them is meant. An aggregate is as
# volatile as what it calls, although PostgreSQL calls it immutable; an operator is a name of its function.
_USES = """
    with volatile as (select oid, proname, pronamespace from pg_catalog.pg_proc where provolatile = 'v'),
    called as (
        select proname as name, pronamespace as namespace from volatile
        union all
        select a.proname, a.pronamespace
        from pg_catalog.pg_aggregate g join pg_catalog.pg_proc a on a.oid = g.aggfnoid
        where exists (select from volatile v where v.oid in (
            g.aggtransfn, g.aggfinalfn, g.aggcombinefn, g.aggmtransfn, g.aggminvtransfn, g.aggmfinalfn))
    )
    select 'calls', name, bool_and(namespace = 'pg_catalog'::regnamespace) from called
    where lower(name) = any(%(functions)s) group by name
    union all
    select 'uses', oprname, false
    from pg_catalog.pg_operator join volatile v on v.oid = oprcode
    where oprnamespace <> 'pg_catalog'::regnamespace
    union all
    select 'reads', relname, true from pg_catalog.pg_class
    where relname = any(%(tables)s) and relnamespace = 'pg_catalog'::regnamespace
    order by 1, 2
"""
# No file but its own, no extension that it would download, and no way back from there.
_DUCKDB = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "lock_configuration": "true",
}
# Longer texts than any id; SQLite makes them in this process.
_LONGEST_TEXT = 2**24
_SQLITE_READS = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_TRANSACTION,
    33,  # SQLITE_RECURSIVE, which the module has no name for
}
_ROLE = """
    select current_setting('is_superuser') = 'on',
           exists (select from pg_catalog.pg_roles
                   where rolname in ('pg_execute_server_program', 'pg_write_server_files',
                                     'pg_read_server_files', 'pg_write_all_data')
                     and pg_catalog.pg_has_role(oid, 'member')),
           exists (select from pg_catalog.pg_class
                   where relkind in ('r', 'p') and relnamespace not in (
                         select oid from pg_catalog.pg_namespace where nspname ~ '^(pg_|information_schema)')
                     and pg_catalog.has_table_privilege(oid, 'insert, update, delete, truncate'))
"""


def open_engine(url: sa.URL) -> sa.Engine:
    """Return an engine whose connections only read, as far as the database knows such connections.

    Raises ``sqlalchemy`` errors for a dialect that is not there.
    """
    if url.get_backend_name() == "sqlite":
        return _sqlite(url)
    arguments: dict[str, Any] = {}
    if url.get_backend_name() == "duckdb":
        arguments = {"read_only": True, "config": _DUCKDB}
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool, connect_args=arguments)
    if url.get_driver_name() == "psycopg2":
        sa.event.listen(engine, "do_connect", _quoting_alike)
    for statement in _SESSION.get(url.get_backend_name(), ()):
        sa.event.listen(engine, "connect", _saying(statement))
    return engine


def _quoting_alike(
    dialect: sa.Dialect,
    _record: Any,  # noqa: ANN401 - of SQLAlchemy's pool
    arguments: list[Any],
    named: dict[str, Any],
) -> Any:  # noqa: ANN401 - a connection of the driver
    """Connect so that the driver writes backslashes of bound values as the server will read them.

    Psycopg2 looks once, when it connects. Where a setting changes the meaning of backslashes after that, a
    value could end its quotes, so the connection itself sets a server that reads them otherwise.
    """
    connection: Any = dialect.connect(*arguments, **named)
    if connection.get_parameter_status("standard_conforming_strings") != "off":
        return connection
    connection.close()
    options = f"{named.get('options', '')} -c standard_conforming_strings=on"
    return dialect.connect(*arguments, **{**named, "options": options})


# The session is told as well as the transaction: what would end the transaction meets a session that reads.
_SESSION = {
    # Texts are read as the parser reads them: a backslash in them is one, whatever the server is set to.
    "postgresql": ("set default_transaction_read_only = on; set standard_conforming_strings = on",),
    "mysql": ("set session transaction read only",),
    "mariadb": ("set session transaction read only",),
    "oracle": ("set transaction read only",),
}


def _saying(statement: str) -> Callable[[Any, Any], None]:
    def say(connection: Any, _record: Any) -> None:  # noqa: ANN401 - whatever the driver calls a connection
        cursor = connection.cursor()
        cursor.execute(statement)
        cursor.close()
        connection.commit()

    return say


def _sqlite(url: sa.URL) -> sa.Engine:
    path = url.database or ""
    if path in {"", ":memory:"} or path.startswith("file:"):
        raise BadSetting(
            "a SQLite source needs the path of a file", remedy="write sqlite:////folder/sales.db"
        )

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True)
        connection.execute("pragma query_only = on")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_TEXT)
        return connection

    return sa.create_engine("sqlite://", poolclass=sa.pool.NullPool, creator=connect)


def _only_reads(action: int, _first: str | None, second: str | None, *_: str | None) -> int:
    refused = action == sqlite3.SQLITE_FUNCTION and REACHING.fullmatch((second or "").lower())
    return sqlite3.SQLITE_OK if action in _SQLITE_READS and not refused else sqlite3.SQLITE_DENY


def begin_reading(connection: sa.Connection) -> None:
    """Open the transaction of a query, before its first statement, as one that only reads."""
    if connection.dialect.name == "postgresql":
        connection.execution_options(postgresql_readonly=True)
    elif connection.dialect.name == "sqlite":
        # Not earlier: SQLAlchemy asks a new connection for settings that no query may ask for.
        sqlite: Any = connection.connection.driver_connection
        sqlite.set_authorizer(_only_reads)


def check_use(connection: sa.Connection, text: str, functions: Sequence[str], tables: Sequence[str]) -> None:
    """Refuse functions and operators that PostgreSQL says may change something, and tables of its system.

    Raises ``BadSetting``. Elsewhere nobody can be asked.
    """
    if connection.dialect.name != "postgresql":
        return
    names = {"functions": [name for name in functions if name not in _HARMLESS], "tables": list(tables)}
    for what, name, is_systems in connection.exec_driver_sql(_USES, names):
        if what == "uses" and name not in text:
            continue
        if is_systems:
            raise BadSetting(f"the query {what} {name}, {BEYOND}", remedy=MAKE_A_VIEW)
        raise BadSetting(
            f"the query {what} {name}, which may change something: it is volatile",
            remedy="let its owner declare it stable if it only reads, or make a view that calls it",
        )


def what_the_role_could_do(connection: sa.Connection) -> str | None:
    """Say what more than reading the login of a source may do; ``None`` where it only reads."""
    if connection.dialect.name == "sqlite":
        return None
    if connection.dialect.name != "postgresql":
        return f"nobody can tell whether its role may write ({connection.dialect.name})"
    superuser, server, tables = connection.exec_driver_sql(_ROLE).one()
    if superuser:
        return "its role is a superuser"
    if server:
        return "its role may reach files or programs of the server"
    return "its role may change tables" if tables else None
