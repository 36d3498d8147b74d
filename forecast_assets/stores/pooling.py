"""Is there a pooler between us and PostgreSQL that takes away what we rely on?

Belongs here: finding out, once per process and server.
Does not belong here: connecting for any other reason (``database``).

Locks, temporary tables and the search path are those of a session. A pooler that gives every transaction
another session (``pool_mode = transaction`` of PgBouncer) lets two processes hold the same lock.
"""

from functools import lru_cache
from uuid import uuid4

import sqlalchemy as sa

from forecast_assets.errors import BadSetting

_ROUNDS = 3
_REMEDY = "let FORECAST_DATABASE_URL name the server itself, or a pool that gives each client its own session"
_MARK = sa.text("select set_config('forecast.session', :mark, false)")
_READ = sa.text("select current_setting('forecast.session', true)")


@lru_cache(maxsize=16)
def refuse_shared_sessions(url: sa.URL, schema: str) -> None:
    """Raise ``BadSetting`` when sessions at ``url`` are shared, or forget that they are to see ``schema``.

    ``url`` names that schema as its search path. Two connections mark their sessions by a setting: whoever
    sees the mark of the other, or not its own, does not have a session of its own.
    """
    # Looking for hstore would begin a transaction, which a pooler of statements answers by hanging up.
    engine = sa.create_engine(
        url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT", use_native_hstore=False
    )
    try:
        with engine.connect() as first, engine.connect() as second:
            for _ in range(_ROUNDS):
                _check_session(first, second)
            path = first.exec_driver_sql("show search_path").scalar()
    except sa.exc.OperationalError as error:
        if "startup parameter" not in str(error):
            raise
        raise _refused("refuses the search path of a session") from None
    if path is None or not str(path).endswith(schema):
        raise _refused(f"drops the search path of a session: tables would be made in {path}")


def _check_session(first: sa.Connection, second: sa.Connection) -> None:
    mine, other = uuid4().hex, uuid4().hex
    first.execute(_MARK, {"mark": mine})
    seen = second.scalar(_READ)
    second.execute(_MARK, {"mark": other})
    if seen == mine or first.scalar(_READ) != mine or second.scalar(_READ) != other:
        raise _refused("gives every transaction another session: locks would exclude nobody")


def _refused(what: str) -> BadSetting:
    return BadSetting(f"a pooler lies between here and PostgreSQL that {what}", remedy=_REMEDY)
