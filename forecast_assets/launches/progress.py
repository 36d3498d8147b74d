"""How far launched work is, as everybody sees it.

Belongs here: a record in the words of its kind.
Does not belong here: ending and retrying (``runs``); anything that needs Dagster.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from forecast_assets.dagster_internals.run_subjects import subject_of
from forecast_assets.errors import BadSetting, UnknownName
from forecast_assets.launches import records
from forecast_assets.launches.model import JOBS, LOCK, TERMINAL, Launch
from forecast_assets.launches.pipeline import status
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.operations import RunOfDagsterRow, WaitingLaunchesRow

_KINDS = {job: kind for kind, job in JOBS.items()}
_WORDS: Mapping[str, Callable[[Launch], str]] = {"pipeline": status.word}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far something launched is, in the words of its kind; a run that waits has no record yet."""

    kind: str
    run_id: str
    dataset: str | None
    status: str
    created_at: dt.datetime | None
    completed_at: dt.datetime | None
    priority: int | None
    progress: dict[str, Any] | None
    what: str | None

    @property
    def is_over(self) -> bool:
        return self.status in TERMINAL | {"success", "stopped", "error"}

    @classmethod
    def waiting(cls, run_id: str, job: str, dataset: str | None, status: str) -> "Progress":
        """A run that has no record, in Dagster's words."""
        return cls(_KINDS.get(job, job), run_id, dataset, status, *(None,) * 5)

    @classmethod
    def of(cls, launch: Launch) -> "Progress":
        """What is on record."""
        return cls(
            kind=launch.kind,
            run_id=launch.launch_id,
            dataset=launch.dataset,
            status=_WORDS[launch.kind](launch) if launch.kind in _WORDS else launch.status,
            created_at=launch.created_at,
            completed_at=launch.completed_at,
            priority=launch.priority,
            progress=launch.counts if launch.total else launch.result.get("progress", {}),
            what=launch.what,
        )


def unknown(run_id: str, part: Launch | None) -> UnknownName:
    """The error for an id that no run has, or that is the ``part`` of a launch."""
    if part is not None:
        return UnknownName(
            f"{run_id} is a part of the launch {part.part_of}, not a run of its own",
            remedy=f"watch, cancel or retry the whole: `forecast-assets status {part.part_of}`",
        )
    return UnknownName(
        f"there is no run {run_id!r}", remedy="`forecast-assets status` lists what was launched"
    )


def over(run_id: str, status: str) -> BadSetting:
    """The error for a run that should be cancelled and has ended."""
    return BadSetting(f"run {run_id} has ended: {status}", remedy="there is nothing to cancel")


def check_run(stores: Stores, run_id: str) -> Launch | None:
    """Return what is on record of a run. Raises ``UnknownName`` for what is no run of Dagster either."""
    launch = records.find(stores, run_id)
    if launch is None and _run_of_dagster(stores, run_id) is None:
        raise unknown(run_id, None)
    return launch


def from_rows(stores: Stores, run_id: str) -> Progress | None:
    """Return how far a run is, as its rows say; ``None`` where Dagster has to be asked.

    That is for a record whose process may be gone, which ``runs.find`` settles, and for a run that tries
    another one again. Raises ``UnknownName``.
    """
    launch = check_run(stores, run_id)
    if launch is not None:
        is_settled = launch.is_over or _is_held(stores, run_id)
        return Progress.of(launch) if is_settled and launch.part_of is None else None
    run = _run_of_dagster(stores, run_id)
    if not run or run["root_run_id"] is not None:
        return None
    status = "cancelled" if run["status"] == "CANCELED" else run["status"].lower()
    return Progress.waiting(run_id, run["job"], subject_of(run["tags"], run["config"]) or None, status)


def _is_held(stores: Stores, launch_id: str) -> bool:
    """Whether a process works on a launch."""
    with stores.warehouse.locks() as locks:
        return not locks.take(LOCK, launch_id)


def _run_of_dagster(stores: Stores, run_id: str) -> RunOfDagsterRow | Literal[False] | None:
    """Dagster's run, by its table, which is there sooner than Dagster is imported.

    ``None`` where there is none, ``False`` where Dagster keeps its runs elsewhere and may have it.
    """
    with stores.warehouse.transaction() as connection:
        if not has_runs(connection):
            return False if _is_uuid(run_id) else None
        return next(iter(stores.warehouse.rows_in(connection, RunOfDagsterRow, run_id=run_id)), None)


def has_runs(connection: sa.Connection) -> bool:
    """Whether Dagster keeps its runs beside ours; it may keep them elsewhere."""
    return connection.scalar(sa.text("select to_regclass('dagster.runs')")) is not None


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def newest(stores: Stores, *, sort: str = "created_at", at_most: int = records.PAGE) -> list[Progress]:
    """What was launched, the newest first; by created_at, completed_at, status or priority.

    What waits in Dagster's queue and has no record yet comes before all of it.
    """
    with stores.warehouse.transaction() as connection:
        runs = (
            stores.warehouse.rows_in(connection, WaitingLaunchesRow, jobs=list(_KINDS))
            if has_runs(connection)
            else []
        )
    waiting = [Progress.waiting(run["run_id"], run["job"], run["dataset"], run["status"]) for run in runs]
    return waiting + [Progress.of(launch) for launch in records.listed(stores, sort=sort, at_most=at_most)]
