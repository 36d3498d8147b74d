"""MLflow's own tables beside the warehouse."""

import os
import subprocess
import sys

import pytest
import sqlalchemy as sa

from forecast_assets.errors import BadSetting
from forecast_assets.stores import mlflow_backend
from forecast_assets_tests.conftest import _connected

FIRST_USE = "from forecast_assets.stores.registry import open_registry; print(open_registry().aliases(['a']))"


@pytest.fixture
def beside(database_url, postgres_url):
    yield database_url
    with _connected(postgres_url) as connection:
        connection.exec_driver_sql(
            f'drop database "{sa.make_url(database_url).database}_mlflow" with (force)'
        )


def test_of_two_first_users_at_once_one_makes_the_tables_and_the_other_waits(beside):
    environment = os.environ | {"FORECAST_DATABASE_URL": beside}
    environment.pop("MLFLOW_TRACKING_URI", None)
    command = [sys.executable, "-c", FIRST_USE]
    both = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for one in both:
        out, err = one.communicate()
        assert (one.returncode, out.splitlines()[-1:]) == (0, ["{}"]), err


def test_a_search_path_that_the_new_database_does_not_have_is_refused_by_the_name_of_the_setting(beside):
    warehouse = sa.make_url(beside).update_query_dict({"options": "-csearch_path=sales"})
    with pytest.raises(BadSetting, match="search path 'sales'") as refused:
        mlflow_backend._prepare(warehouse, mlflow_backend._beside(warehouse))
    assert "FORECAST_DATABASE_URL" in refused.value.remedy
