"""Rules that say how much stock covers a lead time, and how well each of them would have done.

Belongs here: the rules, their service and cost on past windows, the choice between them per class of demand.
Does not belong here: the distributions they read, and orders.

``pooled``: the quantile of pooled lead-time errors at the level of the series. ``own``: the same, widened or
narrowed by how large the series' own errors are. ``daily``: independent, normal daily errors, which few folds
are enough to measure. ``blend``: ``own``, or ``daily`` without tables of lead times, mixed with how far the
demand of the series over as many days lay from its mean in the last half year. ``interval``: as ``daily``, as
wide as the 80 % interval. ``rule_of_thumb``: the spread of the forecast curve itself, which holds no error.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import NormalDist
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Floats, Mask, Values
from forecast_assets.forecasting.core.demand import EVERY_CLASS
from forecast_assets.forecasting.core.distribution import ErrorTable, pinball_loss
from forecast_assets.forecasting.core.lead_time import LeadTables, Windows, window_sums

Rule = Literal["pooled", "own", "blend", "daily", "interval", "rule_of_thumb"]
RULES: tuple[Rule, ...] = get_args(Rule)
# The rule of classes and series with too few errors to compare rules.
UNSCORED_RULE: Rule = "blend"
_NEED_TABLES: tuple[Rule, ...] = ("pooled", "own")
RULES_OF_SUMS: tuple[Rule, ...] = (*_NEED_TABLES, "blend")
SERVICE_LEVELS = (0.8, 0.9, 0.95, 0.975, 0.98, 0.99)
SCORED_LEADS = (3, 7, 14)
# What the metrics of candidates say of stock: for a lead time of so many periods, at this service.
METRIC_LEAD, METRIC_LEVEL = 7, 0.95
_CHOSEN_AT = (0.9, 0.95, 0.98)
# A missing share of service counts as so many times this share of the cost: a bound on it would decide by
# luck in classes of few series. Measured: docs/models.md has the figures.
_COST_OF_MISSED = 8.0
_ROUNDING = 1e-9
_FEWEST_WINDOWS = 1000
_Z_OF_UPPER_80 = NormalDist().inv_cdf(0.9)
# Measured: docs/models.md has the figures.
_WEIGHT_OF_HISTORY = 0.4
_FEWEST_OF_HISTORY = 20


@dataclass(frozen=True, slots=True, eq=False)
class StockInputs:
    """What the rules read of n series, each (n,).

    ``spread`` compares their errors with pooled ones; the others are standard deviations of a day in units:
    of errors, as the 80 % interval has it, of the curve itself. ``history`` (n, d) are the newest units sold,
    NaN = not observed.
    """

    spread: Values
    sigma: Values
    interval_sigma: Values
    curve_sigma: Values
    history: Floats

    def take(self, rows: NDArray[np.int64]) -> "StockInputs":
        """Return the inputs of some rows."""
        return StockInputs(
            self.spread[rows],
            self.sigma[rows],
            self.interval_sigma[rows],
            self.curve_sigma[rows],
            self.history[rows],
        )

    def without_history(self) -> "StockInputs":
        """Return the inputs without their history: one row may stand for many windows."""
        return replace(self, history=self.history[:, :0])


def stock_inputs(table: ErrorTable, curve: Values, spread: Values, history: Floats) -> StockInputs:
    """Return what the rules read of curves (n, h) whose errors ``table`` describes, ``history`` (n, d)."""
    ends = table.quantiles(curve, np.array([0.5, 0.9]), spread=spread[:, None])
    return StockInputs(
        spread,
        np.sqrt(((table.deviation(curve) * spread[:, None]) ** 2).mean(axis=1)),
        (ends[..., 1] - ends[..., 0]).mean(axis=1) / _Z_OF_UPPER_80,
        curve.std(axis=1),
        history,
    )


def deviations(history: Floats, days: int, levels: Values) -> Values:
    """Return how far quantiles (n, q) of demand over ``days`` lay from its mean in a ``history`` (n, d).

    NaN for series with fewer than 20 windows.
    """
    result = np.full((len(history), len(levels)), np.nan)
    if history.shape[1] < days:
        return result
    sums, counted = window_sums(np.nan_to_num(history), ~np.isnan(history), days)
    enough = counted.sum(axis=1) >= _FEWEST_OF_HISTORY
    ordered = np.sort(np.where(counted, sums, np.inf)[enough], axis=1)
    count = counted[enough].sum(axis=1)
    place = levels * (count[:, None] - 1)
    low = place.astype(np.int64)
    lower = np.take_along_axis(ordered, low, axis=1)
    upper = np.take_along_axis(ordered, np.minimum(low + 1, count[:, None] - 1), axis=1)
    mean = np.where(counted, sums, 0)[enough].sum(axis=1) / count
    result[enough] = lower + (place - low) * (upper - lower) - mean[:, None]
    return result


def scored_deviations(history: Floats, horizon: int) -> dict[int, Values]:
    """Return the ``deviations`` (n, levels) of a ``history`` (n, d) by each scored lead within a horizon."""
    levels = np.array(SERVICE_LEVELS)
    return {days: deviations(history, days, levels) for days in SCORED_LEADS if days <= horizon}


def cover(  # noqa: PLR0917 - what is covered, by what, how long and how surely
    rule: Rule,
    tables: LeadTables,
    inputs: StockInputs,
    sums: Values,
    days: int,
    levels: Values,
    *,
    lay: Values | None = None,
    own: Values | None = None,
) -> Values:
    """Return the units (n, q) that cover ``days`` days with probabilities ``levels`` (q,) by a rule.

    ``sums`` (n,) is what the curve says of these days; ``lay`` (n, q) are the ``deviations`` of the history
    and ``own`` (n, q) the units by the rule ``own``, where they were computed before.
    """
    if rule == "pooled":
        return tables.quantiles(sums, days, levels)
    if rule != "own" and not (rule == "blend" and tables.by_days):
        own = _independent(_sigma(rule, inputs), sums, days, levels)
    elif own is None:
        own = tables.quantiles(sums, days, levels, spread=inputs.spread)
    if rule != "blend":
        return own
    lay = deviations(inputs.history, days, levels) if lay is None else lay
    expected = tables.expected(sums, days) if tables.by_days else sums
    past = np.maximum(expected[:, None] + lay, 0)
    mixed = (1 - _WEIGHT_OF_HISTORY) * own + _WEIGHT_OF_HISTORY * past
    return np.where(np.isnan(lay), own, mixed)


def _sigma(rule: Rule, inputs: StockInputs) -> Values:
    by_rule = {"interval": inputs.interval_sigma, "rule_of_thumb": inputs.curve_sigma}
    return by_rule.get(rule, inputs.sigma)


def _independent(sigma: Values, sums: Values, days: int, levels: Values) -> Values:
    z = np.array([NormalDist().inv_cdf(float(level)) for level in levels])
    units: Values = sums[:, None] + z * sigma[:, None] * np.sqrt(days)
    return np.maximum(units, 0)


@dataclass(frozen=True, slots=True)
class Service:
    """How a rule did on windows it had not learned from: ``covered`` of ``windows`` at a level and lead."""

    covered: int
    windows: int

    @property
    def share(self) -> float | None:
        """Share of windows without a stock-out; ``None`` without a window."""
        return self.covered / self.windows if self.windows else None


@dataclass(frozen=True, eq=False)
class RuleRecord:
    """Record of every rule in one class of demand.

    ``service`` maps (rule, days, level) to windows covered and counted, ``cost`` a rule to its pinball loss
    per unit sold; ``chosen`` is the rule of lowest cost.
    """

    service: dict[tuple[Rule, int, float], Service]
    cost: dict[Rule, float]

    @cached_property
    def chosen(self) -> Rule:
        """The cheapest rule, each missing point of service counted as 8 % of its cost.

        ``blend`` where too few windows were scored to compare rules.
        """
        if max((one.windows for one in self.service.values()), default=0) < _FEWEST_WINDOWS:
            return UNSCORED_RULE
        return min(
            RULES, key=lambda rule: self.cost.get(rule, np.inf) * (1 + _COST_OF_MISSED * self._miss(rule))
        )

    def _miss(self, rule: Rule) -> float:
        """Return the mean distance of the achieved service below the levels that rules are chosen at."""
        pairs = [
            (level, one.share)
            for (name, _, level), one in self.service.items()
            if name == rule and level in _CHOSEN_AT and one.share is not None
        ]
        return float(np.mean([max(level - share, 0) for level, share in pairs])) if pairs else np.inf

    def nearest(self, rule: Rule, days: float, level: float) -> tuple[int, float, Service] | None:
        """Return the scored lead time and level next to those asked for, and the service there."""
        keys = [key for key in self.service if key[0] == rule]
        if not keys:
            return None
        best = min(keys, key=lambda key: (abs(np.log(key[1] / days)), abs(key[2] - level)))
        return best[1], best[2], self.service[best]

    def to_json(self) -> dict[str, Any]:
        """Return plain values that ``from_json`` reads back."""
        service = [[*key, one.covered, one.windows] for key, one in self.service.items()]
        return {"service": service, "cost": self.cost}

    @classmethod
    def from_json(cls, parts: dict[str, Any]) -> Self:
        """Return the record that ``to_json`` wrote."""
        service = {(rule, days, level): Service(*counts) for rule, days, level, *counts in parts["service"]}
        return cls(service, parts["cost"])


class RuleScores:
    """Adds up how every rule did, fold by fold and class by class."""

    def __init__(self) -> None:
        self._service: dict[str, dict[tuple[Rule, int, float], list[int]]] = {}
        self._cost: dict[str, dict[Rule, list[float]]] = {}

    def add(  # noqa: PLR0917 - a fold, and what was learned without it
        self,
        classes: NDArray[np.str_],
        tables: LeadTables,
        inputs: StockInputs,
        curve: Values,
        actual: Floats,
        usable: Mask,
        *,
        lay: Mapping[int, Values],
    ) -> None:
        """Score one fold: ``curve``, ``actual`` and ``usable`` (n, h), ``tables`` learned without it.

        ``lay`` are the ``scored_deviations`` of its history, the same for every candidate.
        """
        levels = np.array(SERVICE_LEVELS)
        judged = np.isin(levels, _CHOSEN_AT)
        windows = Windows(usable, curve, actual)
        for days in SCORED_LEADS:
            if days > actual.shape[1]:
                continue
            counted, (sums, sold) = windows.of(days)
            row, start = np.nonzero(counted)
            demand, expected = sold[row, start], sums[row, start]
            some, past = inputs.without_history().take(row), lay[days][row]
            own = tables.quantiles(expected, days, levels, spread=some.spread) if tables.by_days else None
            own_class = classes[row]
            by_class: dict[str, Any] = {
                one: np.flatnonzero(own_class == one) for one in dict.fromkeys(classes.tolist())
            }
            by_class[EVERY_CLASS] = slice(None)
            total = {one: (float(demand[mine].sum()), len(row[mine])) for one, mine in by_class.items()}
            for rule in RULES if tables.by_days else [one for one in RULES if one not in _NEED_TABLES]:
                short = demand[:, None] - cover(rule, tables, some, expected, days, levels, lay=past, own=own)
                hits = np.ascontiguousarray((short <= _ROUNDING).T)
                loss = pinball_loss(short[:, judged], levels[judged]).sum(axis=1)
                for one, mine in by_class.items():
                    cost = self._cost.setdefault(one, {}).setdefault(rule, [0.0, 0.0])
                    cost[0] += float(loss[mine].sum())
                    cost[1] += total[one][0]
                    for level, hit in zip(SERVICE_LEVELS, hits[:, mine], strict=True):
                        count = self._service.setdefault(one, {}).setdefault((rule, days, level), [0, 0])
                        # Along one axis it would take many times as long.
                        count[0] += int(np.count_nonzero(hit))
                        count[1] += total[one][1]

    def records(self) -> dict[str, RuleRecord]:
        """Return the record of every class."""
        return {
            one: RuleRecord(
                {key: Service(*counts) for key, counts in service.items()},
                {rule: loss / max(sold, 1e-9) for rule, (loss, sold) in self._cost[one].items()},
            )
            for one, service in self._service.items()
        }
