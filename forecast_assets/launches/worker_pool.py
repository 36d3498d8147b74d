"""A worker pool: threads that run tasks until none is left.

Belongs here: who works when, within the slots that all runs share, and how the work ends early.
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
class TaskSource:
    """What a pool works on: ``run_next`` takes the next task, runs it, and returns whether there was one.

    ``has_waiting`` says whether there may be another one, ``cancel`` lets nobody take one any more, and
    ``look`` is called now and then. ``pool`` names the slots that all runs share, ``slots`` how many there
    are.
    """

    run_next: Callable[[], bool]
    has_waiting: Callable[[], bool]
    cancel: Callable[[], object]
    pool: str
    slots: int
    look: Callable[[], object] = lambda: None


@dataclass(frozen=True, slots=True)
class RunControl:
    """How work learns that it is to end, and says how far it is.

    On the ``last_try`` an outage is how the work ends; before, its run tries it again.
    """

    asked_to_end: Callable[[], bool] = lambda: False
    log: Callable[[str], object] = lambda _: None
    last_try: bool = True


class WorkerPool:
    """At most ``parallel`` threads; each task takes a slot of the common pool."""

    def __init__(self, locks: Locks, source: TaskSource, parallel: int) -> None:
        self._locks, self._source, self._parallel = locks, source, parallel
        self._ended = Event()
        self._failures: list[BaseException] = []

    def run(self, is_terminated: Callable[[], bool], control: RunControl) -> None:
        """Run tasks until nothing waits; once terminated or asked to end, begin nothing more.

        What is being computed is waited for, at most FORECAST_DRAIN_SECONDS. Raises what stopped a thread.
        """
        threads = [
            Thread(target=self._work, name=f"{self._source.pool}-{n}", daemon=True)
            for n in range(self._parallel)
        ]
        for thread in threads:
            thread.start()
        deadline, look = None, 0.0
        while any(thread.is_alive() for thread in threads) and not _is_past(deadline):
            due = time.monotonic() >= look  # a question that costs a round trip
            if due:
                look = time.monotonic() + _LOOK_SECONDS
                self._source.look()
            if deadline is None and (is_terminated() or (due and control.asked_to_end())):
                self._source.cancel()
                deadline = time.monotonic() + environment().drain_seconds
                control.log("asked to end: nothing more is begun")
            for thread in threads:
                thread.join(_POLL_SECONDS)
        self._ended.set()
        if self._failures:
            raise self._failures[0]

    def _work(self) -> None:
        try:
            while not self._ended.is_set() and self._run_next():
                pass
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits for the pool
            self._failures.append(error)
            self._ended.set()

    def _run_next(self) -> bool:
        """Run one task; return whether it is worth asking for another one."""
        slot = self._locks.take_slot(self._source.pool, self._source.slots)
        try:
            if slot is not None and self._source.run_next():
                return True
        finally:
            if slot is not None:
                self._locks.release(self._source.pool, slot)
        # Others have all slots, or looked at the same tasks a moment ago and left some of them.
        self._ended.wait(_POLL_SECONDS)
        return self._source.has_waiting()


def _is_past(deadline: float | None) -> bool:
    return deadline is not None and time.monotonic() > deadline
