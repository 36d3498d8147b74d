"""Scoring a group of batch items at once.

Belongs here: turning one pass of the engine into the end of every item.
Does not belong here: what is scored from (``board``), records (``store``), threads (``crew``).
"""

from collections.abc import Iterator, Sequence

import numpy as np

from forecast_assets.forecasting.core.backtest import Backtest
from forecast_assets.launches.batch.store import Done, Item
from forecast_assets.launches.scoring_context import Board, judged, kind_of, metrics_of, score_rows

UNKNOWN = "no sales: the newest snapshot has no such pair of store and product"


def score(board: Board, items: Sequence[Item]) -> list[Done]:
    """Score items, one pass of the engine for all series that are asked for the same candidates."""
    by_series: dict[str, list[Item]] = {}
    for item in items:
        by_series.setdefault(item.series, []).append(item)
    groups: dict[tuple[str, ...], list[str]] = {}
    done: list[Done] = []
    for series, wanted in by_series.items():
        if series in board.row:
            groups.setdefault(tuple(item.candidate for item in wanted), []).append(series)
        else:
            done += [Done(item.item_id, None, UNKNOWN, "NoSales") for item in wanted]
    for candidates, members in groups.items():
        rows = np.array(sorted(board.row[series] for series in members), np.int64)
        block = score_rows(board, rows, candidates)
        for row, series in enumerate(block.series):
            done += _ended(board, block, row, by_series[str(series)])
    return done


def _ended(board: Board, block: Backtest, row: int, items: Sequence[Item]) -> Iterator[Done]:
    verdict = judged(board, block, row)
    for item in items:
        failure = block.failures.get((item.candidate, row))
        if verdict.state == "unusable":
            yield Done(item.item_id, None, f"unusable: {verdict.reason}", "Unusable")
        elif failure is not None:
            yield Done(item.item_id, None, failure, kind_of(failure))
        else:
            yield Done(item.item_id, metrics_of(block, item.candidate, row))
