"""Press Ctrl-C at chosen statements of a command, with a terminal and without; a program.

Belongs here: pressing the key in a copy of a home that has everything, and what is left behind.
Does not belong here: what must be true of it (``test_interrupts``).

Prints one JSON object per case. Each command runs first to its end, which counts its statements; a moment
is a share of them. A process waits at its moment until it hears the key, so that no moment is missed:

    python -m forecast_assets_tests.cli.keys                       # every command, moment and way
    python -m forecast_assets_tests.cli.keys evaluate:0.5:terminal
"""

import json
import os
import pty
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from forecast_assets.cli import demo, interrupts, main
from forecast_assets_tests.chaos.children import Child
from forecast_assets_tests.chaos.operations import OPERATIONS, World
from forecast_assets_tests.chaos.worlds import Template

WAYS = ("terminal", "script")
MOMENTS = (0.0, 0.25, 0.5, 0.75, 0.97)
COMMANDS = {
    "evaluate": OPERATIONS["force"].words,
    "register": OPERATIONS["override"].words,
    "submit": OPERATIONS["batch"].words,
    "demo": ("demo",),
}
_PATIENCE = 60.0


class Case(NamedTuple):
    """A command, the share of its statements that it has sent, and whether it has a terminal."""

    command: str
    moment: float
    way: str


class _Moments:
    """Counts the statements of this process' main thread; at number ``at`` it waits for the key."""

    def __init__(self, at: int, report: int) -> None:
        self.seen, self._at, self._report = 0, at, report
        sa.event.listen(sa.Engine, "before_cursor_execute", self._statement)

    def _statement(self, *_: object) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        self.seen += 1
        if self.seen == self._at:
            os.write(self._report, b"reached")
            interrupts._key.pressed.wait(_PATIENCE)


def _begun(words: Sequence[str], at: int, *, terminal: bool) -> tuple[int, int, int]:
    """Begin a command in a forked process; return its id, its output, and what reports its moment."""
    report, writing = os.pipe()
    if terminal:
        pid, output = pty.fork()
    else:
        output, end = os.pipe()
        pid = os.fork()
    if pid == 0:
        if not terminal:
            os.dup2(end, 1)
            os.dup2(end, 2)
        moments, code = _Moments(at, writing), 70
        sys.argv = ["forecast-assets", *words]
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        try:
            main()
        except SystemExit as left:
            code = int(left.code or 0)
        finally:
            with suppress(OSError):
                os.write(writing, f"{moments.seen}".encode())
                sys.stdout.flush()
            os._exit(code)
    os.close(writing)
    if not terminal:
        os.close(end)
    return pid, output, report


def _read(output: int) -> str:
    """Everything that is printed until the end of a process."""
    printed = b""
    while select.select([output], [], [], _PATIENCE)[0]:
        try:
            part = os.read(output, 1 << 16)
        except OSError:  # how a pseudo terminal says that nobody is there any more
            break
        if not part:
            break
        printed += part
    return printed.decode()


def statements(words: Sequence[str]) -> int:
    """How many statements a command sends, from its begin to its end."""
    pid, output, report = _begun(words, 0, terminal=False)
    printed = _read(output)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code in {0, 1}, printed
    return int(os.read(report, 100))


def pressed(words: Sequence[str], at: int, *, terminal: bool) -> dict[str, Any]:
    """Press the key when a command has sent ``at`` statements; return what it says and when it ends."""
    pid, output, report = _begun(words, at, terminal=terminal)
    select.select([report], [], [], _PATIENCE)
    reached = os.read(report, 100).decode()
    if terminal:
        os.write(output, b"\x03")
    else:
        os.kill(pid, signal.SIGINT)
    start = time.monotonic()
    printed = _read(output)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)  # one that still runs closed its output
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    seconds = time.monotonic() - start
    os.close(output)
    os.close(report)
    return {"code": code, "seconds": seconds, "printed": printed, "reached": reached == "reached"}


def _left_behind(begin: float) -> str:
    """Runs and launches since ``begin``, and what is reported of them."""
    import datetime as dt

    import dagster as dg

    from forecast_assets.automation.incident_detection import look_at_runs
    from forecast_assets.stores.opening import open_stores

    start, stores = dt.datetime.fromtimestamp(begin, dt.UTC), open_stores()
    with dg.DagsterInstance.get() as instance:
        runs = instance.get_runs(dg.RunsFilter(created_after=start))
        look_at_runs(instance, stores, start, dt.datetime.now(dt.UTC))
    with stores.warehouse.transaction() as connection:
        launches = connection.execute(
            sa.text("select status from launch where created_at >= :start"), {"start": start}
        ).scalars()
        incidents = connection.exec_driver_sql("select count(*) from incident").scalar()
        ended = [run.status.value for run in runs]
        return json.dumps({"runs": ended, "launches": list(launches), "incidents": incidents})


def cases(words: Sequence[str]) -> list[Case]:
    """Which cases the command line asks for: all of them when it is silent."""
    if not words:
        return [Case(*one) for one in product(COMMANDS, MOMENTS, WAYS)]
    return [Case(name, float(moment), way) for name, moment, way in (word.split(":") for word in words)]


def _tried(template: Template, chosen: Sequence[Case]) -> Iterator[dict[str, Any]]:
    counts: dict[str, int] = {}

    def in_copy(work: Callable[[], Any]) -> Any:
        with template.world() as world:
            _make_small(world)
            return work()

    for case in chosen:
        words = COMMANDS[case.command]
        if case.command not in counts:
            counts[case.command] = in_copy(partial(statements, words))
        at = 1 + int(case.moment * (counts[case.command] - 1))

        def one(words: Sequence[str] = words, at: int = at, case: Case = case) -> dict[str, Any]:
            begin = time.time()
            seen = pressed(words, at, terminal=case.way == "terminal")
            code, left = Child(partial(_left_behind, begin)).result()
            return {
                **case._asdict(),
                "at": at,
                **seen,
                **(json.loads(left) if code == 0 else {"trace": left}),
            }

        yield in_copy(one)


def _make_small(world: World) -> None:
    """Let the demo have two series, since the key is what is tried."""
    demo.SALES = world.folder / "bakery.parquet"
    assert Child(_write_few_sales).result() == (0, "None")


def _write_few_sales() -> None:
    import polars as pl

    sales = pl.read_parquet(Path(demo.__file__).parents[1] / "data" / "bakery" / "sales.parquet")
    few = sales.filter(pl.col("store_id") == sales["store_id"][0]).tail(400)
    few.write_parquet(demo.SALES)


if __name__ == "__main__":
    with Template() as prepared:
        for report in _tried(prepared, cases(sys.argv[1:])):
            sys.stdout.write(json.dumps(report) + "\n")
            sys.stdout.flush()
