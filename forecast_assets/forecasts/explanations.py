"""Explanations of stored forecasts, series by series.

Belongs here: reading what an explanation needs, and one row per driver for exports.
Does not belong here: the explanation itself (``analysis.contributions``).
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from forecast_assets.datasets.building import read_panel
from forecast_assets.datasets.definition import load
from forecast_assets.forecasting.analysis.contributions import Contributions, contributions
from forecast_assets.global_models import production
from forecast_assets.keys import SeriesKey
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.evaluations import ChampionsRow
from forecast_assets.stores.rows.forecasts import CurrentForecastsRow

_COLUMNS = {
    "series": pl.String,
    "candidate": pl.String,
    "driver": pl.String,
    "value": pl.Float64,
    "contribution": pl.Float64,
    "direction": pl.String,
    "description": pl.String,
    "forecast": pl.Float64,
    "exact": pl.Boolean,
    "confidence": pl.String,
    "reasons": pl.String,
    "summary": pl.String,
}


def explain(stores: Stores, series: Sequence[str]) -> dict[str, Contributions]:
    """Explain the current forecasts of some series of one dataset; those without a champion are left out."""
    dataset = load(stores, SeriesKey.parse(series[0]).dataset)
    rows = stores.warehouse.rows(CurrentForecastsRow, dataset=dataset.name, series=list(series))
    by_series = {row["series"]: row for row in rows if row["fallback"] is None}
    if not by_series:
        return {}
    panel = read_panel(stores, dataset, sorted(by_series), newest=True)
    made_by = production.read(stores, dataset)
    window = dataset.options.evaluation.plan().window()
    chosen = {
        row["series"]: row["confidence"]
        for row in stores.warehouse.rows(ChampionsRow, dataset=dataset.name, series=sorted(by_series))
    }
    explanations = {}
    for at, key in enumerate(panel.series.tolist()):
        parts = contributions(
            panel.take(np.array([at])),
            by_series[key]["candidate"],
            made_by.models,
            by_series[key]["horizon"],
            window=window,
            confidence=chosen.get(key),
            threads=environment().processes,
            pool=made_by.pool,
            gap=max(0, panel.position(by_series[key]["first_day"]) - panel.days),
        )
        if parts is not None:
            explanations[key] = parts
    return explanations


def explanations(stores: Stores, dataset: str) -> pl.DataFrame:
    """One row per series and driver of its next day, for a whole dataset."""
    rows = stores.warehouse.rows(CurrentForecastsRow, dataset=dataset, series=None)
    candidates = {row["series"]: row["candidate"] for row in rows}
    explained = explain(stores, list(candidates)) if candidates else {}
    return pl.DataFrame(
        [
            {
                "series": key,
                "candidate": candidates[key],
                "driver": driver.name,
                "value": driver.value,
                "contribution": driver.contribution,
                "direction": driver.direction,
                "description": driver.description,
                "forecast": explanation.forecast,
                "exact": explanation.exact,
                "confidence": explanation.confidence,
                "reasons": "; ".join(reason.code for reason in explanation.reasons) or None,
                "summary": explanation.summary,
            }
            for key, explanation in explained.items()
            for driver in explanation.drivers
        ],
        schema=_COLUMNS,
    )
