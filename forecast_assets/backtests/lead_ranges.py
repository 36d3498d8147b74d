"""Errors of a backtest by range of lead, and against the plain baselines.

Belongs here: what the stored folds of one series say beyond the one figure per candidate.
Does not belong here: storing folds (``fold_store``), what is shown (``display``).
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from forecast_assets.backtests.fold_store import Folds
from forecast_assets.forecasting.analysis.live import ALL
from forecast_assets.forecasting.core.metrics import (
    BY_FOLD,
    FoldMetrics,
    aggregate,
    fold_metrics,
    horizon_buckets,
)
from forecast_assets.stores.rows.evaluations import LeaderboardRow

Range = Mapping[str, float | None]
BASELINES = ("naive", "seasonal_naive")
_METRICS = ("wape", "mae", "bias")


def by_range(folds: Folds, label: str) -> dict[str, Range]:
    """WAPE, MAE and bias of a candidate by range of lead, days of lead counted from the first scored one."""
    return ranges_of([folds], [label])[0]


def ranges_of(folds: Sequence[Folds], labels: Sequence[str]) -> list[dict[str, Range]]:
    """Return ``by_range`` of many series, whose folds have the same days, and one candidate of each."""
    if not folds:
        return []
    counted = np.stack([one.counted for one in folds])
    actual = np.where(counted[..., None], np.stack([one.actual for one in folds]), np.nan)
    forecast = np.stack([one.forecasts[label] for one, label in zip(folds, labels, strict=True)])[None]
    ranges: dict[str, FoldMetrics] = {
        ALL: fold_metrics(actual, forecast),
        **horizon_buckets(actual, forecast),
    }
    means = {
        name: {metric: aggregate(getattr(measured, metric), counted)[0].tolist() for metric in _METRICS}
        for name, measured in ranges.items()
    }
    return [
        {
            name: {metric: _number(values[at]) for metric, values in by_metric.items()}
            for name, by_metric in means.items()
        }
        for at in range(len(folds))
    ]


def against_baselines(rows: Sequence[LeaderboardRow], label: str) -> list[dict[str, object]]:
    """How much better ``label`` is than each baseline, in percent of its error: one row per baseline.

    ``rows`` are those of the leaderboard of one series. Biases are compared by their size; where the
    baseline has no error, or none is known, nothing is said.
    """
    errors: dict[str, Mapping[str, object]] = {row["candidate"]: row for row in rows}
    if label not in errors:
        return []
    return [
        {"baseline": name}
        | {metric: _improvement(errors[name][metric], errors[label][metric]) for metric in BY_FOLD}
        for name in BASELINES
        if name in errors and name != label
    ]


def _improvement(baseline: object, own: object) -> float | None:
    if not isinstance(baseline, float) or not isinstance(own, float) or baseline == 0:
        return None
    return round(100 * (abs(baseline) - abs(own)) / abs(baseline), 1)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
