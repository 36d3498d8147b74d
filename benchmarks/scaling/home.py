"""The whole product in a home of its own: sales added, evaluated, and what was stored of it counted.

Belongs here: a fresh DAGSTER_HOME with its embedded PostgreSQL, and what the two commands cost in it.
Does not belong here: peers, and what the figures should be.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from scaling.meters import (
    BENCHMARKS,
    NOTHING,
    Cost,
    Failed,
    Finished,
    Timeline,
    postgres_cpu,
    postmaster,
    run,
    surroundings,
)
from scaling.sales import Sales, generate

DATASET = "bench"
HORIZON = 28
FOLDS = 3
_PATIENCE = 60  # seconds until PostgreSQL has stopped
DAGSTER_YAML = BENCHMARKS.parent / "dagster.yaml"
_STEPS = ("sales", "panel", "global_forecasts", "evaluate")


@dataclass(frozen=True, slots=True)
class Home:
    """A home whose PostgreSQL runs for as long as the home is open."""

    folder: Path
    environment: dict[str, str]
    url: str

    @property
    def postmaster(self) -> int | None:
        """The first process of its PostgreSQL, where that runs."""
        return postmaster(self.folder / "forecast")

    def run(self, *command: str, **more: str) -> Finished:
        """Run Python with ``command`` in this home."""
        line = [sys.executable, *command]
        return run(line, {**self.environment, **more}, postmaster=self.postmaster)


@contextmanager
def opened(folder: Path, surroundings: Mapping[str, str], *, starts: bool = True) -> Iterator[Home]:
    """Make a home and start its PostgreSQL, or leave that to the first command; stop it at the end."""
    folder.mkdir(parents=True)
    (folder / "dagster.yaml").write_bytes(DAGSTER_YAML.read_bytes())
    own = {"DAGSTER_HOME": str(folder), "FORECAST_HOME": str(folder / "forecast")}
    environment = {**surroundings, **own}
    command = [sys.executable, "-m", "scaling.postgres_holder", *([] if starts else ["waits"])]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, text=True, env=environment, cwd=BENCHMARKS
    ) as holder:
        line = "" if holder.stdout is None else holder.stdout.readline()
        if not line:
            raise Failed(f"PostgreSQL does not start in {folder}")
        home = Home(folder, environment, json.loads(line)["url"])
        try:
            yield home
        finally:
            server = home.postmaster
            holder.communicate()  # it leaves when nobody can speak to it any more, and the server with it
            if server is not None:
                with suppress(psutil.NoSuchProcess):
                    psutil.Process(server).wait(_PATIENCE)


@contextmanager
def evaluated(series: int, days: int) -> Iterator[tuple[Home, int]]:
    """A home in which generated sales were added and evaluated, and how many series they have."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        sales = generate(folder / "sales.parquet", series, days)
        with opened(folder / "home", surroundings(folder)) as home:
            home.run("-m", "forecast_assets", "dataset", "add", DATASET, "--path", str(sales.path))
            home.run("-m", "forecast_assets", "evaluate", DATASET)
            yield home, sales.series


@dataclass(frozen=True, slots=True)
class Whole:
    """What it took to get from a file to champions, then to forecasts, and what was stored of it."""

    stages: dict[str, Cost]
    total: Cost
    forecasts: Cost
    event_counts: dict[str, Any]


def whole(home: Home, sales: Sales) -> Whole:
    """Add the sales and evaluate them, as a person would, and check that every partition is green.

    ``evaluate`` goes on to forecasts once the champions are there: they are priced apart.
    """
    folds = ("--horizon", str(HORIZON), "--folds", str(FOLDS))
    command = ("-m", "forecast_assets", "dataset", "add", DATASET, "--path", str(sales.path), *folds)
    is_fresh = home.postmaster is None
    added = home.run(*command).cost
    if is_fresh:  # nobody could watch a server that this command was to make
        added += Cost(0, 0, postgres_cpu(psutil.Process(home.postmaster)))
    evaluated = home.run("-m", "forecast_assets", "evaluate", DATASET)
    event_counts = json.loads(home.run("-m", "scaling.event_counts").output)
    if set(event_counts["green"].values()) != {sales.series}:
        raise Failed(f"{sales.series} series, but green are {event_counts['green']}")
    chosen = max(step["end"] for step in event_counts["steps"] if step["key"] == "evaluate")
    timeline, begun = evaluated.timeline, evaluated.started
    champions = replace(
        timeline.between(begun, chosen),
        peak_mb=evaluated.cost.peak_mb,
        peak_process=evaluated.cost.peak_process,
    )
    steps = [step for step in event_counts["steps"] if step["end"] <= chosen]
    stages = {"add": added, **_stages(timeline, begun, champions, steps)}
    forecasts = timeline.between(chosen, begun + evaluated.cost.wall_s)
    return Whole(stages, added + champions, forecasts, event_counts)


def _stages(timeline: Timeline, begun: float, whole: Cost, steps: list[dict[str, Any]]) -> dict[str, Cost]:
    """Divide a stretch by Dagster's steps; what lies before the first and between them is told, too."""
    stages = {
        "starting": timeline.between(begun, min(step["start"] for step in steps)),
        **dict.fromkeys(("sales", "panel", "checks", "global_forecasts", "evaluate"), NOTHING),
    }
    for step in steps:
        name = step["key"] if step["key"] in _STEPS else "checks"
        stages[name] += timeline.between(step["start"], step["end"])
    measured = sum(stages.values(), start=NOTHING)
    stages["between_steps"] = Cost(
        whole.wall_s - measured.wall_s,
        whole.python_cpu_s - measured.python_cpu_s,
        whole.postgres_cpu_s - measured.postgres_cpu_s,
    )
    return stages
