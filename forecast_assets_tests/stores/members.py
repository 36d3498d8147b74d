"""Processes that use a database for as long as they are asked to."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import psutil

from forecast_assets.stores import cluster

_PROGRAM = """
import sys
from forecast_assets.stores.database import connected, database_url
for line in sys.stdin:
    with connected(database_url()) as connection:
        answer = connection.exec_driver_sql(line)
        reply = answer.scalar() if answer.returns_rows else "done"
    print(reply, flush=True)
"""
KEEP = "insert into dataset (name, source, options) values ('{}', '{{}}', '{{}}')"
_PATIENCE = 60.0


class Member:
    """A process that answers SQL, one statement a line, until it leaves or is killed."""

    def __init__(self, home: Path, **options: Any) -> None:
        environment = {**os.environ, "FORECAST_HOME": str(home), **options.pop("env", {})}
        self.process = subprocess.Popen(
            [options.pop("python", sys.executable), "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
            **options,
        )

    def tell(self, statement: str) -> Self:
        assert self.process.stdin
        self.process.stdin.write(f"{statement}\n")
        self.process.stdin.flush()
        return self

    def answer(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def ask(self, statement: str) -> str:
        return self.tell(statement).answer()

    def keep(self, name: str) -> str:
        """Write a row that must never be lost."""
        return self.ask("set search_path = forecast;" + KEEP.format(name))

    def kept(self) -> str:
        return self.ask("select string_agg(name, ' ' order by name) from forecast.dataset")

    def leave(self) -> int:
        self.process.communicate(timeout=_PATIENCE)
        return self.process.returncode

    def die(self, signal: int) -> None:
        self.process.send_signal(signal)
        self.leave()


@contextmanager
def short_home() -> Iterator[Path]:
    """An empty home whose path leaves room for a socket; no server outlives it."""
    outer = Path(tempfile.mkdtemp(prefix="fa-", dir="/tmp"))
    try:
        yield outer / "home"
    finally:
        for process in servers_below(outer):
            with suppress(psutil.NoSuchProcess):  # a server that is stopping takes its children along
                process.kill()
        for process in servers_below(outer):
            process.wait(_PATIENCE)
        for folder in outer.rglob("postgres"):
            if (sockets := cluster.socket_folder(folder)) != folder:
                shutil.rmtree(sockets, ignore_errors=True)
        shutil.rmtree(outer)


def servers_below(folder: Path) -> list[psutil.Process]:
    """Every PostgreSQL process whose working directory lies below ``folder``."""
    servers = []
    for process in psutil.process_iter(["name"]):
        try:
            if process.info["name"] == "postgres" and Path(process.cwd()).is_relative_to(folder):
                servers.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return servers


def postmaster(home: Path) -> psutil.Process:
    return psutil.Process(int((home / "postgres" / "postmaster.pid").read_text().split()[0]))


def until(condition: Callable[[], object]) -> None:
    """Wait for what must happen."""
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
