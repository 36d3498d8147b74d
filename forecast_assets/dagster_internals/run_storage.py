"""Run configuration that reads no environment and moves no store, and names what it calls newest.

Belongs here: refusing runs and backfills whose configuration or tags reach for what belongs to operators;
the newest dataset, series, batch, workspace or plans where a Launchpad was left as it opened.
Does not belong here: what a field means (``config`` modules), secrets of settings (``settings``).

Dagster replaces ``{env: NAME}`` in any text, number or switch of a run by the variable, so that a person who
may launch anything could read the database's password from an event. No field of ours is made for a secret.
A resource that a run configures would send MLflow's login to a server of the launcher or read pickles from a
folder of his; tags of the kinds below let a launcher of containers start any image with any secret.
"""

import copy
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from dagster import DagsterEvent, DagsterEventType, DagsterRun, DagsterRunStatus, RunsFilter
from dagster._core.execution.backfill import PartitionBackfill
from dagster._core.storage.event_log.schema import DynamicPartitionsTable
from dagster._core.storage.tags import REPOSITORY_LABEL_TAG
from dagster_postgres import PostgresRunStorage

from forecast_assets.dagster_internals import own_location
from forecast_assets.dagster_internals.lost_connections import written
from forecast_assets.errors import BadSetting, listed
from forecast_assets.keys import SEPARATOR
from forecast_assets.launch_examples import NEWEST
from forecast_assets.rendering.numbers import plural
from forecast_assets.stores.opening import open_warehouse
from forecast_assets.stores.rows.forecasts import NewestPlansRow
from forecast_assets.stores.rows.launches import NewestWorkspaceRow

_KEYS = DynamicPartitionsTable.c
_OF_CONTAINERS = ("dagster-k8s/", "dagster_k8s/", "ecs/", "docker/")
_COMPARED = 2
_ENDS = {
    DagsterEventType.RUN_SUCCESS,
    DagsterEventType.RUN_FAILURE,
    DagsterEventType.RUN_CANCELED,
}
# One thread of a process may book the start of a run while another one cancels it.
_BOOKING = threading.RLock()


class PlainRunStorage(PostgresRunStorage):
    """Keeps what the stock class keeps, except for configuration that looks variables up.

    Where a field says ``(newest)``, the dataset added last is kept, its first series, the last batch or
    workspace, or the last two plans.
    Runs of commands are kept as runs of the code location that the daemon serves.
    """

    _has_times = False

    def add_run(self, dagster_run: DagsterRun) -> DagsterRun:
        """Book a run. Raises ``BadSetting`` naming look-ups, resources and tags of containers."""
        check_plain(dagster_run.run_config, dagster_run.tags)
        return super().add_run(_with_origin(self._with_newest(dagster_run)))

    def _with_newest(self, run: DagsterRun) -> DagsterRun:
        """Name what the configuration calls newest, so that a retry works on the same."""
        if NEWEST not in str(run.run_config):
            return run
        config = copy.deepcopy(dict(run.run_config))
        finders = {
            "dataset": self._newest_dataset,
            "series": self._newest_series,
            "batch": self._newest_batch,
            "workspace": self._newest_workspace,
            "plans": self._newest_plans,
        }
        for fields in _fields_of_ops(config):
            for name, find in finders.items():
                if fields.get(name) in (NEWEST, [NEWEST]):
                    fields[name] = find()
        return run._replace(run_config=config)

    def _newest_dataset(self) -> str:
        query = sa.select(_KEYS.partition).where(_KEYS.partitions_def_name == "datasets")
        row = self.fetchone(query.order_by(_KEYS.id.desc()).limit(1))
        if row is None:
            raise BadSetting(
                "there is no dataset yet",
                remedy="add one with `forecast-assets dataset add`, or launch add_preset_dataset",
            )
        return str(row["partition"])

    def _newest_series(self) -> str:
        dataset = self._newest_dataset()
        query = sa.select(_KEYS.partition).where(
            _KEYS.partitions_def_name == "series",
            _KEYS.partition.startswith(dataset + SEPARATOR, autoescape=True),
        )
        row = self.fetchone(query.order_by(_KEYS.partition.collate("C")).limit(1))
        if row is None:
            raise BadSetting(f"{dataset} has no series yet", remedy="launch build_dataset on its partition")
        return str(row["partition"])

    def _newest_batch(self) -> str:
        runs = self.get_runs(RunsFilter(job_name="batch"), limit=1)
        if not runs:
            raise BadSetting("there is no batch yet", remedy="launch the job batch first")
        return runs[0].root_run_id or runs[0].run_id

    def _newest_workspace(self) -> str:
        row = open_warehouse().row(NewestWorkspaceRow)
        if row is None:
            raise BadSetting(
                "no showcase is kept as a workspace yet",
                remedy="launch the job showcase with preservation keep and a workspace_name",
            )
        return row["workspace_id"]

    def _newest_plans(self) -> list[str]:
        rows = open_warehouse().rows(NewestPlansRow, at_most=_COMPARED)
        if len(rows) < _COMPARED:
            raise BadSetting(
                f"{plural(len(rows), 'plan')} to compare", remedy="launch the job what_if with save_as"
            )
        return [row["name"] for row in rows]

    def handle_run_event(
        self, run_id: str, event: DagsterEvent, update_timestamp: datetime | None = None
    ) -> None:
        """Book what became of a run.

        One that was cancelled stays so, whatever its process meets at last, and one that is being cancelled
        cannot start any more: Dagster would take its interruption for a failure.
        """
        with _BOOKING:
            written(partial(self._book, run_id, event, update_timestamp))

    def _book(self, run_id: str, event: DagsterEvent, update_timestamp: datetime | None) -> None:
        final = [DagsterRunStatus.CANCELED]
        if event.event_type not in _ENDS:
            final.append(DagsterRunStatus.CANCELING)
        if not self.get_runs(RunsFilter(run_ids=[run_id], statuses=final), limit=1):
            super().handle_run_event(run_id, event, update_timestamp)

    def has_run_stats_index_cols(self) -> bool:
        """Whether runs have times; asked of the database until they do, and not whenever runs are read."""
        self._has_times = self._has_times or super().has_run_stats_index_cols()
        return self._has_times

    def dispose(self) -> None:
        """Close the connection that is kept between statements."""
        super().dispose()
        self._engine.dispose()

    def add_backfill(self, partition_backfill: PartitionBackfill) -> None:
        """Book a backfill. Raises ``BadSetting`` as for a run."""
        check_plain(partition_backfill.run_config or {}, partition_backfill.tags or {})
        super().add_backfill(partition_backfill)


def _with_origin(run: DagsterRun) -> DagsterRun:
    """Give a run that a command executes itself the origin without which Dagit's overview leaves it out."""
    if run.remote_job_origin is not None or run.tags.get(REPOSITORY_LABEL_TAG) != own_location.LABEL:
        return run
    return run.with_job_origin(own_location.job_origin(run.job_name))


def check_plain(config: Mapping[str, object], tags: Mapping[str, str]) -> None:
    """Raise ``BadSetting`` when a value anywhere in ``config`` is ``{env: NAME}``, or it sets a resource.

    Likewise when a tag sets the container of a run.
    """
    look_ups = [repr(":".join(path)) for path in _look_ups(config, ())]
    if look_ups:
        raise BadSetting(
            f"the run configuration reads an environment variable at {listed(look_ups)}",
            remedy="write the value itself: what a run is given is shown to everybody who may look at it",
        )

    resources = config.get("resources")
    if isinstance(resources, Mapping) and (moved := [name for name, value in resources.items() if value]):
        raise BadSetting(
            f"the run configuration sets the resources {listed(moved)}",
            remedy="leave resources out: the settings of the server say which servers and folders runs use",
        )
    if containers := [name for name in tags if name.startswith(_OF_CONTAINERS)]:
        raise BadSetting(
            f"tags of the run set its container: {listed(containers)}",
            remedy="leave them out: containers of runs are said by the configuration of the run launcher",
        )


def _fields_of_ops(config: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    ops = config.get("ops")
    for op in ops.values() if isinstance(ops, Mapping) else ():
        if isinstance(op, Mapping) and isinstance(op.get("config"), dict):
            yield op["config"]


def _look_ups(value: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, Mapping):
        if set(value) == {"env"} and isinstance(value["env"], str):
            yield path
            return
        for name, inner in value.items():
            yield from _look_ups(inner, (*path, str(name)))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for number, inner in enumerate(value):
            yield from _look_ups(inner, (*path, str(number)))
