"""What Dagit shows of a comparison.

Belongs here: its ranking, its explanation and its charts.
Does not belong here: the result (``verdict``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import numpy as np

from forecast_assets.backtests.display import worded
from forecast_assets.forecasting.core.frequency import DAY
from forecast_assets.forecasting.core.metrics import OF_CURVES
from forecast_assets.launches.model import Launch, Try
from forecast_assets.rendering import charts, plots
from forecast_assets.rendering.tables import filled, table

_COLUMNS = ["rank", "candidate", "status", *OF_CURVES, "sample_size", "reason"]


def render(launch: Launch, _tries: Sequence[Try]) -> dict[str, Any]:
    """Ranking, winner and four charts; all candidates stay in the table, with their reason."""
    result = launch.result.get("verdict")
    if result is None:
        return {}
    drawn, series = result["charts"], launch.spec["series"]
    pictures = {
        "wape_by_candidate": charts.bars(f"{series}: WAPE", drawn["wape_by_model"], "percent"),
        "bias_by_candidate": charts.bars(
            f"{series}: bias (positive = forecasts too little)",
            drawn["bias_by_model"],
            f"units a {drawn.get('period', DAY.name)}",
        ),
        "fold_stability": charts.lines(f"{series}: WAPE by fold", drawn["fold_stability"], "WAPE, percent"),
    }
    if drawn["winner_actual_vs_predicted"] is not None:
        pictures["actual_and_predicted"] = _plot(series, str(result["champion"]["champion"]), drawn)
    return {
        "ranking": table(result["ranking"], filled(result["ranking"], _COLUMNS)),
        "explanation": dg.MetadataValue.md(worded(result["explanation"])),
        **{name: dg.MetadataValue.md(text) for name, text in pictures.items()},
    }


def _plot(series: str, winner: str, drawn: Mapping[str, Any]) -> str:
    shape = (len(set(drawn["winner_actual_vs_predicted"]["fold_index"])), -1)
    columns = drawn["winner_actual_vs_predicted"]
    days = np.array(columns["dates"], "datetime64[D]").reshape(shape)
    actual, predicted = (
        np.array(columns[name], np.float64).astype(np.float32).reshape(shape)
        for name in ("actuals", "predictions")
    )
    title = f"{series}: actual and {winner} over the folds"
    return plots.fold_plot(title, list(days), actual, {winner: predicted})
