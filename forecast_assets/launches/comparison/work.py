"""A comparison from its first candidate to its verdict, and what to do when its process died.

Belongs here: the order of things, whatever ends them early.
Does not belong here: Dagster, threads (``crew``), records (``store``), the result (``verdict``).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from forecast_assets.dagster_internals.interrupts import terminations
from forecast_assets.errors import BadSetting, Outage
from forecast_assets.forecasting.core.availability import of_window
from forecast_assets.forecasting.core.folds import eligible
from forecast_assets.global_models.fold_models import Fitted
from forecast_assets.launches.comparison import store
from forecast_assets.launches.comparison.config import CompareConfig, Comparison, checked
from forecast_assets.launches.comparison.verdict import Laid, as_lists
from forecast_assets.launches.scoring_context import (
    Board,
    fit_missing,
    kind_of,
    lay_out,
    metrics_of,
    score_rows,
)
from forecast_assets.launches.settlement import TERMINAL
from forecast_assets.launches.worker_pool import Crew, Labour, Watch
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores
from forecast_assets.stores.warehouse import Row

LOCK = "comparison"
_ONLY = np.array([0])


def run(
    stores: Stores,
    config: CompareConfig,
    *,
    run_id: str,
    watch: Watch,
    fitted: Callable[[Sequence[Fitted]], object],
) -> Row:
    """Score every candidate of one series and answer the settled row.

    Raises ``ForecastError`` before anything is written when the comparison cannot be made.
    """
    with stores.warehouse.locks() as locks:
        if not locks.take(LOCK, run_id):
            raise BadSetting(f"comparison {run_id} is being worked on", remedy="wait for its end")
        known = store.read(stores, run_id)
        if known is not None and known["status"] in TERMINAL:
            return known  # the step is tried again for what came after the settlement
        asked = checked(stores, config)
        if known is None:
            store.create(stores, asked, run_id=run_id)
        board, laid = _prepared(stores, asked, run_id, fitted)
        if laid.state == "unusable":
            told = f"unusable: {laid.reason}"
            return store.settle(stores, run_id, unfinished=(told, "Unusable"), error=told)
        with terminations() as terminated:
            Crew(locks, _labour(stores, board, run_id), asked.parallel).work(terminated, watch)
            return store.settle(stores, run_id)


def _prepared(
    stores: Stores, asked: Comparison, run_id: str, fitted: Callable[[Sequence[Fitted]], object]
) -> tuple[Board, Laid]:
    try:
        fitted(fit_missing(stores, asked.dataset, asked.settings, run_id=run_id))
        board = lay_out(stores, asked.dataset, asked.settings, asked.window, [asked.series])
        laid = _laid(stores, board, asked.series)
        store.begin(stores, run_id, laid)
    except Outage:
        raise
    except BaseException as error:
        told = f"{type(error).__name__}: {error}"[: store.MESSAGE_LENGTH]
        store.settle(stores, run_id, unfinished=(told, type(error).__name__), error=told)
        raise
    return board, laid


def _laid(stores: Stores, board: Board, series: str) -> Laid:
    plan, start = board.settings.plan(), board.cutoffs + board.settings.gap
    folds = eligible(board.panel.units, board.cutoffs, plan)[0]
    verdict = board.history[series].stricter(of_window(int(folds.sum()), plan))
    days = start[:, None] + np.arange(plan.horizon)
    (counts,) = stores.warehouse.rows("day_counts", series=[series])
    return Laid(
        actual=as_lists(board.panel.units[0, days]),
        counted=folds.tolist(),
        first_days=[str(np.datetime64(board.panel.start, "D") + int(day)) for day in start],
        state=verdict.state,
        reason=verdict.reason,
        counts={name: value for name, value in counts.items() if isinstance(value, int | float | str | None)},
    )


def _labour(stores: Stores, board: Board, run_id: str) -> Labour:
    def piece() -> bool:
        taken = store.claim(stores, run_id)
        if taken is not None:
            store.record(stores, run_id, taken["ordinal"], **_scored(board, str(taken["candidate"])))
        return taken is not None

    return Labour(
        piece=piece,
        waits=lambda: store.waits(stores, run_id),
        cancel=lambda: store.cancel(stores, run_id),
        pool="comparison",
        places=environment().comparison_max_parallel,
    )


def _scored(board: Board, label: str) -> dict[str, Any]:
    """What is recorded of one candidate: its forecasts and metrics, or its failure."""
    failed: dict[str, Any] = {"forecasts": None, "metrics": None}
    try:
        block = score_rows(board, _ONLY, [label])
    except Outage:
        raise
    except Exception as error:  # noqa: BLE001 - costs this candidate, and is on record with it
        return {**failed, "error": f"{type(error).__name__}: {error}", "error_type": type(error).__name__}
    if (failure := block.failures.get((label, 0))) is not None:
        return {**failed, "error": failure, "error_type": kind_of(failure)}
    place = block.scores.candidates.index(label)
    return {
        "forecasts": as_lists(block.forecasts[place, 0]),
        "metrics": metrics_of(block, label, 0),
        "error": None,
        "error_type": None,
    }


def settle_dead(stores: Stores, run_id: str) -> bool:
    """Settle a comparison whose process is gone; answer whether there was anything to settle."""
    with stores.warehouse.locks() as locks:
        row = store.read(stores, run_id)
        if row is None or row["completed_at"] is not None or not locks.take(LOCK, run_id):
            return False
        store.settle(stores, run_id)
        return True
