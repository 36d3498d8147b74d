"""Scores as rows: each candidate of each series with its metrics, and why it has no rank.

Belongs here: what a stored backtest and a comparison say of a candidate alike.
Does not belong here: storing it (``results``) and computing any of it (``forecasting``).
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forecast_assets.datasets.plan_reach import plan_notes
from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.forecasting.core.backtest import Backtest
from forecast_assets.forecasting.core.metrics import BY_FOLD, METRICS
from forecast_assets.forecasting.core.ranking import Ranking, exclusion

MESSAGE_LENGTH = 2000
_LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What all series of a block share; ``first_days`` (k,) begin the scored part of each fold.

    ``plan_steps``: columns whose plan ends within the horizon, after how many periods (``period`` by name).
    ``missing``: global candidates that nobody has fitted for these folds.
    """

    dataset: str
    snapshot: str
    settings: EvaluationSettings
    anchor: dt.date
    cutoffs: NDArray[np.int64]
    first_days: NDArray[np.datetime64]
    run_id: str
    plan_steps: Mapping[str, int]
    period: str
    missing: Sequence[str] = ()

    def notes(self) -> list[str]:
        """What the folds did not know of the plans, for people."""
        return plan_notes(self.plan_steps, self.settings.gap + self.settings.horizon, self.period)


def why_none(block: Backtest, context: Context, row: int) -> str:
    """Say why no candidate of a series could be ranked: their most common reason."""
    reasons = Counter(
        _reason(block, context, candidate, row)[0] for candidate in range(len(block.scores.candidates))
    )
    return reasons.most_common(1)[0][0]


def _reason(block: Backtest, context: Context, candidate: int, row: int) -> tuple[str, str]:
    """Why a candidate of a series has no rank, and whether it ``failed`` or is ``excluded``."""
    failure = block.failures.get((block.scores.candidates[candidate], row))
    if failure is None:
        policy = context.settings.ranking_policy()
        return exclusion(block.scores, candidate, row, policy, context.period), "excluded"
    return failure[:MESSAGE_LENGTH], "excluded" if failure.startswith(_LEFT_OUT) else "failed"


def metric_frame(
    block: Backtest, ranking: Ranking, context: Context, rows: NDArray[np.int64]
) -> pl.DataFrame:
    """One row per series and candidate; what is not defined is null, never NaN or infinite."""
    names = np.array(block.scores.candidates)
    count = len(names)
    ranks = ranking.rank[:, rows].T.ravel()
    reasons: list[str | None] = [None] * len(ranks)
    status = ["ranked"] * len(ranks)
    for place in np.flatnonzero(ranks == 0):
        row, candidate = int(rows[place // count]), int(place % count)
        reasons[place], status[place] = _reason(block, context, candidate, row)
    folds = {
        f"fold_{name}": _finite(getattr(block.fold_metrics, name)[:, rows])
        .transpose(1, 0, 2)
        .reshape(len(ranks), -1)
        for name in BY_FOLD
    }
    values = {name: _finite(getattr(block.scores, name)[:, rows]).T.ravel() for name in METRICS}
    return pl.DataFrame(
        {
            "series": np.repeat(block.series[rows], count).tolist(),
            "candidate": np.tile(names, len(rows)).tolist(),
            "status": status,
            "rank": pl.Series(ranks).replace(0, None),
            "reason": pl.Series(reasons, dtype=pl.String),
            **values,
            "sample_size": block.scores.sample_size[:, rows].T.ravel(),
            "stability": _finite(block.stability[:, rows]).T.ravel(),
            **{name: pl.Series(folded) for name, folded in folds.items()},
        }
    ).with_columns(pl.col(*METRICS, "stability").fill_nan(None), dataset=pl.lit(context.dataset))


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isfinite(values), values, np.nan)
