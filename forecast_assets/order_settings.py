"""How a dataset orders: lead time, review period, what stock aims at, and what an order may be.

Belongs here: the settings of a whole dataset, and what they mean for one product.
Does not belong here: what is on hand (``orders.inventory``), and the orders themselves.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from forecast_assets.errors import BadSetting

Target = Literal["service", "fill_rate", "cost"]


class OrderSettings(BaseModel):
    """What stock is decided for; an inventory file may say otherwise for single series."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    lead_time_days: int = Field(default=7, ge=1, le=365, description="Days from an order to its delivery.")
    review_days: int = Field(default=1, ge=1, le=365, description="Days from one order to the next chance.")
    stock_target: Target = Field(
        default="service",
        description="What stock aims at: service (service_level), fill_rate, or cost (shortage_cost against "
        "holding_cost).",
    )
    service_level: float = Field(
        default=0.95, ge=0.5, lt=1, description="Share of lead times without a stock-out that is aimed at."
    )
    fill_rate: float = Field(
        default=0.98, ge=0.5, lt=1, description="Share of demand that is to be served from stock."
    )
    pack_size: float | None = Field(
        default=None, gt=0, description="Orders are whole packs of so many units; whole units if unset."
    )
    minimum_order: float = Field(default=0.0, ge=0, description="Fewest units that may be ordered at once.")
    shelf_life_days: int | None = Field(
        default=None, ge=1, le=3650, description="Days after delivery that goods can be sold."
    )
    unit_cost: float | None = Field(default=None, ge=0, description="Money that a unit costs to buy.")
    holding_cost: float | None = Field(
        default=None, gt=0, description="Money that a unit costs for every day it is held."
    )
    shortage_cost: float | None = Field(
        default=None, gt=0, description="Money that is lost with every unit that is asked for in vain."
    )
    stock_max_age_days: int | None = Field(
        default=None,
        ge=0,
        le=365,
        description="Days after which a count of stock is stale; the review period if unset.",
    )

    @model_validator(mode="after")
    def _shortage_costs_more(self) -> "OrderSettings":
        if self.shortage_cost is not None and self.holding_cost is not None:
            critical_ratio(self.shortage_cost, self.holding_cost, self.review_days)
        return self

    def level(self) -> float:
        """Return the service level of the dataset: of its costs where it aims at them and has both."""
        if self.stock_target == "cost" and self.shortage_cost is not None and self.holding_cost is not None:
            return critical_ratio(self.shortage_cost, self.holding_cost, self.review_days)
        return self.service_level


def critical_ratio(shortage: float, holding: float, review: float) -> float:
    """Return the service level (0.5 up to 1) that is cheapest for a ``review`` period in days.

    Newsvendor: shortage / (shortage + holding x review period), with the ``shortage`` cost of a unit and the
    ``holding`` cost of a unit and day. Raises ``BadSetting`` below one half, where holding costs more.
    """
    ratio = shortage / (shortage + holding * review)
    if not 0.5 <= ratio < 1:  # noqa: PLR2004 - below, no stock is the cheapest
        raise BadSetting(
            f"shortage_cost {shortage:g} is below holding_cost {holding:g} x review_days {review:g}",
            remedy="check the costs: holding_cost is for one unit and day, shortage_cost for one unit",
        )
    return ratio
