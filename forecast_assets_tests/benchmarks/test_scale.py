"""The benchmark of scale runs from sales to its last line, on a handful of series."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.benchmarks
SCALE = Path(__file__).parents[2] / "benchmarks" / "scale.py"
SERIES = 60
FIGURES = {
    "total_s",
    "forecasts_s",
    "cpu_s",
    "engine_cpu_s",
    "ratio_to_engine",
    "ratio_to_libraries",
    "bookkeeping_speedup",
    "peak_mb",
    "series_green",
    "events_stored",
    "postgres_cpu_s",
    "dagster_share",
    "postgres_share",
    "stages",
    "partition_page_first_s",
    "partition_page_warm_s",
    "per_1000_series",
}
PEERS = {"ratio_to_libraries", "bookkeeping_speedup"}


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    command = [str(SCALE), "--series", str(SERIES), "--days", "200", "--no-peers", "--no-linear"]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_every_figure_is_told_and_measured(figures: dict[str, Any]) -> None:
    assert figures.keys() >= FIGURES
    assert {name for name in FIGURES if figures[name] is None} == PEERS
    assert all(figures[name] for name in FIGURES - PEERS)


def test_every_partition_is_green(figures: dict[str, Any]) -> None:
    assert figures["series_green"] == SERIES
    assert figures["partitions_green"] == dict.fromkeys(("backtest", "champion", "forecast"), SERIES)
    assert (
        figures["events_stored"] >= 3 * SERIES
    )  # of three assets; their plans are gone when a run succeeded


def test_the_stages_are_the_whole(figures: dict[str, Any]) -> None:
    assert sum(stage["wall_s"] for stage in figures["stages"].values()) == pytest.approx(
        figures["total_s"], abs=0.01
    )
