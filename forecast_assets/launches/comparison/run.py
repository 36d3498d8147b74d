"""A comparison: a batch of one series, with a verdict.

Belongs here: what all candidates are measured by, one candidate's result, who won.
Does not belong here: ranking and explanation (``verdict``), what Dagit shows (``render``).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from forecast_assets.backtests.metric_rows import Context
from forecast_assets.datasets.definition import Dataset, load
from forecast_assets.forecasting.core.availability import of_window
from forecast_assets.forecasting.core.folds import eligible
from forecast_assets.launches import records
from forecast_assets.launches.comparison.config import CompareConfig, validate
from forecast_assets.launches.comparison.render import render
from forecast_assets.launches.comparison.verdict import ComparisonBasis, Verdict, as_lists, judge
from forecast_assets.launches.jobs import report_fits
from forecast_assets.launches.kind import Execution, LaunchKind, Summary
from forecast_assets.launches.model import Item, ItemResult, Launch, Try
from forecast_assets.launches.scoring_context import (
    ScoringContext,
    fit_missing,
    kind_of,
    load_scoring_context,
    metrics_of,
    score_rows,
)
from forecast_assets.launches.window import restored
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.datasets import DayCountsRow

if TYPE_CHECKING:
    from forecast_assets.stores.rows.values import Status

_ONLY = np.array([0])


def _execute(work: Execution) -> None:
    launch, stores = work.launch, work.stores
    series, dataset = launch.spec["series"], load(stores, str(launch.dataset))
    settings, window = restored(launch.spec["settings"])
    report_fits(work, dataset.name, fit_missing(stores, dataset, settings, run_id=launch.run_id))
    context = load_scoring_context(stores, dataset, settings, window, [series])
    basis = _basis(stores, context, series)
    work.note(basis=basis.as_json())
    refused = launch.spec.get("refused", {})

    def score(items: Sequence[Item]) -> list[ItemResult]:
        return [_scored(context, basis, item, refused.get(item.candidate)) for item in items]

    work.work_off(score, slots=environment().comparison_max_parallel)


def _basis(stores: Stores, context: ScoringContext, series: str) -> ComparisonBasis:
    plan, start = context.settings.plan(), context.cutoffs + context.settings.gap
    folds = eligible(context.panel.units, context.cutoffs, plan)[0]
    window = of_window(int(folds.sum()), plan, context.panel.frequency)
    availability = context.history[series].stricter(window)
    days = start[:, None] + np.arange(plan.horizon)
    (counts,) = stores.warehouse.rows(DayCountsRow, series=[series])
    return ComparisonBasis(
        actual=as_lists(context.panel.units[0, days]),
        counted=folds.tolist(),
        first_days=[str(context.panel.date(int(day))) for day in start],
        period=context.panel.frequency.name,
        state=availability.state,
        reason=availability.reason,
        counts=counts,
    )


def _scored(context: ScoringContext, basis: ComparisonBasis, item: Item, refusal: str | None) -> ItemResult:
    """What is recorded of one candidate: its forecasts and metrics, or its failure."""
    if basis.state == "unusable":
        return ItemResult(item.item_id, None, f"unusable: {basis.reason}", "Unusable")
    if refusal is not None:
        return ItemResult(item.item_id, None, refusal, "BadSetting")
    block = score_rows(context, _ONLY, [item.candidate])
    if (failure := block.failures.get((item.candidate, 0))) is not None:
        return ItemResult(item.item_id, None, failure, kind_of(failure))
    place = block.scores.candidates.index(item.candidate)
    forecasts = as_lists(block.forecasts[place, 0])
    return ItemResult(
        item.item_id, metrics_of(block, item.candidate, 0), outputs={"fold_forecasts": forecasts}
    )


def _summarise(stores: Stores, launch: Launch, tries: Sequence[Try]) -> Summary:
    """Compute the verdict; a comparison that nobody won has failed."""
    status: Status = launch.status
    verdict = _verdict(stores, launch, records.newest(tries))
    winner = None if verdict is None else verdict.winner
    if status in {"completed", "partial"} and winner is None and launch.completed:
        status = "failed"  # nothing that was computed can be ranked
    if status not in {"completed", "partial"}:
        winner = None
    reason = _why_nobody(launch, verdict)
    counts = ", ".join(f"{launch.counts[name]:,} {name}" for name in ("completed", "failed", "cancelled"))
    what = f"{launch.spec['series']}: {f'winner {winner}' if winner else reason}"
    return Summary(
        f"{what} ({counts} of {launch.total:,})",
        {"winner": winner, "verdict": None if verdict is None else verdict.result},
        status,
        None if winner else {"problem": reason},
    )


def _why_nobody(launch: Launch, verdict: Verdict | None) -> str:
    basis = launch.result.get("basis")
    if basis is not None and basis["state"] == "unusable":
        return f"unusable: {basis['reason']}"
    return "no winner" if verdict is None else verdict.reason


def _verdict(stores: Stores, launch: Launch, candidates: Sequence[Try]) -> Verdict | None:
    if launch.result.get("basis") is None:
        return None
    dataset = load(stores, str(launch.dataset))
    return judge(
        _context(launch, dataset),
        launch.spec["series"],
        ComparisonBasis.of(launch.result["basis"]),
        candidates,
    )


def _context(launch: Launch, dataset: Dataset) -> Context:
    snapshot = dataset.built()
    settings, _ = restored(launch.spec["settings"])
    return Context(
        dataset=dataset.name,
        snapshot=snapshot.hash,
        settings=settings,
        anchor=snapshot.last_day,
        cutoffs=np.zeros(0, np.int64),  # folds are stored by their days
        first_days=np.zeros(0, "datetime64[D]"),
        run_id=launch.launch_id,
        plan_steps={},
        period=dataset.options.period.name,
    )


COMPARISON = LaunchKind(
    name="compare",
    op="compare",
    config=CompareConfig,
    validate=validate,
    execute=_execute,
    summarise=_summarise,
    render=render,
)
