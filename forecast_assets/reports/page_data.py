"""What the page of a dataset shows, collected from the stores.

Belongs here: choosing series, and turning what is stored into plain values for the page.
Does not belong here: the page (``page``).
"""

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from forecast_assets.backtests import portfolio
from forecast_assets.backtests.fold_store import read_folds
from forecast_assets.datasets.building import read_panel
from forecast_assets.datasets.definition import Dataset, load
from forecast_assets.datasets.plan_reach import plan_notes
from forecast_assets.errors import UnknownName, listed
from forecast_assets.forecasting.analysis.contributions import spoken
from forecast_assets.forecasting.core.prediction import ARRAYS
from forecast_assets.forecasts.explanations import explain
from forecast_assets.forecasts.store import StoredForecast, read_forecasts
from forecast_assets.orders.proposal import propose
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.evaluations import ChampionsRow, LeaderboardRow
from forecast_assets.stores.rows.forecasts import CurrentForecastsRow
from forecast_assets.stores.rows.operations import DriftRow
from forecast_assets.stores.rows.registry import AuditRow

WORST = 50
_HISTORY = 180
_DECISIONS = 200
_SERIES = (
    "series", "store_id", "product_id", "champion", "wape", "expected_wape", "bias", "total_error",
    "skill_vs_seasonal_naive", "confidence", "units_at_risk", "forecast_total", "reason",
)  # fmt: skip
_ORDERS = (
    "series", "store_id", "product_id", "order_units", "reason", "money_at_risk", "units_at_risk", "on_hand",
    "on_order", "counted", "reorder_point", "safety_stock", "order_up_to",
)  # fmt: skip
_DRIFT = ("series", "verdict", "latest_wape", "baseline_wape", "units_at_risk", "champion", "reason")
_AUDIT = ("decided_at", "series", "action", "from_version", "to_version", "approved_by", "reason")


class _Series(ChampionsRow):
    """A champion, the units it may be wrong by within one horizon, and the units it forecasts."""

    units_at_risk: float | None
    forecast_total: float | None


def collect(stores: Stores, name: str, series: Sequence[str] | None = None) -> dict[str, Any]:
    """Return the data of a page: tables of all series, plots of ``series`` or of the worst.

    Raises ``UnknownName`` for a dataset or series that does not exist.
    """
    dataset = load(stores, name)
    champions = stores.warehouse.rows(ChampionsRow, dataset=name, series=None)
    forecasts = {
        row["series"]: row for row in stores.warehouse.rows(CurrentForecastsRow, dataset=name, series=None)
    }
    drift = stores.warehouse.rows(DriftRow, dataset=name, series=None)
    horizon = dataset.options.evaluation.horizon
    members: list[_Series] = [
        {
            **row,
            "units_at_risk": None if row["mae"] is None else row["mae"] * horizon,
            "forecast_total": forecasts[row["series"]]["total"] if row["series"] in forecasts else None,
        }
        for row in champions
    ]
    members.sort(key=lambda row: -(row["units_at_risk"] or 0))
    chosen = _chosen(series, members, forecasts)
    proposal = propose(stores, name)
    return {
        "facts": _facts(proposal.sentence, dataset, members, forecasts),
        "series": _table(_SERIES, members),
        "orders": _table(_ORDERS, proposal.frame.to_dicts()),
        "candidates": _table(portfolio.COLUMNS, portfolio.summarize(stores, name).candidates),
        "heatmap": _heatmap(members),
        "drift": _table(_DRIFT, drift[:_DECISIONS]),
        "decisions": _table(
            _AUDIT, stores.warehouse.rows(AuditRow, dataset=name, series=None)[-_DECISIONS:][::-1]
        ),
        "plots": _plots(stores, dataset, chosen, {row["series"]: row for row in members}),
    }


def _chosen(
    series: Sequence[str] | None, members: Sequence[_Series], forecasts: Mapping[str, CurrentForecastsRow]
) -> list[str]:
    keys = [row["series"] for row in members]
    if series is None:
        return keys[:WORST]
    if unknown := sorted(set(series) - {*keys, *forecasts}):
        raise UnknownName(
            f"there is nothing to report of {listed(unknown)}", remedy="name series that were evaluated"
        )
    return list(series)


def _facts(
    orders: str,
    dataset: Dataset,
    members: Sequence[_Series],
    forecasts: Mapping[str, CurrentForecastsRow],
) -> list[list[object]]:
    snapshot = dataset.built()
    errors = [row["wape"] for row in members if row["wape"] is not None]
    first = [row["first_day"] for row in forecasts.values()]
    ahead = dataset.options.evaluation.gap + dataset.options.evaluation.horizon
    notes = plan_notes(dataset.plan_steps(ahead), ahead, dataset.options.period.name)
    plans: list[list[object]] = [["Plans", note] for note in notes]
    return [
        ["Dataset", dataset.name],
        ["Sales", f"{snapshot.row_count:,} rows from {snapshot.first_day} to {snapshot.last_day}"],
        ["Series", snapshot.series_count],
        ["Series with a champion", sum(row["champion"] is not None for row in members)],
        ["Median WAPE of the champions, percent", float(np.median(errors)) if errors else None],
        *plans,
        [
            "Units forecast",
            sum(row["total"] for row in forecasts.values()) if forecasts else None,
        ],
        ["Forecast from", str(min(first)) if first else None],
        ["Orders", orders],
        ["Written", dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")],
    ]


def _table(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> dict[str, object]:
    return {"columns": list(columns), "rows": [[_plain(row.get(name)) for name in columns] for row in rows]}


def _plain(value: object) -> object:
    """A value that JSON knows: three digits after the point, minutes of a moment."""
    if isinstance(value, float):
        return round(value, 3) if math.isfinite(value) else None
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    return value if value is None or isinstance(value, str | int) else str(value)


def _heatmap(members: Sequence[_Series]) -> dict[str, object]:
    stores = sorted({row["store_id"] for row in members})
    products = sorted({row["product_id"] for row in members})
    cells = {
        (row["store_id"], row["product_id"]): (row["wape"], row["bias"], row["total_error"])
        for row in members
    }
    unknown = (None, None, None)
    by_metric = {
        name: [[_plain(cells.get((store, product), unknown)[at]) for product in products] for store in stores]
        for at, name in enumerate(("wape", "bias", "total_error"))
    }
    return {"stores": stores, "products": products, **by_metric}


def _plots(
    stores: Stores, dataset: Dataset, keys: Sequence[str], members: Mapping[str, _Series]
) -> dict[str, dict[str, object]]:
    if not keys:
        return {}
    panel = read_panel(stores, dataset, list(keys), newest=True)
    place = {str(key): at for at, key in enumerate(panel.series)}
    ahead = {one.series: one for one in read_forecasts(stores, dataset.name, keys)}
    explanations = explain(stores, list(ahead)) if ahead else {}
    days = [str(day) for day in panel.dates(0, panel.days)[-_HISTORY:]]
    plots: dict[str, dict[str, object]] = {}
    for key in keys:
        if key not in place:
            continue
        one: dict[str, object] = {
            "sentence": members[key]["reason"] if key in members else "",
            "history": {"days": days, "units": _numbers(panel.units[place[key]][-_HISTORY:])},
            "ahead": _ahead(ahead[key]) if key in ahead else None,
            "folds": _folds(stores, dataset, key),
        }
        if key in explanations:
            one["drivers"] = [
                {"name": spoken(driver), "units": _plain(float(driver.contribution))}
                for driver in explanations[key].drivers
            ]
        plots[key] = one
    return plots


def _ahead(stored: StoredForecast) -> dict[str, object]:
    limits = {name: _numbers(stored.arrays[name]) for name in ARRAYS}
    return {"candidate": stored.candidate, "days": [str(day) for day in stored.dates()], **limits}


def _folds(stores: Stores, dataset: Dataset, key: str) -> dict[str, object] | None:
    folds = read_folds(stores, key)
    if folds is None:
        return None
    rows = stores.warehouse.rows(LeaderboardRow, dataset=dataset.name, series=[key])
    best = [row["candidate"] for row in rows if row["rank"] is not None][:2]
    width = folds.actual.shape[1]
    days = [
        str(day)
        for first in folds.first_days
        for day in dataset.options.period.dates(dt.date.fromisoformat(first), 0, width)
    ]
    return {
        "days": days,
        "actual": _numbers(np.where(folds.counted[:, None], folds.actual, np.nan).ravel()),
        "candidates": [
            {"name": name, "units": _numbers(folds.forecasts[name].ravel())}
            for name in best
            if name in folds.forecasts
        ],
    }


def _numbers(values: Any) -> list[object]:  # noqa: ANN401 - an array of numbers
    return [_plain(float(value)) for value in values]
