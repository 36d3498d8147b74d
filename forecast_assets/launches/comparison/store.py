"""The records of a comparison: one row for it, one per candidate.

Belongs here: writing, claiming, recording and settling, each in one transaction.
Does not belong here: computing what is recorded (``work``, ``verdict``).
"""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from forecast_assets.backtests.results import Context
from forecast_assets.datasets.definition import load
from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.launches.comparison.config import Comparison
from forecast_assets.launches.comparison.verdict import Laid, Verdict, judge
from forecast_assets.launches.settlement import TERMINAL, settled
from forecast_assets.stores import Stores
from forecast_assets.stores.warehouse import Row

MESSAGE_LENGTH = 2000
ENDED = ("the process that worked on it ended before it did; compare again", "ProcessEnded")
CANCELLED = ("cancelled", "Cancelled")


def create(stores: Stores, asked: Comparison, *, run_id: str) -> None:
    """Write a comparison and its pending candidates, or nothing."""
    window = {"first": asked.window.first, "last": asked.window.last}
    told = {
        "evaluation": asked.settings.model_dump(mode="json"),
        "window": window,
        "parallel": asked.parallel,
    }
    labels = asked.settings.candidates
    row = {
        "run_id": run_id,
        "dataset": asked.dataset.name,
        "series": asked.series,
        "settings": json.dumps(told, default=str),
        "status": "pending",
        "total_candidates": len(labels),
    }
    members = {"run_id": run_id, "ordinal": range(1, len(labels) + 1), "candidate": labels}
    with stores.warehouse.transaction() as connection:
        stores.warehouse.copy(connection, "comparison", pl.DataFrame([row]))
        stores.warehouse.copy(connection, "comparison_candidate", pl.DataFrame(members))


def read(stores: Stores, run_id: str) -> Row | None:
    """The row of a comparison, if there is one."""
    return stores.warehouse.row("comparison", run_id=run_id)


def candidates(stores: Stores, run_id: str) -> list[Row]:
    """All candidates of a comparison in the order in which they were asked for."""
    return stores.warehouse.rows("comparison_candidates", run_id=run_id)


def begin(stores: Stores, run_id: str, laid: Laid) -> None:
    """Write down what candidates are measured by; what was in hand before a step's retry waits again."""
    with stores.warehouse.transaction() as connection:
        stores.warehouse.execute("comparison_reopen", connection, run_id=run_id)
        stores.warehouse.execute(
            "comparison_begin", connection, run_id=run_id, laid_out=json.dumps(laid.told())
        )


def claim(stores: Stores, run_id: str) -> Row | None:
    """Take the next pending candidate; none is ever taken twice."""
    return stores.warehouse.row("comparison_claim", run_id=run_id)


def record(
    stores: Stores,
    run_id: str,
    ordinal: object,
    *,
    forecasts: list[list[float | None]] | None,
    metrics: dict[str, Any] | None,
    error: str | None,
    error_type: str | None,
) -> None:
    """Write down how a candidate in hand ended."""
    stores.warehouse.execute(
        "comparison_record",
        run_id=run_id,
        ordinal=ordinal,
        status="completed" if error is None else "failed",
        forecasts=None if forecasts is None else json.dumps(forecasts),
        metrics=None if metrics is None else json.dumps(metrics),
        error=None if error is None else error[:MESSAGE_LENGTH],
        error_type=error_type,
    )


def cancel(stores: Stores, run_id: str) -> bool:
    """Let nobody begin another candidate; answer whether the comparison had not ended yet."""
    return stores.warehouse.execute("comparison_cancel", run_id=run_id) > 0


def is_cancelled(stores: Stores, run_id: str) -> bool:
    """Whether somebody asked for the end of a comparison."""
    row = read(stores, run_id)
    return row is not None and row["cancel_requested_at"] is not None


def waits(stores: Stores, run_id: str) -> bool:
    """Whether candidates wait that may still be begun."""
    states = {row["status"] for row in candidates(stores, run_id)}
    return "pending" in states and not is_cancelled(stores, run_id)


def settle(
    stores: Stores, run_id: str, *, unfinished: tuple[str, str] = ENDED, error: str | None = None
) -> Row:
    """End a comparison exactly once, compute its result exactly then, and answer its row.

    What has not ended is cancelled where that was asked for, else it has failed with ``unfinished``.
    """
    with stores.warehouse.transaction() as connection:
        (row,) = stores.warehouse.rows_in(connection, "comparison_locked", run_id=run_id)
        if row["status"] in TERMINAL:
            return row
        asked = row["cancel_requested_at"] is not None
        told, kind = CANCELLED if asked else unfinished
        stores.warehouse.execute(
            "comparison_close",
            connection,
            run_id=run_id,
            status="cancelled" if asked else "failed",
            error=told,
            error_type=kind,
        )
        members = stores.warehouse.rows_in(connection, "comparison_candidates", run_id=run_id)
        count = Counter(str(member["status"]) for member in members)
        counts = {name: count[name] for name in ("completed", "failed", "cancelled")}
        verdict = _verdict(stores, row, members)
        stores.warehouse.execute(
            "comparison_settle",
            connection,
            run_id=run_id,
            **counts,
            **_ended(counts, verdict, error),
        )
    return read(stores, run_id) or row


def _ended(counts: dict[str, int], verdict: Verdict | None, error: str | None) -> dict[str, object]:
    status = settled(**counts, empty="failed")
    if (
        status in {"completed", "partial"}
        and (verdict is None or verdict.winner is None)
        and counts["completed"]
    ):
        status = "failed"  # nothing that was computed can be ranked
    nobody = None if verdict is None or verdict.winner is not None else verdict.reason
    return {
        "status": status,
        "winner": verdict.winner if verdict and status in {"completed", "partial"} else None,
        "result": None if verdict is None else json.dumps(verdict.result),
        "error": error or nobody,
    }


def _verdict(stores: Stores, row: Row, members: Sequence[Row]) -> Verdict | None:
    stored: Any = row["laid_out"]
    if stored is None:
        return None
    dataset = load(stores, str(row["dataset"]))
    snapshot = dataset.built()
    told: Any = row["settings"]
    context = Context(
        dataset=dataset.name,
        snapshot=snapshot.hash,
        settings=EvaluationSettings.model_validate_json(json.dumps(told["evaluation"])),
        anchor=snapshot.last_day,
        cutoffs=np.zeros(0, np.int64),  # folds are stored by their days
        start=snapshot.first_day,
        run_id=str(row["run_id"]),
        plan_steps={},
    )
    return judge(context, str(row["series"]), Laid.of(stored), members)
