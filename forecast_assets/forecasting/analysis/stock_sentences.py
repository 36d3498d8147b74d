"""Stored stock plans in words: what they aim at, and how their rule did.

Belongs here: the sentences that pages and exports share.
Does not belong here: the figures (``core.stock_plans``).
"""

from collections.abc import Mapping
from typing import Any

from forecast_assets.forecasting.core.demand import EVERY_CLASS
from forecast_assets.forecasting.core.frequency import DAY, Frequency


def sentence(plan: Mapping[str, Any], frequency: Frequency = DAY) -> str:
    """Say in words how often the rule of a stored plan would have covered a lead time, and of whom."""
    return achieved(plan["service"], plan["pool"], plan["scored_days"], plan["scored_level"], frequency) + (
        "; longer than the forecast or any lead time that was measured, so it is extrapolated"
        if plan["extrapolated"]
        else ""
    )


def aim_of(plan: Mapping[str, Any]) -> str:
    """Say in words what the stock of a stored plan aims at."""
    level = f"a service level of {100 * plan['level']:,.1f} %"
    if plan.get("fill_rate") is not None:
        return f"a fill rate of {100 * plan['fill_rate']:,.1f} %, which takes {level}"
    return f"{level}, the one of lowest cost" if plan.get("cheapest") else level


def achieved(
    service: Mapping[str, int] | None,
    pool: str | None,
    periods: int | None,
    level: float | None,
    frequency: Frequency = DAY,
) -> str:
    """Say in words how often a rule would have covered ``periods`` at a ``level``, on whose lead times."""
    if not service or not service["windows"] or periods is None or level is None:
        return "how often this would have covered a lead time was not measured"
    share = service["covered"] / service["windows"]
    whose = "all series" if pool == EVERY_CLASS else f"series with {pool} demand"
    return (
        f"would have covered {100 * share:,.0f} % of {service['windows']:,} lead times "
        f"of {frequency.count(periods)} of {whose} at {100 * level:,.1f} %, on folds it had not learned from"
    )
