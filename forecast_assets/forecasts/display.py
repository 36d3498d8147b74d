"""What Dagit shows of a forecast.

Belongs here: metadata of the asset ``forecast``, brief in large runs, rich in small ones.
Does not belong here: the numbers (``forecasting``) and the drawing (``rendering``).
"""

import json
from collections.abc import Mapping
from typing import Any

import dagster as dg
import numpy as np

from forecast_assets.backtests.display import called
from forecast_assets.datasets.building import read_panel
from forecast_assets.datasets.definition import load
from forecast_assets.forecasting.analysis.contributions import spoken, strongest_features
from forecast_assets.forecasting.analysis.stock_sentences import aim_of, sentence
from forecast_assets.forecasting.core.decision import CAVEATS, bias_risk
from forecast_assets.forecasting.core.frequency import Frequency
from forecast_assets.forecasting.core.global_model import GlobalModel
from forecast_assets.forecasting.core.outlook import Models
from forecast_assets.forecasts.explanations import explain
from forecast_assets.forecasts.service import Forecasted
from forecast_assets.forecasts.store import StoredForecast, read_forecast
from forecast_assets.keys import SeriesKey
from forecast_assets.rendering import plots
from forecast_assets.rendering.budget import NOT_DRAWN
from forecast_assets.rendering.digits import figure
from forecast_assets.rendering.markdown import cell
from forecast_assets.rendering.numbers import amount
from forecast_assets.rendering.tables import schema, table
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.evaluations import ChampionsOfRow

FORECAST_COLUMNS = schema(
    candidate="string: model that made the forecast",
    total="float: units over the horizon",
    average="float: units a period (day, week or month)",
    peak_units="float: units in the strongest period",
    low_units="float: units in the weakest period",
    safety_stock="float: units above the expected demand over the lead time, by the measured errors",
    reorder_point="float: units that cover the lead time with the service level",
    interval_safety_stock="float: units, from the measured errors of the champion",
    coverage_80="float: percent of scored periods inside 80 % intervals learned from the other folds",
)
_NUMBERS = ("total", "average", "safety_stock", "reorder_point", "interval_safety_stock", "coverage_80")
_LIMITS = ("units", "median", "lower_80", "upper_80", "lower_95", "upper_95")
_HISTORY_DAYS = 56

Metadata = dict[str, dg.MetadataValue | str | float | int | bool]


def strongest(models: Models) -> list[dict[str, object]]:
    """What each global model looks at most: one row per candidate and feature."""
    return [
        {"candidate": label, "feature": name, "share_of_gain": f"{100 * share:,.1f} %"}
        for label, model in models.items()
        if isinstance(model, GlobalModel)
        for name, share in strongest_features(model).items()
    ]


def brief(outcome: Forecasted) -> Metadata:
    """A handful of numbers and one sentence, cheap enough for tens of thousands of series."""
    metadata: Metadata = {"outcome": outcome.outcome, "sentence": outcome.sentence}
    if outcome.row is not None:
        metadata["candidate"] = str(outcome.row["candidate"])
        for name in ("total", "average", "reorder_point"):
            metadata[name] = figure(name, outcome.row[name])
        if outcome.row["fallback"]:
            metadata["flag"] = "no champion"
    if outcome.reused:
        metadata["reused_from_run"] = outcome.run_id
    return metadata


def detailed(stores: Stores, outcome: Forecasted, *, draws: bool = True) -> Metadata:
    """Plot with intervals where it ``draws``, daily table, decision and assumptions of one series."""
    metadata = brief(outcome)
    stored = read_forecast(stores, outcome.series) if outcome.row is not None else None
    if stored is None or outcome.row is None:
        return metadata
    row = outcome.row
    for name in _NUMBERS:
        if row[name] is not None:
            metadata[name] = figure(name, row[name])
    metadata["peak"] = f"{amount(row['peak_units'])} on {row['peak_day']}"
    metadata["low"] = f"{amount(row['low_units'])} on {row['low_day']}"
    days = [
        {"date": str(day), **{name: _finite(values[at]) for name, values in stored.arrays.items()}}
        for at, day in enumerate(stored.dates())
    ]
    metadata["days"] = table(days, ["date", *(name for name in _LIMITS if name in stored.arrays)])
    metadata["forecast"] = dg.MetadataValue.md(
        called(stores, outcome.series) + _plot(stores, outcome.series, stored) if draws else NOT_DRAWN
    )
    metadata.update(_explained(stores, outcome, stored.candidate))
    metadata["decision"] = dg.MetadataValue.md(_decision(stores, outcome))
    return metadata


def _finite(value: np.float32) -> float | None:
    return float(value) if np.isfinite(value) else None


def _plot(stores: Stores, series: str, stored: StoredForecast) -> str:
    return plots.forecast_plot(
        f"{series}: forecast by {stored.candidate} with all quantiles",
        stored.dates(),
        stored.arrays,
        recent(stores, series),
    )


def recent(stores: Stores, series: str) -> plots.History:
    """What one series sold lately, for the plots of its forecasts."""
    panel = read_panel(stores, load(stores, SeriesKey.parse(series).dataset), [series], newest=True)
    return plots.History(panel.dates(0, panel.days)[-_HISTORY_DAYS:], panel.units[0][-_HISTORY_DAYS:])


def _explained(stores: Stores, outcome: Forecasted, label: str) -> Metadata:
    explanation = explain(stores, [outcome.series]).get(outcome.series)
    if explanation is None:
        return {"why": f"{label} is not explained"}
    drivers = [
        {
            "what": spoken(one),
            "contribution": one.contribution,
            "value": one.value,
        }
        for one in explanation.drivers
    ]
    notes = [f"- {reason.severity}: {cell(reason.text)} ({reason.code})" for reason in explanation.reasons]
    return {
        "why": dg.MetadataValue.md("\n".join([cell(explanation.summary), "", *notes])),
        "drivers_of_the_first_day": table(drivers, list(drivers[0])),
    }


def _decision(stores: Stores, outcome: Forecasted) -> str:
    row = outcome.row or {}
    period = load(stores, SeriesKey.parse(outcome.series).dataset).options.period
    champion = next(iter(stores.warehouse.rows(ChampionsOfRow, series=[outcome.series])), None)
    bias = champion["bias"] if champion is not None else None
    stock = json.loads(str(row["stock"])) if row["stock"] else None
    lines = (
        _ordering(row, stock, period)
        if stock is not None
        else ["The stock is not known: forecast again.", ""]
    )
    interval = row["interval_safety_stock"]
    if interval is not None:
        lines.append(
            f"- safety stock if days were independent, from the 80 % intervals: {amount(interval)} units"
        )
    lines.append(f"- {cell(bias_risk(bias, period.name))}")
    return "\n".join([*lines, *_assumptions(row["assumptions"])])


def _ordering(row: Mapping[str, Any], stock: dict[str, Any], period: Frequency) -> list[str]:
    """The reorder point in bold with what it would have achieved, and the rule of thumb in small print."""
    thumb = stock["thumb_service"]
    kept = f", which covered {100 * thumb['covered'] / thumb['windows']:,.0f} % of them" if thumb else ""
    return [
        (
            f"**Order when {amount(row['reorder_point'])} units are left, for a lead time of "
            f"{row['lead_time_days']} days at {aim_of(stock)}: rule "
            f"{stock['rule']} {sentence(stock, period)}.**"
        ),
        "",
        (
            f"- expected demand over the lead time: {amount(stock['expected'])} units, safety stock: "
            f"{amount(row['safety_stock'])} units"
        ),
        f"- order up to: {amount(stock['order_up_to'])} units in stock and on order",
        (
            f"- <small>rule of thumb (z times the spread of the forecast curve): reorder point "
            f"{amount(stock['thumb_reorder_point'])}, safety stock {amount(stock['thumb_safety_stock'])} "
            f"units{kept}. "
            f"{' '.join(cell(note) for note in CAVEATS)}</small>"
        ),
    ]


def _assumptions(stored: object) -> list[str]:
    # A row just made holds text, a stored one a list.
    assumptions = json.loads(stored) if isinstance(stored, str) else stored
    return [f"- assumed: {cell(note)}" for note in assumptions] if isinstance(assumptions, list) else []
