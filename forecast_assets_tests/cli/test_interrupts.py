"""Ctrl-C: real signals to real processes, with a terminal and without."""

import datetime as dt
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from forecast_assets.automation.incident_detection import look_at_runs
from forecast_assets.cli.interrupts import EXIT_CODE
from forecast_assets_tests.cli import keys
from forecast_assets_tests.cli.keys import Case
from forecast_assets_tests.scenario import many

# The promise is five seconds; a machine that is busy with other tests gets twice that.
MOST_SECONDS = 10.0
START_SECONDS = 120.0
SENTENCE = "Ctrl-C: ending at the next safe point"


@dataclass
class Command:
    """A command as a process of its own; with ``terminal`` it stands on a pseudo terminal."""

    pid: int
    output: int
    terminal: bool

    def press(self) -> None:
        """Press Ctrl-C: a terminal sends the signal to everybody, a script to the process alone."""
        if self.terminal:
            os.write(self.output, b"\x03")
        else:
            os.kill(self.pid, signal.SIGINT)

    def listens(self) -> bool:
        """Return whether the key is heard yet: the main thread takes no SIGINT any more."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        blocked = next(line for line in status.splitlines() if line.startswith("SigBlk:"))
        return bool(int(blocked.split()[1], 16) & 1 << (signal.SIGINT - 1))

    def end(self) -> tuple[int, float, str]:
        """Exit code, seconds until it ended, and everything that was printed."""
        start, printed = time.monotonic(), b""
        try:
            while chunk := os.read(self.output, 1 << 16):
                printed += chunk
        except OSError:  # how a pseudo terminal says that nobody is there any more
            pass
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status), time.monotonic() - start, printed.decode()


@contextmanager
def command(*arguments: str, terminal: bool = False) -> Iterator[Command]:
    words = [sys.executable, *arguments]
    if terminal:
        pid, output = pty.fork()
        if pid == 0:
            os.execv(words[0], words)  # noqa: S606 - a shell would take the signal
    else:
        output, end = os.pipe()
        both = [(os.POSIX_SPAWN_DUP2, end, 1), (os.POSIX_SPAWN_DUP2, end, 2)]
        pid = os.posix_spawn(words[0], words, os.environ, file_actions=both)
        os.close(end)
    try:
        yield Command(pid, output, terminal)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.close(output)


def until(reached: Callable[[], bool], running: Command) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not reached():
        assert time.monotonic() < deadline, "the moment never came"
        assert os.waitpid(running.pid, os.WNOHANG) == (0, 0), "the command ended before its moment"
        time.sleep(0.1)


def begun(instance: dg.DagsterInstance, job: str) -> Callable[[], bool]:
    """Whether a step of the job's newest run is being executed."""

    def reached() -> bool:
        runs = instance.get_runs(filters=dg.RunsFilter(job_name=job), limit=1)
        kind = dg.DagsterEventType.STEP_START
        return bool(runs) and bool(instance.all_logs(runs[0].run_id, of_type=kind))

    return reached


@pytest.mark.parametrize(
    ("arguments", "job", "terminal"),
    [
        (["demo"], None, True),
        (["evaluate", "many", "--candidates", "naive,seasonal_naive,prophet"], "evaluate_series", False),
    ],
    ids=["while starting", "while evaluating"],
)
def test_the_key_ends_a_command_and_cancels_its_run(home, arguments, job, terminal):
    if "many" in arguments:
        home.prepare("many", many(100))  # nothing is over before the key is pressed
    start = dt.datetime.now(dt.UTC)
    with command("-m", "forecast_assets", *arguments, terminal=terminal) as running:
        until(running.listens if job is None else begun(home.instance, job), running)
        running.press()
        code, seconds, printed = running.end()
    assert code == EXIT_CODE, printed
    assert seconds < MOST_SECONDS
    assert printed.count(SENTENCE) == 1
    assert printed.rstrip().endswith("Ctrl-C again ends at once"), printed
    ended = {run.job_name: run.status for run in home.instance.get_runs(dg.RunsFilter(created_after=start))}
    if job is not None:
        assert ended.pop(job) == dg.DagsterRunStatus.CANCELED
    assert set(ended.values()) <= {dg.DagsterRunStatus.SUCCESS}
    assert {row["status"] for row in home.table("launch")} <= {"cancelled"}
    look_at_runs(home.instance, home.stores, start, dt.datetime.now(dt.UTC))
    assert home.table("incident") == []


# At a quarter of their statements commands begin or execute their first run; the demo is between two.
EXECUTING = 0.25
SOME = [
    Case("evaluate", 0.0, "script"),
    Case("evaluate", EXECUTING, "terminal"),
    Case("register", EXECUTING, "script"),
    Case("register", 0.97, "terminal"),
    Case("submit", EXECUTING, "terminal"),
    Case("submit", 0.75, "script"),
    Case("demo", 0.5, "script"),
]
REST = [case for case in keys.cases([]) if case not in SOME]


def reports_of(chosen: list[Case]) -> dict[Case, dict]:
    words = [f"{command}:{moment}:{way}" for command, moment, way in chosen]
    program = [sys.executable, "-W", "ignore", "-m", keys.__name__, *words]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = map(json.loads, done.stdout.splitlines())
    return {Case(one["command"], one["moment"], one["way"]): one for one in lines}


def check(case: Case, report: dict) -> None:
    printed = report["printed"]
    assert report["reached"], "the command ended before its moment"
    assert report["code"] == EXIT_CODE, report
    assert report["seconds"] < MOST_SECONDS
    assert printed.count(SENTENCE) == 1, printed
    assert "Traceback" not in printed
    if case.way == "terminal":
        assert printed.rstrip().endswith("Ctrl-C again ends at once"), printed
    assert report["incidents"] == 0, report
    assert set(report["runs"]) <= {"CANCELED", "SUCCESS"}, report
    assert set(report["launches"]) <= {"cancelled", "completed"}, report
    if case.moment == EXECUTING and case.command != "demo":
        assert not report["runs"] or "CANCELED" in report["runs"], report


@pytest.fixture(scope="module")
def some_reports() -> dict[Case, dict]:
    return reports_of(SOME)


@pytest.mark.parametrize("case", SOME, ids=str)
def test_the_key_is_heard_at_some_statements_of_a_command(some_reports, case):
    check(case, some_reports[case])


@pytest.fixture(scope="module")
def other_reports() -> dict[Case, dict]:
    return reports_of(REST)


@pytest.mark.interrupts
@pytest.mark.parametrize("case", REST, ids=str)
def test_the_key_is_heard_at_every_moment_of_a_command_with_a_terminal_and_without(other_reports, case):
    check(case, other_reports[case])


_STUBBORN = """
import signal, threading
from forecast_assets.cli.interrupts import ended_by_key
with ended_by_key():
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, lambda *_: None)
    print("ready", flush=True)
    threading.Event().wait()
"""


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "no terminal"])
def test_the_second_key_ends_at_once_what_does_not_hear_the_first(terminal):
    with command("-c", _STUBBORN, terminal=terminal) as running:
        assert b"ready" in os.read(running.output, 100)
        running.press()
        heard = b""
        while b"Ctrl-C" not in heard:  # a terminal echoes the key before
            heard += os.read(running.output, 1000)
        running.press()
        code, seconds, _ = running.end()
    assert code == EXIT_CODE
    assert seconds < 2


def test_a_command_that_reaches_no_safe_point_ends_all_the_same():
    with command("-c", _STUBBORN) as running:
        assert b"ready" in os.read(running.output, 100)
        running.press()
        code, seconds, printed = running.end()
    assert code == EXIT_CODE
    assert seconds < MOST_SECONDS
    assert SENTENCE in printed
