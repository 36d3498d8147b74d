"""Which days of which series a global model learns from.

Belongs here: choosing (series, origin, step) rows by hash, within a limit, in canonical order.
Does not belong here: what a row knows, and how a model learns.
"""

import datetime as dt
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Ints
from forecast_assets.forecasting.core.hashing import ODD, by_day, hashed, mixed
from forecast_assets.forecasting.core.panel import Panel

_BLOCK = 128  # series at a time: their hashes fit into the processor's cache
# Days before the newest year are offered a third as often: they teach holidays, and demand has changed.
_THINNED = 3.0
_SPARE = 1.05  # hashes scatter: offer a few rows more than the limit, then cut
_ALL = 1 - 2.0**-53  # the largest share whose limit still is a 64-bit number
_HALF = np.uint64(32)
_EPOCH = dt.date(1970, 1, 1).toordinal()


class Targets(NamedTuple):
    """Days that may be learned from: targets in ``[oldest, cutoff)``, their origins after ``begin``."""

    begin: int
    oldest: int
    cutoff: int
    horizon: int


class Rows(NamedTuple):
    """Rows sorted by series, origin and step, each array (rows,).

    ``series`` are positions in the panel, ``origins`` numbers of known days, ``steps`` count from 1; the
    target day of a row is ``origin + step - 1``.
    """

    series: Ints
    origins: Ints
    steps: Ints


def sample(panel: Panel, targets: Targets, *, max_rows: int, seed: int) -> Rows:
    """Choose at most ``max_rows`` observed target days, each with one step or, where there is room, more.

    The rank of a row is a hash of its store and product, calendar day, step and the seed, three times as high
    before the newest year: it depends neither on its position nor on other rows, nor on the name of the
    dataset. Memory grows with ``max_rows``, time with the number of observed target days.
    """
    thinned = np.ones(targets.cutoff - targets.oldest)
    thinned[: max(0, len(thinned) - panel.frequency.year)] = _THINNED
    days = sum(float(observed.sum(axis=0) @ (1 / thinned)) for _, observed in _blocks(panel, targets))
    if not days:
        return Rows(*(np.empty(0, np.int64) for _ in Rows._fields))
    draws = min(targets.horizon, int(np.ceil(max_rows / days)))
    share = _SPARE * max_rows / (days * draws)
    samples = [
        _offered(
            panel,
            targets,
            first,
            observed,
            thinned,
            turn=draw * targets.horizon // draws,
            share=share,
            seed=seed,
        )
        for first, observed in _blocks(panel, targets)
        for draw in range(draws)
    ]
    ranks = np.concatenate([rank for rank, _ in samples])
    series, origins, steps = (
        np.concatenate(part) for part in zip(*(rows for _, rows in samples), strict=True)
    )
    order = np.lexsort((steps, origins, series))
    best = np.argsort(ranks[order], kind="stable")[:max_rows]
    order = order[np.sort(best)]
    return Rows(series[order], origins[order], steps[order])


def _blocks(panel: Panel, targets: Targets) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Blocks of series: the first one's position, and which target days were observed (series, days)."""
    for first in range(0, len(panel.series), _BLOCK):
        yield first, ~np.isnan(panel.units[first : first + _BLOCK, targets.oldest : targets.cutoff])


def _offered(
    panel: Panel,
    targets: Targets,
    first: int,
    observed: NDArray[np.bool_],
    thinned: NDArray[np.float64],
    *,
    turn: int,
    share: float,
    seed: int,
) -> tuple[NDArray[np.float64], Rows]:
    """Rank one step of every observed day and keep the lowest ``share`` of all possible ranks.

    ``thinned`` (days,) multiplies the ranks; ``turn`` moves on from the step that the hash of the day names,
    so that no step is offered twice.
    """
    position = np.arange(targets.oldest, targets.cutoff)
    # Without the name of the dataset: the same sales under another name teach the same.
    keys = [key.partition("__")[2] or key for key in panel.series[first : first + _BLOCK].tolist()]
    cell = by_day(hashed(keys, seed), panel.dates(targets.oldest, targets.cutoff).astype(np.int64) + _EPOCH)
    named = ((cell >> _HALF) * np.uint64(targets.horizon)) >> _HALF
    step = named + np.uint64(turn + 1)
    step -= np.uint64(targets.horizon) * (step > targets.horizon)
    rank = mixed(cell ^ (step * ODD))
    origin = position + 1 - step.astype(np.int64)
    limit = (np.minimum(share / thinned, _ALL) * 2.0**64).astype(np.uint64)
    kept = observed & (origin > targets.begin) & (rank <= limit)
    series, day = np.nonzero(kept)
    return rank[kept] * thinned[day], Rows(series + first, origin[kept], step[kept].astype(np.int64))
