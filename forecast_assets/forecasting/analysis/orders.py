"""From the distribution of demand to an order: how much to have, how much to buy, what is at risk without.

Belongs here: levels for a service, a fill rate or costs; packs, minimum orders and shelf life.
Does not belong here: the distribution (``core.stock_plans``), where stock and settings come from.

Sources: order-up-to levels of periodic review and the fill rate as in Silver, Pyke, Thomas, "Inventory and
Production Management in Supply Chains" (4th edition, chapters 6 and 9); costs by the newsvendor's ratio.
"""

from dataclasses import dataclass

import numpy as np

from forecast_assets.forecasting.core.arrays import Mask, Values
from forecast_assets.forecasting.core.fill_rates import at_levels, filled
from forecast_assets.forecasting.core.stock_plans import Demand

_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Window:
    """Periods that an order is for: up to its delivery (``lead``), and on to the next one (``review``).

    ``elapsed`` periods have passed since the stock was counted. Weeks and months have parts.
    """

    elapsed: float
    lead: float
    review: float

    @property
    def delivery(self) -> float:
        """Periods from the count of the stock to the delivery."""
        return self.elapsed + self.lead

    @property
    def whole(self) -> float:
        """Periods that the counted stock has to last."""
        return self.delivery + self.review


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """What n series are to have: ``reorder_point`` units over a lead time, ``order_up_to`` on to the next.

    ``service`` (n,) is the probability that ``order_up_to`` lasts, ``thumb`` the reorder point by the rule
    of thumb.
    """

    reorder_point: Values
    order_up_to: Values
    service: Values
    expected: Values
    thumb: Values


def levels(demand: Demand, window: Window, aim: Values, *, fill_rate: Mask) -> Levels:
    """Return what n series are to have for an ``aim`` (n,): a service level, or a ``fill_rate`` where so."""
    service = aim.copy()
    if fill_rate.any():
        up_to, by_fill = filled(demand, window.delivery, window.whole, aim)
        service[fill_rate] = by_fill[fill_rate]
    covered = at_levels(demand, window.whole, service)
    return Levels(
        reorder_point=at_levels(demand, window.lead, service),
        order_up_to=np.where(fill_rate, up_to, covered) if fill_rate.any() else covered,
        service=service,
        expected=demand.expected(window.lead),
        thumb=at_levels(demand, window.lead, service, "rule_of_thumb"),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Rounding:
    """What orders of n series may be, each (n,): whole packs (0 = any amount), at least ``minimum`` units.

    ``most`` is what sells before it spoils, infinite where nothing does.
    """

    pack: Values
    minimum: Values
    most: Values


@dataclass(frozen=True, slots=True, eq=False)
class Orders:
    """Orders of n series in units, and which of them the minimum order or the shelf life changed."""

    units: Values
    raised: Mask
    capped: Mask


def orders(need: Values, position: Values, rounding: Rounding) -> Orders:
    """Return what lifts the ``position`` (n,), on hand and on order, to at least ``need`` (n,) units.

    Rounded up to packs and the minimum order; where that would spoil, rounded down to what sells in time, and
    to nothing where this is less than the minimum order.
    """
    lacking = np.maximum(need - position, 0)
    needed = np.where(lacking > _ROUNDING, np.maximum(lacking, rounding.minimum), 0)
    packs = _packs(needed, rounding.pack, up=True)
    room = _packs(np.maximum(rounding.most - position, 0), rounding.pack, up=False)
    capped = packs > room + _ROUNDING
    units = np.where(capped, np.where(room + _ROUNDING >= rounding.minimum, room, 0), packs)
    return Orders(units, (needed > lacking + _ROUNDING) & ~capped, capped)


def _packs(units: Values, pack: Values, *, up: bool) -> Values:
    size = np.where(pack > 0, pack, 1)
    with np.errstate(invalid="ignore"):
        count = units / size
    whole = np.ceil(count - _ROUNDING) if up else np.floor(count + _ROUNDING)
    rounded: Values = np.where(pack > 0, whole * size, units) + 0.0  # no negative zero
    return rounded
