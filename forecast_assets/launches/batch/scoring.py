"""Scoring a group of batch items at once.

Belongs here: turning one pass of the engine into the end of every item.
Does not belong here: what is scored from (``scoring_context``), records, threads (``worker_pool``).
"""

from collections.abc import Iterator, Sequence

import numpy as np

from forecast_assets.forecasting.core.backtest import Backtest
from forecast_assets.launches.model import Item, ItemResult
from forecast_assets.launches.scoring_context import (
    ScoringContext,
    further_metrics,
    judged,
    kind_of,
    metrics_of,
    score_rows,
)

UNKNOWN = "no sales: the newest snapshot has no such pair of store and product"


def score(context: ScoringContext, items: Sequence[Item]) -> list[ItemResult]:
    """Score items, one pass of the engine for all series that are asked for the same candidates."""
    by_series: dict[str, list[Item]] = {}
    for item in items:
        by_series.setdefault(item.series, []).append(item)
    groups: dict[tuple[str, ...], list[str]] = {}
    results: list[ItemResult] = []
    for series, members in by_series.items():
        if series in context.row:
            groups.setdefault(tuple(item.candidate for item in members), []).append(series)
        else:
            results += [ItemResult(item.item_id, None, UNKNOWN, "NoSales") for item in members]
    for candidates, keys in groups.items():
        rows = np.array(sorted(context.row[key] for key in keys), np.int64)
        block = score_rows(context, rows, candidates)
        for row, series in enumerate(block.series):
            results += _ended(context, block, row, by_series[str(series)])
    return results


def _ended(context: ScoringContext, block: Backtest, row: int, items: Sequence[Item]) -> Iterator[ItemResult]:
    verdict = judged(context, block, row)
    for item in items:
        failure = block.failures.get((item.candidate, row))
        if verdict.state == "unusable":
            yield ItemResult(item.item_id, None, f"unusable: {verdict.reason}", "Unusable")
        elif failure is not None:
            yield ItemResult(item.item_id, None, failure, kind_of(failure))
        else:
            yield ItemResult(
                item.item_id,
                metrics_of(block, item.candidate, row),
                outputs=further_metrics(block, item.candidate, row),
            )
