"""Guardrails: what a sweep's best candidate must show before anything is trained with it.

Belongs here: the limits, the presets that carry them, and saying which one was not met.
Does not belong here: computing what is judged (``sweep``).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from forecast_assets.forecasting.core.frequency import DAY, Frequency
from forecast_assets.launches.candidate_sets import candidates_of


def least_sample(period: Frequency) -> int:
    """Return how many scored periods are asked for unless somebody says so: 28 days, 16 weeks or 6 months."""
    return 2 * period.horizon


@dataclass(frozen=True, slots=True)
class Guardrails:
    """What is asked for at least, and how much bias is accepted.

    ``minimum_skill`` is against seasonal naive, in percent of WAPE; ``maximum_relative_bias`` in percent of
    mean demand, ``None`` for any. ``minimum_sample_size`` is in scored periods.
    """

    minimum_sample_size: int = least_sample(DAY)
    minimum_skill: float = 0.0
    maximum_relative_bias: float | None = 25.0

    def unmet(self, line: Mapping[str, Any], period: str = DAY.name) -> list[str]:
        """One sentence per limit that a leaderboard line does not meet."""
        skill, bias = line["skill"], line["relative_bias"]
        reasons = []
        if line["sample_size"] < self.minimum_sample_size:
            reasons.append(
                f"{line['sample_size']:,} scored {period}s, at least {self.minimum_sample_size:,} "
                "are asked for"
            )
        if skill is None:
            reasons.append("no skill against seasonal naive can be told")
        elif skill < self.minimum_skill:
            reasons.append(
                f"{skill:,.1f} % better than seasonal naive, at least {self.minimum_skill:g} % is asked for"
            )
        if self.maximum_relative_bias is not None and (
            bias is None or abs(bias) > self.maximum_relative_bias
        ):
            size = "of unknown size" if bias is None else f"of {abs(bias):,.1f} % of mean demand"
            reasons.append(f"a bias {size}, at most {self.maximum_relative_bias:g} % is accepted")
        return reasons

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Sweep:
    """Candidates to try and the guardrails that go with them."""

    candidates: tuple[str, ...]
    guardrails: Guardrails


SWEEPS = {
    "quick_baseline_sweep": Sweep(candidates_of("quick_baseline_sweep"), Guardrails()),
    "smoothing_sweep": Sweep(("ses", "ets", "seasonal_naive"), Guardrails(minimum_skill=2.0)),
    "intermittent_sweep": Sweep(
        ("croston_sba", "tsb", "adida", "ses"), Guardrails(maximum_relative_bias=50.0)
    ),
    "feature_aware_comparison": Sweep(
        candidates_of("feature_aware_comparison"), Guardrails(minimum_skill=5.0)
    ),
    "high_wape_recovery": Sweep(candidates_of("high_wape_recovery"), Guardrails(minimum_skill=5.0)),
}
