"""Dagster's own storage on PostgreSQL, able to keep the books of 30,000 partitions.

Belongs here: how events and partition keys are written and listed.
Does not belong here: which PostgreSQL that is (``stores.database``), or what an event says.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import lru_cache, partial
from io import StringIO
from itertools import groupby
from typing import Any, Self

import click
import sqlalchemy as sa
from dagster import AssetKey, DagsterEventType, EventLogEntry, Field
from dagster._core.events import AssetObservationData, StepMaterializationData
from dagster._core.storage.event_log.schema import DynamicPartitionsTable
from dagster._core.types.pagination import PaginatedResults
from dagster._serdes import ConfigurableClassData, serialize_value
from dagster_postgres import DagsterPostgresStorage

from forecast_assets.dagster_internals import partition_mapping  # noqa: F401 - for whoever reads our graph
from forecast_assets.dagster_internals.event_texts import EventTexts
from forecast_assets.dagster_internals.lost_connections import written
from forecast_assets.dagster_internals.partition_reads import PartitionReads
from forecast_assets.dagster_internals.run_storage import PlainRunStorage
from forecast_assets.errors import BadSetting
from forecast_assets.stores import database
from forecast_assets.stores.locks import LockNumber

_BATCHED = frozenset(
    {
        DagsterEventType.ASSET_MATERIALIZATION.value,
        DagsterEventType.ASSET_MATERIALIZATION_PLANNED.value,
        DagsterEventType.ASSET_OBSERVATION.value,
    }
)
_BATCH_SIZE = "1000"
_KEYS_PER_STATEMENT = 10_000
# Sorted, so that two runs that write the same assets wait for each other instead of deadlocking. The first
# number keeps these locks apart from anybody else's in the same database.
_LOCK_ASSETS = """
    select pg_advisory_xact_lock(%s, hash)
    from (select distinct hashtext(asset) as hash from unnest(%s) as asset order by 1) as assets
"""
_DRAW_IDS = "select nextval(pg_get_serial_sequence('event_logs', 'id')) from generate_series(1, %s)"
_COPY_EVENTS = """
    copy event_logs (id, run_id, event, dagster_event_type, timestamp, step_key, asset_key, partition)
    from stdin
"""
# Both sides are many rows of one run that no statistics know of yet: a nested loop would look at all pairs.
_NO_LOOPS = "set local enable_nestloop = off"
_FORGET_PLANS = sa.text(
    "delete from event_logs as planned using event_logs as done"
    " where planned.run_id = :run and planned.dagster_event_type = 'ASSET_MATERIALIZATION_PLANNED'"
    " and done.run_id = :run and done.dagster_event_type = 'ASSET_MATERIALIZATION'"
    " and done.asset_key = planned.asset_key and done.partition = planned.partition"
    " and done.id > planned.id"
)
_ADD_KEYS = sa.text(
    "insert into dynamic_partitions (partitions_def_name, partition)"
    " select :name, unnest(cast(:keys as text[])) on conflict do nothing"
)


class BatchedPostgresEventLogStorage(PartitionReads):
    """Writes what the stock class writes, a batch of events at a time."""

    def store_event(self, event: EventLogEntry) -> None:
        if _is_batched(event):
            self._store([event])
            return
        written(partial(super().store_event, event))
        if event.dagster_event_type is DagsterEventType.RUN_SUCCESS:
            written(partial(self._forget_plans, event.run_id))

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        for batched, group in groupby(events, key=_is_batched):
            if batched:
                self._store(list(group))
            else:
                super().store_event_batch(list(group))

    def get_paginated_dynamic_partitions(
        self,
        partitions_def_name: str,
        limit: int,
        ascending: bool,  # noqa: FBT001 - Dagster's signature
        cursor: str | None = None,
    ) -> PaginatedResults[str]:
        """List one page; the cursor is the last key of the page before it."""
        table = DynamicPartitionsTable.c
        key = table.partition.collate("C")
        query = (
            sa.select(table.partition)
            .where(table.partitions_def_name == partitions_def_name)
            .order_by(key if ascending else key.desc())
            .limit(limit + 1)
        )
        if cursor:
            query = query.where(key > cursor if ascending else key < cursor)
        with self.index_connection() as connection:
            keys = [str(partition) for partition in connection.scalars(query)]
        page = keys[:limit]
        return PaginatedResults(
            results=page, cursor=page[-1] if page else cursor or "", has_more=len(keys) > limit
        )

    def add_dynamic_partitions(self, partitions_def_name: str, partition_keys: Sequence[str]) -> None:
        # In one order for everybody: two writers of the same new keys would deadlock otherwise.
        keys = sorted(set(partition_keys))
        with self.index_transaction() as connection:
            for start in range(0, len(keys), _KEYS_PER_STATEMENT):
                chunk = keys[start : start + _KEYS_PER_STATEMENT]
                connection.execute(_ADD_KEYS, {"name": partitions_def_name, "keys": chunk})

    def _forget_plans(self, run_id: str) -> None:
        """Delete the plans of a run's partitions that were materialized: half of what it would leave.

        A plan turns a partition red whose run ended without it; this run did not.
        """
        with self.index_transaction() as connection:
            connection.exec_driver_sql(_NO_LOOPS)
            connection.execute(_FORGET_PLANS, {"run": run_id})

    def _store(self, events: Sequence[EventLogEntry]) -> None:
        """Store events of assets, their tags and the assets' rows, all or nothing.

        Dagit and automation read an asset's events from the newest id they know. So nobody may draw
        ids of an asset while smaller ones are still uncommitted: they would never be read.
        """
        text = EventTexts() if len(events) > 1 else serialize_value
        subjects = [_subject(event) for event in events]
        rows = [
            self._cells(event, subject, text(event)) for event, subject in zip(events, subjects, strict=True)
        ]
        newest = {(row[-2], row[2]): n for n, row in enumerate(rows)}
        with self.index_transaction() as connection:
            connection.exec_driver_sql(
                _LOCK_ASSETS, (LockNumber.ASSET_EVENTS, [asset for asset, _ in newest])
            )
            ids = connection.exec_driver_sql(_DRAW_IDS, (len(rows),)).scalars().all()
            copied = StringIO("".join(map(_line, ids, rows)))
            connection.connection.cursor().copy_expert(_COPY_EVENTS, copied)
            tagged = [n for n, subject in enumerate(subjects) if getattr(subject, "tags", None)]
            self._store_asset_event_tags(connection, [events[n] for n in tagged], [ids[n] for n in tagged])
            for n in sorted(newest.values()):
                self._store_asset_event(connection, events[n], ids[n])

    def _cells(self, event: EventLogEntry, subject: Any, text: str) -> tuple[object, ...]:  # noqa: ANN401
        dagster_event = event.get_dagster_event()
        timestamp = self._event_insert_timestamp(event)  # type: ignore[no-untyped-call]
        return (
            event.run_id,
            text,
            dagster_event.event_type_value,
            timestamp,
            dagster_event.step_key,
            _asset_text(subject.asset_key),
            subject.partition,
        )


class InstanceRefused(BadSetting, click.ClickException):
    """A wrong setting met by one of Dagster's own commands, which end by Click's rule: sentence, exit 2."""

    exit_code = 2


class ForecastStorage(DagsterPostgresStorage):
    """The storage that ``dagster.yaml`` names; it needs no configuration.

    Its PostgreSQL is the one of the warehouse, embedded unless FORECAST_DATABASE_URL names another.
    """

    def __init__(
        self,
        postgres_url: str,
        should_autocreate_tables: bool = True,  # noqa: FBT001, FBT002 - Dagster's signature
        inst_data: ConfigurableClassData | None = None,
    ) -> None:
        with (
            _one_at_a_time(postgres_url)
            if should_autocreate_tables
            else nullcontext(enter_result=False) as is_missing
        ):
            super().__init__(postgres_url, is_missing, inst_data)
        self._run_storage = PlainRunStorage(postgres_url, should_autocreate_tables=False)
        self._event_log_storage = BatchedPostgresEventLogStorage(postgres_url, should_autocreate_tables=False)
        # The stock storages connect anew for each statement: a process of the server for every event.
        engine = database.engine_of_dagster(postgres_url)
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage._engine = engine  # noqa: SLF001 - no other door
        # Dagster stores events one by one unless this is set, and reads it from nowhere but the
        # environment of each process. Every process makes its storage before it makes an event.
        os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", _BATCH_SIZE)

    @classmethod
    def config_type(cls) -> Mapping[str, Field]:
        return {"should_autocreate_tables": Field(bool, is_required=False, default_value=True)}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        try:
            url = database.dagster_url()
        except BadSetting as error:
            raise InstanceRefused(error.problem, remedy=error.remedy) from error
        return cls(url, config_value["should_autocreate_tables"], inst_data)


@contextmanager
def _one_at_a_time(url: str) -> Iterator[bool]:
    """Let one process make Dagster's tables; say whether they are missing.

    Dagster itself would try again and warn of it, and look for each of its tables in every process.
    """
    with database.connected(sa.make_url(url)) as connection:
        # It is made last; where it is, nobody has to wait.
        is_missing = connection.scalar(sa.text("select to_regclass('jobs')")) is None
        if is_missing:
            connection.execute(
                sa.text("select pg_advisory_xact_lock(:key)"), {"key": LockNumber.DAGSTER_TABLES}
            )
        yield is_missing


def _is_batched(event: EventLogEntry) -> bool:
    dagster_event = event.dagster_event
    return dagster_event is not None and dagster_event.event_type_value in _BATCHED


def _subject(event: EventLogEntry) -> Any:  # noqa: ANN401 - it has an asset key and a partition
    """Return what a batched event is about.

    Dagster's own properties look up and check the type of an event at every access.
    """
    data = event.get_dagster_event().event_specific_data
    if isinstance(data, StepMaterializationData):
        return data.materialization
    return data.asset_observation if isinstance(data, AssetObservationData) else data


@lru_cache(maxsize=1024)
def _asset_text(asset: AssetKey) -> str:
    return asset.to_string()


def _line(number: int, row: Sequence[object]) -> str:
    """Write a row in the text format of COPY."""
    return (
        "\t".join([str(number), *[r"\N" if value is None else _escaped(str(value)) for value in row]]) + "\n"
    )


def _escaped(text: str) -> str:
    if text.isalnum():
        return text
    text = text.replace("\\", r"\\")
    return text.replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")
