"""What travels inside a registered model: the code that it can reach, and no more."""

from modulefinder import ModuleFinder
from pathlib import Path

import pytest

from forecast_assets.registry import bundle
from forecast_assets.registry.saving import reachable

PACKAGE = Path(bundle.__file__).parents[1]
REACHED = reachable(Path(bundle.__file__))


def test_a_bundle_carries_what_pythons_own_search_reaches():
    finder = ModuleFinder(path=[str(PACKAGE.parent)], excludes=["pandas", "numpy", "forecast_assets.api"])
    finder.import_hook(bundle.__name__)
    found = (getattr(module, "__file__", None) for module in finder.modules.values())
    files = {Path(file) for file in found if file}
    assert set(REACHED) == {file for file in files if file.is_relative_to(PACKAGE)}


@pytest.mark.parametrize(
    "part", ["forecasting/analysis", "stores", "forecasting/core/backtest.py", "settings.py"]
)
def test_a_bundle_carries_no_analysis_no_stores_and_no_backtest(part):
    assert (PACKAGE / part).exists()
    assert not [path for path in REACHED if path.is_relative_to(PACKAGE / part)]
