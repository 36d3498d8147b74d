"""Stock for forecasts: when to order, up to what level, and how well such an order would have done.

Belongs here: applying the rule that a class of demand has chosen to the curves of series.
Does not belong here: the rules and their records (``stock``), what is on hand (``orders``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.demand import EVERY_CLASS
from forecast_assets.forecasting.core.distribution import ErrorTable
from forecast_assets.forecasting.core.lead_time import LeadTables
from forecast_assets.forecasting.core.pool import Pool
from forecast_assets.forecasting.core.prediction import OwnErrors
from forecast_assets.forecasting.core.stock import (
    Rule,
    RuleRecord,
    Service,
    StockInputs,
    cover,
    stock_inputs,
)

Values = NDArray[np.float64]
Floats = NDArray[np.float32]
_THUMB: Rule = "rule_of_thumb"
_NO_TABLES = LeadTables({})


@dataclass(frozen=True, slots=True)
class StockAim:
    """What stock is decided for: lead time and review period in days, service level (0.5 up to 1)."""

    days: int
    level: float
    review: int = 0


@dataclass(frozen=True, slots=True)
class StockPlan:
    """The stock of one series for a lead time of ``days`` at a ``level`` of service, in units.

    ``reorder_point`` covers the lead time, ``safety_stock`` is what it holds above the expected demand,
    ``order_up_to`` covers lead time and review period. ``service`` is how the ``rule`` did on windows that
    it had not learned from, of all series of ``pool`` (a class of demand), at ``scored_days`` and
    ``scored_level``. The rule of thumb stands beside it with its own record. ``extrapolated``: the lead time
    is longer than any that was measured.
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

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def stock_plans(
    pool: Pool | None,
    labels: Sequence[str | None],
    curve: Floats,
    own: Sequence[OwnErrors],
    *,
    classes: Sequence[str | None],
    aim: StockAim,
) -> list[StockPlan | None]:
    """Return the stock of every series (n,) with a ``curve`` (n, h); ``None`` where there is no forecast.

    Series whose errors nobody measured get the rule of thumb.
    """
    errors = pool.errors if pool else {}
    plans: list[StockPlan | None] = [None] * len(curve)
    groups: dict[tuple[str, str], list[int]] = {}
    for row, label in enumerate(labels):
        if not np.isfinite(curve[row]).all():
            continue
        if label is not None and label in errors:
            groups.setdefault((label, classes[row] or EVERY_CLASS), []).append(row)
        else:
            table = own[row].table
            plans[row] = _planned(table, None, None, curve[[row]], np.ones(1), aim)[0]
    for (label, demand_class), rows in groups.items():
        spread = np.array([own[row].spread for row in rows])
        measured = errors[label]
        name = demand_class if demand_class in measured.rules else EVERY_CLASS
        record = (name, measured.rules[name]) if name in measured.rules else None
        planned = _planned(measured.tables[-1], measured.lead, record, curve[rows], spread, aim)
        for row, plan in zip(rows, planned, strict=True):
            plans[row] = plan
    return plans


def _planned(  # noqa: PLR0917 - what is known of the errors, and what is wanted
    table: ErrorTable | None,
    lead: LeadTables | None,
    record: tuple[str, RuleRecord] | None,
    curve: Floats,
    spread: Values,
    aim: StockAim,
) -> list[StockPlan]:
    units = curve.astype(np.float64)
    rule = _rule(table, lead, record)
    tables = lead or _NO_TABLES
    inputs = _inputs(table, units, spread)
    sums = {days: _sum(units, days) for days in {aim.days, aim.days + aim.review}}
    level = np.array([aim.level])
    points = {days: cover(rule, tables, inputs, sums[days], days, level)[:, 0] for days in sums}
    if rule not in {"pooled", "own"}:
        means = {days: _expected(table, tables, units, sums[days], days) for days in sums}
        points = {days: np.maximum(points[days] + means[days] - sums[days], 0) for days in sums}
    thumb = cover(_THUMB, tables, inputs, sums[aim.days], aim.days, level)[:, 0]
    expected = _expected(table, tables, units, sums[aim.days], aim.days)
    service = None if record is None else record[1].nearest(rule, aim.days, aim.level)
    by_thumb = None if record is None else record[1].nearest(_THUMB, aim.days, aim.level)
    beyond = rule in {"pooled", "own"} and tables.extrapolates(aim.days)
    return [
        StockPlan(
            rule=rule,
            days=aim.days,
            level=aim.level,
            expected=float(expected[row]),
            reorder_point=float(points[aim.days][row]),
            safety_stock=float(points[aim.days][row] - expected[row]),
            order_up_to=float(points[aim.days + aim.review][row]),
            pool=None if record is None else record[0],
            service=None if service is None else service[2],
            scored_days=None if service is None else service[0],
            scored_level=None if service is None else service[1],
            thumb_reorder_point=float(thumb[row]),
            thumb_safety_stock=float(thumb[row] - sums[aim.days][row]),
            thumb_service=None if by_thumb is None else by_thumb[2],
            extrapolated=beyond,
        )
        for row in range(len(units))
    ]


def _rule(table: ErrorTable | None, lead: LeadTables | None, record: tuple[str, RuleRecord] | None) -> Rule:
    if table is None:
        return _THUMB
    if record is None:
        return "daily"
    chosen = record[1].chosen
    needs_sums = chosen in {"pooled", "own"}
    return "daily" if needs_sums and not (lead and lead.by_days) else chosen


def _inputs(table: ErrorTable | None, units: Values, spread: Values) -> StockInputs:
    if table is not None:
        return stock_inputs(table, units, spread)
    nothing = np.full(len(units), np.nan)
    return StockInputs(spread, nothing, nothing, units.std(axis=1))


def _sum(units: Values, days: int) -> Values:
    """Return sums (n,) over the first ``days``; beyond the forecast its mean day goes on."""
    if days <= units.shape[1]:
        within: Values = units[:, :days].sum(axis=1)
        return within
    beyond: Values = units.sum(axis=1) + (days - units.shape[1]) * units.mean(axis=1)
    return beyond


def _expected(table: ErrorTable | None, tables: LeadTables, units: Values, sums: Values, days: int) -> Values:
    expected: Values = sums
    if tables.by_days:
        expected = tables.expected(sums, days)
    elif table is not None:
        expected = _sum(table.expected(units), days)
    return expected


def sentence(plan: Mapping[str, Any]) -> str:
    """Say in words how often the rule of a stored plan would have covered a lead time, and of whom."""
    counts = plan.get("service")
    if not counts or not counts["windows"]:
        return "how often this would have covered a lead time was not measured"
    share = counts["covered"] / counts["windows"]
    whose = "all series" if plan["pool"] == EVERY_CLASS else f"series with {plan['pool']} demand"
    text = (
        f"would have covered {share:.0%} of {counts['windows']:,} lead times of {plan['scored_days']} days "
        f"of {whose} at {plan['scored_level']:.1%}, on folds it had not learned from"
    )
    return text + (
        "; longer than any that was measured, so it is extrapolated" if plan["extrapolated"] else ""
    )
