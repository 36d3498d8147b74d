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

from forecast_assets.forecasting import metrics
from forecast_assets.forecasting.candidates.catalogue import ensemble, is_global, local
from forecast_assets.forecasting.candidates.protocol import Candidate
from forecast_assets.forecasting.folds import FoldPlan, eligible
from forecast_assets.forecasting.panel import Panel
from forecast_assets.forecasting.ranking import Scores

# Large enough to amortise a task, small enough that its arrays fit the processor's cache.
BLOCK = 1024
Forecasts = NDArray[np.float32]


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
    given: Mapping[str, Forecasts | str],
) -> Backtest:
    """Score ``candidates`` on the folds of ``cutoffs``.

    ``given`` holds, for every global candidate, its forecasts (n, k, h) or the reason there are none.
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
            made = given.get(name, "no global forecasts were given")
            if isinstance(made, str):
                failures.update({(name, row): made for row in range(len(units))})
            else:
                forecasts[position] = made
            continue
        forecasts[position], broken = _isolated(local(name), panel, cutoffs, plan)
        failures.update({(name, row): why for row, why in broken.items()})
    _average(candidates, forecasts, failures)
    return _scored(panel.series, candidates, folds, failures, actual=actual, forecasts=forecasts)


def _average(candidates: Sequence[str], forecasts: Forecasts, failures: dict[tuple[str, int], str]) -> None:
    """Fill in the ensembles; one with a failed member fails for the same reason."""
    by_name = dict(zip(candidates, forecasts, strict=True))
    for position, name in enumerate(candidates):
        if (mean := ensemble(name)) is None:
            continue
        forecasts[position] = mean.mean(by_name)
        failed = {(member, row): why for (member, row), why in failures.items() if member in mean.of()}
        failures.update({(name, row): f"{member}: {why}" for (member, row), why in failed.items()})


def _isolated(
    candidate: Candidate, panel: Panel, cutoffs: NDArray[np.int64], plan: FoldPlan
) -> tuple[Forecasts, dict[int, str]]:
    """Forecast all series at once; if that raises, one by one, so that only the culprits fail."""
    ahead = plan.gap + plan.horizon
    try:
        made = np.asarray(candidate.predict(panel, cutoffs, ahead, plan.window()), np.float32)
        if made.shape != (len(panel.series), len(cutoffs), ahead):
            raise ValueError(f"forecasts of {made.shape} series, folds and days")  # noqa: TRY301 - as if it raised
        return made[:, :, plan.gap :], {}
    except Exception as error:  # noqa: BLE001 - a model may raise anything, and its neighbours must not pay
        if len(panel.series) == 1:
            nothing = np.full((1, len(cutoffs), plan.horizon), np.nan, np.float32)
            return nothing, {0: f"{type(error).__name__}: {error}"}
    parts, broken = [], {}
    for row in range(len(panel.series)):
        part, why = _isolated(candidate, panel.take(np.array([row])), cutoffs, plan)
        parts.append(part)
        if why:
            broken[row] = why[0]
    return np.concatenate(parts), broken


def _scored(
    series: NDArray[np.str_],
    candidates: Sequence[str],
    folds: NDArray[np.bool_],
    failures: Mapping[tuple[str, int], str],
    *,
    actual: Forecasts,
    forecasts: Forecasts,
) -> Backtest:
    measured = metrics.fold_metrics(np.where(folds[..., None], actual, np.nan), forecasts)
    mean = partial(metrics.aggregate, folds_mask=folds)
    scores = Scores(
        candidates=tuple(candidates),
        wape=mean(measured.wape),
        smape=mean(measured.smape),
        mae=mean(measured.mae),
        bias=mean(measured.bias),
        rmse=mean(measured.rmse),
        # A fold that a candidate gave no number for is not part of its mean either.
        sample_size=np.where(np.isnan(measured.mae), 0, measured.sample_size).sum(axis=-1),
        fold_wape=np.where(folds, measured.wape, np.nan),
    )
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


def backtests(
    panel: Panel,
    cutoffs: NDArray[np.int64],
    plan: FoldPlan,
    candidates: Sequence[str],
    given: Mapping[str, Forecasts | str],
    *,
    processes: int,
) -> Iterator[Backtest]:
    """Backtest a panel block by block, in order, over ``processes``; the numbers do not depend on them."""
    score = partial(backtest, cutoffs=cutoffs, plan=plan, candidates=tuple(candidates))
    blocks = [_block(panel, given, start) for start in range(0, len(panel.series), BLOCK)]
    if processes == 1 or len(blocks) == 1:
        yield from (score(part, given=gift) for part, gift in blocks)
        return
    # Threads of the parent (Dagster's, LightGBM's) make a fork hang; a fresh interpreter costs 0.3 s.
    with ProcessPoolExecutor(min(processes, len(blocks)), mp_context=get_context("spawn")) as pool:
        ahead: deque[Future[Backtest]] = deque()
        for part, gift in blocks:
            ahead.append(pool.submit(score, part, given=gift))
            if len(ahead) > 2 * processes:  # a slow reader must not pile up results in memory
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _block(
    panel: Panel, given: Mapping[str, Forecasts | str], start: int
) -> tuple[Panel, dict[str, Forecasts | str]]:
    rows = np.arange(start, min(start + BLOCK, len(panel.series)))
    return panel.take(rows), {
        name: made if isinstance(made, str) else made[rows] for name, made in given.items()
    }
