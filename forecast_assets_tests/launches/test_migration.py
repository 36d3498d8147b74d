"""The tables of what is launched come and go cleanly."""

import sqlalchemy as sa

from forecast_assets.stores.database import WAREHOUSE_SCHEMA, connected, migrate

OURS = {"launch", "launch_item", "workspace"}


def tables(connection: sa.Connection) -> set[str]:
    return set(sa.inspect(connection).get_table_names(schema=WAREHOUSE_SCHEMA))


def test_tables_of_launched_work_go_and_come_again(database_url):
    with connected(sa.make_url(database_url)) as connection:
        connection.exec_driver_sql(f"create schema {WAREHOUSE_SCHEMA}")
        connection.exec_driver_sql(f"set local search_path = {WAREHOUSE_SCHEMA}")
        migrate(connection, "head")
        assert tables(connection) >= OURS
        migrate(connection, "base")
        assert not OURS & tables(connection)
        migrate(connection, "head")
        assert tables(connection) >= OURS
