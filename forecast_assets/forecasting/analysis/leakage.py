"""Does any forecast know the future?

Belongs here: the experiment that answers it, on whatever code is installed.
Does not belong here: reporting the answer.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.candidates.protocol import Candidate
from forecast_assets.forecasting.core.folds import FoldPlan
from forecast_assets.forecasting.core.global_model import GlobalModel, predict
from forecast_assets.forecasting.core.panel import Panel

_FAR_OFF = np.float32(1e6)


def scrambled(panel: Panel, cutoff: int) -> Panel:
    """The same panel with absurd numbers for all that ``cutoff`` visible days do not know.

    That is every observed day from there on, and every column known ahead beyond the reach of its plan.
    """
    units = panel.units.copy()
    future = units[:, cutoff:]
    future[~np.isnan(future)] = _FAR_OFF
    known = dict(panel.known)
    for name, reach in panel.reach.items():
        if name in known:
            known[name] = known[name].copy()
            known[name][:, cutoff + reach :] = _FAR_OFF
    return replace(panel, units=units, known=known)


def leaks(
    panel: Panel,
    cutoffs: NDArray[np.int64],
    plan: FoldPlan,
    candidates: Mapping[str, Candidate],
    models: Mapping[str, Sequence[GlobalModel]],
) -> Iterator[tuple[str, int]]:
    """Yield (candidate, fold) for every forecast that changes when the days after its cutoff do.

    Both by label; ``models`` are the global ones, one per cutoff.
    """
    ahead = plan.gap + plan.horizon
    for fold, cutoff in enumerate(cutoffs.tolist()):
        other = scrambled(panel, cutoff)
        here = cutoffs[fold : fold + 1]
        for label, candidate in candidates.items():
            before, after = (candidate.predict(one, here, ahead, plan.window()) for one in (panel, other))
            if not np.array_equal(before, after, equal_nan=True):
                yield label, fold
        for label, fitted in models.items():
            before, after = (predict(fitted[fold], one, threads=1) for one in (panel, other))
            if not np.array_equal(before, after, equal_nan=True):
                yield label, fold
