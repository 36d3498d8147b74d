"""Whole benchmarks take minutes, even on a handful of series: `-m benchmarks` asks for them."""

from forecast_assets_tests.asked_for import leave_out


def pytest_collection_modifyitems(config, items):
    leave_out("benchmarks", config, items)
