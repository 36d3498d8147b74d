"""A place with a registry beside it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from forecast_assets_tests.conftest import _connected, fresh_database
from forecast_assets_tests.scenario import Place


@pytest.fixture(scope="session")
def migrated_mlflow(postgres_url: sa.URL) -> Iterator[str]:
    """A database with MLflow's tables; making them anew takes seconds."""
    with fresh_database(postgres_url) as url:
        from mlflow.db import commands

        commands.commands["upgrade"].main([url], standalone_mode=False)
        name = str(sa.make_url(url).database)
        with _connected(postgres_url) as connection:  # a database in use cannot be copied
            asked = "select pg_terminate_backend(pid) from pg_stat_activity where datname = :name"
            connection.execute(sa.text(asked), {"name": name})
        yield name


@pytest.fixture(scope="session")
def mlflow_beside(postgres_url: sa.URL, migrated_mlflow: str) -> Callable:
    """Give a database its registry: ``with mlflow_beside(url)``."""

    @contextmanager
    def beside(url: str) -> Iterator[None]:
        name = f"{sa.make_url(url).database}_mlflow"
        with _connected(postgres_url) as connection:
            connection.exec_driver_sql(f"create database {name} template {migrated_mlflow}")
        try:
            yield
        finally:
            with _connected(postgres_url) as connection:
                connection.exec_driver_sql(f"drop database {name} with (force)")

    return beside


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
