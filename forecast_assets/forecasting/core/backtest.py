"""Backtest a block of series: forecasts of every candidate at every cutoff, and their metrics.

Belongs here: running candidates over folds, isolating the one that fails, spreading blocks over processes.
Does not belong here: ranking (``ranking``) and everything that reads or writes.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core import metrics
from forecast_assets.forecasting.core.arrays import Forecasts
from forecast_assets.forecasting.core.candidates.catalogue import ensemble, is_blend, is_global, members
from forecast_assets.forecasting.core.demand import demand_classes
from forecast_assets.forecasting.core.fold_distributions import distribution_sums
from forecast_assets.forecasting.core.fold_errors import DistributionSums
from forecast_assets.forecasting.core.folds import FoldPlan, eligible
from forecast_assets.forecasting.core.isolation import isolated
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.forecasting.core.pool import Pool
from forecast_assets.forecasting.core.ranking import Scores

# Large enough to amortise a task, small enough that its arrays fit the processor's cache.
BLOCK = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Backtest:
    """Results of m candidates for n series over k folds of h days.

    ``forecasts`` (m, n, k, h) and ``actual`` (n, k, h) float32, NaN = unknown or not observed;
    ``folds`` (n, k) tells which folds count; ``fold_metrics`` are NaN elsewhere. ``failures`` maps
    (candidate, series row) to the reason.
    """

    series: NDArray[np.str_]
    folds: NDArray[np.bool_]
    actual: Forecasts
    forecasts: Forecasts
    fold_metrics: metrics.FoldMetrics
    scores: Scores
    stability: NDArray[np.float64]
    failures: Mapping[tuple[str, int], str]


def backtest(
    panel: Panel,
    cutoffs: NDArray[np.int64],
    plan: FoldPlan,
    candidates: Sequence[str],
    global_forecasts: Mapping[str, Forecasts | str],
    *,
    left_out: Mapping[str, tuple[NDArray[np.bool_], str]] | None = None,
    pool: Pool | None = None,
) -> Backtest:
    """Score ``candidates`` on the folds of ``cutoffs``.

    ``given`` holds, for every global candidate, its forecasts (n, k, h) or the reason there are none;
    ``left_out`` the series (n,) that a candidate does not run for, with the reason; blends take weights and
    medians from the ``pool`` of the dataset.
    """
    units = panel.units
    ahead = plan.gap + np.arange(plan.horizon)
    actual = units[:, cutoffs[:, None] + ahead]
    folds = eligible(units, cutoffs, plan)
    failures: dict[tuple[str, int], str] = {}
    forecasts = np.full((len(candidates), *actual.shape), np.nan, np.float32)
    for position, name in enumerate(candidates):
        if ensemble(name):
            continue  # its members come first
        if is_global(name):
            forecast = global_forecasts.get(name, "no global forecasts were given")
            if isinstance(forecast, str):
                failures.update({(name, row): forecast for row in range(len(units))})
            else:
                forecasts[position] = forecast
            continue
        out, reason = (left_out or {}).get(name, (np.zeros(len(units), np.bool_), ""))
        rows = np.flatnonzero(~out)
        answer, broken = isolated(name, panel.take(rows), cutoffs, plan.gap + plan.horizon, plan.window())
        forecasts[position, rows] = answer[:, :, plan.gap :]
        failures.update({(name, int(rows[at])): why for at, why in broken.items()})
        failures.update({(name, int(row)): reason for row in np.flatnonzero(out)})
    _average(candidates, forecasts, failures)
    classes = demand_classes(units)
    curves = _blend(candidates, forecasts, failures, pool, classes)
    spreads = [
        distribution_sums(pool, name, curves, actual=actual, folds=folds, classes=classes)
        for name in candidates
    ]
    return scored(
        panel.series, candidates, folds, failures, actual=actual, forecasts=forecasts, spreads=spreads
    )


def _average(candidates: Sequence[str], forecasts: Forecasts, failures: dict[tuple[str, int], str]) -> None:
    """Fill in the ensembles; one with a failed member fails for the same reason."""
    by_name = dict(zip(candidates, forecasts, strict=True))
    for position, name in enumerate(candidates):
        if (mean := ensemble(name)) is None or is_blend(name):
            continue
        forecasts[position] = mean.mean(by_name)
        failed = {(member, row): why for (member, row), why in failures.items() if member in mean.of()}
        failures.update({(name, row): f"{member}: {why}" for (member, row), why in failed.items()})


def _blend(
    candidates: Sequence[str],
    forecasts: Forecasts,
    failures: dict[tuple[str, int], str],
    pool: Pool | None,
    classes: Sequence[str | None],
) -> dict[str, Forecasts]:
    """Fill in the blends; one fails only where none of its members gives a number.

    Return the forecasts by name.
    """
    by_name = dict(zip(candidates, forecasts, strict=True))
    pool = pool or Pool({}, {}, {}, 0, whole=False)
    for position, name in enumerate(candidates):
        if not is_blend(name):
            continue
        curve = pool.curve(name, members(name), by_name, classes)
        forecasts[position] = pool.medians(name, curve)
        nothing = np.flatnonzero(~np.isfinite(curve).any(axis=(1, 2)))
        reasons = {row: why for (member, row), why in failures.items() if member in members(name)}
        failures.update({(name, row): reasons[row] for row in nothing.tolist() if row in reasons})
    return by_name


def scored(
    series: NDArray[np.str_],
    candidates: Sequence[str],
    folds: NDArray[np.bool_],
    failures: Mapping[tuple[str, int], str],
    *,
    actual: Forecasts,
    forecasts: Forecasts,
    spreads: Sequence[DistributionSums | None] | None = None,
) -> Backtest:
    """Measure forecasts (m, n, k, h) that are there already against what was sold (n, k, h).

    ``spreads`` (m,) say what their distributions missed.
    """
    measured = metrics.fold_metrics(np.where(folds[..., None], actual, np.nan), forecasts, spreads)
    scores = scores_of(candidates, measured, folds)
    return Backtest(
        series=series,
        folds=folds,
        actual=actual,
        forecasts=forecasts,
        fold_metrics=measured,
        scores=scores,
        stability=metrics.stability(measured.wape, folds),
        failures=failures,
    )


def scores_of(candidates: Sequence[str], measured: metrics.FoldMetrics, folds: NDArray[np.bool_]) -> Scores:
    """Return the means of fold metrics over the folds (n, k) that count."""
    mean = partial(metrics.aggregate, folds_mask=folds)
    return Scores(
        candidates=tuple(candidates),
        **{name: mean(getattr(measured, name)) for name in metrics.METRICS},
        # A fold that a candidate gave no number for is not part of its mean either.
        sample_size=np.where(np.isnan(measured.mae), 0, measured.sample_size).sum(axis=-1),
        fold_wape=np.where(folds, measured.wape, np.nan),
    )


def backtests(
    panel: Panel,
    cutoffs: NDArray[np.int64],
    plan: FoldPlan,
    candidates: Sequence[str],
    global_forecasts: Mapping[str, Forecasts | str],
    *,
    processes: int,
    left_out: Mapping[str, tuple[NDArray[np.bool_], str]] | None = None,
    pool: Pool | None = None,
) -> Iterator[Backtest]:
    """Backtest a panel block by block, in order, over ``processes``; the numbers do not depend on them."""
    score = partial(backtest, cutoffs=cutoffs, plan=plan, candidates=tuple(candidates), pool=pool)
    blocks = [
        _block(panel, global_forecasts, left_out or {}, start) for start in range(0, len(panel.series), BLOCK)
    ]
    if processes == 1 or len(blocks) == 1:
        yield from (score(part, global_forecasts=gift, left_out=out) for part, gift, out in blocks)
        return
    # Threads of the parent (Dagster's, LightGBM's) make a fork hang; a fresh interpreter costs 0.3 s.
    with ProcessPoolExecutor(min(processes, len(blocks)), mp_context=get_context("spawn")) as workers:
        ahead: deque[Future[Backtest]] = deque()
        for part, gift, out in blocks:
            ahead.append(workers.submit(score, part, global_forecasts=gift, left_out=out))
            if len(ahead) > 2 * processes:  # a slow reader must not pile up results in memory
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def forecasts_of(
    global_forecasts: Mapping[str, Forecasts | str], rows: NDArray[np.int64]
) -> dict[str, Forecasts | str]:
    """Return the forecasts by candidate of some rows, and the reasons where there are none."""
    return {
        name: forecast if isinstance(forecast, str) else forecast[rows]
        for name, forecast in global_forecasts.items()
    }


def _block(
    panel: Panel,
    global_forecasts: Mapping[str, Forecasts | str],
    left_out: Mapping[str, tuple[NDArray[np.bool_], str]],
    start: int,
) -> tuple[Panel, dict[str, Forecasts | str], dict[str, tuple[NDArray[np.bool_], str]]]:
    rows = np.arange(start, min(start + BLOCK, len(panel.series)))
    return (
        panel.take(rows),
        forecasts_of(global_forecasts, rows),
        {name: (out[rows], why) for name, (out, why) in left_out.items()},
    )
