"""What a command costs: wall time, processor time of Python and of PostgreSQL, memory.

Belongs here: running a command while its processes are watched.
Does not belong here: which commands are worth it.
"""

import os
import resource
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

BENCHMARKS = Path(__file__).parents[1]
_EVERY = 0.2  # seconds
_FOREIGN = ("FORECAST_DATABASE_URL", "FORECAST_LAKE_URL", "DAGSTER_EVENT_BATCH_SIZE", "DAGSTER_HOME")
_MOST_LISTED = 4000  # characters of a failed command's words


class Failed(RuntimeError):
    """A command that had to work did not."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of wall and processor, and the most memory that any single process held."""

    wall_s: float
    python_cpu_s: float
    postgres_cpu_s: float
    peak_mb: float = 0.0
    peak_process: str = ""

    @property
    def cpu_s(self) -> float:
        """Processor seconds of everything."""
        return self.python_cpu_s + self.postgres_cpu_s

    def __add__(self, other: "Cost") -> "Cost":
        most = max(self, other, key=lambda cost: cost.peak_mb)
        return Cost(
            self.wall_s + other.wall_s,
            self.python_cpu_s + other.python_cpu_s,
            self.postgres_cpu_s + other.postgres_cpu_s,
            most.peak_mb,
            most.peak_process,
        )


NOTHING = Cost(0, 0, 0)


@dataclass(slots=True)
class Timeline:
    """Processor time used up to each moment (seconds since 1970), so that a stretch can be priced later."""

    moments: list[float] = field(default_factory=list)
    python: list[float] = field(default_factory=list)
    postgres: list[float] = field(default_factory=list)

    def between(self, begin: float, end: float) -> Cost:
        """What was used from ``begin`` to ``end``, to a fifth of a second."""

        def used(total: list[float]) -> float:
            rising = np.maximum.accumulate(total)  # a process may end while the others are counted
            low, high = np.interp([begin, end], self.moments, rising)
            return float(high - low)

        return Cost(end - begin, used(self.python), used(self.postgres))


def surroundings(folder: Path) -> dict[str, str]:
    """The environment of measured commands: nobody else's home or server, and compiled modules are kept.

    A machine that keeps none, as many containers, would spend half of every start on compiling.
    """
    kept = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    if kept.pop("PYTHONDONTWRITEBYTECODE", ""):
        kept.setdefault("PYTHONPYCACHEPREFIX", str(folder / "compiled"))
    return kept


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that ended well: its standard output, its cost, and how that came about."""

    output: str
    cost: Cost
    started: float
    timeline: Timeline


def run(command: Sequence[str], environment: Mapping[str, str], *, postmaster: int | None = None) -> Finished:
    """Run ``command`` from the folder of the benchmarks and watch it. Raises ``Failed`` with its words."""
    server = None if postmaster is None else psutil.Process(postmaster)
    used, server_cpu = children_cpu(), postgres_cpu(server)
    started, clock = time.time(), time.perf_counter()
    with (
        tempfile.TemporaryFile() as words,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=words, text=True, env=environment, cwd=BENCHMARKS
        ) as process,
    ):
        watch = _Watch(psutil.Process(process.pid), server)
        try:
            output, _ = process.communicate()
        except BaseException:
            process.terminate()
            raise
        finally:
            watch.stop()
        wall = time.perf_counter() - clock
        if process.returncode:
            words.seek(0)
            printed = words.read().decode(errors="replace")[-_MOST_LISTED:]
            raise Failed(
                f"{' '.join(command)} ended with {process.returncode}:\n{output[-_MOST_LISTED:]}{printed}"
            )
    cost = Cost(
        wall, children_cpu() - used, postgres_cpu(server) - server_cpu, watch.peak_mb, watch.peak_process
    )
    return Finished(output, cost, started, watch.timeline)


class _Watch:
    """Counts what a process, its descendants and PostgreSQL use, until it is told to stop."""

    def __init__(self, root: psutil.Process, server: psutil.Process | None) -> None:
        self.timeline = Timeline()
        self.peak_mb, self.peak_process = 0.0, ""
        self._root, self._server = root, server
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look a last time."""
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            last = self._over.is_set()
            python, postgres = _family(self._root), _family(self._server)
            self._weigh(python, "Python")
            self._weigh(postgres, "PostgreSQL")
            if python:
                self.timeline.moments.append(time.time())
                self.timeline.python.append(_total(python))
                self.timeline.postgres.append(_total(postgres))
            if last:
                return
            self._over.wait(_EVERY)

    def _weigh(self, family: list[psutil.Process], name: str) -> None:
        for process in family:
            with suppress(psutil.Error):
                held = process.memory_info().rss / 2**20
                if held > self.peak_mb:
                    self.peak_mb, self.peak_process = held, name


def postmaster(home: Path) -> int | None:
    """The first process of the embedded server of ``home`` (FORECAST_HOME), where it runs."""
    try:
        return int((home / "postgres" / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
    except FileNotFoundError:
        return None


def children_cpu() -> float:
    """Processor seconds of all finished children of this process, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def own_cpu() -> float:
    """Processor seconds of this process and of its finished children."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime + children_cpu()


def postgres_cpu(server: psutil.Process | None) -> float:
    """Processor seconds of a PostgreSQL server: its living processes and those that ended."""
    return _total(_family(server))


def measured(work: Callable[[], object], server: psutil.Process) -> Cost:
    """Do ``work`` in this process, beside a PostgreSQL server, and return what it costs."""
    used, server_cpu, clock = own_cpu(), postgres_cpu(server), time.perf_counter()
    work()
    return Cost(time.perf_counter() - clock, own_cpu() - used, postgres_cpu(server) - server_cpu)


def _family(root: psutil.Process | None) -> list[psutil.Process]:
    if root is None:
        return []
    try:
        return [*root.children(recursive=True), root]
    except psutil.Error:
        return []


def _total(family: list[psutil.Process]) -> float:
    total = 0.0
    for process in family:
        with suppress(psutil.Error):
            used = process.cpu_times()
            total += used.user + used.system + used.children_user + used.children_system
    return total
