"""Services as processes of their own take minutes: they run only when asked for by ``-m deployment``."""

from collections.abc import Iterator

import pytest

from forecast_assets_tests.asked_for import leave_out
from forecast_assets_tests.chaos.worlds import Template


def pytest_collection_modifyitems(config, items):
    leave_out("deployment", config, items)
    # Its children are forked, and hang where other tests of this process started threads of Polars before.
    items.sort(key=lambda item: "template" not in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="module")
def template() -> Iterator[Template]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DAGSTER_HOME", "FORECAST_HOME", "FORECAST_DATABASE_URL", "FORECAST_SOURCES"):
            patch.setenv(name, "")  # the template sets them, and they are given back
        with Template() as world_template:
            yield world_template
