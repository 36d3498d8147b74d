"""The figures and the reason of proposed orders, for series that share a distribution and a window.

Belongs here: from levels and stock to rows of a proposal, with the sentence of each.
Does not belong here: which series belong together (``proposal``), the formulas (``analysis.orders``).
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from forecast_assets.forecasting.analysis.orders import (
    Levels,
    Orders,
    Rounding,
    Window,
    levels,
    orders,
)
from forecast_assets.forecasting.analysis.stock_sentences import achieved
from forecast_assets.forecasting.core.arrays import Values
from forecast_assets.forecasting.core.fill_rates import shortage
from forecast_assets.forecasting.core.stock import Rule
from forecast_assets.forecasting.core.stock_plans import Demand
from forecast_assets.forecasts.store import StoredForecast
from forecast_assets.orders.stock_state import StockState
from forecast_assets.rendering.numbers import amount

_THUMB: Rule = "rule_of_thumb"


def last_day(forecast: StoredForecast) -> dt.date:
    """Return the last day that a forecast is for."""
    return forecast.frequency.last_day(forecast.first_day, len(forecast.curve) - 1)


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Series of one candidate and class whose orders are for the same ``window``, on the same ``day``.

    ``prices`` (n,) are the newest ones, NaN = unknown; with ``is_whole`` only whole units are sold.
    """

    demand: Demand
    window: Window
    states: Sequence[StockState]
    forecasts: Sequence[StoredForecast]
    prices: Values
    is_whole: bool
    day: dt.date

    def rows(self) -> list[dict[str, Any]]:
        """Return figures and reason of every series, by the names of the export."""
        aim = np.array([one.level for one in self.states])
        by_fill = np.array([one.settings.stock_target == "fill_rate" for one in self.states])
        stock_levels = levels(self.demand, self.window, aim, fill_rate=by_fill)
        position = np.array([np.nan if one.position is None else one.position for one in self.states])
        at_risk = shortage(self.demand, self.window.whole, position)
        ordered = orders(stock_levels.order_up_to, position, self._rounding())
        return [
            {
                "safety_stock": float(stock_levels.reorder_point[row] - stock_levels.expected[row]),
                "reorder_point": float(stock_levels.reorder_point[row]),
                "order_up_to": float(stock_levels.order_up_to[row]),
                "expected_demand": float(stock_levels.expected[row]),
                "service_level": float(stock_levels.service[row]),
                "rule_of_thumb_reorder_point": float(stock_levels.thumb[row]),
                **self._scored(float(stock_levels.service[row])),
                **self._of_forecast(row),
                **self._order(row, ordered, stock_levels, float(at_risk[row])),
            }
            for row in range(len(self.states))
        ]

    def _rounding(self) -> Rounding:
        whole = 1.0 if self.is_whole else 0.0
        settings = [one.settings for one in self.states]
        lives = [one.shelf_life_days for one in settings]
        most = np.full(len(lives), np.inf)
        period = self.forecasts[0].frequency
        for life in {life for life in lives if life is not None}:
            sold = self.demand.expected(self.window.delivery + period.exactly(life))
            rows = [row for row, one in enumerate(lives) if one == life]
            most[rows] = sold[rows]
        return Rounding(
            np.array([whole if one.pack_size is None else one.pack_size for one in settings]),
            np.array([one.minimum_order for one in settings]),
            most,
        )

    def _scored(self, level: float) -> dict[str, Any]:
        scored = self.demand.service(self.window.whole, level)
        by_thumb = self.demand.service(self.window.whole, level, _THUMB)
        return {
            "stock_rule": self.demand.rule,
            "achieved_service": None if scored is None else scored[2].share,
            "achieved_of": None if scored is None else scored[2].windows,
            "achieved_pool": None if self.demand.record is None else self.demand.record[0],
            "rule_of_thumb_service": None if by_thumb is None else by_thumb[2].share,
            "extrapolated": self.demand.extrapolates(self.window.whole),
        }

    def _of_forecast(self, row: int) -> dict[str, Any]:
        forecast = self.forecasts[row]
        price = self.prices[row]
        return {
            "price": float(price) if np.isfinite(price) else None,
            "first_day": forecast.first_day,
            "last_day": last_day(forecast),
            "forecast_run_id": forecast.run_id,
        }

    def _order(self, row: int, ordered: Orders, stock_levels: Levels, at_risk: float) -> dict[str, Any]:
        """Return the order of a series, what is at risk without it, and why; none where in doubt."""
        state, price, last = self.states[row], self.prices[row], last_day(self.forecasts[row])
        if last < self.day:
            return {"reason": f"no order: its forecast ended on {last}, before the day of the order"}
        if state.position is None:
            return {"reason": f"no order: {state.fault}"}
        units = float(ordered.units[row])
        worth = state.settings.shortage_cost or (float(price) if np.isfinite(price) else None)
        return {
            "order_units": units,
            "order_value": None if state.settings.unit_cost is None else units * state.settings.unit_cost,
            "units_at_risk": at_risk,
            "money_at_risk": None if worth is None else at_risk * worth,
            "lasts_until": self._until(state),
            "reason": self._reason(row, ordered, stock_levels, state.position),
        }

    def _until(self, state: StockState) -> dt.date:
        days = state.settings.lead_time_days + state.settings.review_days
        return self.day + dt.timedelta(days=days)

    def _reason(self, row: int, ordered: Orders, stock_levels: Levels, position: float) -> str:
        state, units = self.states[row], float(ordered.units[row])
        own = state.settings
        aims = {
            "service": f"a service level of {100 * state.level:,.1f} %",
            "fill_rate": f"a fill rate of {100 * state.level:,.1f} %",
            "cost": f"the lowest cost, a service level of {100 * state.level:,.1f} %",
        }
        need = (
            f"{amount(position)} on hand and on order, counted on {state.counted}; "
            f"{amount(stock_levels.order_up_to[row])} "
            f"last until {self._until(state)} (lead time {own.lead_time_days}, review {own.review_days} "
            f"days) at {aims[own.stock_target]}"
        )
        parts = [need]
        if ordered.raised[row]:
            parts.append(f"raised to the minimum order of {own.minimum_order:g}")
        if ordered.capped[row]:
            parts.append(
                f"no more than sells within a shelf life of {own.shelf_life_days} days"
                + ("" if units else ", which is less than may be ordered")
            )
        elif units and own.pack_size is not None:
            parts.append(f"in packs of {own.pack_size:g}")
        scored = self.demand.service(self.window.whole, float(stock_levels.service[row]))
        if units and scored is not None:
            pool = self.demand.record[0] if self.demand.record else None
            period = self.forecasts[row].frequency
            how = achieved(asdict(scored[2]), pool, scored[0], scored[1], period)
            parts.append(f"rule {self.demand.rule} {how}")
        if self.demand.extrapolates(self.window.whole):
            parts.append("beyond the forecast or any lead time that was measured: extrapolated")
        return (f"order {amount(units)}: " if units else "nothing to order: ") + "; ".join(parts)
