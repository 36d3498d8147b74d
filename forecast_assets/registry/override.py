"""Registering another candidate than the champion.

Belongs here: what a person says about it.
Does not belong here: registering (``registration``).
"""

from dataclasses import dataclass

from forecast_assets.datasets.definition import Dataset
from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.core.candidates.catalogue import parse

_LONGEST_REASON = 2000


@dataclass(frozen=True, slots=True)
class Override:
    """Register ``candidate`` in place of each series' champion, and why."""

    candidate: str
    reason: str

    def __post_init__(self) -> None:
        parse([self.candidate])
        if not 0 < len(self.reason.strip()) <= _LONGEST_REASON:
            raise BadSetting(
                f"the reason of the override has {len(self.reason):,} characters",
                remedy=f"say in 1 to {_LONGEST_REASON} characters why it is not the champion",
            )

    def check(self, dataset: Dataset) -> None:
        """Raise ``BadSetting`` for a candidate that was never evaluated."""
        candidates = dataset.options.evaluation.candidates
        if self.candidate not in candidates:
            raise BadSetting(
                f"{self.candidate} was no candidate of {dataset.name}",
                remedy=f"override with one of {', '.join(candidates)}",
            )
