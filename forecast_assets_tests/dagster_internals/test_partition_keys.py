"""Partition keys: listed by name, page by page, however they were registered."""

from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from forecast_assets.dagster_internals.storage import BatchedPostgresEventLogStorage

KEYS = ["M5__S2__P1", "M5__S1__P9", "bakery__S1__P1", "M5__S1__P10", "M5__S1-a__P1", "M5__S1__p1"]


def test_partition_keys_are_listed_by_name_whenever_they_came(ours: BatchedPostgresEventLogStorage) -> None:
    for some in (KEYS[:2], KEYS[2:], KEYS[:1]):
        ours.add_dynamic_partitions("series", some)
    ours.add_dynamic_partitions("other", ["x"])
    ours.add_dynamic_partitions("series", [])
    assert ours.get_dynamic_partitions("series") == sorted(KEYS)


@pytest.mark.parametrize("ascending", [True, False])
@pytest.mark.parametrize("limit", [1, 2, 3, 6, 10])
def test_pages_of_partition_keys_follow_the_same_order(
    ours: BatchedPostgresEventLogStorage, *, limit: int, ascending: bool
) -> None:
    ours.add_dynamic_partitions("series", KEYS)
    listed: list[str] = []
    cursor, more = None, True
    while more:
        page = ours.get_paginated_dynamic_partitions("series", limit, ascending, cursor)
        cursor, more = page.cursor, page.has_more
        assert 0 < len(page.results) <= limit
        listed += page.results
    assert listed == sorted(KEYS, reverse=not ascending)
    after = ours.get_paginated_dynamic_partitions("series", limit, ascending, cursor)
    assert (list(after.results), after.has_more, after.cursor) == ([], False, cursor)


def test_a_hundred_thousand_keys_are_registered_at_once(ours: BatchedPostgresEventLogStorage) -> None:
    keys = [f"M5__S{n % 10}__P{n:06d}" for n in range(100_000)]
    ours.add_dynamic_partitions("series", keys)
    assert len(ours.get_dynamic_partitions("series")) == len(keys)


def test_the_web_server_keeps_the_schema_when_it_pools_connections(
    batched_instance: dg.DagsterInstance,
) -> None:
    batched_instance.optimize_for_webserver(statement_timeout=5000, pool_recycle=60, max_overflow=2)
    batched_instance.add_dynamic_partitions("series", KEYS)
    assert batched_instance.get_dynamic_partitions("series") == sorted(KEYS)


def test_one_connection_serves_all_statements_until_the_instance_is_disposed(
    batched_instance: dg.DagsterInstance, postgres_url: sa.URL
) -> None:
    session = sa.text("select pg_backend_pid()")
    seen = set()
    storages: tuple[Any, Any] = (batched_instance.event_log_storage, batched_instance.run_storage)
    events, runs = storages
    for _ in range(3):
        with events.index_connection() as connection:
            seen.add(connection.scalar(session))
        with runs.connect() as connection:
            seen.add(connection.scalar(session))
    assert len(seen) == 1
    batched_instance.dispose()
    engine = sa.create_engine(postgres_url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        alive = sa.text("select pg_stat_clear_snapshot(), count(*) from pg_stat_activity where pid = :pid")
        while connection.execute(alive, {"pid": min(seen)}).one()[1]:  # until the server noticed, too
            pass
