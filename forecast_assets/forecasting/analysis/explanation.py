"""Why this champion? The text a planner reads, computed once when the choice is made.

Belongs here: wording of a choice from its numbers; deterministic, no model involved.
Does not belong here: making the choice (``ranking``).
"""

from dataclasses import dataclass
from math import isnan
from typing import TypedDict

from forecast_assets.forecasting.core.decision import BIAS_RULE
from forecast_assets.forecasting.core.frequency import DAY
from forecast_assets.forecasting.core.ranking import BENCHMARK, Confidence

CAVEATS = [
    "A good fit to the past is no guarantee for the future.",
    "Correlation is not causation: the model knows nothing of why demand moves.",
]


INTERMITTENT_RULE = (
    "Most days pass without a sale: WAPE rewards forecasting nothing on such demand, so look at RMSE and "
    "bias as well."
)


class Model(TypedDict):
    """One candidate with its metrics in a line."""

    model: str
    metrics: str


class Comparison(TypedDict):
    """The winner against the runner-up."""

    runner_up: str
    runner_up_metrics: str
    lead: str


class Explanation(TypedDict):
    """Everything said about one choice; ``winner`` and ``comparison`` are null where there is none."""

    headline: str
    winner: Model | None
    confidence: Confidence
    confidence_reason: str
    policy: str
    comparison: Comparison | None
    data_notes: list[str]
    caveats: list[str]


@dataclass(frozen=True, slots=True)
class Contender:
    """A ranked candidate: WAPE (NaN where no fold sold anything), sMAPE in percent, MAE and bias a period."""

    model: str
    wape: float
    smape: float
    mae: float
    bias: float
    period: str = DAY.name

    def line(self) -> str:
        wape = "WAPE not defined" if isnan(self.wape) else f"WAPE {self.wape:,.1f} %"
        return (
            f"{wape}, sMAPE {self.smape:,.1f} %, MAE {self.mae:,.2f}, bias {self.bias:+,.2f} a {self.period}"
        )

    def error(self) -> str:
        """The error that ranks it, in short."""
        return f"{self.mae:,.2f} MAE" if isnan(self.wape) else f"{self.wape:,.1f} %"


def explain(
    winner: Contender | None,
    runner_up: Contender | None,
    *,
    confidence: tuple[Confidence, str],
    skill: float | None,
    policy: str,
    intermittent: bool,
    data_notes: list[str],
) -> Explanation:
    """Word one choice.

    ``skill`` is the percentage by which WAPE is below seasonal naive's, if known; ``policy`` the sentence
    that says which rule chose.
    """
    level, why = confidence
    if winner is None:
        return Explanation(
            headline=f"No champion: {why}",
            winner=None,
            confidence=level,
            confidence_reason=why,
            policy=policy,
            comparison=None,
            data_notes=data_notes,
            caveats=CAVEATS,
        )
    comparison = None
    if runner_up is not None:
        points = _lead(winner, runner_up)
        lead = (
            f"{abs(points):,.2f} units of MAE"
            if isnan(winner.wape)
            else f"{abs(points):,.1f} percentage points of WAPE"
        )
        place = "ahead of" if points >= 0 else "behind"
        comparison = Comparison(
            runner_up=runner_up.model,
            runner_up_metrics=runner_up.line(),
            lead=f"{winner.model} is {lead} {place} {runner_up.model}",
        )
    return Explanation(
        headline=sentence(winner, runner_up, skill),
        winner=Model(model=winner.model, metrics=winner.line()),
        confidence=level,
        confidence_reason=why,
        policy=policy,
        comparison=comparison,
        data_notes=data_notes,
        caveats=[BIAS_RULE, *([INTERMITTENT_RULE] if intermittent else []), *CAVEATS],
    )


def _lead(winner: Contender, runner_up: Contender) -> float:
    """By how much the error of the winner is lower: points of WAPE, units of MAE where nothing was sold."""
    return runner_up.mae - winner.mae if isnan(winner.wape) else runner_up.wape - winner.wape


def sentence(winner: Contender, runner_up: Contender | None, skill: float | None) -> str:
    """The one sentence of tables and exports."""
    against = ""
    if skill is not None and winner.model != BENCHMARK:
        against = f", {abs(skill):,.0f} % {'better' if skill >= 0 else 'worse'} than seasonal naive"
    if runner_up is None:
        second = ""
    elif _lead(winner, runner_up) < 0:
        # A rule may keep a default, or rank by more than one error: nobody follows with a lower one.
        second = f"; second by the rule that chose: {runner_up.model} at {runner_up.error()}"
    else:
        second = f"; {runner_up.model} follows at {runner_up.error()}"
    name = "" if isnan(winner.wape) else " WAPE"
    return f"{winner.model} at {winner.error()}{name}{against}{second}"
