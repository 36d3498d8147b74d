"""A whole panel is read once while a command works on it."""

import datetime as dt

import numpy as np
import pytest

from forecast_assets.datasets.kept_panels import kept, panels_kept
from forecast_assets.forecasting.core.panel import Panel


def some_panel() -> Panel:
    return Panel(np.array(["d__S__P"]), dt.date(2026, 1, 1), np.zeros((1, 3), np.float32), {}, {})


def test_a_panel_is_read_again_for_another_identity_and_outside_of_a_command():
    with panels_kept():
        first = kept("first", some_panel)
        assert kept("first", some_panel) is first
        assert kept("second", some_panel) is not first
        assert kept("first", some_panel) is not first, "only the newest is kept: a panel is large"
    assert kept("first", some_panel) is not kept("first", some_panel)


def test_nobody_writes_into_a_panel_that_is_kept():
    with panels_kept(), pytest.raises(ValueError, match="read-only"):
        kept("first", some_panel).units[0, 0] = 1
