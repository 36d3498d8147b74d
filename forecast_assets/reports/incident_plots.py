"""Plots for the incident report: the worst champions against what was sold.

Belongs here: choosing whom to draw.
Does not belong here: drawing (``rendering.plots``).
"""

from forecast_assets.forecasting.analysis.drift import DEGRADING
from forecast_assets.forecasts.display import recent
from forecast_assets.forecasts.store import read_forecast
from forecast_assets.rendering.plots import forecast_plot
from forecast_assets.reports.operations import Summary
from forecast_assets.stores import Stores

_MOST = 5


def pictures(stores: Stores, summary: Summary) -> list[tuple[str, str]]:
    """Title and ``data:`` address of a plot for each of the first degrading series that has a forecast."""
    bad = [row["series"] for row in summary.health if DEGRADING in {row["verdict"], row["drift_direction"]}]
    drawn = []
    for series in bad[:_MOST]:
        stored = read_forecast(stores, series)
        if stored is None:
            continue
        title = f"{series}: forecast by {stored.candidate}"
        image = forecast_plot(title, stored.dates(), stored.arrays, recent(stores, series))
        drawn.append((title, image.partition("](")[2].removesuffix(")")))
    return drawn
