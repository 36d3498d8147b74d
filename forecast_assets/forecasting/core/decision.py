"""From a forecast to stock: how much to hold, and when to order.

Belongs here: safety stock and reorder point, by the usual rule of thumb and by the measured errors.
Does not belong here: choosing a champion; nothing here feeds the ranking.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.core.arrays import Values
from forecast_assets.forecasting.core.bounds import check_whole

BIAS_RULE = (
    "Bias is actual minus forecast: positive means the model forecasts too little (risk of stock-outs), "
    "negative too much (risk of overstock)."
)


# Quantiles of the standard normal distribution; other service levels take the nearest of these.
Z_VALUES = {0.90: 1.2816, 0.95: 1.6449, 0.975: 1.9600, 0.99: 2.3263}
# The 80 % interval reaches to the 90 % quantile on its upper side.
_Z_OF_UPPER_80 = Z_VALUES[0.90]
CAVEATS = (
    "Heuristic: the spread of the daily forecasts stands for the uncertainty of demand.",
    "The lead time is taken as constant; this is not a full inventory optimisation.",
)


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """Stock for n series, each array (n,) in units.

    ``safety_stock`` is the heuristic, ``interval_safety_stock`` the one from the measured width of the
    forecast's intervals, NaN where there are none.
    """

    lead_time_days: int
    service_level: float
    z_value: float
    sigma_daily_demand: Values
    expected_demand_over_lead_time: Values
    safety_stock: Values
    reorder_point: Values
    interval_safety_stock: Values


def decide(
    units: NDArray[np.floating],
    upper_80: NDArray[np.floating],
    *,
    lead_time_days: int = 7,
    service_level: float = 0.95,
) -> Decisions:
    """Work out the stock for daily forecasts ``units`` (n, h) with upper 80 % limits (n, h), NaN = unknown.

    safety stock = z x population standard deviation of the daily forecasts x sqrt(lead time); reorder point
    = average daily forecast x lead time + safety stock. From intervals: sigma is the mean distance of the
    upper 80 % limit divided by its z. Raises ``BadSetting`` for a lead time outside 1-365 days or a service
    level outside 0.5 up to 1.
    """
    check_whole("lead_time_days", lead_time_days, 1, 365)
    z = z_value(service_level)
    daily = np.asarray(units, np.float64)
    average = daily.mean(axis=1)
    centred = daily - average[:, None]
    sigma = np.sqrt((centred * centred).mean(axis=1))
    root = np.sqrt(lead_time_days)
    safety = z * sigma * root
    expected = average * lead_time_days
    error = (np.asarray(upper_80, np.float64) - daily).mean(axis=1) / _Z_OF_UPPER_80
    return Decisions(
        lead_time_days=lead_time_days,
        service_level=service_level,
        z_value=z,
        sigma_daily_demand=sigma,
        expected_demand_over_lead_time=expected,
        safety_stock=safety,
        reorder_point=expected + safety,
        interval_safety_stock=z * error * root,
    )


def z_value(service_level: float) -> float:
    """The quantile of the nearest tabulated service level. Raises ``BadSetting`` outside 0.5 up to 1."""
    if isinstance(service_level, bool) or not 0.5 <= service_level < 1:  # noqa: PLR2004 - as stated
        raise BadSetting(
            f"service_level is {service_level!r}", remedy="set service_level to 0.5 up to, but not, 1"
        )
    return Z_VALUES[min(Z_VALUES, key=lambda level: abs(level - service_level))]


def bias_risk(bias: float | None, period: str = "day") -> str:
    """What the champion's bias (units a period, actual minus forecast) means for stock."""
    if bias is None:
        return f"{BIAS_RULE} The bias of this forecast is not known."
    if bias == 0:
        return f"{BIAS_RULE} This champion has none."
    side = "too little: plan for stock-outs" if bias > 0 else "too much: plan for overstock"
    return f"{BIAS_RULE} This champion's is {bias:+,.2f} a {period}, it forecasts {side}."
