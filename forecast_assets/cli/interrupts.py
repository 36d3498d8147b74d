"""Ctrl-C on a command line: the first one ends the command at its next safe point, the second one at once.

Belongs here: what happens between the key and the exit code.
Does not belong here: how a step ends when it is interrupted (``failures``), and Dagit's Terminate.

The signal goes to a thread of its own and not to the main one: Dagster would take it for an unexpected end
of the run. The thread first says in Dagster that the run is being cancelled, then interrupts the main one.
Only the standard library is imported here, so that the key works from the first moment.
"""

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess

EXIT_CODE = 130
_TERMINATED = 143
_KEY = {signal.SIGINT}
_SENTENCE = "Ctrl-C: ending at the next safe point, what is stored stays; Ctrl-C again ends at once"
_SERVING_SENTENCE = "Ctrl-C: no page is served any more; Ctrl-C again ends at once"
# Back to the begin of an empty line, with a cursor: a bar hides it, and may not come to show it again.
_CLEAN_LINE = "\r\x1b[2K\x1b[?25h"
# How long the database may take to be told of the end, and everything together, in seconds.
_BOOKING = 1.0
# After the second key, when nothing else is waited for; on a quiet machine it takes a tenth of this.
_LAST_BOOKING = 2.0
_PATIENCE = 3.0
# What a batch or a comparison may spend on the work in hand: part of the patience.
_DRAIN = "1"


@dataclass(frozen=True, slots=True)
class CurrentRun:
    """The run that this process executes: calls that change its record in Dagster and its launches'."""

    cancel: Callable[[], object]
    end: Callable[[], object]
    settle: Callable[[], object]


@dataclass(slots=True)
class _Key:
    """Whether the key was pressed, and what this process is doing."""

    pressed: threading.Event = field(default_factory=threading.Event)
    closed: bool = False
    raised: bool = False
    run: CurrentRun | None = None
    # A step's stderr goes to Dagster's log, and the command's own comes back with its end.
    stderr: int = 2


_key = _Key()


@contextmanager
def ended_by_key() -> Iterator[None]:
    """Run a command; after Ctrl-C it leaves with exit code 130, however the command took it."""
    global _key  # noqa: PLW0603 - signals belong to the whole process
    _key = key = _Key()
    with suppress(OSError):  # somebody who closed it wants no sentence
        key.stderr = os.dup(2)
    before = {one: signal.signal(one, _raise) for one in (signal.SIGINT, signal.SIGTERM)}
    # Before any library starts threads: one that takes the signal would hand it to the main thread.
    signal.pthread_sigmask(signal.SIG_BLOCK, _KEY)
    listener = threading.Thread(target=_listen, args=(key,), name="ctrl-c", daemon=True)
    listener.start()
    try:
        yield
    except BaseException:
        if not key.pressed.is_set():
            raise
    finally:
        if not key.pressed.is_set():
            key.closed = True
            signal.pthread_kill(listener.ident or 0, signal.SIGINT)
            listener.join()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _KEY)
            for one, handler in before.items():
                signal.signal(one, handler)
            if key.stderr != 2:  # noqa: PLR2004 - stderr itself
                os.close(key.stderr)
    if key.pressed.is_set():
        # What interrupts the main thread may still be on its way.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _silence()
        if key.run is not None:  # interrupted while it was about to be ended
            _booked(key.run.end, key.run.settle)
        _end_workers()
        # Temporary files go, but what libraries hold is not taken apart: seconds in which no key is heard.
        atexit._run_exitfuncs()  # noqa: SLF001
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(EXIT_CODE)


@contextmanager
def cancelled_by_key(run: CurrentRun) -> Iterator[None]:
    """Execute a run; Ctrl-C cancels it, and nothing after it is begun."""
    key = _key
    before, key.run = key.run, run
    try:
        yield
    except Exception:
        # How a library or a step words its interruption is nothing that a command goes on with.
        if not key.pressed.is_set():
            raise
    finally:
        if key.pressed.is_set():
            key.raised = True
            run.end()
            run.settle()
        key.run = before
    if key.pressed.is_set():
        raise KeyboardInterrupt


@contextmanager
def serving() -> "Iterator[list[subprocess.Popen[bytes]]]":
    """Serve until the key, which interrupts the main thread as servers expect it.

    Processes that are added to the list are killed by a second key. They take the signal themselves:
    what blocks it here would block it in them, and Dagster's Terminate is that signal.
    """
    key = _key
    beside: list[subprocess.Popen[bytes]] = []

    def heard(*_: object) -> None:
        if key.pressed.is_set():
            _end_now(key, _LAST_BOOKING)
        key.pressed.set()
        _say_last(key, _SERVING_SENTENCE)
        threading.Thread(target=_lose_patience, args=(key,), daemon=True).start()
        raise KeyboardInterrupt

    def kill() -> None:
        for process in beside:
            process.kill()

    key.run = CurrentRun(cancel=_nothing, end=kill, settle=_nothing)
    before = signal.signal(signal.SIGINT, heard)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _KEY)
    try:
        yield beside
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, _KEY)
        signal.signal(signal.SIGINT, before)
        key.run = None


def _nothing() -> None:
    """Do nothing: what is served has no record."""


def _raise(number: int, _frame: FrameType | None) -> None:
    """Interrupt the main thread where no run is executed; Dagster puts a handler of its own over this."""
    if not _key.pressed.is_set():
        raise SystemExit(_TERMINATED if number == signal.SIGTERM else EXIT_CODE)
    if not _key.raised:
        _key.raised = True
        raise KeyboardInterrupt


def _listen(key: _Key) -> None:
    signal.sigwait(_KEY)
    if key.closed:
        return
    if key.pressed.is_set():  # what is served has heard the first one
        _end_now(key, _LAST_BOOKING)
    key.pressed.set()
    _say_last(key, _SENTENCE)
    os.environ["FORECAST_DRAIN_SECONDS"] = _DRAIN
    threading.Thread(target=_interrupt, args=(key,), daemon=True).start()
    threading.Thread(target=_lose_patience, args=(key,), daemon=True).start()
    signal.sigwait(_KEY)
    _end_now(key, _LAST_BOOKING)


def _say_last(key: _Key, sentence: str) -> None:
    """Print ``sentence`` on stderr and nothing after it: what is interrupted has a lot to say about it."""
    refusals = sys.modules.get("forecast_assets.cli.refusals")
    if console := getattr(refusals, "SAY", None):
        console.quiet = True
    with suppress(OSError):
        start = _CLEAN_LINE if os.isatty(key.stderr) else ""
        os.write(key.stderr, f"{start}\n{sentence}\n".encode())
    _silence()


def _silence() -> None:
    """Let what libraries still print on stderr go nowhere; on a terminal stdout would follow the sentence."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for output in (1, 2) if os.isatty(1) else (2,):
            os.dup2(nowhere, output)
        os.close(nowhere)


def _interrupt(key: _Key) -> None:
    """Cancel the run, then interrupt the main thread, wherever it waits."""
    if key.run is not None:
        _booked(key.run.cancel)
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)


def _lose_patience(key: _Key) -> None:
    threading.Event().wait(_PATIENCE)
    _end_now(key, _BOOKING)


def _end_now(key: _Key, seconds: float) -> None:
    """Leave without any goodbye: a killed process leaves nothing half written."""
    # First, since a step fails when its workers are gone.
    if key.run is not None:
        _booked(key.run.end, key.run.settle, seconds=seconds)
    _end_workers()
    os._exit(EXIT_CODE)


def _booked(*changes: Callable[[], object], seconds: float = _BOOKING) -> None:
    """Make all ``changes`` at once, but never wait for a database that does not answer."""

    def quietly(change: Callable[[], object]) -> None:
        # The command is ending; the daemon settles a run whose process is gone.
        with suppress(Exception):
            change()

    bookings = [threading.Thread(target=quietly, args=(change,), daemon=True) for change in changes]
    for booking in bookings:
        booking.start()
    deadline = time.monotonic() + seconds
    for booking in bookings:
        booking.join(max(deadline - time.monotonic(), 0))


def _end_workers() -> None:
    """End the processes that compute for this one: nobody takes their results any more."""
    if "multiprocessing" in sys.modules:
        import multiprocessing

        for worker in multiprocessing.active_children():
            worker.kill()
