"""The PostgreSQL server under FORECAST_HOME and the processes that use it.

Belongs here: who uses the server, and so when it starts and when it stops.
Does not belong here: how it is made, started and stopped (``cluster``).

A process joins before it connects. Joining means holding a shared lock on one file until the process
ends, in whatever way it ends; the last one to leave in good order stops the server. A server whose users
were all killed runs on for the next one, and a server that was killed is started by whoever connects next.
"""

import atexit
import fcntl
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from forecast_assets.errors import Outage
from forecast_assets.stores import cluster
from forecast_assets.stores.home import private_home

_joined: dict[Path, int] = {}
_joining = threading.Lock()


def join(home: Path) -> sa.URL:
    """Become a user of the server of ``home``, made where there is none; return its URL.

    Raises ``Outage`` when the home cannot be used. Nothing runs yet: the first connection starts it.
    """
    try:
        home = enter(home)
        folder = home / "postgres"
        if not folder.exists():
            with _alone(home):
                if not folder.exists():
                    cluster.create(folder)
        if cluster.was_moved(folder):  # a server that runs on reads, but fails when it saves
            with _alone(home):
                if cluster.was_moved(folder):
                    cluster.stop(folder)
    except OSError as error:
        raise Outage(
            f"the embedded PostgreSQL cannot use {home}: {error}",
            remedy="let FORECAST_HOME name a folder of your own on a local disk, "
            "or FORECAST_DATABASE_URL a server",
        ) from error
    return address(home)


def address(home: Path) -> sa.URL:
    """Return the URL of the server of ``home``, whether there is one or not."""
    # Said in full, lest PGPORT or PGOPTIONS of the environment fill the gaps.
    host = cluster.socket_folder(home.resolve() / "postgres")
    place = {"host": str(host), "port": str(cluster.PORT), "options": ""}
    return sa.URL.create("postgresql", username=cluster.OWNER, database=cluster.DATABASE, query=place)


def stop(home: Path) -> bool:
    """Stop the server of ``home`` whoever uses it; return whether there was one to stop."""
    folder = home.resolve() / "postgres"
    if not folder.exists():
        return False
    with _alone(home.resolve()):
        return cluster.stop(folder)


@sa.event.listens_for(sa.Engine, "do_connect")
def _start_and_connect(
    dialect: sa.Dialect, _record: object, arguments: Sequence[Any], options: dict[str, Any]
) -> object:
    """Connect; where the embedded server is meant and does not run, start it first.

    Listens to every engine of the process: Dagster's own outlive a server as well.
    """
    folder = next((f for f in _folders() if str(cluster.socket_folder(f)) == options.get("host")), None)
    if folder is None or dialect.dbapi is None:
        return None
    if cluster.has_socket(folder):  # in a place that anybody could have made, it is ours or nobody is asked
        with suppress(dialect.dbapi.OperationalError):
            return dialect.connect(*arguments, **options)
    if folder.exists():
        with _alone(folder.parent):
            cluster.start(folder)
    return None  # SQLAlchemy connects


def _folders() -> list[Path]:
    return [home / "postgres" for home in list(_joined)]


def enter(home: Path) -> Path:
    """Be a user of the server of ``home``, which need not be there yet; return the home's real path."""
    home = private_home(home)
    with _joining:
        # Whoever deleted the home deleted the file that the others of a new one will lock.
        if home not in _joined or os.fstat(_joined[home]).st_nlink == 0:
            lock = _opened(home / "postgres.users")
            fcntl.flock(lock, fcntl.LOCK_SH)  # waits while somebody stops the server
            _joined[home] = lock
            atexit.register(_leave, home, os.getpid())
    return home


def _leave(home: Path, user: int) -> None:
    """End this process's use; the last one out stops the server."""
    if os.getpid() != user or home not in _joined:
        return
    lock = _joined.pop(home)
    with suppress(OSError), _alone(home):  # somebody may have deleted the home
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        cluster.stop(home / "postgres")
        fcntl.flock(lock, fcntl.LOCK_UN)


def _forget_parent() -> None:
    """A forked child starts as nobody's user: the lock is its parent's to give up."""
    while _joined:
        os.close(_joined.popitem()[1])


os.register_at_fork(after_in_child=_forget_parent)


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One process at a time makes, starts or stops the server; a killed one leaves no lock behind."""
    lock = _opened(home / "postgres.lock")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
