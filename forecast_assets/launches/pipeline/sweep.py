"""A sweep: many candidates on some series, one leaderboard over all of them.

Belongs here: scoring in groups that an evaluation may have, and pooling the series.
Does not belong here: formulas (``forecasting``), judging the best one (``guardrails``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecast_assets.evaluation_settings import revised
from forecast_assets.forecasting.analysis.totals import totals_by_day
from forecast_assets.forecasting.core.availability import of_window
from forecast_assets.forecasting.core.backtest import Backtest, scored
from forecast_assets.forecasting.core.candidates.catalogue import MOST
from forecast_assets.forecasting.core.folds import eligible
from forecast_assets.forecasting.core.metrics import ITEM_METRICS
from forecast_assets.forecasting.core.ranking import BENCHMARK, rank
from forecast_assets.launches.pipeline.config import Request
from forecast_assets.launches.scoring_context import fit_missing, load_scoring_context, score_rows
from forecast_assets.stores import Stores

POOLED = "all"
NO_SALES = "the newest snapshot has no sales of it"


@dataclass(frozen=True, slots=True)
class Scorable:
    """Which series of a scope can be scored, and why the others cannot."""

    keys: list[str]
    unusable: dict[str, str]


def scorable(stores: Stores, request: Request) -> Scorable:
    """Judge the series of a request: by their whole history, and by the folds that they can be scored on."""
    keys = [str(key) for key in request.pairs]
    plan = request.settings.plan()
    own = revised(request.settings, {"candidates": [BENCHMARK]})
    context = load_scoring_context(stores, request.dataset, own, request.window, keys)
    unusable = {key: NO_SALES for key in keys if key not in context.row}
    if context.row:
        folds = eligible(context.panel.units, context.cutoffs, plan).sum(axis=1)
        for key, row in context.row.items():
            verdict = context.history[key].stricter(of_window(int(folds[row]), plan, context.panel.frequency))
            if verdict.state == "unusable":
                unusable[key] = verdict.reason
    return Scorable([key for key in keys if key not in unusable], unusable)


def sweep(stores: Stores, request: Request, keys: Sequence[str], *, run_id: str) -> Iterator[Backtest]:
    """Score all candidates, at most ten at a time; seasonal naive, the benchmark, is among the first."""
    labels = tuple(dict.fromkeys([BENCHMARK, *request.labels]))
    for start in range(0, len(labels), MOST):
        settings = revised(request.settings, {"candidates": list(labels[start : start + MOST])})
        fit_missing(stores, request.dataset, settings, run_id=run_id)
        context = load_scoring_context(stores, request.dataset, settings, request.window, keys)
        yield score_rows(context, np.arange(len(context.panel.series)), settings.candidates)


def leaderboard(request: Request, parts: Sequence[Backtest]) -> list[dict[str, Any]]:
    """One line per candidate, the best first: every fold pools the days of all series.

    WAPE of many series at once weighs each by what it sells. A candidate that failed for a series is not
    ranked, and says so.
    """
    block = _pooled(parts)
    scores, ranking = block.scores, rank(block.scores, request.settings.ranking_policy())
    counted = np.asarray(np.where(parts[0].folds[..., None], parts[0].actual, np.nan))
    mean = float(np.nanmean(counted)) if np.isfinite(counted).any() else 0.0
    benchmark = float(scores.wape[scores.candidates.index(BENCHMARK), 0])
    errors = _period_total_errors(parts)
    lines = []
    for place, label in enumerate(scores.candidates):
        values = {name: float(getattr(scores, name)[place, 0]) for name in ITEM_METRICS}
        finite_values = {name: value if np.isfinite(value) else None for name, value in values.items()}
        wape, bias = finite_values["wape"], finite_values["bias"]
        lines.append(
            {
                "rank": int(ranking.rank[place, 0]) or None,
                "candidate": label,
                **finite_values,
                "sample_size": int(scores.sample_size[place, 0]),
                "skill": None if wape is None or not 0 < benchmark < np.inf else 100 * (1 - wape / benchmark),
                "period_total_error": errors[label],
                "relative_bias": None if bias is None or not mean else 100 * bias / mean,
                "reason": block.failures.get((label, 0)),
            }
        )
    return sorted(lines, key=lambda line: (line["rank"] is None, line["rank"] or 0))


def _period_total_errors(parts: Sequence[Backtest]) -> dict[str, float | None]:
    """Return the absolute error of the total of each scored day by candidate, in percent of sales."""
    errors = {}
    for part in parts:
        scored = part.folds[..., None] & ~np.isnan(part.actual)
        for label, forecast in zip(part.scores.candidates, part.forecasts, strict=True):
            usable = scored & np.isfinite(forecast)
            sold, units = (np.where(usable, values, 0).sum(axis=0) for values in (part.actual, forecast))
            errors[label] = totals_by_day(sold.astype(np.float64), units.astype(np.float64))[1]
    return errors


def _pooled(parts: Sequence[Backtest]) -> Backtest:
    labels = [label for part in parts for label in part.scores.candidates]
    forecasts = np.concatenate([part.forecasts for part in parts])
    m, n, k, h = forecasts.shape
    actual = np.where(parts[0].folds[..., None], parts[0].actual, np.nan).astype(np.float32)
    failures = {
        (label, 0): f"{part.series[row]}: {why}"
        for part in parts
        for (label, row), why in part.failures.items()
    }
    return scored(
        np.array([POOLED]),
        labels,
        np.asarray(parts[0].folds.any(axis=0, keepdims=True)),
        failures,
        actual=actual.transpose(1, 0, 2).reshape(1, k, n * h),
        forecasts=forecasts.transpose(0, 2, 1, 3).reshape(m, 1, k, n * h),
    )
