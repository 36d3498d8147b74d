"""From scores to champions: one choice per series with its explanation.

Belongs here: assembling what the ranking, the confidence rule and the explanation say of each series.
Does not belong here: those rules (``forecasting``) and storing the choice (``results``).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecast_assets.errors import listed
from forecast_assets.forecasting.analysis.explanation import Contender, Explanation, explain
from forecast_assets.forecasting.core.availability import Availability
from forecast_assets.forecasting.core.claims import Claim
from forecast_assets.forecasting.core.demand import is_intermittent
from forecast_assets.forecasting.core.frequency import DAY
from forecast_assets.forecasting.core.metrics import ITEM_METRICS
from forecast_assets.forecasting.core.ranking import (
    BENCHMARK,
    Confidence,
    Ranking,
    RankingPolicy,
    Scores,
    chosen_by,
    confidence,
)
from forecast_assets.stores.rows.datasets import DayCountsRow

_NO_CLAIM = Claim(reason="it has no champion")
NO_FOLDS = "its folds are not stored"


@dataclass(frozen=True, slots=True)
class Choice:
    """The champion of one series, or nobody; metrics are the champion's own, null where it has none."""

    champion: str | None
    runner_up: str | None
    wape: float | None
    smape: float | None
    mae: float | None
    bias: float | None
    rmse: float | None
    sample_size: int | None
    skill_vs_seasonal_naive: float | None
    confidence: Confidence
    reason: str
    explanation: Explanation
    claim: Claim = _NO_CLAIM

    def row(self) -> dict[str, Any]:
        """The columns of table ``champion``."""
        columns = {name: getattr(self, name) for name in self.__slots__ if name != "claim"}
        return {
            **columns,
            "explanation": json.dumps(self.explanation),
            "expected_wape": self.claim.wape,
            "expected_bias": self.claim.bias,
            "claim_reason": self.claim.reason,
        }


def choose_champions(
    scores: Scores,
    ranking: Ranking,
    policy: RankingPolicy,
    *,
    availability: Sequence[Availability],
    counts: Sequence[DayCountsRow],
    excluded: Callable[[int], str],
    claims: Sequence[Claim],
    notes: Sequence[str] = (),
    missing: Sequence[str] = (),
    period: str = DAY.name,
) -> list[Choice]:
    """Choose for every series.

    ``counts`` are its day counts, ``excluded`` says why none is ranked, ``notes`` hold for all series;
    ``claims`` (n,) are what is expected of the winners; ``missing`` candidates, which nobody has fitted, make
    confidence low; ``period`` is the word for what a row covers.
    """
    valid = (ranking.rank > 0).sum(axis=0)
    choices = []
    for row, verdict in enumerate(availability):
        own = [*_notes(verdict, counts[row], period), *notes]
        if verdict.state == "unusable":
            choices.append(nobody(f"unusable: {verdict.reason}", own))
        elif ranking.winner[row] < 0:
            choices.append(nobody(f"no candidate produced a valid backtest: {excluded(row)}", own))
        else:
            choices.append(
                _chosen(
                    scores,
                    ranking,
                    policy,
                    row,
                    verdict=verdict,
                    valid=int(valid[row]),
                    intermittent=is_intermittent(counts[row]["demand_class"]),
                    notes=own,
                    claim=claims[row],
                    missing=missing,
                    period=period,
                )
            )
    return choices


def _notes(verdict: Availability, counts: DayCountsRow, period: str) -> list[str]:
    observed, expected = counts["observed_days"], counts["expected_days"]
    notes = []
    if expected:
        notes.append(
            f"{observed:,} of {expected:,} {period}s observed ({100 * observed / expected:,.0f} %), "
            f"{counts['average_daily_demand']:,.2f} units a {period} on average"
        )
    if verdict.state != "ready":
        notes.append(f"{verdict.state}: {verdict.reason}")
    return notes


def nobody(reason: str, notes: list[str]) -> Choice:
    """No champion, with the reason."""
    explanation = explain(
        None,
        None,
        confidence=("low", reason),
        skill=None,
        policy="nobody could be chosen",
        intermittent=False,
        data_notes=notes,
    )
    return Choice(None, None, None, None, None, None, None, None, None, "low", reason, explanation)


def _chosen(
    scores: Scores,
    ranking: Ranking,
    policy: RankingPolicy,
    row: int,
    *,
    verdict: Availability,
    valid: int,
    intermittent: bool,
    notes: list[str],
    claim: Claim,
    missing: Sequence[str],
    period: str,
) -> Choice:
    winner = int(ranking.winner[row])
    best = _contender(scores, winner, row, period)
    second = _contender(scores, int(ranking.runner_up[row]), row, period) if valid > 1 else None
    skill = _skill(scores, best.wape, row)
    level = _confidence(best, float(ranking.lead[row]), policy, verdict, valid, claim, missing, period)
    measure = getattr(scores, policy.leading(intermittent=intermittent))
    explanation = explain(
        best,
        second,
        confidence=level,
        skill=skill,
        policy=chosen_by(
            policy,
            best.model,
            intermittent=intermittent,
            sold=np.isfinite(best.wape),
            measured=np.isfinite(measure[winner, row]).item(),
        ),
        intermittent=intermittent,
        data_notes=[*notes, _expectation(claim, period)],
    )
    rmse = float(scores.rmse[winner, row])
    return Choice(
        champion=best.model,
        runner_up=second.model if second else None,
        wape=best.wape if np.isfinite(best.wape) else None,
        smape=best.smape,
        mae=best.mae,
        bias=best.bias,
        rmse=rmse if np.isfinite(rmse) else None,
        sample_size=int(scores.sample_size[winner, row]),
        skill_vs_seasonal_naive=skill,
        confidence=level[0],
        reason=explanation["headline"],
        explanation=explanation,
        claim=claim,
    )


def _confidence(  # noqa: PLR0917 - one value each
    best: Contender,
    lead: float,
    policy: RankingPolicy,
    verdict: Availability,
    valid: int,
    claim: Claim,
    missing: Sequence[str],
    period: str,
) -> tuple[Confidence, str]:
    """How sure a choice is, and why."""
    if missing:
        return "low", f"{listed(missing)} could not be compared: materialize global_forecasts first"
    return confidence(
        valid=valid,
        limited=verdict.reason if verdict.state == "limited" else None,
        bias=best.bias,
        lead=lead,
        policy=policy,
        wape=best.wape,
        expected_wape=claim.wape,
        period=period,
    )


def _expectation(claim: Claim, period: str) -> str:
    if claim.wape is None or claim.bias is None:
        return f"expected WAPE on new {period}s: not known, {claim.reason}"
    return (
        f"expected WAPE on new {period}s: {claim.wape:,.1f} %, expected bias {claim.bias:+,.2f} units "
        f"a {period}; learned from many series, each fold judged without itself"
    )


def _contender(scores: Scores, candidate: int, row: int, period: str) -> Contender:
    return Contender(
        scores.candidates[candidate],
        **{name: float(getattr(scores, name)[candidate, row]) for name in ITEM_METRICS},
        period=period,
    )


def _skill(scores: Scores, wape: float, row: int) -> float | None:
    """Percent by which ``wape`` is below seasonal naive's; null where that is unknown or zero."""
    if BENCHMARK not in scores.candidates:
        return None
    benchmark = float(scores.wape[scores.candidates.index(BENCHMARK), row])
    if not (np.isfinite(benchmark) and np.isfinite(wape)) or benchmark == 0:
        return None
    return 100 * (1 - wape / benchmark)
