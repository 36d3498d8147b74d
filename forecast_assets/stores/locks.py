"""Locks that die with their holder: who is at work on what, across processes.

Belongs here: the number of every lock, named locks of one database session, a pool of numbered places.
Does not belong here: what is locked, and rows (``warehouse``).
"""

from enum import IntEnum, unique
from threading import Lock

import sqlalchemy as sa

_TRY = sa.text("select pg_try_advisory_lock(hashtext(:space), hashtext(:name))")
_RELEASE = sa.text("select pg_advisory_unlock(hashtext(:space), hashtext(:name))")
_RELEASE_ALL = sa.text("select pg_advisory_unlock_all()")


@unique
class LockNumber(IntEnum):
    """The numbers by which processes exclude each other in the database, each for one purpose."""

    MIGRATION = 7_203_911
    MAINTENANCE = 7_203_912
    PROMOTION = 7_203_913  # salt of the hash of a series
    MLFLOW_TABLES = 7_203_914
    DAGSTER_TABLES = 7_203_915
    ASSET_EVENTS = 20_260  # first of two numbers; the second is the hash of an asset


class Locks:
    """The locks of one session; when its process dies, the server frees them. Safe to use from threads."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._mutex = Lock()
        self._held: set[tuple[str, str]] = set()

    def take(self, space: str, name: str) -> bool:
        """Take a lock that nobody holds, and return whether that worked; one's own counts as taken."""
        with self._mutex:
            # The server would let a session take its own lock again.
            if (space, name) in self._held:
                return False
            taken = bool(self._connection.scalar(_TRY, {"space": space, "name": name}))
            if taken:
                self._held.add((space, name))
            return taken

    def release(self, space: str, name: str) -> None:
        """Give a lock back."""
        with self._mutex:
            self._connection.execute(_RELEASE, {"space": space, "name": name})
            self._held.discard((space, name))

    def take_slot(self, pool: str, size: int) -> str | None:
        """Take one of the ``size`` slots of a pool that all processes share; none when all are taken."""
        return next((slot for slot in map(str, range(size)) if self.take(pool, slot)), None)

    def release_all(self) -> None:
        """Give everything back, before the connection serves somebody else."""
        with self._mutex:
            self._connection.execute(_RELEASE_ALL)
            self._held.clear()
