"""Has a champion become worse than it used to be?

Belongs here: the trend of its WAPE over evaluations, and where its newest error stands among its own past
ones; for many series at once.
Does not belong here: where the errors come from (``replay``), and what is done about it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Values

DEGRADING, IMPROVING, STABLE, UNKNOWN = "degrading", "improving", "stable", "unknown"
BAND = 0.10
_FEWEST = 2
# 0.33 is 10 % above 0.3 for everybody but a processor.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Trend:
    """The direction of n series: ``direction`` text, the rest float64, NaN where unknown.

    ``baseline`` is the mean of all figures before the ``latest``, which decides; ``delta`` is ``latest``
    minus ``previous``, so that the two may point different ways. ``evaluations`` (n,) counts the figures.
    """

    direction: NDArray[np.str_]
    latest: Values
    previous: Values
    baseline: Values
    delta: Values
    evaluations: NDArray[np.int64]


def trend(history: Values) -> Trend:
    """Judge the WAPE history (n, k) of n series, oldest first; NaN entries are skipped.

    Degrading is more than 10 % above the mean of the earlier figures, improving more than 10 % below it.
    Fewer than two figures are unknown. Over a baseline of 0 any error is degrading.
    """
    packed, count = _packed(history)
    is_known = count >= _FEWEST
    latest, previous = _entry(packed, count - 1), _entry(packed, count - 2)
    earlier = np.arange(packed.shape[1]) < count[:, None] - 1
    total = np.where(earlier, packed, 0).sum(axis=1)
    baseline = np.divide(total, count - 1, out=np.full(len(count), np.nan), where=is_known)
    change = np.divide(latest - baseline, baseline, out=np.zeros(len(count)), where=is_known & (baseline > 0))
    change = np.where(is_known & (baseline <= 0) & (latest > 0), np.inf, change)
    direction = np.select(
        [~is_known, change > BAND + _ROUNDING, change < -BAND - _ROUNDING],
        [UNKNOWN, DEGRADING, IMPROVING],
        STABLE,
    )
    delta = np.where(is_known, np.round(latest - previous, 4), np.nan)
    return Trend(direction, latest, np.where(is_known, previous, np.nan), baseline, delta, count)


def _packed(history: Values) -> tuple[Values, NDArray[np.int64]]:
    """Move the numbers of each row to its front, in their order, and count them."""
    missing = np.isnan(history)
    order = np.argsort(missing, axis=1, kind="stable")
    return np.take_along_axis(history, order, axis=1), (~missing).sum(axis=1)


def _entry(packed: Values, at: NDArray[np.int64]) -> Values:
    if not packed.shape[1]:
        return np.full(len(at), np.nan)
    entries = np.take_along_axis(packed, np.maximum(at, 0)[:, None], axis=1)[:, 0]
    return np.where(at >= 0, entries, np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """How unusual the newest error of n series is.

    ``chance`` (n,): how often an unchanged series would look at least this bad, NaN where unknown.
    ``windows`` (n,): past errors it was ranked among. ``false_alarm`` (n,): the chance that a healthy series
    of so many windows is flagged, NaN where unknown; their sum is what to expect by chance.
    """

    status: NDArray[np.str_]
    chance: Values
    windows: NDArray[np.int64]
    false_alarm: Values


def verdict(recent: Values, past: Values, *, alarm: float) -> Verdict:
    """Rank each newest error ``recent`` (n,) among the past errors (n, w) of the same series; NaN is skipped.

    While a series is unchanged, its newest error is as likely the worst as any other, so at most a share
    ``alarm`` of unchanged series is flagged. Too few windows to reach ``alarm`` is unknown, not stable.
    """
    windows = (~np.isnan(past)).sum(axis=1)
    worse = (past >= recent[:, None]).sum(axis=1)
    most = np.floor(alarm * (windows + 1) + _ROUNDING)  # ranks, the worst first, that are flagged
    is_known = ~np.isnan(recent) & (most >= 1)
    chance = np.where(is_known, (worse + 1) / (windows + 1), np.nan)
    flagged = is_known & (worse + 1 <= most)
    return Verdict(
        status=np.select([~is_known, flagged], [UNKNOWN, DEGRADING], STABLE),
        chance=chance,
        windows=windows,
        false_alarm=np.where(is_known, most / (windows + 1), np.nan),
    )
