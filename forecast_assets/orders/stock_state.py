"""What is known of the stock of every series on the day of an order: counts, settings, and what is missing.

Belongs here: joining inventory and settings, and the reasons why a stock cannot be acted on.
Does not belong here: reading the file (``inventory``), how much to order (``proposal``).
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forecast_assets.errors import BadSetting
from forecast_assets.order_settings import OrderSettings, critical_ratio


@dataclass(frozen=True, slots=True)
class StockState:
    """Stock and settings of one series: ``on_hand`` and ``on_order`` in units at the end of day ``counted``.

    ``fault`` says why nothing can be ordered by it; ``settings`` are the dataset's with what the inventory
    says otherwise.
    """

    on_hand: float | None
    on_order: float | None
    counted: dt.date | None
    settings: OrderSettings
    level: float
    fault: str | None

    @property
    def position(self) -> float | None:
        """Units on hand and on order; ``None`` where they are not known well enough to order by."""
        return None if self.fault or self.on_hand is None else self.on_hand + (self.on_order or 0)


def stock_state(row: Mapping[str, Any] | None, settings: OrderSettings, day: dt.date) -> StockState:
    """Return what an inventory ``row`` (or none) says of a series on the ``day`` of an order."""
    if row is None:
        return StockState(None, None, None, settings, settings.level(), "its stock is not known")
    own = _own(row, settings)
    level, fault = _level(own)
    on_hand, counted = row["on_hand"], row["counted"]
    age = own.review_days if own.stock_max_age_days is None else own.stock_max_age_days
    if on_hand is None:
        fault = "its stock is not known"
    elif counted is None:
        fault = "the day its stock was counted is not known"
    elif on_hand < 0:
        fault = f"its stock is {on_hand:g}, below zero: count it again"
    elif counted > day:
        fault = f"its stock was counted on {counted}, after the day of the order"
    elif (day - counted).days > age:
        days = (day - counted).days
        fault = (
            f"its stock was counted on {counted}, {days:,} days ago, and counts of more than {age} are stale"
        )
    return StockState(on_hand, row["on_order"], counted, own, level, fault)


def _own(row: Mapping[str, Any], settings: OrderSettings) -> OrderSettings:
    """Return the settings with what the row says otherwise; a level of the row is what the row aims at."""
    named: dict[str, Any] = {
        name: int(value) if name.endswith("_days") else value
        for name, value in row.items()
        if name in OrderSettings.model_fields and value is not None
    }
    if "service_level" in named:
        named["stock_target"] = "service"
    elif "fill_rate" in named:
        named["stock_target"] = "fill_rate"
    elif "shortage_cost" in named and "holding_cost" in named:
        named["stock_target"] = "cost"
    return settings.model_copy(update=named)


def _level(settings: OrderSettings) -> tuple[float, str | None]:
    """Return the service level or fill rate that is aimed at, and why it is not known."""
    if settings.stock_target == "fill_rate":
        return settings.fill_rate, None
    if settings.stock_target == "service":
        return settings.service_level, None
    shortage, holding = settings.shortage_cost, settings.holding_cost
    if shortage is None or holding is None:
        return settings.service_level, "it aims at costs, and its shortage_cost or holding_cost is not known"
    try:
        return critical_ratio(shortage, holding, settings.review_days), None
    except BadSetting as error:
        return settings.service_level, error.problem
