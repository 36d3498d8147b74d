"""Names that homes and models of release 0.1 refer to still lead to today's classes."""

from importlib import import_module

import pytest


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
