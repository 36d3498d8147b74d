"""Which part of a forecast an order is for.

Belongs here: days of counts, orders and deliveries as periods of a forecast, or parts of one.
Does not belong here: how much is ordered (``figures``).
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.analysis.orders import Window
from forecast_assets.forecasts.store import StoredForecast
from forecast_assets.orders.stock_state import StockState


@dataclass(frozen=True, slots=True)
class ForecastWindow:
    """The periods from the day after a count of stock to the next delivery but one.

    ``offset`` periods of the forecast are over before, and the share ``begun`` of the next one.
    """

    offset: int
    begun: float
    window: Window

    @classmethod
    def of(cls, forecast: StoredForecast, state: StockState, day: dt.date) -> "ForecastWindow":
        """Return the window of an order on ``day``; it begins there where no count can be ordered by.

        The whole forecast is ahead of a count before its first day, and of one behind its last.
        """
        period = forecast.frequency
        since = day if state.position is None or state.counted is None else state.counted
        first = since + dt.timedelta(days=1)
        window = Window(
            elapsed=period.exactly((day - since).days),
            lead=period.exactly(state.settings.lead_time_days),
            review=period.exactly(state.settings.review_days),
        )
        offset = period.position(forecast.first_day, first)
        if not 0 <= offset < len(forecast.curve):
            return cls(0, 0.0, window)
        begun = (first - period.date(forecast.first_day, offset)).days
        return cls(offset, begun / period.days, window)

    def curve(self, forecast: StoredForecast) -> NDArray[np.float64]:
        """Return units (h - offset,) of the forecast by whole periods from the begin of the window on.

        Demand is spread evenly within a period, and the last one goes on.
        """
        units = forecast.curve[self.offset :].astype(np.float64)
        return (1 - self.begun) * units + self.begun * np.append(units[1:], units[-1:])
