"""Forecasting libraries of others, called for single series.

Belongs here: Prophet and statsforecast on the arrays of one series.
Does not belong here: keeping them from hanging or breaking a run (``foreign``).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.core.arrays import Positions, Units, Values
from forecast_assets.forecasting.core.bounds import Checked, choice, number, optional, whole_rule
from forecast_assets.forecasting.core.candidates.protocol import unknown
from forecast_assets.forecasting.core.frequency import DAY
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.forecasting.core.plans import sight

_PLAN = ("promo", "holiday")


@dataclass(frozen=True, slots=True)
class Prophet(Checked):
    """Prophet: a trend with changes, weekly and yearly seasons, promotions and holidays as regressors."""

    changepoint_prior_scale: float = number(0.05, 0.001, 10)
    yearly: str = choice("auto", "auto", "on", "off")

    name: ClassVar[str] = "prophet"

    def predict(self, panel: Panel, cutoffs: Positions, horizon: int, window: int | None = None) -> Units:
        import pandas as pd  # noqa: PLC0415 - only this library wants its frames
        from prophet import Prophet as Library  # noqa: PLC0415 - takes seconds to import

        logging.getLogger("cmdstanpy").disabled = True
        logging.getLogger("prophet").setLevel(logging.ERROR)
        forecast = unknown(panel.units, cutoffs, horizon, window)
        dates = panel.dates(0, panel.days + horizon)
        yearly: Any = "auto" if self.yearly == "auto" else self.yearly == "on"
        plans = [name for name in _PLAN if name in panel.known]
        for row in range(len(panel.units)):
            for fold, cutoff in enumerate(cutoffs.tolist()):
                begin = 0 if window is None else max(0, cutoff - window)
                whole_frame = pd.DataFrame({"ds": dates[begin : cutoff + horizon]})
                for name in plans:
                    # A plan that is not known is no plan.
                    column = sight(panel.take(np.array([row])), name, cutoff, cutoff + horizon)[0, begin:]
                    whole_frame[name] = np.nan_to_num(column)
                past = whole_frame.iloc[: cutoff - begin].assign(
                    y=panel.units[row, begin:cutoff].astype(np.float64)
                )
                past = past.dropna(subset="y")
                if len(past) < panel.frequency.season:
                    continue
                model = Library(
                    changepoint_prior_scale=self.changepoint_prior_scale,
                    yearly_seasonality=yearly,
                    weekly_seasonality=panel.frequency == DAY,
                    daily_seasonality=False,
                    uncertainty_samples=0,
                )
                for name in plans:
                    model.add_regressor(name)
                ahead = model.fit(past).predict(whole_frame.iloc[cutoff - begin :])["yhat"].to_numpy()
                forecast[row, fold] = np.maximum(ahead, 0)
        return forecast


@dataclass(frozen=True, slots=True)
class AutoETS(Checked):
    """statsforecast's AutoETS with additive errors and the dataset's season; needs the extra ``stats``."""

    season_length: int | None = optional(whole_rule(1, 365))

    name: ClassVar[str] = "auto_ets"

    def predict(self, panel: Panel, cutoffs: Positions, horizon: int, window: int | None = None) -> Units:
        models = _statsforecast(self.name)
        length = self.season_length or panel.frequency.season
        return _each(panel, cutoffs, horizon, window, lambda: models.AutoETS(length, model="ANA"))


@dataclass(frozen=True, slots=True)
class Theta(Checked):
    """statsforecast's AutoTheta with the season of the dataset; needs the extra ``stats``."""

    season_length: int | None = optional(whole_rule(1, 365))

    name: ClassVar[str] = "theta"

    def predict(self, panel: Panel, cutoffs: Positions, horizon: int, window: int | None = None) -> Units:
        models = _statsforecast(self.name)
        length = self.season_length or panel.frequency.season
        return _each(panel, cutoffs, horizon, window, lambda: models.AutoTheta(length))


def _statsforecast(candidate: str) -> Any:  # noqa: ANN401 - a module
    try:
        import statsforecast.models  # noqa: PLC0415 - optional, and takes seconds to import
    except ImportError:
        raise BadSetting(
            f"candidate {candidate} needs a package that is not installed",
            remedy="pip install 'forecast-assets[stats]' (it takes pandas below 3 along), or leave it out",
        ) from None
    return statsforecast.models


def _each(
    panel: Panel, cutoffs: Positions, horizon: int, window: int | None, make: Callable[[], Any]
) -> Units:
    """Fit one model per series and cutoff; an unobserved day takes the mean of the days beside it."""
    forecast = unknown(panel.units, cutoffs, horizon, window)
    for row in range(len(panel.units)):
        for fold, cutoff in enumerate(cutoffs.tolist()):
            begin = 0 if window is None else max(0, cutoff - window)
            units = panel.units[row, begin:cutoff].astype(np.float64)
            seen = np.flatnonzero(~np.isnan(units))
            if seen.size <= panel.frequency.season:
                continue
            days = np.arange(seen[0], len(units))
            whole_past = np.interp(days, seen, units[seen])
            mean: Values = make().forecast(y=whole_past, h=horizon)["mean"]
            forecast[row, fold] = np.maximum(mean, 0)
    return forecast
