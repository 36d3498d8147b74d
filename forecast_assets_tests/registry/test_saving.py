"""What travels inside a registered model: the code that it can reach, and the period of its dataset."""

import datetime as dt
from dataclasses import replace
from modulefinder import ModuleFinder
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast_assets.forecasting.core.frequency import DAY, MONTH, WEEK
from forecast_assets.forecasting.core.prediction import OwnErrors
from forecast_assets.registry import bundle
from forecast_assets.registry.saving import reachable
from forecast_assets_tests.forecasting.awkward import panel_of

PACKAGE = Path(bundle.__file__).parents[1]
REACHED = reachable(Path(bundle.__file__))


def test_a_bundle_carries_what_pythons_own_search_reaches():
    finder = ModuleFinder(path=[str(PACKAGE.parent)], excludes=["pandas", "numpy", "forecast_assets.api"])
    finder.import_hook(bundle.__name__)
    module_paths = (getattr(module, "__file__", None) for module in finder.modules.values())
    files = {Path(file) for file in module_paths if file}
    assert set(REACHED) == {file for file in files if file.is_relative_to(PACKAGE)}


@pytest.mark.parametrize(
    "part", ["forecasting/analysis", "stores", "forecasting/core/backtest.py", "settings.py"]
)
def test_a_bundle_carries_no_analysis_no_stores_and_no_backtest(part):
    assert (PACKAGE / part).exists()
    assert not [path for path in REACHED if path.is_relative_to(PACKAGE / part)]


@pytest.mark.parametrize(
    ("frequency", "start", "dates"),
    [
        (WEEK, dt.date(2020, 11, 3), ["2020-12-29", "2021-01-05", "2021-01-12"]),
        (MONTH, dt.date(2023, 6, 1), ["2024-02-01", "2024-03-01", "2024-04-01"]),
        (DAY, dt.date(2024, 2, 20), ["2024-02-28", "2024-02-29", "2024-03-01"]),
    ],
)
def test_a_loaded_model_forecasts_the_periods_of_its_dataset(frequency, start, dates, tmp_path):
    panel = replace(panel_of(np.arange(8, dtype=np.float32)[None]), start=start, frequency=frequency)
    bundle.Bundle(panel, ["naive"], {}, None, [OwnErrors()], 3, None).write(tmp_path)
    frame = bundle.Served(tmp_path).predict(pd.DataFrame({"series": panel.series}))
    assert [f"{day:%Y-%m-%d}" for day in frame["date"]] == dates
    assert frame["units"].tolist() == [7.0] * 3
