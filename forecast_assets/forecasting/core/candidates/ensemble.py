"""Means of other candidates: a plain one, and one with weights that a pool has learned.

Belongs here: which candidates are averaged, and the plain average.
Does not belong here: their forecasts, and learning weights (``blend``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.bounds import Checked, Rule, ruled

_JOINED = "+"
_FEWEST, _MOST = 2, 4


def _names_several(value: object) -> bool:
    parts = value.split(_JOINED) if isinstance(value, str) else []
    return len(set(parts)) == len(parts) >= _FEWEST and all(parts)


@dataclass(frozen=True, slots=True)
class EnsembleMean(Checked):
    """Plain mean of other candidates of the same evaluation: their errors partly cancel."""

    members: str = ruled(
        "ets+lightgbm", Rule(_names_several, "two or more distinct candidates joined by '+', as ets+lightgbm")
    )

    name: ClassVar[str] = "ensemble_mean"

    def of(self) -> tuple[str, ...]:
        """Labels of the candidates that are averaged."""
        return tuple(self.members.split(_JOINED))

    def mean(self, forecasts: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """Average the members' forecasts, all of one shape; NaN where any of them is."""
        total = sum(forecasts[member].astype(np.float64) for member in self.of())
        return np.asarray(total / len(self.of()), np.float32)


@dataclass(frozen=True, slots=True)
class Blend(EnsembleMean):
    """Weighted mean of other candidates; the weights are learned on the folds of all series.

    They differ by class of demand, and a fold is scored with weights that do not know it. Its forecast is the
    median that pooled errors say lies around the mean. Without a pool all members count the same.
    """

    members: str = ruled(
        "moving_average+tsb+ets+lightgbm",
        Rule(_names_several, "two or more distinct candidates joined by '+', as ets+lightgbm"),
    )

    name: ClassVar[str] = "blend"

    def among(self, labels: Sequence[str]) -> "Blend":
        """Return a blend of those ``labels`` that can stand in where the usual members are not there."""
        usual = [label for label in self.of() if label in labels]
        return replace(self, members=_JOINED.join(usual if len(usual) >= _FEWEST else labels[:_MOST]))
