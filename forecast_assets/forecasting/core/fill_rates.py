"""Stock for a fill rate: what serves a share of the demand, and the service level that this amounts to.

Belongs here: expected shortages, and units at service levels that differ by series.
Does not belong here: the distribution of demand (``stock_plans``), orders (``analysis.orders``).

Source: the fill rate of periodic review as in Silver, Pyke, Thomas, "Inventory and Production Management in
Supply Chains" (4th edition, chapter 6).
"""

from typing import Protocol

import numpy as np

from forecast_assets.forecasting.core.arrays import Values
from forecast_assets.forecasting.core.stock import Rule

# Equally likely outcomes that stand for a distribution: shortages are means over them.
_OUTCOMES = (np.arange(200) + 0.5) / 200
_HALVINGS = 40
_ROUNDING = 1e-6


class Demand(Protocol):
    """Anything that says how many units (n, q) cover some days with probabilities ``levels`` (q,)."""

    def units(self, days: float, levels: Values, rule: Rule | None = None) -> Values: ...


def at_levels(demand: Demand, days: float, service: Values, rule: Rule | None = None) -> Values:
    """Return the units (n,) that cover ``days`` with the probability ``service`` (n,) of each series."""
    unique = np.unique(service)
    if len(unique) == 1:
        return demand.units(days, unique, rule)[:, 0]
    outcomes = demand.units(days, _OUTCOMES, rule)
    place = np.clip(np.interp(service, _OUTCOMES, np.arange(len(_OUTCOMES))), 0, len(_OUTCOMES) - 1)
    low = np.floor(place).astype(np.int64)
    rows, high = np.arange(len(outcomes)), np.minimum(low + 1, len(_OUTCOMES) - 1)
    units: Values = outcomes[rows, low] + (place - low) * (outcomes[rows, high] - outcomes[rows, low])
    return units


def shortage(demand: Demand, days: float, stock: Values) -> Values:
    """Return the units (n,) that are expected to be asked for in vain within ``days`` with ``stock`` (n,)."""
    return _short(demand.units(days, _OUTCOMES), stock)


def filled(demand: Demand, delivery: float, whole: float, aim: Values) -> tuple[Values, Values]:
    """Return the least stock (n,) that serves a share ``aim`` (n,) of demand, and its service level (n,).

    Served is the demand of a review period, from the ``delivery`` to the end of ``whole`` days: what is short
    by the next delivery, less what is short before this one. The level is how likely the stock lasts.
    """
    early, late = (demand.units(days, _OUTCOMES) for days in (delivery, whole))
    allowed = (1 - aim) * np.maximum(late.mean(axis=1) - early.mean(axis=1), 0)
    low, high = np.zeros(len(aim)), late[:, -1].copy()
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        enough = _short(late, middle) - _short(early, middle) <= allowed
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    service: Values = (late <= high[:, None] + _ROUNDING).mean(axis=1)
    return high, service


def _short(outcomes: Values, stock: Values) -> Values:
    missing: Values = np.maximum(outcomes - stock[:, None], 0).mean(axis=1)
    return missing
