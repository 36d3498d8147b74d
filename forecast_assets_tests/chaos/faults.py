"""Faults that strike a process at one chosen write, wherever it writes.

Belongs here: counting writes (statements, rows copied, commits, files) and striking at the n-th.
Does not belong here: which operations are struck (``machine``).
"""

import errno
import os
import signal
from collections.abc import Callable
from typing import Any

import psycopg2
import sqlalchemy as sa
from psycopg2 import extensions

from forecast_assets.stores import lake

KILL, CUT, FULL = "kill", "cut", "full"
FAULTS = (KILL, CUT, FULL)
_READING = ("select", "show", "with", "set", "begin", "rollback", "savepoint", "release")


class Writes:
    """Counts the writes of this process; at number ``at`` the fault ``kind`` strikes, once."""

    def __init__(self, kind: str | None = None, at: int = 0) -> None:
        self.count, self._kind, self._at = 0, kind, at
        sa.event.listen(sa.Engine, "before_cursor_execute", self._statement)
        sa.event.listen(sa.Engine, "commit", self._commit)
        self._write_whole = lake._write_whole
        lake._write_whole = self._file

    def _statement(self, connection: sa.Connection, _cursor: object, text: str, *_: object) -> None:
        if not text.lstrip().lower().startswith(_READING):
            self._written(connection.connection.dbapi_connection)

    def _commit(self, connection: sa.Connection) -> None:
        self._written(connection.connection.dbapi_connection)

    def _file(self, target: str, content: bytes | memoryview) -> None:
        self._written(None)
        self._write_whole(target, content)

    def _written(self, driver: object) -> None:
        self.count += 1
        if self.count != self._at:
            return
        if self._kind == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        if self._kind == FULL and driver is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self._kind == CUT and isinstance(driver, extensions.connection):
            _cut(driver)


def _cut(driver: extensions.connection) -> None:
    """End the session of ``driver`` on the server, as a network that was cut does."""
    other = psycopg2.connect(driver.dsn)
    other.autocommit = True
    with other.cursor() as cursor:
        cursor.execute("select pg_terminate_backend(%s, 5000)", (driver.get_backend_pid(),))
    other.close()


def in_child(work: Callable[[], Any]) -> tuple[int, str]:
    """Do ``work`` in a forked process; return its exit code (negative: the signal) and what it answered."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 70
        try:
            os.close(reading)
            answer = str(work())
            os.write(writing, answer.encode()[:60_000])
            code = 0
        except BaseException as error:  # noqa: BLE001 - whatever it is goes to the parent
            os.write(writing, repr(error).encode()[:60_000])
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read().decode(errors="replace")
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), answer
