"""What pages ask of partitions, answered in one question each however many there are.

Belongs here: queries whose stock form reads every event of an asset, or asks for a thousand keys at a time.
Does not belong here: how events and keys are written (``storage``).
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

import sqlalchemy as sa
from dagster import AssetKey, DagsterEventType
from dagster._core.storage.event_log.base import PlannedMaterializationInfo
from dagster._core.storage.event_log.schema import DynamicPartitionsTable, SqlEventLogStorageTable
from dagster_postgres import PostgresEventLogStorage

_KEYS = DynamicPartitionsTable.c
_EVENTS = SqlEventLogStorageTable.c
_PLANNED, _DONE = DagsterEventType.ASSET_MATERIALIZATION_PLANNED, DagsterEventType.ASSET_MATERIALIZATION


class PartitionReads(PostgresEventLogStorage):
    """Returns what the stock class returns.

    Dynamic partitions are listed in the order of their keys rather than of their registration:
    Dagster puts only neighbours into one run, and a series that arrives later must become the
    neighbour of its own dataset, not of whatever was registered before it.
    """

    def get_dynamic_partitions(self, partitions_def_name: str) -> Sequence[str]:
        query = sa.select(_KEYS.partition).where(_KEYS.partitions_def_name == partitions_def_name)
        with self.index_connection() as connection:
            return sorted(connection.scalars(query).all())

    def get_existing_dynamic_partitions(
        self, partitions_def_name: str, partition_keys: Sequence[str]
    ) -> AbstractSet[str]:
        query = sa.select(_KEYS.partition).where(
            _KEYS.partitions_def_name == partitions_def_name,
            _KEYS.partition == sa.any_(sa.literal(list(set(partition_keys)), sa.ARRAY(sa.Text))),
        )
        with self.index_connection() as connection:
            return set(connection.scalars(query).all())

    def get_latest_planned_materialization_info(
        self, asset_key: AssetKey, partition: str | None = None
    ) -> PlannedMaterializationInfo | None:
        """Return the run that was the newest to plan an asset or one of its partitions, or to materialize it.

        Plans of runs that succeeded are gone, so that a materialization stands for its own.
        """
        query = (
            sa.select(_EVENTS.id, _EVENTS.run_id)
            .where(
                _EVENTS.asset_key == asset_key.to_string(),
                _EVENTS.dagster_event_type.in_([_PLANNED.value, _DONE.value]),
                sa.true() if partition is None else _EVENTS.partition == partition,
            )
            .order_by(_EVENTS.id.desc())
            .limit(1)
        )
        with self.index_connection() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else PlannedMaterializationInfo(storage_id=row[0], run_id=row[1])

    def get_latest_asset_partition_materialization_attempts_without_materializations(
        self, asset_key: AssetKey, after_storage_id: int | None = None
    ) -> Mapping[str, tuple[str, int]]:
        """Return (run, event) by partition of the newest plans that no materialization followed.

        Nearly all plans were followed, and their events are not read: the index says so.
        """
        planned, done = (
            self._latest_event_ids_by_partition_subquery(
                asset_key, [event_type], after_cursor=after_storage_id
            ).alias(event_type.value)
            for event_type in (_PLANNED, _DONE)
        )
        query = (
            sa.select(planned.c.partition, _EVENTS.run_id, _EVENTS.id)
            .select_from(planned)
            .outerjoin(done, done.c.partition == planned.c.partition)
            .join(SqlEventLogStorageTable, _EVENTS.id == planned.c.id)
            .where(sa.or_(done.c.id.is_(None), done.c.id < planned.c.id))
        )
        with self.index_connection() as connection:
            return {partition: (run, event) for partition, run, event in connection.execute(query)}
