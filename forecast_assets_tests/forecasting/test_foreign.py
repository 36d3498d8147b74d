"""What a foreign model may do to itself, and to nobody else."""

import os
import sys
import time
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import ClassVar

import numpy as np
import pytest

from forecast_assets.forecasting.core import foreign
from forecast_assets.forecasting.core.candidates.catalogue import CATALOGUE, entry, label_of, local, parse
from forecast_assets.forecasting.core.candidates.catalogue import candidate as made_of
from forecast_assets.forecasting.core.foreign import Failed, sandbox
from forecast_assets.forecasting.core.isolation import isolated
from forecast_assets_tests.forecasting.awkward import panel_of

CUTOFF = np.array([60])
UNITS = np.tile(np.arange(1, 61, dtype=np.float32) % 7, (3, 1))


@dataclass(frozen=True)
class Misbehaving:
    """Behaves as its first value says; stands in for ``prophet`` inside the process for foreign models."""

    name: ClassVar[str] = "prophet"

    def predict(self, panel, cutoffs, horizon, window=None):  # noqa: ARG002, C901 - one case per sin
        shape = (1, len(cutoffs), horizon)
        match int(panel.units[0, 0]):
            case 1:
                raise ZeroDivisionError("division\nby zero")
            case 2:
                while True:
                    time.sleep(1)
            case 3:
                return np.full(shape, np.nan)
            case 4:
                return np.full(shape, np.inf)
            case 5:
                return np.full(shape, -1.0)
            case 6:
                return np.ones((1, len(cutoffs), horizon - 1))
            case 7:
                return np.full(shape, "7")
            case 8:
                os._exit(9)
            case 9:
                np.empty(1 << 40, np.uint8)
            case 10:
                np.random.seed(0)  # noqa: NPY002 - that is the point
                sys.stdout.write("x" * 5_000_000)
        return np.ones(shape)


def misbehaving_work(line):
    """What the process runs, with ``prophet`` replaced."""
    CATALOGUE["prophet"] = replace(CATALOGUE["prophet"], make=Misbehaving)
    foreign._work(line)


@pytest.fixture
def naughty(monkeypatch):
    with sandbox(seconds=4) as own:
        context = get_context("spawn")
        monkeypatch.setattr(foreign, "get_context", lambda _: _Spawning(context), raising=True)
        yield lambda first: own.predict(
            "prophet", panel_of(np.full((1, 60), first, np.float32)), CUTOFF, 5, None
        )


class _Spawning:
    """The same processes with another target."""

    def __init__(self, context):
        self.Pipe = context.Pipe
        self._context = context

    def Process(self, target, args, daemon):  # noqa: ARG002, N802 - the signature of multiprocessing
        return self._context.Process(target=misbehaving_work, args=args, daemon=daemon)


def test_whatever_a_foreign_model_does_is_a_reason_and_the_next_series_is_forecast(naughty):
    expected = {
        1: "ZeroDivisionError: division",
        3: "no number",
        4: "infinite",
        5: "negative",
        6: "shape (1, 1, 4) instead of (1, 1, 5)",
        7: "instead of numbers",
        8: "its process ended (exit code 9)",
        9: "MemoryError",
        2: "no answer within 4 seconds",
    }
    for first, reason in expected.items():
        with pytest.raises(Failed) as failed:
            naughty(first)
        assert reason in str(failed.value)
    assert naughty(10).tolist() == [[[1.0] * 5]]


def test_no_process_is_left_behind(naughty):
    import psutil

    naughty(10)
    own = psutil.Process()
    foreign_children = [child for child in own.children() if "spawn_main" in " ".join(child.cmdline())]
    assert len(foreign_children) == 1
    with pytest.raises(Failed, match="exit code 9"):
        naughty(8)
    assert not [c for c in own.children() if c.pid == foreign_children[0].pid]


@pytest.mark.parametrize(
    "label",
    [
        "random_forest(n_estimators=10)",
        "lightgbm(scope=series)",
        "xgboost(scope=series)",
        "regression(scope=series)",
    ],
)
def test_a_library_gives_the_same_numbers_twice_and_for_any_company(label):
    units = UNITS + np.arange(3, dtype=np.float32)[:, None]
    together = local(label).predict(panel_of(units), CUTOFF, 7)
    assert np.isfinite(together).all()
    np.testing.assert_array_equal(local(label).predict(panel_of(units[1:2]), CUTOFF, 7)[0], together[1])


@pytest.mark.parametrize("label", ["auto_ets", "theta"])
def test_an_optional_package_that_is_missing_is_a_failed_candidate_with_the_remedy(label):
    _, failures = isolated(label, panel_of(UNITS[:1]), CUTOFF, 7, None)
    assert "needs a package that is not installed" in failures[0]


def test_prophet_forecasts_a_weekly_pattern():
    forecasts, failures = isolated(
        "prophet", panel_of(np.tile(UNITS[:1, :56], (1, 3))[:, :168]), np.array([168]), 7, None
    )
    assert failures == {}
    assert np.abs(forecasts[0, 0] - UNITS[0, :7]).max() < 0.5


def test_a_scope_chooses_between_one_model_for_all_and_one_for_each():
    assert entry("lightgbm").scope == entry("lightgbm(scope=global)").scope == "global"
    assert entry("lightgbm(scope=series)").scope == "series"
    assert parse(["lightgbm(scope=global)", "lightgbm(scope=series)"]) == (
        "lightgbm",
        "lightgbm(scope=series)",
    )
    for name in ("lightgbm", "regression", "xgboost"):
        assert label_of(made_of(f"{name}(scope=series)")) == f"{name}(scope=series)"
