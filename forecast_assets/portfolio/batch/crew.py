"""The crew of a batch: threads that claim groups of items until none is left.

Belongs here: who works when, within the places that all batches share, and how the work ends early.
Does not belong here: what is computed (``scoring``) and what is written (``store``).
"""

import time
from collections.abc import Callable, Sequence
from threading import Event, Thread

from forecast_assets.errors import Outage
from forecast_assets.portfolio.batch import store
from forecast_assets.portfolio.batch.scoring import Board, score
from forecast_assets.portfolio.batch.store import Done, Item, Terms
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores
from forecast_assets.stores.locks import Locks

# The more items one pass of the engine takes, the less each costs; the fewer, the sooner a cancellation acts.
_MOST_AT_ONCE = 256
_POLL_SECONDS = 0.05
_LOOK_SECONDS = 0.5
POOL = "batch_place"


class Crew:
    """At most ``parallel`` threads that work off one batch; each group takes a place of the common pool."""

    def __init__(self, stores: Stores, locks: Locks, terms: Terms, board: Board) -> None:
        self._stores, self._locks, self._terms, self._board = stores, locks, terms, board
        self._at_once = max(1, min(_MOST_AT_ONCE, -(-terms.items // (4 * terms.parallel))))
        self._left = Event()
        self._failures: list[BaseException] = []

    def work(
        self, terminated: Callable[[], bool], asked_to_end: Callable[[], bool], tell: Callable[[str], object]
    ) -> None:
        """Work until no item waits; once ``terminated`` or ``asked_to_end``, claim nothing more.

        What is in hand is waited for, at most FORECAST_DRAIN_SECONDS. Raises what stopped a thread.
        """
        threads = [
            Thread(target=self._member, name=f"batch-{n}", daemon=True) for n in range(self._terms.parallel)
        ]
        for thread in threads:
            thread.start()
        deadline, look = None, 0.0
        while any(thread.is_alive() for thread in threads) and not self._overdue(deadline):
            due = time.monotonic() >= look  # a question that costs a round trip
            if due:
                look = time.monotonic() + _LOOK_SECONDS
                self._age()
            if deadline is None and (terminated() or (due and asked_to_end())):
                store.cancel(self._stores, self._terms.batch_id)
                deadline = time.monotonic() + environment().drain_seconds
                tell("asked to end: nothing more is begun")
            for thread in threads:
                thread.join(_POLL_SECONDS)
        self._left.set()
        if self._failures:
            raise self._failures[0]

    @staticmethod
    def _overdue(deadline: float | None) -> bool:
        return deadline is not None and time.monotonic() > deadline

    def _age(self) -> None:
        minutes = environment().batch_ageing_minutes
        if minutes is not None:
            store.age(self._stores, self._terms.batch_id, minutes)

    def _member(self) -> None:
        try:
            while not self._left.is_set() and self._group():
                pass
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits for the crew
            self._failures.append(error)
            self._left.set()

    def _group(self) -> bool:
        """Work off one group; answer whether it is worth asking for another one."""
        place = self._locks.take_place(POOL, environment().batch_max_parallel)
        if place is None:  # other batches have all places
            self._left.wait(_POLL_SECONDS)
            return store.waits(self._stores, self._terms.batch_id)
        try:
            items = store.claim(self._stores, self._terms, self._at_once)
            if not items:
                # Another thread may have looked at the same items a moment ago and left some of them.
                self._left.wait(_POLL_SECONDS)
                return store.waits(self._stores, self._terms.batch_id)
            store.record(self._stores, self._terms, self._scored(items))
        finally:
            self._locks.release(POOL, place)
        return True

    def _scored(self, items: Sequence[Item]) -> list[Done]:
        try:
            return score(self._board, items)
        except Outage:
            raise
        except Exception as error:  # noqa: BLE001 - costs this group, and is on record with each of its items
            told = f"{type(error).__name__}: {error}"
            return [Done(item.item_id, None, told, type(error).__name__) for item in items]
