"""A crew: threads that take pieces of work until none is left.

Belongs here: who works when, within the places that all runs share, and how the work ends early.
Does not belong here: what is computed and what is written.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Thread

from forecast_assets.settings import settings as environment
from forecast_assets.stores.locks import Locks

_POLL_SECONDS = 0.05
_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Labour:
    """What a crew does: ``piece`` takes the next piece, does it, and answers whether there was one.

    ``waits`` asks whether there may be another one, ``cancel`` lets nobody take one any more, and ``look``
    is called now and then. ``pool`` names the places that all runs share, ``places`` how many there are.
    """

    piece: Callable[[], bool]
    waits: Callable[[], bool]
    cancel: Callable[[], object]
    pool: str
    places: int
    look: Callable[[], object] = lambda: None


@dataclass(frozen=True, slots=True)
class Watch:
    """How work learns that it is to end, and tells how far it is."""

    asked_to_end: Callable[[], bool]
    tell: Callable[[str], object]


class Crew:
    """At most ``parallel`` threads; each piece of work takes a place of the common pool."""

    def __init__(self, locks: Locks, labour: Labour, parallel: int) -> None:
        self._locks, self._labour, self._parallel = locks, labour, parallel
        self._left = Event()
        self._failures: list[BaseException] = []

    def work(self, terminated: Callable[[], bool], watch: Watch) -> None:
        """Work until nothing waits; once ``terminated`` or asked to end, begin nothing more.

        What is in hand is waited for, at most FORECAST_DRAIN_SECONDS. Raises what stopped a thread.
        """
        threads = [
            Thread(target=self._member, name=f"{self._labour.pool}-{n}", daemon=True)
            for n in range(self._parallel)
        ]
        for thread in threads:
            thread.start()
        deadline, look = None, 0.0
        while any(thread.is_alive() for thread in threads) and not self._overdue(deadline):
            due = time.monotonic() >= look  # a question that costs a round trip
            if due:
                look = time.monotonic() + _LOOK_SECONDS
                self._labour.look()
            if deadline is None and (terminated() or (due and watch.asked_to_end())):
                self._labour.cancel()
                deadline = time.monotonic() + environment().drain_seconds
                watch.tell("asked to end: nothing more is begun")
            for thread in threads:
                thread.join(_POLL_SECONDS)
        self._left.set()
        if self._failures:
            raise self._failures[0]

    @staticmethod
    def _overdue(deadline: float | None) -> bool:
        return deadline is not None and time.monotonic() > deadline

    def _member(self) -> None:
        try:
            while not self._left.is_set() and self._piece():
                pass
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits for the crew
            self._failures.append(error)
            self._left.set()

    def _piece(self) -> bool:
        """Do one piece; answer whether it is worth asking for another one."""
        place = self._locks.take_place(self._labour.pool, self._labour.places)
        try:
            if place is not None and self._labour.piece():
                return True
        finally:
            if place is not None:
                self._locks.release(self._labour.pool, place)
        # Others have all places, or looked at the same pieces a moment ago and left some of them.
        self._left.wait(_POLL_SECONDS)
        return self._labour.waits()
