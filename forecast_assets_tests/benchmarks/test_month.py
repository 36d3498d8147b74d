"""A few nights of the month, on a handful of series: found, told once, and cheaper than everything anew."""

import importlib
import sys
from pathlib import Path

import pytest

from forecast_assets_tests.scenario import QUICK

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

# A script beside the package.
play = importlib.import_module("month").play

pytestmark = pytest.mark.benchmarks


def test_drifted_series_are_found_and_each_incident_is_told_once(place, monkeypatch):
    monkeypatch.setenv("FORECAST_DETAILED_SERIES", "0")
    figures = play(place, QUICK, series=8, days=3, drift_day=0, broken_day=1)
    assert figures["nights"] == 3
    assert (figures["drifted"], figures["found"]) == (1, 1)
    assert figures["days_until_found_most"] <= 2
    assert figures["false_alarms"] <= figures["false_alarms_promised"] + 0.2
    assert (figures["error_incidents"], figures["error_incidents_told_once"]) == (1, 1)
    assert figures["error_incidents_open"] == 0
    assert figures["night_ratio"] > 0, "what a night costs is the benchmark's to judge"
