"""What a query of somebody else's database may be: one SELECT that reaches nothing but tables.

Belongs here: parsing a query and refusing what does more than read.
Does not belong here: connections (``read_only``). Import it where a query is checked: parsing takes a third
of a second to import, which no other process should wait for.
"""

import re

import sqlglot
from sqlglot import exp

from forecast_assets.datasets.sources.read_only import REACHING
from forecast_assets.errors import BadSetting

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


def check_query(query: str, backend: str) -> None:
    """Refuse what is not one statement that reads. ``backend`` is SQLAlchemy's name of the database.

    Raises ``BadSetting`` naming what is in the way.
    """
    statement = _one_statement(query, _DIALECTS.get(backend, backend))
    forbidden = next((node for node in statement.walk() if isinstance(node, _WRITING)), None)
    if forbidden is not None or not isinstance(statement, exp.Query | exp.Values):
        what = (forbidden or statement).key.upper()
        raise BadSetting(
            f"the query does more than read: it holds {what}",
            remedy="give one SELECT; it may begin with WITH",
        )
    names = sorted({name for node in statement.find_all(exp.Func) for name in _called(node)})
    refused = [name for name in names if REACHING.fullmatch(name)]
    if refused:
        raise BadSetting(
            f"the query calls {', '.join(refused)}, which reaches beyond the tables of the database",
            remedy="select from tables and views only; let the database's owner make a view of anything else",
        )


def _one_statement(query: str, dialect: str) -> exp.Expr:
    if "/*!" in query or "/*M!" in query:
        raise BadSetting(
            "the query holds a comment that MySQL executes (/*! ... */)", remedy="leave these comments out"
        )
    try:
        parsed = sqlglot.parse(query, read=dialect if dialect in _KNOWN else None)
    except sqlglot.errors.SqlglotError as error:
        reason = re.sub(r"\x1b\[\d+m", "", str(error)).splitlines()[0]
        raise BadSetting(
            f"the query cannot be understood: {reason}",
            remedy="give one SELECT in the words of its database, or make a view of it and select from that",
        ) from None
    statements = [one for one in parsed if one is not None and not isinstance(one, exp.Semicolon)]
    if len(statements) != 1:
        raise BadSetting(
            f"the query holds {len(statements)} statements", remedy="give one SELECT and nothing after it"
        )
    return statements[0]


def _called(node: exp.Func) -> set[str]:
    named = {node.name} if isinstance(node, exp.Anonymous) else set(type(node).sql_names())
    return {name.lower() for name in named if name}
