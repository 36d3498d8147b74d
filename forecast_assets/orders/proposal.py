"""What to order today, series by series, and why.

Belongs here: bringing together forecasts, distributions, stock and settings; the order of the rows.
Does not belong here: the formulas (``analysis.orders``), the file of stock (``inventory``).

Stock is what is left at the end of the day it was counted. An order placed today arrives after the lead
time, and the next chance is a review period later: stock on hand and on order has to last until then.
"""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forecast_assets.datasets.building import read_panel, without_demand
from forecast_assets.datasets.definition import Dataset, load
from forecast_assets.forecasting.core.distribution import ErrorTable
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.forecasting.core.prediction import OwnErrors
from forecast_assets.forecasting.core.stock_plans import demands
from forecast_assets.forecasts.store import StoredForecast, read_forecasts
from forecast_assets.global_models.pooling import newest_pool
from forecast_assets.orders.figures import Group
from forecast_assets.orders.forecast_window import ForecastWindow
from forecast_assets.orders.inventory import Inventory, read_inventory
from forecast_assets.orders.stock_state import StockState, stock_state
from forecast_assets.rendering.numbers import amount
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.datasets import SeriesOfRow

COLUMNS: dict[str, Any] = {
    "series": pl.String,
    "store_id": pl.String,
    "product_id": pl.String,
    "order_units": pl.Float64,
    "order_value": pl.Float64,
    "reason": pl.String,
    "money_at_risk": pl.Float64,
    "units_at_risk": pl.Float64,
    "on_hand": pl.Float64,
    "on_order": pl.Float64,
    "counted": pl.Date,
    "order_day": pl.Date,
    "lasts_until": pl.Date,
    "reorder_point": pl.Float64,
    "safety_stock": pl.Float64,
    "order_up_to": pl.Float64,
    "expected_demand": pl.Float64,
    "stock_target": pl.String,
    "target_level": pl.Float64,
    "service_level": pl.Float64,
    "stock_rule": pl.String,
    "achieved_service": pl.Float64,
    "achieved_of": pl.Int64,
    "achieved_pool": pl.String,
    "rule_of_thumb_reorder_point": pl.Float64,
    "rule_of_thumb_service": pl.Float64,
    "extrapolated": pl.Boolean,
    "lead_time_days": pl.Int64,
    "review_days": pl.Int64,
    "pack_size": pl.Float64,
    "minimum_order": pl.Float64,
    "shelf_life_days": pl.Int64,
    "unit_cost": pl.Float64,
    "price": pl.Float64,
    "first_day": pl.Date,
    "last_day": pl.Date,
    "forecast_run_id": pl.String,
}


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """The proposed orders of a dataset, the most at risk first; ``notes`` say what stock was not used."""

    frame: pl.DataFrame
    day: dt.date
    notes: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The proposal in words."""
        ordered = self.frame.filter(pl.col("order_units") > 0)
        without = self.frame["order_units"].null_count()
        return (
            f"{len(ordered):,} of {len(self.frame):,} series to order on {self.day}, "
            f"{amount(ordered['order_units'].sum(), 0)} units; no order for {without:,}, each with its reason"
        )


def today() -> dt.date:
    """Return the day of an order in the time zone of the installation."""
    return dt.datetime.now(ZoneInfo(environment().time_zone)).date()


def propose(stores: Stores, name: str, day: dt.date | None = None) -> Proposal:
    """Return what to order of every series of a dataset on a ``day``, today unless said.

    Raises ``UnknownName`` for a dataset that does not exist or was never built, and what the inventory file
    is refused for.
    """
    dataset, day = load(stores, name), day or today()
    dataset.built()
    described = {row["series"]: row for row in stores.warehouse.rows(SeriesOfRow, dataset=name)}
    inventory = _inventory(dataset, described, day)
    counts = {row["series"]: row for row in inventory.frame.to_dicts()} if inventory else {}
    forecasts = {one.series: one for one in read_forecasts(stores, name)}
    states = {
        key: stock_state(counts.get(key), dataset.options.orders, day)
        for key in described
        if key in forecasts or key in counts
    }
    computed = _computed(stores, dataset, forecasts, states, day=day)
    reasons = without_demand(stores, name)
    rows = [
        {
            "series": key,
            "store_id": described[key]["store_id"],
            "product_id": described[key]["product_id"],
            "order_day": day,
            **_of_stock(state),
            **(computed.get(key) or _without_forecast(forecasts.get(key), reasons.get(key))),
        }
        for key, state in states.items()
    ]
    frame = pl.DataFrame(rows, schema=COLUMNS).sort(
        pl.col("order_units").is_null(),
        pl.col("money_at_risk"),
        pl.col("units_at_risk"),
        pl.col("series"),
        descending=[False, True, True, False],
        nulls_last=True,
    )
    return Proposal(frame, day, tuple(_notes(dataset, inventory)))


def _inventory(dataset: Dataset, described: Mapping[str, SeriesOfRow], day: dt.date) -> Inventory | None:
    if dataset.options.inventory is None:
        return None
    ids = {(row["store_id"], row["product_id"]): key for key, row in described.items()}
    return read_inventory(dataset.options.inventory, ids, max(day, today()))


def _notes(dataset: Dataset, inventory: Inventory | None) -> list[str]:
    if inventory is None:
        change = f"forecast-assets dataset change {dataset.name} --inventory FILE"
        return [f"no stock is known: name a file of it with `{change}`"]
    notes = [f"{inventory.strange:,} rows of the inventory are of no series of this dataset"]
    notes += [f"{inventory.older:,} older counts gave way to newer ones"]
    return [one for one, count in zip(notes, (inventory.strange, inventory.older), strict=True) if count]


def _of_stock(state: StockState) -> dict[str, Any]:
    own = state.settings
    return {
        "on_hand": state.on_hand,
        "on_order": state.on_order,
        "counted": state.counted,
        "stock_target": own.stock_target,
        "target_level": state.level,
        **{
            name: getattr(own, name)
            for name in (
                "lead_time_days", "review_days", "pack_size", "minimum_order", "shelf_life_days", "unit_cost",
            )
        },
    }  # fmt: skip


def _without_forecast(forecast: StoredForecast | None, reason: str | None) -> dict[str, Any]:
    if forecast is None:
        return {"reason": f"no order: it has no forecast ({reason or 'evaluate the dataset again'})"}
    return {"reason": "no order: its forecast is of an earlier release, forecast again"}


def _computed(
    stores: Stores,
    dataset: Dataset,
    forecasts: Mapping[str, StoredForecast],
    states: Mapping[str, StockState],
    *,
    day: dt.date,
) -> dict[str, dict[str, Any]]:
    """Return the figures of every series whose forecast can be read, by key."""
    plans: dict[str, dict[str, Any]] = {
        key: json.loads(one.stock)
        for key, one in forecasts.items()
        if one.stock and np.isfinite(one.curve).all()
    }
    if not plans:
        return {}
    panel = read_panel(stores, dataset, list(plans), newest=True)
    pool = newest_pool(stores, dataset)
    place = {str(key): row for row, key in enumerate(panel.series)}
    prices = _last_prices(panel)
    history = panel.newest(dataset.options.period.year // 2)
    parts: dict[tuple[ForecastWindow, int], list[str]] = {}
    for key in plans:
        if key in place:
            part = ForecastWindow.of(forecasts[key], states[key], day)
            parts.setdefault((part, len(forecasts[key].curve)), []).append(key)
    orders_by_series: dict[str, dict[str, Any]] = {}
    for (part, _), keys in parts.items():
        rows = np.array([place[key] for key in keys])
        curve = np.stack([part.curve(forecasts[key]) for key in keys])
        demand_ahead = demands(
            pool,
            [forecasts[key].candidate for key in keys],
            curve,
            [_own(plans[key]) for key in keys],
            classes=[plans[key]["pool"] for key in keys],
            history=history[rows],
        )
        for members, demand in demand_ahead:
            some = [keys[row] for row in members.tolist()]
            group = Group(
                demand,
                part.window,
                [states[key] for key in some],
                [forecasts[key] for key in some],
                prices[rows[members]],
                is_whole=pool is not None and pool.whole,
                day=day,
            )
            orders_by_series |= dict(zip(some, group.rows(), strict=True))
    return orders_by_series


def _own(plan: Mapping[str, Any]) -> OwnErrors:
    table = plan.get("table")
    return OwnErrors(plan.get("spread", 1.0), None if table is None else ErrorTable.from_json(table))


def _last_prices(panel: Panel) -> NDArray[np.float64]:
    """Return the newest price (n,) of every series, NaN = unknown."""
    if "price" not in panel.known:
        return np.full(len(panel.series), np.nan)
    past = panel.known["price"][:, : panel.days].astype(np.float64)
    last = past.shape[1] - 1 - np.isfinite(past)[:, ::-1].argmax(axis=1)
    prices: NDArray[np.float64] = past[np.arange(len(past)), last]
    return prices
