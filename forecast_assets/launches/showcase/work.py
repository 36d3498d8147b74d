"""A showcase from its first step to its last one, and the workspace that remembers it.

Belongs here: the order of the steps, what a failure means, exactly one row for a kept run.
Does not belong here: what the steps do (``steps``).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from forecast_assets.error_translation import translated
from forecast_assets.errors import BadSetting, ForecastError, Outage
from forecast_assets.launches.batch import work as batches
from forecast_assets.launches.comparison import work as comparisons
from forecast_assets.launches.showcase import plan_steps, registry_steps, steps, workspaces
from forecast_assets.launches.showcase.config import Plan, ShowcaseConfig, checked
from forecast_assets.launches.showcase.context import Bench, Hands, Told
from forecast_assets.stores import Stores

LOCK = "showcase"
_ONLY_ONE = "the only one"
Step = Callable[[Bench], Told]
COMMON: tuple[Step, ...] = (
    steps.precheck,
    steps.reset,
    steps.seed,
    steps.status,
    steps.features,
    steps.train,
    steps.backtest,
)
TOUR: tuple[Step, ...] = (steps.compare, steps.batch)
LAST: tuple[Step, ...] = (
    steps.forecast,
    registry_steps.register,
    registry_steps.promote,
    plan_steps.plans,
    plan_steps.compare_plans,
    steps.knowledge,
    steps.verify,
    registry_steps.verify_files,
    registry_steps.cleanup,
)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a showcase did: its steps, how it ended, and its workspace, if it was kept."""

    status: str
    steps: list[dict[str, str | float]]
    workspace_id: str | None
    dataset: str


def run(stores: Stores, config: ShowcaseConfig, *, run_id: str, hands: Hands) -> Shown:
    """Carry a showcase out. Raises ``ForecastError`` before its first step when it cannot be made."""
    plan = checked(config)
    with stores.warehouse.locks() as locks:
        if not locks.take(LOCK, _ONLY_ONE):
            raise BadSetting("another showcase is running", remedy="wait for its end")
        kept = config.preservation.value == "keep"
        handle = _remembered(stores, config, plan, run_id, hands) if kept else None
        bench = Bench(stores, config, plan, run_id, hands)
        begun, done = time.monotonic(), list[dict[str, str | float]]()
        ended = "failed"
        try:
            ended = _toured(bench, done)
        finally:
            took = round(time.monotonic() - begun, 1)
            _settled(bench, handle, ended, done, took=took)
        return Shown(ended, done, handle, plan.dataset)


def _toured(bench: Bench, done: list[dict[str, str | float]]) -> str:
    for step in (*COMMON, *(TOUR if bench.plan.rich else ()), *LAST):
        if bench.hands.stop():
            done.append({"step": step.__name__, "result": "fail", "sentence": "cancelled", "seconds": 0.0})
            return "failed"
        begun = time.monotonic()
        told = _told(step, bench)
        took = round(time.monotonic() - begun, 2)
        done.append(
            {"step": step.__name__, "result": told.result, "sentence": told.sentence, "seconds": took}
        )
        bench.hands.tell(f"{step.__name__}: {told.result}: {told.sentence}")
        if told.result == "fail":
            return "failed"
    return "completed"


def _told(step: Step, bench: Bench) -> Told:
    try:
        return step(bench)
    except Outage:
        raise
    except Exception as error:  # noqa: BLE001 - a step that breaks ends the showcase, in words
        known = translated(error)
        return Told("fail", f"{known.problem}; {known.remedy}")


def _remembered(stores: Stores, config: ShowcaseConfig, plan: Plan, run_id: str, hands: Hands) -> str | None:
    """Write the workspace; a showcase is worth more than its record, so that a failure only warns."""
    try:
        return workspaces.create(stores, config, plan, run_id=run_id)
    except Exception as error:  # noqa: BLE001 - whatever it is, the showcase goes on
        hands.tell(f"the workspace could not be written: {translated(error).problem}")
        return None


def _settled(
    bench: Bench, handle: str | None, ended: str, done: list[dict[str, str | float]], *, took: float
) -> None:
    if handle is None:
        return
    bench.made["run_id"] = bench.run_id
    summary = {**bench.known.get("result_summary", {}), "wall_clock_s": took}
    known = {**bench.known, "result_summary": summary, "created_objects": bench.made}
    try:
        workspaces.settle(bench.stores, handle, ended, known=known, steps=done)
    except ForecastError as error:
        bench.hands.tell(f"the workspace could not be settled: {error.problem}")


def settle_dead(stores: Stores, run_id: str) -> bool:
    """End the workspace of a process that is gone; answer whether there was anything to end."""
    with stores.warehouse.locks() as locks:
        row = stores.warehouse.row("workspace", workspace_id=workspaces.workspace_id(run_id))
        if row is None or row["completed_at"] is not None or not locks.take(LOCK, _ONLY_ONE):
            return False
        workspaces.settle(
            stores,
            str(row["workspace_id"]),
            "failed",
            known={"created_objects": {"run_id": run_id}},
            steps=[],
        )
        batches.settle_dead(stores, steps.batch_id(run_id))
        comparisons.settle_dead(stores, steps.comparison_id(run_id))
        return True
