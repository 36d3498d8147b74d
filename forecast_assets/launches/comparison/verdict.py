"""The verdict of a comparison: ranking, chart data and explanation, from what its candidates left.

Belongs here: what all candidates are measured by, as it is stored, and the one result computed from it.
Does not belong here: formulas (``forecasting``), wording of a choice (``backtests.champions``), records.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from forecast_assets.backtests.champions import Choice, choose_champions
from forecast_assets.backtests.metric_rows import Context, metric_frame
from forecast_assets.forecasting.core.arrays import Forecasts
from forecast_assets.forecasting.core.availability import Availability
from forecast_assets.forecasting.core.backtest import Backtest, scored
from forecast_assets.forecasting.core.claims import Claim
from forecast_assets.forecasting.core.demand import is_intermittent
from forecast_assets.forecasting.core.frequency import DAY, FREQUENCIES, FrequencyName
from forecast_assets.forecasting.core.metrics import OF_CURVES, FoldMetrics
from forecast_assets.forecasting.core.ranking import rank
from forecast_assets.launches.model import Try
from forecast_assets.stores.rows.datasets import DayCountsRow
from forecast_assets.stores.rows.values import Json, State


@dataclass(frozen=True, slots=True)
class ComparisonBasis:
    """What was sold on the days that candidates are scored on, as JSON: one list per fold, null = unknown."""

    actual: list[list[float | None]]
    counted: list[bool]
    first_days: list[str]
    period: FrequencyName
    state: State
    reason: str
    counts: DayCountsRow

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        return cls(**{"period": DAY.name, **stored})

    def as_json(self) -> Json:
        return asdict(self)


def as_lists(values: Forecasts) -> list[list[float | None]]:
    """An array (k, h) as JSON; every float32 comes back as it was."""
    return [[float(value) if np.isfinite(value) else None for value in fold] for fold in values]


def as_array(lists: Sequence[Sequence[float | None]]) -> Forecasts:
    """The inverse of ``as_lists``."""
    return np.array([[np.nan if value is None else value for value in fold] for fold in lists], np.float32)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who won (``winner`` is ``None`` for nobody) and everything that is shown of it."""

    winner: str | None
    reason: str
    result: Json


def judge(context: Context, series: str, basis: ComparisonBasis, candidates: Sequence[Try]) -> Verdict:
    """Rank the completed candidates; the others stay in the table with their reason."""
    block = _block(series, basis, candidates)
    policy = context.settings.ranking_policy()
    intermittent = np.array([is_intermittent(basis.counts["demand_class"])])
    ranking = rank(block.scores, policy, intermittent=intermittent)
    rows = metric_frame(block, ranking, context, np.array([0])).to_dicts()
    reasons = [row["reason"] for row in rows]
    (choice,) = choose_champions(
        block.scores,
        ranking,
        policy,
        availability=[Availability(basis.state, basis.reason)],
        counts=[basis.counts],
        excluded=lambda _: max(reasons, key=reasons.count),
        period=context.period,
        claims=[Claim(reason="comparisons promise nothing: an evaluation of the dataset does")],
    )
    table = [_line(row, candidate) for row, candidate in zip(rows, candidates, strict=True)]
    table.sort(key=lambda line: (line["rank"] is None, line["rank"]))
    result = {
        "ranking": table,
        "champion": _champion(choice),
        "charts": _charts(block, basis, table, choice.champion),
        "explanation": dict(choice.explanation),
    }
    return Verdict(choice.champion, choice.reason, result)


def _block(series: str, basis: ComparisonBasis, candidates: Sequence[Try]) -> Backtest:
    actual = as_array(basis.actual)[None]
    labels = [str(candidate.candidate) for candidate in candidates]
    unknown = np.full(actual.shape[1:], np.nan, np.float32)
    forecasts = [as_array(one.outputs["fold_forecasts"]) if one.outputs else unknown for one in candidates]
    failures = {
        (str(one.candidate), 0): one.error_message or one.status
        for one in candidates
        if one.status != "completed"
    }
    return scored(
        np.array([series]),
        labels,
        np.array([basis.counted]),
        failures,
        actual=actual,
        forecasts=np.stack(forecasts)[:, None],
    )


def _line(row: Mapping[str, Any], candidate: Try) -> Json:
    names = ("candidate", "rank", "reason", *OF_CURVES, "sample_size", "stability")
    fold = list(row["fold_wape"])
    return {
        **{name: row[name] for name in names},
        "included": row["rank"] is not None,
        "status": candidate.status,
        "fold_wape": [value if value is not None and np.isfinite(value) else None for value in fold],
    }


def _champion(choice: Choice) -> Json:
    names = ("champion", "runner_up", "wape", "skill_vs_seasonal_naive", "confidence", "reason")
    return {name: getattr(choice, name) for name in names}


def _charts(block: Backtest, basis: ComparisonBasis, table: Sequence[Json], winner: str | None) -> Json:
    """What the four charts draw; keyed by candidates with their parameters, so that none hides another."""
    included = [line["candidate"] for line in table if line["included"]]
    by_label = {line["candidate"]: line for line in table}
    return {
        "period": basis.period,
        "wape_by_model": {label: by_label[label]["wape"] for label in included},
        "bias_by_model": {label: by_label[label]["bias"] for label in included},
        "fold_stability": {
            label: _stability(block.fold_metrics, block.scores.candidates.index(label), block.folds[0])
            for label in included
        },
        "winner_actual_vs_predicted": None if winner is None else _drawn(block, basis, winner),
    }


def _stability(measured: FoldMetrics, candidate: int, folds: NDArray[np.bool_]) -> list[float]:
    values = measured.wape[candidate, 0, folds]
    return [float(value) if np.isfinite(value) else 0.0 for value in values]


def _drawn(block: Backtest, basis: ComparisonBasis, winner: str) -> Json:
    horizon = block.actual.shape[-1]
    predicted = block.forecasts[block.scores.candidates.index(winner), 0]
    folds = np.flatnonzero(block.folds[0])
    period = FREQUENCIES[basis.period]
    days = [period.dates(dt.date.fromisoformat(basis.first_days[fold]), 0, horizon) for fold in folds]
    return {
        "fold_index": [int(fold) for fold in np.repeat(folds, horizon)],
        "dates": [str(day) for fold in days for day in fold],
        "actuals": [value for fold in folds for value in basis.actual[fold]],
        "predictions": [value for fold in folds for value in as_lists(predicted)[fold]],
    }
