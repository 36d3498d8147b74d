"""Stock for forecasts: when to order, up to what level, and how well such an order would have done.

Belongs here: applying the rule that a class of demand has chosen to the curves of series.
Does not belong here: the rules and their records (``stock``), orders (``analysis.orders``), and words.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Floats, Values
from forecast_assets.forecasting.core.demand import EVERY_CLASS
from forecast_assets.forecasting.core.distribution import ErrorTable
from forecast_assets.forecasting.core.fill_rates import at_levels, filled
from forecast_assets.forecasting.core.lead_time import LeadTables
from forecast_assets.forecasting.core.pool import Pool
from forecast_assets.forecasting.core.prediction import OwnErrors
from forecast_assets.forecasting.core.stock import (
    RULES_OF_SUMS,
    UNSCORED_RULE,
    Rule,
    RuleRecord,
    Service,
    StockInputs,
    cover,
    stock_inputs,
)

_THUMB: Rule = "rule_of_thumb"
_NO_TABLES = LeadTables({})
_UNSCORED = (None, None, None)


@dataclass(frozen=True, slots=True)
class StockAim:
    """What stock is decided for: lead time and review period in periods, service level (0.5 up to 1).

    With a ``fill_rate`` each series has the service level that serves this share of its demand;
    ``cheapest``: the level is the one of lowest cost.
    """

    days: int
    level: float
    review: float = 0
    fill_rate: float | None = None
    cheapest: bool = False


@dataclass(frozen=True, slots=True)
class StockPlan:
    """The stock of one series for a lead time of ``days`` at a ``level`` of service, in units.

    ``reorder_point`` covers the lead time, ``safety_stock`` is what it holds above the expected demand,
    ``order_up_to`` covers lead time and review period. ``service`` is how the ``rule`` did on windows that
    it had not learned from, of all series of ``pool`` (a class of demand), at ``scored_days`` and
    ``scored_level``. The rule of thumb stands beside it with its own record. ``extrapolated``: the lead time
    is longer than the forecast, or than any that was measured. ``spread`` and ``table`` are what the folds
    of the series say of its errors; ``fill_rate`` and ``cheapest`` are those of the aim.
    """

    rule: Rule
    days: int
    level: float
    expected: float
    reorder_point: float
    safety_stock: float
    order_up_to: float
    pool: str | None
    service: Service | None
    scored_days: int | None
    scored_level: float | None
    thumb_reorder_point: float
    thumb_safety_stock: float
    thumb_service: Service | None
    extrapolated: bool
    spread: float
    table: Mapping[str, Any] | None
    fill_rate: float | None = None
    cheapest: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        # The table is plain already, and to copy it number by number takes longer than to make the plan.
        parts = {one.name: getattr(self, one.name) for one in fields(self)}
        services = {name: asdict(one) for name, one in parts.items() if isinstance(one, Service)}
        return parts | services


@dataclass(frozen=True, slots=True, eq=False)
class Demand:
    """Demand of n series of one candidate and class over any number of days, or parts of one.

    ``curve`` (n, h) is their forecast, ``table`` holds the errors of its days, ``tables`` those of sums,
    ``record`` the class with what its rules achieved. ``rule`` is the one that the class has chosen.
    """

    table: ErrorTable | None
    tables: LeadTables
    record: tuple[str, RuleRecord] | None
    curve: Values
    inputs: StockInputs
    rule: Rule = field(init=False)

    def __post_init__(self) -> None:
        """Take the rule that the class has chosen; without any errors the rule of thumb."""
        chosen = UNSCORED_RULE if self.record is None else self.record[1].chosen
        object.__setattr__(self, "rule", _THUMB if self.table is None else chosen)

    def units(self, days: float, levels: Values, rule: Rule | None = None) -> Values:
        """Return the units (n, q) that cover ``days`` days with probabilities ``levels`` (q,).

        Within the last day, which is a week or month of such sales, demand is spread evenly, and what is
        added for its uncertainty falls with the square root of time.
        """
        whole = math.ceil(days)
        covered = self._units(whole, levels, rule)
        if whole == days:
            return covered
        added = (covered - self.expected(whole)[:, None]) * np.sqrt(days / whole)
        units: Values = np.maximum(self.expected(days)[:, None] + added, 0)
        return units

    def _units(self, days: int, levels: Values, rule: Rule | None) -> Values:
        sums, by = self._sum(days), rule or self.rule
        covered = cover(by, self.tables, self.inputs, sums, days, levels)
        if rule is None and not self._of_sums:
            covered = np.maximum(covered + (self.expected(days) - sums)[:, None], 0)
        return covered

    def expected(self, days: float) -> Values:
        """Return the expected units (n,) of ``days`` days."""
        whole = math.floor(days)
        if whole == days:
            return self._expected(whole)
        before = self._expected(whole) if whole else np.zeros(len(self.curve))
        return before + (days - whole) * (self._expected(whole + 1) - before)

    def _expected(self, days: int) -> Values:
        sums = self._sum(days)
        if self.tables.by_days:
            return self.tables.expected(sums, days)
        return sums if self.table is None else self._sum(days, self.table.expected(self.curve))

    @property
    def _of_sums(self) -> bool:
        """Whether the rule reads the errors of sums, which hold the mean error."""
        return bool(self.tables.by_days) and self.rule in RULES_OF_SUMS

    def extrapolates(self, days: float) -> bool:
        """Return whether the forecast, or every lead time that was measured, is shorter than ``days``."""
        measured = not (self._of_sums and self.tables.extrapolates(days))
        return days > self.curve.shape[1] or not measured

    def service(
        self, days: float, level: float, rule: Rule | None = None
    ) -> tuple[int, float, Service] | None:
        """Return the scored lead time and level next to these, and what the rule achieved there."""
        return None if self.record is None else self.record[1].nearest(rule or self.rule, days, level)

    def plan(self, aim: StockAim) -> list[StockPlan]:
        """Return the stock of every series (n,)."""
        whole = aim.days + aim.review
        levels, up_to = np.full(len(self.curve), aim.level), None
        if aim.fill_rate is not None:
            up_to, levels = filled(self, aim.days, whole, np.full(len(self.curve), aim.fill_rate))
        points = at_levels(self, aim.days, levels)
        up_to = at_levels(self, whole, levels) if up_to is None else up_to
        thumb = at_levels(self, aim.days, levels, _THUMB)
        expected, sums = self.expected(aim.days), self._sum(aim.days)
        records = {
            level: [self.service(aim.days, level, rule) or _UNSCORED for rule in (None, _THUMB)]
            for level in set(levels.tolist())
        }
        scored, by_thumb = zip(*(records[level] for level in levels.tolist()), strict=True)
        return [
            StockPlan(
                rule=self.rule,
                days=aim.days,
                level=float(levels[row]),
                expected=float(expected[row]),
                reorder_point=float(points[row]),
                safety_stock=float(points[row] - expected[row]),
                order_up_to=float(up_to[row]),
                pool=None if self.record is None else self.record[0],
                service=scored[row][2],
                scored_days=scored[row][0],
                scored_level=scored[row][1],
                thumb_reorder_point=float(thumb[row]),
                thumb_safety_stock=float(thumb[row] - sums[row]),
                thumb_service=by_thumb[row][2],
                extrapolated=self.extrapolates(aim.days),
                spread=float(self.inputs.spread[row]),
                # The table of a pooled candidate is the pool's.
                table=self.table.to_json() if self.table is not None and self.record is None else None,
                fill_rate=aim.fill_rate,
                cheapest=aim.cheapest,
            )
            for row in range(len(self.curve))
        ]

    def _sum(self, days: int, curve: Values | None = None) -> Values:
        """Return sums (n,) over the first ``days``; beyond the forecast its mean day goes on."""
        units = self.curve if curve is None else curve
        beyond = max(0, days - units.shape[1]) * units.mean(axis=1)
        total: Values = units[:, :days].sum(axis=1) + beyond
        return total


def demands(
    pool: Pool | None,
    labels: Sequence[str | None],
    curve: Floats | Values,
    own: Sequence[OwnErrors],
    *,
    classes: Sequence[str | None],
    history: Floats,
) -> list[tuple[NDArray[np.int64], Demand]]:
    """Return the demand of all series (n,) with a ``curve`` (n, h), and which rows each part is of.

    ``history`` (n, d) are their newest units.
    """
    errors = pool.errors if pool else {}
    alone: list[int] = []
    groups: dict[tuple[str, str], list[int]] = {}
    for row, label in enumerate(labels):
        if np.isfinite(curve[row]).all():
            pooled = label is not None and label in errors
            key = (str(label), classes[row] or EVERY_CLASS)
            (groups.setdefault(key, []) if pooled else alone).append(row)

    def part(rows: list[int], table: ErrorTable | None, tables: LeadTables, record: Any) -> Demand:  # noqa: ANN401 - a name and its record, or none
        units = curve[rows].astype(np.float64)
        inputs = _inputs(table, units, np.array([own[row].spread for row in rows]), history[rows])
        return Demand(table, tables, record, units, inputs)

    parts = [(np.array([row]), part([row], own[row].table, _NO_TABLES, None)) for row in alone]
    for (label, demand_class), rows in groups.items():
        of_label = errors[label]
        name = demand_class if demand_class in of_label.rules else EVERY_CLASS
        record = (name, of_label.rules[name]) if name in of_label.rules else None
        parts.append((np.array(rows), part(rows, of_label.tables[-1], of_label.lead, record)))
    return parts


def stock_plans(
    pool: Pool | None,
    labels: Sequence[str | None],
    curve: Floats,
    own: Sequence[OwnErrors],
    *,
    classes: Sequence[str | None],
    history: Floats,
    aim: StockAim,
) -> list[StockPlan | None]:
    """Return the stock of every series (n,) with a ``curve`` (n, h); ``None`` where there is no forecast.

    Series whose errors nobody measured get the rule of thumb.
    """
    plans: list[StockPlan | None] = [None] * len(curve)
    for rows, demand in demands(pool, labels, curve, own, classes=classes, history=history):
        for row, plan in zip(rows.tolist(), demand.plan(aim), strict=True):
            plans[row] = plan
    return plans


def _inputs(table: ErrorTable | None, units: Values, spread: Values, history: Floats) -> StockInputs:
    if table is not None:
        return stock_inputs(table, units, spread, history)
    nothing = np.full(len(units), np.nan)
    return StockInputs(spread, nothing, nothing, units.std(axis=1), history)
