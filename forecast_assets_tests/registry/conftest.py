"""A place with a registry beside it."""

import os
from collections.abc import Callable, Iterator

import pytest

from forecast_assets_tests.scenario import Place


@pytest.fixture(scope="module")
def registered_place(
    open_place: Callable, mlflow_beside: Callable, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """A place whose registry is shared by the tests of a module, since opening one takes a second."""
    with (
        open_place(tmp_path_factory.mktemp("place")) as place,
        mlflow_beside(os.environ["FORECAST_DATABASE_URL"]),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("FORECAST_DETAILED_SERIES", "0")
        yield place
