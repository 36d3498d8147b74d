"""What metrics are made from: errors of one candidate by series and fold.

Belongs here: the arrays that formulas read.
Does not belong here: the formulas (``metrics``).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Values


@dataclass(frozen=True, slots=True, eq=False)
class DistributionSums:
    """What the distributions of one candidate missed, each (n, k), summed over the scored days of a fold.

    ``missed`` is actual minus expected units, ``loss`` twice the pinball loss in units, averaged over the
    probabilities 0.1 to 0.9; ``inside_80`` and ``inside_95`` count days inside the intervals. Of the
    ``windows`` of a lead time, ``covered`` counts those without a stock-out, ``lead_sold`` are their units
    and ``lead_loss`` is their pinball loss at the service that is aimed at. NaN where it is not known.
    """

    missed: Values
    loss: Values
    inside_80: Values
    inside_95: Values
    lead_loss: Values
    lead_sold: Values
    covered: Values
    windows: Values

    @classmethod
    def unknown(cls, missed: Values) -> "DistributionSums":
        """Return sums of a candidate without distributions: its curve is all that it expects."""
        nothing = np.full(missed.shape, np.nan)
        return cls(missed, *[nothing] * 7)


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """One candidate's forecasts of n series and k folds beside what was sold; days that do not count are 0.

    ``truth``, ``guess``, ``error`` = truth - guess and its ``size`` are (n, k, h), in units; ``count`` of
    scored days and ``sold`` units are (n, k), and so are the sums of ``spread``.
    """

    truth: Values
    guess: Values
    error: Values
    size: Values
    count: NDArray[np.int64]
    sold: Values
    spread: DistributionSums
