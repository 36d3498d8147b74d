"""Comparisons with other libraries take minutes: they run only when asked for by ``-m peers``."""

from forecast_assets_tests.asked_for import leave_out


def pytest_collection_modifyitems(config, items):
    leave_out("peers", config, items)
