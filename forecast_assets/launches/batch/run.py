"""A batch: many candidates of many series, each an item.

Belongs here: what is prepared for all items, what a batch amounts to, and what Dagit shows of it.
Does not belong here: checking a configuration (``request``), one group of items (``scoring``, ``training``).
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import dagster as dg

from forecast_assets.launches import records
from forecast_assets.launches.batch.config import BatchConfig
from forecast_assets.launches.batch.picking import page_of
from forecast_assets.launches.batch.registering import Registrar
from forecast_assets.launches.batch.request import REGISTER, BatchSpec, validate
from forecast_assets.launches.batch.scoring import score
from forecast_assets.launches.batch.training import make, prepare_training
from forecast_assets.launches.jobs import report_fits
from forecast_assets.launches.kind import Execution, LaunchKind, Summary
from forecast_assets.launches.model import Item, ItemResult, Launch, Try
from forecast_assets.launches.scoring_context import fit_missing, load_scoring_context
from forecast_assets.rendering.columns import CHOSEN
from forecast_assets.rendering.tables import filled, links, table
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores

# The more items one pass of the engine takes, the less each costs; the fewer, the sooner a cancellation acts.
_MOST_AT_ONCE = 256
_MOST_LISTED = 200
_STATES = ("completed", "failed", "pending", "running", "cancelled")
# What items can say, in the order in which it is shown.
_COLUMNS = (*CHOSEN["batch-items"][:-1], "total", "model_version")


def _execute(work: Execution) -> None:
    spec = BatchSpec.of(work.stores, work.launch)
    configuration = environment()
    work.work_off(
        _prepared(work, spec),
        slots=configuration.batch_max_parallel,
        most_at_once=_MOST_AT_ONCE,
        ageing_minutes=configuration.batch_ageing_minutes,
    )


def _prepared(work: Execution, spec: BatchSpec) -> Callable[[Sequence[Item]], list[ItemResult]]:
    """Read and fit what all items need."""
    stores = work.stores
    if spec.operation in {"train", "predict"}:
        context = prepare_training(stores, spec)
        return lambda items: make(stores, spec, context, items)
    report_fits(work, spec.dataset.name, fit_missing(stores, spec.dataset, spec.settings, run_id=spec.run_id))
    waiting = sorted({one.series for one in records.tries(stores, spec.batch_id) if one.waits})
    scoring = load_scoring_context(stores, spec.dataset, spec.settings, spec.window, waiting)
    if spec.operation == REGISTER:
        return Registrar(stores, work.registry(), spec, scoring, prepare_training(stores, spec)).work
    return lambda items: score(scoring, items)


def _summarise(_stores: Stores, launch: Launch, tries: Sequence[Try]) -> Summary:
    newest = records.newest(tries)
    by_candidate: dict[str, dict[str, int]] = {}
    for one in newest:
        by_candidate.setdefault(str(one.candidate), dict.fromkeys(_STATES, 0))[one.status] += 1
    summary = {
        **launch.counts,
        "attempts_used": sum(one.attempts for one in newest),
        "by_model_type": by_candidate,
    }
    counts = ", ".join(f"{launch.counts[name]:,} {name}" for name in ("completed", "failed", "cancelled"))
    what = f"{launch.spec['operation']}: {counts} of {launch.total:,} items"
    return Summary(what, {"summary": summary})


def _render(launch: Launch, tries: Sequence[Try]) -> dict[str, Any]:
    """Items that failed first."""
    newest = sorted(records.newest(tries), key=lambda one: (one.status != "failed", one.item_id))[
        :_MOST_LISTED
    ]
    empty = dict.fromkeys(_COLUMNS)
    rows = [{**empty, **asdict(one), **(one.metrics or {}), **(one.outputs or {})} for one in newest]
    return {
        "items": table(rows, filled(rows, _COLUMNS)),
        "links": links((f"{one.series} {one.candidate}", page_of(one)) for one in newest),
        "summary": dg.MetadataValue.json(launch.result["summary"]),
    }


BATCH = LaunchKind(
    name="batch",
    op="work_off_batch",
    config=BatchConfig,
    validate=validate,
    execute=_execute,
    summarise=_summarise,
    render=_render,
)
