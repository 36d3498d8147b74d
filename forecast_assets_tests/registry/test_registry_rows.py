"""Queries of MLflow's own tables send the columns of their types."""

import os

import pytest
import sqlalchemy as sa

from forecast_assets_tests.stores.test_rows import OURS, QUERIES, check


@pytest.mark.usefixtures("registered_place")
@pytest.mark.parametrize("name", sorted(QUERIES.keys() - OURS))
def test_a_query_of_mlflow_sends_the_columns_of_its_type(name):
    url = sa.make_url(os.environ["FORECAST_DATABASE_URL"])
    engine = sa.create_engine(url.set(database=f"{url.database}_mlflow"), poolclass=sa.NullPool)
    with engine.connect() as connection:
        check(connection, name)
