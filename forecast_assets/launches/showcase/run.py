"""A showcase from its first step to its last one.

Belongs here: the order of the steps, what a failure means, what is on record of them.
Does not belong here: what the steps do (``steps``), and a person's notes on a kept run (``workspaces``).
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

from forecast_assets.error_translation import to_forecast_error
from forecast_assets.errors import Outage
from forecast_assets.launches.kind import Execution, LaunchKind, Stopped, Summary
from forecast_assets.launches.model import Launch, Try
from forecast_assets.launches.showcase import plan_steps, registry_steps, steps, workspaces
from forecast_assets.launches.showcase.config import ShowcaseConfig, resolve, validate
from forecast_assets.launches.showcase.context import ShowcaseContext, StepResult
from forecast_assets.rendering.tables import table
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.values import Status

Step = Callable[[ShowcaseContext], StepResult]
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


def _execute(work: Execution) -> Status:
    spec = work.launch.spec
    config = ShowcaseConfig(**spec["config"], replayed_from=spec.get("replayed_from"))
    if config.preservation.value == "keep":
        _keep(work, config)
    context = ShowcaseContext(work, config, resolve(config))
    begun, done = time.monotonic(), list[dict[str, str | float]]()
    try:
        return _tour(context, done)
    finally:
        took = round(time.monotonic() - begun, 1)
        summary = {**context.record.get("result_summary", {}), "wall_clock_s": took}
        created = {**context.created, "run_id": work.launch.run_id}
        work.note(
            **{**context.record, "result_summary": summary},
            created_objects={
                name: value for name, value in created.items() if value not in (None, "", [], {})
            },
        )


def _keep(work: Execution, config: ShowcaseConfig) -> None:
    """Write the workspace; a showcase is worth more than its record, so that a failure only warns."""
    try:
        workspaces.create(work.stores, config, work.launch.launch_id)
    except Exception as error:  # noqa: BLE001 - whatever it is, the showcase goes on
        work.control.log(f"the workspace could not be written: {to_forecast_error(error).problem}")


def _tour(context: ShowcaseContext, done: list[dict[str, str | float]]) -> Status:
    work = context.work
    for step in (*COMMON, *(TOUR if context.preset.rich else ()), *LAST):
        begun = time.monotonic()
        stops = work.is_asked_to_end()
        result = StepResult("fail", "cancelled") if stops else _result(step, context)
        took = round(time.monotonic() - begun, 2)
        done.append(
            {"step": step.__name__, "result": result.result, "sentence": result.sentence, "seconds": took}
        )
        work.note(steps=done, progress={"steps": len(done)})
        work.control.log(f"{step.__name__}: {result.result}: {result.sentence}")
        if stops:
            raise Stopped
        if result.result == "fail":
            return "failed"
    return "completed"


def _result(step: Step, context: ShowcaseContext) -> StepResult:
    try:
        return step(context)
    except Outage:
        raise
    except Exception as error:  # noqa: BLE001 - a step that breaks ends the showcase, in words
        translation = to_forecast_error(error)
        return StepResult("fail", f"{translation.problem}; {translation.remedy}")


def _summarise(_stores: Stores, launch: Launch, _tries: Sequence[Try]) -> Summary:
    done = launch.result.get("steps", [])
    what = f"preset {launch.spec['preset']}: {len(done):,} steps"
    if launch.status != "completed" and done:
        what = f"{what}; {done[-1]['step']}: {done[-1]['sentence']}"
    created = launch.result.get("created_objects") or {"run_id": launch.run_id}
    return Summary(what, {"steps": done, "created_objects": created})


def _render(launch: Launch, _tries: Sequence[Try]) -> dict[str, Any]:
    kept = launch.spec["config"].get("workspace_name")
    return {
        "steps": table(launch.result["steps"], ["step", "result", "sentence", "seconds"]),
        "dataset": str(launch.dataset),
        "workspace": "not kept" if kept is None else workspaces.workspace_id(launch.launch_id),
    }


SHOWCASE = LaunchKind(
    name="showcase",
    op="run_showcase",
    config=ShowcaseConfig,
    validate=validate,
    execute=_execute,
    summarise=_summarise,
    render=_render,
    is_exclusive=True,
)
