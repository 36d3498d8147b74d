"""Names that homes and models of release 0.1 refer to still lead to today's classes."""

import sys
from importlib import import_module

import pytest

import forecast_assets
from forecast_assets import api


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("bookkeeping.storage", "ForecastStorage"),
        ("bookkeeping.launcher", "WatchedRunLauncher"),
        ("bookkeeping.celery_launcher", "WatchedCeleryRunLauncher"),
        ("champions.bundle", "_load_pyfunc"),
    ],
)
def test_a_name_of_the_previous_release_is_found(module, name):
    assert callable(getattr(import_module(f"forecast_assets.{module}"), name))


def test_an_old_model_that_was_loaded_leaves_the_function_of_its_name_where_it_is():
    for name in ("forecast_assets.champions", "forecast_assets.champions.bundle"):
        sys.modules.pop(name, None)
    import_module("forecast_assets.champions.bundle")
    assert forecast_assets.champions is api.champions
