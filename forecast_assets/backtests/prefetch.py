"""Work ahead of a slow reader.

Belongs here: running an iterator in a thread of its own, a few items ahead.
Does not belong here: what the items are.
"""

from collections.abc import Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

Item = TypeVar("Item")
_POLL_SECONDS = 0.2


class Prefetcher(Generic[Item]):
    """Iterates over ``items``, which are made in another thread, at most ``most`` of them in advance.

    Waiting for PostgreSQL to store one block and booking the one before it take turns otherwise. An error
    of the maker is raised where its item would have come; leaving early stops the maker at its next item.
    """

    def __init__(self, items: Iterator[Item], most: int = 1) -> None:
        self._items = items
        self._ready: Queue[tuple[Item | None, BaseException | None]] = Queue(most)
        self._left = Event()
        self._maker = Thread(target=self._make, name="ahead", daemon=True)

    def _make(self) -> None:
        try:
            for item in self._items:
                if not self._hand_over((item, None)):
                    return
            self._hand_over((None, None))
        except BaseException as error:  # noqa: BLE001 - raised again by the reader
            self._hand_over((None, error))

    def _hand_over(self, ready: tuple[Item | None, BaseException | None]) -> bool:
        while not self._left.is_set():
            try:
                self._ready.put(ready, timeout=_POLL_SECONDS)
            except Full:
                continue
            return True
        return False

    def __iter__(self) -> Iterator[Item]:
        self._maker.start()
        try:
            while True:
                item, error = self._next()
                if error is not None:
                    raise error
                if item is None:
                    return
                yield item
        finally:
            self._left.set()
            self._maker.join()

    def _next(self) -> tuple[Item | None, BaseException | None]:
        while True:  # a wait without end could not be interrupted by a termination
            try:
                return self._ready.get(timeout=_POLL_SECONDS)
            except Empty:
                continue
