"""Services as processes of their own take minutes: they run only when asked for by ``-m deployment``."""

from forecast_assets_tests.asked_for import leave_out


def pytest_collection_modifyitems(config, items):
    leave_out("deployment", config, items)
