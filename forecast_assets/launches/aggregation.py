"""From results of candidates to one answer per pair: its champion, and the cell of a heatmap.

Belongs here: the chain that chooses a portfolio's champions, and the value of every store and product.
Does not belong here: where results come from, and drawing.

The chain is lowest WAPE, then lowest sMAPE, then the earliest result. It differs on purpose from the ranking
of one series' evaluation: results of one batch may stem from different runs.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

from forecast_assets.forecasting.core.metrics import ITEM_METRICS, TOTAL_METRICS

CONVERGENCE = "convergence"
CELL_METRICS: tuple[str, ...] = (*ITEM_METRICS, *TOTAL_METRICS, CONVERGENCE)
CELLS = {
    "series": pl.String,
    "store_id": pl.String,
    "product_id": pl.String,
    "value": pl.Float64,
    "candidate": pl.String,
    "run_id": pl.String,
    "is_champion": pl.Boolean,
    "sample_size": pl.Int64,
}
Result = Mapping[str, Any]


def finite(value: object) -> float | None:
    """A number, or nothing where there is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def by_pair(results: Sequence[Result]) -> dict[str, list[Result]]:
    """Results by series, in order of the keys."""
    pairs: dict[str, list[Result]] = {}
    for result in sorted(results, key=lambda one: one["series"]):
        pairs.setdefault(str(result["series"]), []).append(result)
    return pairs


def champion_of(results: Sequence[Result]) -> Result | None:
    """The best result of one pair, or nothing when none has a WAPE."""
    usable = [result for result in results if finite(result["wape"]) is not None]

    def order(result: Result) -> tuple[float, float, str, str]:
        smape = finite(result["smape"])
        wape = finite(result["wape"])
        return (
            math.inf if wape is None else wape,
            math.inf if smape is None else smape,
            str(result["created_at"]),
            str(result["candidate"]),
        )

    return min(usable, key=order, default=None)


def cells(
    results: Sequence[Result],
    metric: str,
    *,
    candidate: str | None = None,
    champion: Callable[[str, Sequence[Result]], Result | None] = lambda _, results: champion_of(results),
) -> pl.DataFrame:
    """One row per pair: the ``metric`` of ``candidate``, or of each pair's own champion.

    Nothing known is null, never zero. ``convergence`` is the share of candidates with a finite WAPE.
    """
    rows = []
    for series, members in by_pair(results).items():
        best = champion(series, members)
        chosen = (
            best if candidate is None else next((m for m in members if m["candidate"] == candidate), None)
        )
        if metric == CONVERGENCE:
            scored = [member for member in members if finite(member["wape"]) is not None]
            value: float | None = len(scored) / len(members)
        else:
            value = None if chosen is None else finite(chosen[metric])
        details = {} if chosen is None else {n: chosen[n] for n in ("candidate", "run_id", "sample_size")}
        rows.append(
            {
                **{name: members[0][name] for name in ("series", "store_id", "product_id")},
                "value": value,
                "candidate": candidate,
                "run_id": None,
                "sample_size": None,
                **details,
                "is_champion": best is not None and chosen is best,
            }
        )
    return pl.DataFrame(rows, schema=CELLS)


def scale(values: pl.Series) -> dict[str, float] | None:
    """What a colour scale is anchored to: min, median, 95th percentile and max of what is known."""
    numbers = values.drop_nulls()
    if numbers.is_empty():
        return None
    quantiles = {"min": 0.0, "p50": 0.5, "p95": 0.95, "max": 1.0}
    return {name: float(numbers.quantile(share, "linear") or 0) for name, share in quantiles.items()}
