"""Which candidate is best for each series, and how sure is that?

Belongs here: eligibility, the ranking chain, the winner's confidence; for many series at once.
Does not belong here: computing metrics (``metrics``) and wording beyond one reason (``explanation``).
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.core.arrays import Values
from forecast_assets.forecasting.core.candidates.catalogue import (
    REFERENCES,
    family,
    is_blend,
    learns_from_all,
    members,
)
from forecast_assets.forecasting.core.frequency import DAY
from forecast_assets.forecasting.core.metrics import CHAIN, METRICS, MetricName, MetricValues

Policy = Literal["lowest_error", "default_with_margin", "stock_cost"]
Confidence = Literal["high", "medium", "low"]
NEAR_TIE = 0.02
# Expected WAPE in percent above which confidence is not high, and above which it is low.
_DOUBTFUL, _HOPELESS = 50, 100
# What a champion's skill is measured against.
BENCHMARK = "seasonal_naive"


@dataclass(frozen=True, slots=True)
class RankingPolicy:
    """How a champion is chosen.

    ``lowest_error``: the first rank wins. ``default_with_margin``: the candidate ``default`` stays unless
    another is better by more than the share ``margin`` of its error and had the lower WAPE in every fold;
    the lowest error of few folds is often luck. Baselines and methods for intermittent demand are no
    challengers then; where the default cannot be ranked the first rank wins. ``stock_cost``: the candidate
    whose stock costs least wins, whatever ``metric`` says.

    ``metric`` leads the chain, ``intermittent_metric`` instead of it for intermittent and lumpy demand:
    absolute errors reward forecasting nothing there, squared ones do not. ``high_confidence`` is the
    relative WAPE lead over the runner-up from which on confidence is high; a winner with a larger absolute
    bias (units per day) than ``max_abs_bias`` has low confidence.
    """

    name: Policy = "lowest_error"
    metric: MetricName = "wape"
    intermittent_metric: MetricName | None = None
    default: str = "lightgbm"
    margin: float = 0.30
    minimum_sample_size: int = 0
    high_confidence: float = 0.10
    max_abs_bias: float = 1e9

    def __post_init__(self) -> None:
        if self.name not in get_args(Policy):
            raise BadSetting(
                f"policy {self.name!r} is not known", remedy=f"use {' or '.join(get_args(Policy))}"
            )
        for metric in (self.metric, self.intermittent_metric or self.metric):
            if metric not in METRICS:
                raise BadSetting(
                    f"ranking metric {metric!r} is not known",
                    remedy=f"use one of {', '.join(METRICS)}",
                )
        if not 0 <= self.margin < 1:
            raise BadSetting(f"margin {self.margin} is out of bounds", remedy="use 0 up to, but not, 1")
        if self.minimum_sample_size < 0:
            raise BadSetting(
                f"minimum_sample_size {self.minimum_sample_size} is negative", remedy="use 0 or more"
            )
        if not 0 <= self.high_confidence <= 1:
            raise BadSetting(f"high_confidence {self.high_confidence} is out of bounds", remedy="use 0 to 1")

    def leading(self, *, intermittent: bool) -> MetricName:
        """The metric that ranks first."""
        if self.name == "stock_cost":
            return "stock_cost"
        return (self.intermittent_metric if intermittent else None) or self.metric


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scores(MetricValues):
    """Metrics of m candidates for n series, each (m, n) float64, in the units of ``METRICS``.

    WAPE is the mean over the folds that sold something, NaN where none did or the candidate failed;
    ``sample_size`` is int64 scored days; ``bias`` is actual minus forecast. ``fold_wape`` (m, n, k) is NaN
    for folds that do not count or sold nothing.
    """

    candidates: tuple[str, ...]
    fold_wape: Values


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """``rank`` (m, n): 1 is the lowest error, 0 is not ranked. ``winner`` and ``runner_up`` (n,): row or -1.

    The winner is the policy's choice, the runner-up the lowest error of the others. The global members of a
    blend come last: its weights lean on them, so that they are no other opinion.

    ``lead`` (n,): (WAPE of the runner-up - WAPE of the winner) / WAPE of the runner-up; 0 where that is 0
    and NaN without a runner-up.
    """

    rank: NDArray[np.int64]
    winner: NDArray[np.int64]
    runner_up: NDArray[np.int64]
    lead: Values


def rank(scores: Scores, policy: RankingPolicy, *, intermittent: NDArray[np.bool_] | None = None) -> Ranking:
    """Rank the eligible candidates of every series and choose the winner.

    Eligible: WAPE, sMAPE, MAE and bias finite, and at least ``minimum_sample_size`` scored days. Order:
    the policy's metric, then WAPE, sMAPE, absolute bias and MAE (again the first one changes nothing), then
    the candidate's name. Where no fold of a series sold anything nobody has a WAPE, and MAE takes its place.
    ``intermittent`` (n,) marks series whose demand is intermittent or lumpy.
    """
    errors = {name: metric.distance(getattr(scores, name)) for name, metric in METRICS.items()}
    errors["wape"] = np.where(np.isfinite(scores.wape).any(axis=0), scores.wape, scores.mae)
    eligible = np.logical_and.reduce([np.isfinite(errors[name]) for name in CHAIN])
    eligible &= scores.sample_size >= policy.minimum_sample_size
    first = errors[policy.leading(intermittent=False)]
    if intermittent is not None:
        first = np.where(intermittent, errors[policy.leading(intermittent=True)], first)
    names = np.argsort(np.argsort(np.array(scores.candidates)))[:, None] + np.zeros_like(scores.sample_size)
    chain = [first, *(errors[name] for name in CHAIN)]
    keys = [names, *(np.where(eligible, value, np.inf) for value in reversed(chain)), ~eligible]
    order = np.lexsort(keys, axis=0)
    position = np.empty_like(order)
    np.put_along_axis(position, order, np.arange(1, len(order) + 1)[:, None] + np.zeros_like(order), axis=0)
    ranks = np.where(eligible, position, 0)
    count = eligible.sum(axis=0)
    winner = np.where(count > 0, order[0], -1)
    if policy.name == "default_with_margin" and policy.default in scores.candidates:
        winner = _defended(scores, policy, first, ranks, winner)
    runner_up = np.where(count > 1, _runner_up(scores.candidates, ranks, winner), -1)
    return Ranking(ranks, winner, runner_up, _lead(scores.wape, winner, runner_up))


def _runner_up(
    candidates: tuple[str, ...], ranks: NDArray[np.int64], winner: NDArray[np.int64]
) -> NDArray[np.int64]:
    leans_on = np.array(
        [
            [is_blend(label) and one in members(label) and learns_from_all(one) for one in candidates]
            for label in candidates
        ]
    )
    place = np.where(ranks > 0, ranks + len(candidates) * leans_on[winner].T, 3 * len(candidates))
    np.put_along_axis(place, winner[None], 3 * len(candidates), axis=0)
    first: NDArray[np.int64] = place.argmin(axis=0)
    return first


def _defended(
    scores: Scores, policy: RankingPolicy, error: Values, ranks: NDArray[np.int64], best: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The winner of every series when the default candidate has to be beaten clearly and in every fold."""
    default = scores.candidates.index(policy.default)
    may = np.array([family(label) not in REFERENCES for label in scores.candidates])
    with np.errstate(invalid="ignore"):
        ahead = error[default] - error > policy.margin * error[default]
    own = scores.fold_wape[default]
    every_fold = ((scores.fold_wape < own) | np.isnan(own)).all(axis=2)
    beats = may[:, None] & (ranks > 0) & ahead & every_fold
    place = np.where(beats, ranks, len(ranks) + 1)
    challenger = np.where(beats.any(axis=0), place.argmin(axis=0), default)
    return np.where(ranks[default] > 0, challenger, best)


def _lead(wape: Values, winner: NDArray[np.int64], runner_up: NDArray[np.int64]) -> Values:
    columns = np.arange(wape.shape[1])
    best, second = wape[winner, columns], wape[runner_up, columns]
    with np.errstate(invalid="ignore", divide="ignore"):
        lead = np.where(second == 0, 0.0, (second - best) / second)
    return np.where(runner_up >= 0, lead, np.nan)


def chosen_by(
    policy: RankingPolicy, champion: str, *, intermittent: bool, sold: bool = True, measured: bool = True
) -> str:
    """Say which rule made ``champion`` the champion.

    ``sold``: at least one fold sold something; ``measured``: it has a number for the leading metric.
    """
    metric: str = policy.leading(intermittent=intermittent)
    if metric == "wape" and not sold:
        metric = "mae, as no fold sold anything"
    elif not measured:
        metric = f"{'wape' if sold else 'mae'}, as its {metric} is not known"
    if policy.name != "default_with_margin":
        return f"{policy.name}: the first by {metric}"
    if champion == policy.default:
        return (
            f"default_with_margin: {champion} stays; no other is more than "
            f"{100 * policy.margin:,.0f} % better "
            f"by {metric} and better in every fold"
        )
    return (
        f"default_with_margin: {champion} takes the place of {policy.default}, which it beats by more than "
        f"{100 * policy.margin:,.0f} % and in every fold, or which cannot be ranked"
    )


def exclusion(
    scores: Scores, candidate: int, series: int, policy: RankingPolicy, period: str = DAY.name
) -> str:
    """Say why a candidate is not ranked."""
    size = int(scores.sample_size[candidate, series])
    if size < policy.minimum_sample_size:
        return f"{size:,} scored {period}s, at least {policy.minimum_sample_size:,} are asked for"
    return "no forecast for at least one metric"


def confidence(
    *,
    valid: int,
    limited: str | None,
    bias: float,
    lead: float,
    policy: RankingPolicy,
    wape: float | None = None,
    expected_wape: float | None = None,
    period: str = DAY.name,
) -> tuple[Confidence, str]:
    """Judge a winner; the first rule that fits decides.

    ``valid`` counts ranked candidates, ``limited`` is the availability's reason when it is not ready,
    ``bias`` the winner's in units per day, ``lead`` as in ``Ranking``; it is NaN where no fold sold anything.
    ``wape`` is the winner's: one without any error needs no lead.
    Whatever the rules say, confidence is low where more than 100 % WAPE is expected, and medium at most above
    50 %.
    """
    level, reason = _judged(valid=valid, limited=limited, bias=bias, lead=lead, policy=policy, period=period)
    if wape == 0 and valid > 1 and limited is None:
        level, reason = "high", "no fold has an error"
    if expected_wape is None or level == "low" or expected_wape <= _DOUBTFUL:
        return level, reason
    sentence = f"{reason}, but a WAPE of {expected_wape:,.0f} % is expected"
    if expected_wape > _HOPELESS:
        return "low", sentence
    return ("medium", sentence) if level == "high" else (level, reason)


def _judged(
    *, valid: int, limited: str | None, bias: float, lead: float, policy: RankingPolicy, period: str
) -> tuple[Confidence, str]:
    if valid == 1:
        return "low", "only one candidate produced a valid backtest"
    if np.isnan(lead):
        return "low", "no fold sold anything, so there is no WAPE and MAE decided"
    if limited is not None:
        return "low", f"the history is limited: {limited}"
    if abs(bias) > policy.max_abs_bias:
        return "low", f"the winner's bias of {bias:+,.2f} a {period} is beyond {policy.max_abs_bias:g}"
    place = f"{100 * abs(lead):,.1f} % {'ahead of' if lead >= 0 else 'behind'} the runner-up in WAPE"
    if lead < NEAR_TIE:
        return "low", f"near tie: {place}" if lead >= 0 else place
    return ("high" if lead >= policy.high_confidence else "medium"), place
