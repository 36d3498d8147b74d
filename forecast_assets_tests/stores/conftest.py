"""A warehouse of one's own with a table for every kind of value."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from forecast_assets.stores.database import connected
from forecast_assets.stores.warehouse import Warehouse

NOTES = """
    create table note (
        key text primary key, author text, body text, facts jsonb, score double precision,
        folds double precision[], day date, done boolean, rank integer
    );
    create table remark (key text references note (key), body text)
"""


@pytest.fixture
def url(database_url: str) -> sa.URL:
    address = sa.make_url(database_url)
    with connected(address) as connection:
        connection.exec_driver_sql(NOTES)
    return address


@pytest.fixture
def warehouse(url: sa.URL) -> Iterator[Warehouse]:
    opened = Warehouse(url)
    yield opened
    opened.dispose()
