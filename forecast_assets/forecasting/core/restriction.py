"""Which candidates run for which series, and what that costs.

Belongs here: rules that keep slow candidates to the series that are worth it, the cost before it is spent.
Does not belong here: running candidates.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.core.candidates.catalogue import entry
from forecast_assets.forecasting.core.demand import DemandClass

_RULE = re.compile(
    r"\s*(?P<label>\w+(?:\(.*\))?)\s*:\s*(?:top\s+(?P<top>\d+)|(?P<classes>[a-z]+(?:\+[a-z]+)*))\s*"
)
_TOLD_FROM_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Restriction:
    """One candidate runs only for the ``top`` series by revenue, or only for some classes of demand."""

    label: str
    top: int | None
    classes: tuple[str, ...]

    @classmethod
    def parse(cls, text: str, candidates: Sequence[str]) -> "Restriction":
        """Read ``prophet: top 100`` or ``auto_ets: smooth+erratic``. Raises ``BadSetting``."""
        match = _RULE.fullmatch(text)
        classes = tuple(match["classes"].split("+")) if match and match["classes"] else ()
        if match is None or not set(classes) <= set(get_args(DemandClass)):
            raise BadSetting(
                f"restriction {text!r} cannot be read",
                remedy="write 'prophet: top 100' (by revenue) or 'auto_ets: smooth+erratic' (classes)",
            )
        if match["label"] not in candidates:
            raise BadSetting(
                f"restriction {text!r} is about {match['label']!r}, which is no candidate",
                remedy=f"restrict one of {', '.join(candidates)}",
            )
        return cls(match["label"], int(match["top"]) if match["top"] else None, classes)

    def sentence(self) -> str:
        """For which series it runs."""
        if self.top is not None:
            return f"the top {self.top} by revenue"
        return f"{' and '.join(self.classes)} demand"

    def allows(
        self, revenue: NDArray[np.float64], classes: Sequence[str | None], keys: Sequence[str]
    ) -> NDArray[np.bool_]:
        """Return (n,) for all series of a dataset; of equal revenue the first key counts."""
        if self.top is None:
            return np.array([one in self.classes for one in classes], dtype=bool)
        order = sorted(range(len(keys)), key=lambda at: (-float(revenue[at]), keys[at]))
        allowed = np.zeros(len(keys), np.bool_)
        allowed[order[: self.top]] = True
        return allowed


def costs(labels: Sequence[str], series: Mapping[str, int], folds: int) -> list[str]:
    """One sentence for every candidate that takes more than some seconds: fits and estimated minutes.

    ``series`` counts the series that each candidate runs for.
    """
    sentences = []
    for label in labels:
        fits = series[label] * folds
        seconds = fits * entry(label).cost / 1000
        if seconds >= _TOLD_FROM_SECONDS:
            sentences.append(
                f"{label}: {series[label]:,} series x {folds} folds = {fits:,} fits, "
                f"about {max(seconds / 60, 0.1):,.1f} processor minutes"
            )
    return sentences
