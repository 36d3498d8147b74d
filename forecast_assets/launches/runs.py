"""What was launched, by its run id: how far it is, how it is ended, whether it can be tried again.

Belongs here: the questions that are the same for every kind of launched work.
Does not belong here: the work of any kind, and how answers are shown.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import dagster as dg

from forecast_assets.dagster_internals import run_factory
from forecast_assets.errors import BadSetting, UnknownName
from forecast_assets.launches.batch import start, store, work
from forecast_assets.launches.comparison import store as comparisons
from forecast_assets.launches.comparison import work as comparison
from forecast_assets.launches.outcome import RETRY_ITEMS, record_id
from forecast_assets.launches.pipeline import work as pipeline
from forecast_assets.launches.settlement import TERMINAL
from forecast_assets.launches.showcase import work as showcase
from forecast_assets.launches.showcase.steps import PARTS
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores
from forecast_assets.stores.warehouse import Row

PAGE = 50
_POLL_SECONDS = 0.2
# What a drained run still has to do: settle its rows and end.
_GRACE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of launched work; each answers whether it did something.

    ``cancel`` notes on its record that the end is asked for, ``settle_dead`` ends the record of a process
    that is gone, ``check_retry`` raises where nothing can be tried again.
    """

    cancel: Callable[[Stores, str], object]
    settle_dead: Callable[[Stores, str], bool]
    check_retry: Callable[[Stores, str, Sequence[int] | None], object]


def _anew(_stores: Stores, _run_id: str, items: Sequence[int] | None) -> None:
    if items is not None:
        raise BadSetting("only a batch has items", remedy="leave --item out")


def _nothing_to_note(_stores: Stores, _run_id: str) -> None:
    """The run itself looks whether it is to end."""


KINDS = {
    "batch": Kind(store.cancel, work.settle_dead, start.check_retry),
    "compare": Kind(comparisons.cancel, comparison.settle_dead, _anew),
    "pipeline": Kind(_nothing_to_note, pipeline.settle_dead, _anew),
    "showcase": Kind(_nothing_to_note, showcase.settle_dead, _anew),
}


def find(stores: Stores, instance: dg.DagsterInstance, run_id: str) -> tuple[dg.DagsterRun, Row]:
    """The run, and what is on record of what it works on; a run that waits has no record yet.

    A record whose process is gone is settled first. Raises ``UnknownName``.
    """
    run = instance.get_run_by_id(run_id)
    if run is None:
        raise _unknown(instance, run_id)
    for record in dict.fromkeys((run_id, record_id(run))):
        row = _recorded(stores, record)
        if row is None:
            continue
        if row["status"] not in TERMINAL and KINDS[str(row["kind"])].settle_dead(stores, record):
            row = _recorded(stores, record) or row
        return run, row
    status = "cancelled" if run.status == dg.DagsterRunStatus.CANCELED else run.status.value.lower()
    waiting = {"kind": run.job_name, "run_id": run_id, "status": status}
    return run, {**dict.fromkeys(COLUMNS), **waiting}


def _unknown(instance: dg.DagsterInstance, run_id: str) -> UnknownName:
    """Why no run has this id: a showcase keeps records of its parts, which are no runs of their own."""
    for part in PARTS:
        whole = run_id.removesuffix(part)
        if whole != run_id and instance.has_run(whole):
            return UnknownName(
                f"{run_id} is a part of the showcase {whole}, not a run of its own",
                remedy=f"watch, cancel or retry the showcase: `forecast-assets status {whole}`",
            )
    return UnknownName(
        f"there is no run {run_id!r}", remedy="`forecast-assets status` lists what was launched"
    )


COLUMNS = (
    "kind",
    "run_id",
    "dataset",
    "status",
    "created_at",
    "completed_at",
    "priority",
    "progress",
    "what",
)


def _recorded(stores: Stores, run_id: str) -> Row | None:
    return stores.warehouse.row("launched", run_ids=[run_id], sort="created_at", at_most=1)


def newest(stores: Stores, *, sort: str = "created_at", at_most: int = PAGE) -> list[Row]:
    """What was launched, the newest first; by created_at, completed_at, status or priority."""
    return stores.warehouse.rows("launched", run_ids=None, sort=sort, at_most=at_most)


def cancel(stores: Stores, instance: dg.DagsterInstance, run_id: str) -> Row:
    """Ask for the end of a run, wait for it, and answer what is on record then.

    A record that has not ended when the time is up is answered as it is. Raises ``UnknownName``, and
    ``BadSetting`` for one that has ended before.
    """
    run, row = find(stores, instance, run_id)
    if row["status"] in TERMINAL or run.is_finished:
        raise BadSetting(f"run {run_id} has ended: {row['status']}", remedy="there is nothing to cancel")
    if (kind := KINDS.get(str(row["kind"]))) is not None:
        kind.cancel(stores, str(row["run_id"]))
    current = instance.get_run_by_id(str(_worker(stores, row, run_id))) or run
    run_factory.ask_to_end(instance, current)
    deadline = time.monotonic() + environment().drain_seconds + _GRACE_SECONDS
    while time.monotonic() < deadline:
        ended, row = find(stores, instance, run_id)
        if row["status"] in TERMINAL or (ended.is_finished and row["created_at"] is None):
            break
        time.sleep(_POLL_SECONDS)
    return row


def _worker(stores: Stores, row: Row, run_id: str) -> object:
    """The run that works on a batch now: the first one, or its newest re-execution."""
    batch = stores.warehouse.row("batch", batch_id=row["run_id"])
    return run_id if batch is None else batch["run_id"]


def retried(
    stores: Stores, instance: dg.DagsterInstance, run_id: str, items: Sequence[int] | None
) -> dg.DagsterRun:
    """Put the re-execution of a run on the books. Raises ``ForecastError`` where it could do nothing."""
    run, row = find(stores, instance, run_id)
    if row["status"] not in TERMINAL and not run.is_finished:
        raise BadSetting(f"run {run_id} is {row['status']}", remedy="wait for its end, or cancel it first")
    if (kind := KINDS.get(str(row["kind"]))) is not None:
        kind.check_retry(stores, str(row["run_id"]), items)
    tags = {} if items is None else {RETRY_ITEMS: str(list(items))}
    return run_factory.create(instance, run.job_name, run.run_config, tags=tags, parent=run)
