"""The record of a model pipeline: one row, kept up to date from its plan to its end.

Belongs here: writing what a pipeline knows so far, and ending it once.
Does not belong here: the work (``work``).
"""

import json
from collections.abc import Sequence
from typing import Any

import polars as pl

from forecast_assets.error_translation import told_of, translated
from forecast_assets.errors import ForecastError
from forecast_assets.launches.pipeline.config import PipelineConfig, Request
from forecast_assets.stores import Stores
from forecast_assets.stores.warehouse import Row


def create(stores: Stores, config: PipelineConfig, asked: Request, *, run_id: str) -> None:
    """Write down the plan of a pipeline that has done nothing yet."""
    row = {
        "run_id": run_id,
        "dataset": config.dataset,
        "requested_by": config.requested_by,
        "mode": config.mode.value,
        "dry_run": config.dry_run,
        "request": json.dumps(
            {**config.model_dump(mode="json", exclude_none=True), "candidates_tried": list(asked.labels)}
        ),
        "guardrails": json.dumps(asked.guardrails.told()),
        "status": "pending",
        "summary": asked.plan(),
    }
    with stores.warehouse.transaction() as connection:
        stores.warehouse.copy(connection, "pipeline_run", pl.DataFrame([row]))


def read(stores: Stores, run_id: str) -> Row | None:
    """The row of a pipeline run, if there is one."""
    return stores.warehouse.row("pipeline_run", run_id=run_id)


def note(stores: Stores, run_id: str, **known: Any) -> None:  # noqa: ANN401 - parts of the record, as JSON
    """Write down parts that are known now: dataset_run, backtests, chosen, training."""
    parts = ("dataset_run", "backtests", "chosen", "training")
    texts: dict[str, Any] = {
        name: json.dumps(known[name], default=str) if name in known else None for name in parts
    }
    stores.warehouse.execute("pipeline_note", None, run_id=run_id, **texts)


def end(
    stores: Stores,
    run_id: str,
    status: str,
    summary: str,
    *,
    next_steps: Sequence[str],
    error: ForecastError | None = None,
) -> Row | None:
    """End a pipeline once; what was written down before stays."""
    told = None if error is None else json.dumps(told_of(error))
    stores.warehouse.execute(
        "pipeline_end",
        run_id=run_id,
        status=status,
        summary=summary,
        next_steps=json.dumps(list(next_steps)),
        error=told,
    )
    return read(stores, run_id)


def fail(stores: Stores, run_id: str, error: BaseException) -> Row | None:
    """End a pipeline with a fault, in a planner's words, with what happened beneath."""
    known = translated(error)
    summary = f"it ended with a fault: {known.problem}"
    return end(stores, run_id, "error", summary, next_steps=[known.remedy], error=known)
