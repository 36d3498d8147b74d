"""The mean of other candidates.

Belongs here: which candidates are averaged, and the average.
Does not belong here: their forecasts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.bounds import Checked, Rule, ruled

_JOINED = "+"
_FEWEST = 2


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
