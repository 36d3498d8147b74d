"""Faults that strike a process at one chosen write, wherever it writes.

Belongs here: counting writes (statements, commits, files) and striking at the n-th.
Does not belong here: processes (``children``), and which operations are struck (``machine``).

A write is noticed where it leaves the process: at the database's driver, and by Python's audit events of
files in the home. So a new one, ours or a library's, is struck without being listed anywhere.
"""

import errno
import os
import select
import signal
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg2
import sqlalchemy as sa
from psycopg2 import extensions

from forecast_assets.stores import cluster

KILL, CUT, FULL = "kill", "cut", "full disk"
# Dead, but its sockets stay open for a while, with every lock of its sessions: a machine without power.
HALF_OPEN = "half-open"
TIME_OUT, RESTART = "statement time-out", "restart of the server"
STRIKING = (KILL, CUT, FULL, HALF_OPEN, TIME_OUT, RESTART)
# Not at a write: another clock, or a second client that does the same at the same time.
CLOCK, BESIDE = "clock", "second client"
FAULTS = (*STRIKING, CLOCK, BESIDE)
HALF_OPEN_SECONDS = 2.0

_READING = ("select", "show", "with", "set", "begin", "rollback", "savepoint", "release")
_STATEMENT, _COMMIT, _FILE = _ALL = ("statement", "commit", "file")
# A fault strikes only at writes of these kinds, so that each drawn one has an effect.
_STRIKES_AT = {
    # Whoever dies between two statements of a transaction has done what he has who dies before its commit.
    KILL: (_COMMIT, _FILE),
    CUT: (_STATEMENT, _COMMIT),
    TIME_OUT: (_STATEMENT,),
    FULL: (_STATEMENT, _FILE),
}
# Events of Python about a file, and whether they need space.
_FILES = {
    "open": True, "os.mkdir": True, "os.link": True, "os.symlink": True,
    "os.rename": False, "os.remove": False, "os.rmdir": False, "os.truncate": False,
}  # fmt: skip
_RAISED = "do $$ begin raise exception '{}' using errcode = '{}'; end $$"
_FAILS = {
    FULL: _RAISED.format("could not extend file: No space left on device", "53100"),
    TIME_OUT: _RAISED.format("canceling statement due to statement timeout", "57014"),
}


def strikeable(kind: str, counts: Mapping[str, int]) -> int:
    """At how many of the writes that were counted a fault may strike."""
    return sum(counts.get(what, 0) for what in _STRIKES_AT.get(kind, _ALL))


class Writes:
    """Counts the writes of this process; at number ``at`` of its kinds the fault ``kind`` strikes.

    A disk that is full stays so; every other fault strikes once. ``home`` is the folder whose files count.
    """

    def __init__(self, home: Path, kind: str | None = None, at: int = 0, server: Path | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self._home, self._kind, self._at, self._server, self._seen = home, kind, at, server, 0
        sa.event.listen(sa.Engine, "before_cursor_execute", self._statement, retval=True)
        sa.event.listen(sa.Engine, "commit", self._commit)
        sys.addaudithook(self._file)

    def _statement(self, *arguments: Any) -> tuple[str, Any]:
        """Strike before a statement: connection, cursor, text, values, context, whether they are many."""
        connection, _, text, values, _, many = arguments
        if text.lstrip().lower().startswith(_READING):
            return text, values
        driver = connection.connection.dbapi_connection
        if self._strikes(_COMMIT if getattr(driver, "autocommit", False) else _STATEMENT):
            self._strike(driver)
            if self._kind in _FAILS:
                return _FAILS[self._kind], [()] if many else ()
        return text, values

    def _commit(self, connection: sa.Connection) -> None:
        driver = connection.connection.dbapi_connection
        if _has_written(driver) and self._strikes(_COMMIT):
            self._strike(driver)

    def _file(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _FILES and self._changes(event, arguments) and self._strikes(_FILE):
            self._strike(None)
            if self._kind == FULL and _FILES[event]:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _changes(self, event: str, arguments: tuple[Any, ...]) -> bool:
        """Whether something in the home changes: which argument says where depends on the event."""
        place = 1 if event in {"os.rename", "os.link", "os.symlink"} else 0
        if event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            return False
        if not isinstance(arguments[place], str | bytes | os.PathLike):
            return False  # a number of what is open already
        path = Path(os.fsdecode(arguments[place]))
        if event in {"os.remove", "os.rmdir"} and arguments[1] >= 0:  # named from an open folder
            path = Path(f"/proc/self/fd/{arguments[1]}").readlink() / path
        return path.is_relative_to(self._home) and not (event == "os.mkdir" and path.is_dir())

    def _strikes(self, what: str) -> bool:
        self.counts[what] += 1
        if what not in _STRIKES_AT.get(self._kind or "", _ALL):
            return False
        self._seen += 1
        if self._kind == FULL:
            return 0 < self._at <= self._seen
        return self._kind in STRIKING and self._seen == self._at

    def _strike(self, driver: object) -> None:
        if self._kind == HALF_OPEN:
            _leave_sockets()
        if self._kind in {KILL, HALF_OPEN}:
            os.kill(os.getpid(), signal.SIGKILL)
        if self._kind == CUT and isinstance(driver, extensions.connection):
            _cut(driver)
        if self._kind == RESTART and self._server is not None:
            restart(self._server)


def _has_written(driver: object) -> bool:
    """Whether the transaction of ``driver`` changes anything: PostgreSQL numbers only those that do."""
    if not isinstance(driver, extensions.connection):
        return True
    if driver.get_transaction_status() != extensions.TRANSACTION_STATUS_INTRANS:
        return False
    try:
        with driver.cursor() as cursor:
            cursor.execute("select pg_current_xact_id_if_assigned() is not null")
            return bool(cursor.fetchone()[0])
    except psycopg2.Error:
        return True  # its server is gone, which the commit itself has to meet


def _leave_sockets() -> None:
    """Let a process that outlives this one keep its sockets open, without ever answering."""
    if os.fork() == 0:
        for number in Path("/proc/self/fd").iterdir():
            with suppress(OSError):
                if str(number.readlink()).startswith("pipe:"):
                    os.close(int(number.name))  # somebody waits for their end
        select.select([], [], [], HALF_OPEN_SECONDS)
        os._exit(0)


def _cut(driver: extensions.connection) -> None:
    """End the session of ``driver`` on the server, as a network that was cut does."""
    other = psycopg2.connect(driver.dsn)
    other.autocommit = True
    with other.cursor() as cursor:
        cursor.execute("select pg_terminate_backend(%s, 5000)", (driver.get_backend_pid(),))
    other.close()


def restart(server: Path) -> None:
    """Let the server in the folder ``server`` crash and come back."""
    cluster._run(server, "pg_ctl", "stop", "-w", "-m", "immediate")
    cluster.start(server)
