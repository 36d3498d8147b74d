"""The life of a launch: begun once, cancelled, drained, settled and tried again, whatever its kind.

Belongs here: who works on a launch, how it ends, what becomes of a dead process's work.
Does not belong here: any kind, what a retry may try (``retries``), the rows (``records``).
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import dagster as dg

from forecast_assets.dagster_internals.interrupts import terminations
from forecast_assets.error_translation import error_payload, to_forecast_error
from forecast_assets.errors import BadSetting, Outage
from forecast_assets.launches import records
from forecast_assets.launches.kind import Config, Execution, LaunchKind, Stopped
from forecast_assets.launches.model import LOCK, Launch, Plan
from forecast_assets.launches.retries import ORPHANED, start_or_resume
from forecast_assets.launches.worker_pool import RunControl
from forecast_assets.stores import Stores
from forecast_assets.stores.locks import Locks
from forecast_assets.stores.registry import Registry
from forecast_assets.stores.rows.launches import LaunchPartsRow
from forecast_assets.stores.rows.values import Json, Status

EXCLUSIVE = "launches of kind"
CANCELLED = ("cancelled", "Cancelled")
NEVER_BEGUN = ("the process ended before its turn came; retry it", "ProcessEnded")
Reason = tuple[str, str]


def run(
    kind: LaunchKind[Config],
    stores: Stores,
    config: Config,
    *,
    launch_id: str,
    run_id: str,
    registry: Callable[[], Registry],
    items: Sequence[int] | None = None,
    control: RunControl | None = None,
    context: dg.OpExecutionContext | None = None,
    part_of: str | None = None,
) -> Launch:
    """Work a launch off, the first time or again, and return its settled record.

    ``launch_id`` is the first run's id, ``run_id`` this run's; ``items`` limits what is tried again;
    ``registry`` opens the MLflow that it works with.
    Raises ``ForecastError`` before anything is written when it cannot be done, and what broke it after that
    is on record; an ``Outage`` before the last try leaves the record open for the next one.
    """
    control = control or RunControl()
    with stores.warehouse.locks() as locks:
        _take(locks, kind, launch_id)
        launch = records.find(stores, launch_id)
        is_new = launch is None
        if launch is None:
            plan = kind.validate(stores, config)
            records.create(stores, kind.name, plan, launch_id=launch_id, run_id=run_id, part_of=part_of)
        elif launch.run_id == run_id and launch.is_over:
            return launch  # the step is tried again for what came after the settlement
        launch = start_or_resume(stores, launch_id, run_id=run_id, items=items)
        # Steps end at a point of their own choice; items are drained by the pool that works them off.
        with nullcontext(_never) if kind.by_item else terminations() as is_terminated:
            work = Execution(stores, launch, control, context, locks, is_terminated, registry)
            if is_new:
                work.event("created")
            with _settling(kind, work) as ended:
                if (status := kind.execute(work)) is not None:
                    ended.append(status)
        launch = records.read(stores, launch_id)
        work.event("completed", status=launch.status)
        return launch


def _never() -> bool:
    return False


def _take(locks: Locks, kind: LaunchKind[Config], launch_id: str) -> None:
    if not locks.take(LOCK, launch_id):
        raise BadSetting(
            f"{kind.name} {launch_id} is being worked on by another process",
            remedy="wait for its end, or cancel it first",
        )
    if kind.is_exclusive and not locks.take(EXCLUSIVE, kind.name):
        raise BadSetting(f"another {kind.name} is running", remedy="wait for its end")


@contextmanager
def _settling(kind: LaunchKind[Any], work: Execution) -> Iterator[list[Status]]:
    """Settle a launch when the block ends, however it ends; it lists how work without items ended."""
    stores, launch_id = work.stores, work.launch.launch_id
    end, ended = partial(settle, kind, stores, launch_id), list[Status]()
    try:
        yield ended
    except Stopped:
        records.cancel(stores, launch_id)
        end(pending=CANCELLED, running=CANCELLED, empty="cancelled")
    except Exception as error:
        translation = to_forecast_error(error)
        if work.control.last_try or not isinstance(translation, Outage):
            reason = (f"{type(error).__name__}: {error}", type(error).__name__)
            end(pending=reason, running=reason, empty="failed", error=dict(error_payload(translation)))
        raise
    except BaseException:
        records.cancel(stores, launch_id)
        end(pending=CANCELLED, running=CANCELLED, empty="cancelled")
        raise
    else:
        end(pending=NEVER_BEGUN, running=CANCELLED, empty=ended[-1] if ended else "completed")


@contextmanager
def follow(
    kind: LaunchKind[Any],
    stores: Stores,
    plan: Plan,
    launch_id: str,
    *,
    registry: Callable[[], Registry],
    control: RunControl | None = None,
) -> Iterator[Execution]:
    """Keep the record of what the caller does itself: begun with the block, settled when that ends."""
    with stores.warehouse.locks() as locks:
        _take(locks, kind, launch_id)
        if records.find(stores, launch_id) is None:
            records.create(stores, kind.name, plan, launch_id=launch_id, run_id=launch_id)
        launch = start_or_resume(stores, launch_id, run_id=launch_id)
        work = Execution(stores, launch, control or RunControl(), None, locks, _never, registry)
        with _settling(kind, work):
            yield work


def settle(
    kind: LaunchKind[Config],
    stores: Stores,
    launch_id: str,
    *,
    pending: Reason,
    running: Reason,
    empty: Status = "completed",
    error: Json | None = None,
) -> Launch:
    """End a launch exactly once, summarise it exactly then, and return its record.

    What still runs has failed for the reason ``running``; what still waits is cancelled where that was asked
    for, else it has failed for the reason ``pending``. ``empty`` is how a launch without items ended.
    """
    with stores.warehouse.transaction() as connection:
        launch = records.lock(stores, connection, launch_id)
        if launch.is_over:
            return launch
        is_cancelled = launch.cancel_requested_at is not None
        after = "cancelled" if is_cancelled else "failed"
        records.close_items(stores, connection, launch_id, running, before="running", after=after)
        reason = CANCELLED if is_cancelled else pending
        records.close_items(stores, connection, launch_id, reason, before="pending", after=after)
        launch = records.lock(stores, connection, launch_id)
        tries = records.tries_in(stores, connection, launch_id)
        status = derive_status(launch.completed, launch.failed, launch.cancelled, empty=empty)
        summary = kind.summarise(stores, replace(launch, status=status, error=error), tries)
        error = error or summary.error
        stores.warehouse.execute(
            "launch_settle",
            connection,
            launch_id=launch_id,
            status=summary.status or status,
            what=summary.what,
            result=json.dumps(summary.result, default=str),
            error=None if error is None else json.dumps(error),
        )
    return records.read(stores, launch_id)


def derive_status(completed: int, failed: int, cancelled: int, *, empty: Status) -> Status:
    """Return how the whole ended by the states of its parts; ``empty`` is what no part at all amounts to."""
    if completed and not failed and not cancelled:
        return "completed"
    if failed and not completed and not cancelled:
        return "failed"
    if cancelled and not completed and not failed:
        return "cancelled"
    return "partial" if completed or failed else empty


def settle_orphan(kinds: Mapping[str, LaunchKind[Any]], stores: Stores, launch_id: str) -> bool:
    """Settle a launch whose process is gone, and its parts; return whether there was anything to settle.

    Nothing happens while a process still holds the launch, however it looks in Dagster.
    """
    with stores.warehouse.locks() as locks:
        launch = records.find(stores, launch_id)
        if launch is None or launch.is_over or not locks.take(LOCK, launch_id):
            return False
        error = {"code": ORPHANED[1], "problem": ORPHANED[0]}
        is_cancelled = launch.cancel_requested_at is not None
        settle(
            kinds[launch.kind],
            stores,
            launch_id,
            pending=NEVER_BEGUN,
            running=ORPHANED,
            empty="cancelled" if is_cancelled else "failed",
            error=None if launch.total or is_cancelled else error,
        )
    for row in stores.warehouse.rows(LaunchPartsRow, launch_id=launch_id):
        settle_orphan(kinds, stores, str(row["launch_id"]))
    return True
