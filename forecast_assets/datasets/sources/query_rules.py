"""What a query of somebody else's database may be: one SELECT that reaches nothing but tables.

Belongs here: parsing a query and refusing what does more than read.
Does not belong here: connections (``read_only``). Import it where a query is checked: parsing takes a third
of a second to import, which no other process should wait for.

A parser may read a text otherwise than its database does. What depends on a setting of the server
(backslashes) or hides names (escapes in identifiers) is therefore refused, not interpreted.
"""

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from forecast_assets.datasets.sources.read_only import BEYOND, MAKE_A_VIEW, REACHING
from forecast_assets.errors import BadSetting

# What it does not parse is refused below, in one sentence; its own is not for the person who asked.
logging.getLogger("sqlglot").setLevel(logging.ERROR)
_DIALECTS = {
    "postgresql": "postgres",
    "mariadb": "mysql",
    "mssql": "tsql",
    "awsathena": "athena",
    "clickhousedb": "clickhouse",
}
_KNOWN = {dialect.value for dialect in sqlglot.Dialects}
_WRITING = (
    exp.DML,
    exp.DDL,
    exp.Into,
    exp.Lock,
    exp.Command,
    exp.Copy,
    exp.Set,
    exp.Pragma,
    exp.Attach,
    exp.Transaction,
)


# A name with escapes; a quote behind a backslash, which ends a text of MySQL or not as its server is set.
_READ_TWO_WAYS = {"postgres": re.compile(r'[uU]&"'), "mysql": re.compile(r"""\\['"]""")}
# Words that begin a statement of SQL Server, without a semicolon before them.
_BEGINS_TSQL = re.compile(
    """
    alter | backup | begin | bulk | commit | create | dbcc | declare | delete | deny | drop | exec | execute
    | grant | insert | kill | merge | open | print | reconfigure | restore | revert | revoke | rollback | save
    | set | shutdown | truncate | update | use | waitfor | writetext
    """,
    re.VERBOSE | re.IGNORECASE,
)
_SYSTEM_SCHEMAS = {
    "mysql": {"mysql", "performance_schema", "sys"},
    "tsql": {"sys"},
    "oracle": {"sys"},
    "clickhouse": {"system"},
}


@dataclass(frozen=True, slots=True)
class Used:
    """A query without what may follow its end, and what it uses by name, in small letters.

    ``tables`` are those without a schema of their own.
    """

    text: str
    functions: Sequence[str]
    tables: Sequence[str]


def check_query(query: str, backend: str) -> Used:
    """Refuse what is not one statement that reads. ``backend`` is SQLAlchemy's name of the database.

    Raises ``BadSetting`` naming what is in the way.
    """
    dialect = _DIALECTS.get(backend, backend)
    statement, text = _one_statement(query, dialect)
    forbidden = next((node for node in statement.walk() if _writes(node)), None)
    if forbidden is not None or not isinstance(statement, exp.Query | exp.Values):
        what = (forbidden or statement).key.upper()
        raise BadSetting(
            f"the query does more than read: it holds {what}",
            remedy="give one SELECT; it may begin with WITH",
        )
    return Used(text, _functions(statement), _tables(statement, dialect))


def _functions(statement: exp.Expr) -> list[str]:
    called = {name for node in statement.find_all(exp.Func) for name in _called(node)}
    called |= {name for node in statement.find_all(exp.Dot) for name in _dotted(node)}
    functions = sorted(name.lower() for name in called if name)
    refused = [name for name in functions if REACHING.fullmatch(name)]
    if refused:
        raise BadSetting(f"the query calls {', '.join(refused)}, {BEYOND}", remedy=MAKE_A_VIEW)
    return functions


def _called(node: exp.Func) -> Iterable[str]:
    return (node.name,) if isinstance(node, exp.Anonymous) else type(node).sql_names()


def _dotted(node: exp.Dot) -> Iterable[str]:
    """Both names of ``a.b``, since PostgreSQL calls the function b for a value a."""
    return (part.name for part in (node.this, node.expression) if isinstance(part, exp.Identifier))


def _tables(statement: exp.Expr, dialect: str) -> list[str]:
    tables = [(table.db.lower(), table.name.lower()) for table in statement.find_all(exp.Table)]
    hidden = {"information_schema", *_SYSTEM_SCHEMAS.get(dialect, ())}
    for schema, name in tables:
        if schema in hidden:
            raise BadSetting(f"the query reads the system's own schema {schema}", remedy=MAKE_A_VIEW)
        if "@" in name and dialect in {"oracle", "snowflake"}:  # another server, a stage of files
            raise BadSetting(f"the query reads {name}, {BEYOND}", remedy=MAKE_A_VIEW)
    return [name for schema, name in tables if schema in {"", "pg_catalog"}]


def _writes(node: exp.Expr) -> bool:
    # ClickHouse lets a query end with settings, also the one that lets it write.
    return isinstance(node, _WRITING) or bool(isinstance(node, exp.Select) and node.args.get("settings"))


def _one_statement(query: str, dialect: str) -> tuple[exp.Expr, str]:
    if "/*!" in query or "/*M!" in query:
        raise BadSetting(
            "the query holds a comment that MySQL executes (/*! ... */)", remedy="leave these comments out"
        )
    if (pattern := _READ_TWO_WAYS.get(dialect)) and (ambiguity := pattern.search(query)):
        raise BadSetting(
            f"the query holds {ambiguity[0]}, which can be read in two ways",
            remedy="write names plainly, and double a quote inside of a text",
        )
    read = dialect if dialect in _KNOWN else None
    try:
        places = [(one.start, one.end + 1) for one in sqlglot.tokenize(query, read=read)]
        parsed = sqlglot.parse(query, read=read)
    except sqlglot.errors.SqlglotError as error:
        reason = re.sub(r"\x1b\[\d+m", "", str(error)).splitlines()[0]
        raise BadSetting(
            f"the query cannot be understood: {reason}",
            remedy="give one SELECT in the words of its database, or make a view of it and select from that",
        ) from None
    statements = [one for one in parsed if one is not None and not isinstance(one, exp.Semicolon)]
    if len(statements) != 1:
        raise BadSetting(
            f"the query holds {len(statements):,} statements", remedy="give one SELECT and nothing after it"
        )
    words = (query[start:end] for start, end in places)
    if dialect == "tsql" and (begun := next(filter(_BEGINS_TSQL.fullmatch, words), None)):
        raise BadSetting(
            f"the query does more than read: it holds {begun.upper()}",
            remedy="give one SELECT, and put a name like this in brackets",
        )
    # Where it is read as a table, a comment at its end would hide the bracket after it.
    end = max(end for start, end in places if query[start:end] != ";")
    return statements[0], query[:end]
