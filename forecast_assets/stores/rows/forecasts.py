"""Rows of queries about forecasts in use, how good they were, and plans.

Belongs here: one type per query, its columns by name.
Does not belong here: the queries (``sql/queries``), and what their rows mean to who asks.
"""

import datetime as dt
from typing import TypedDict

from forecast_assets.stores.rows.values import Json, Outcome


class CurrentForecastsRow(TypedDict):
    """One row per series with a current forecast, by key."""

    series: str
    store_id: str
    product_id: str
    candidate: str
    fallback: str | None
    horizon: int
    last_known_day: dt.date
    first_day: dt.date
    total: float
    average: float
    peak_day: dt.date
    peak_units: float
    low_day: dt.date
    low_units: float
    lead_time_days: int
    service_level: float
    safety_stock: float
    reorder_point: float
    stock_rule: str | None
    achieved_service: float | None
    order_up_to: float | None
    rule_of_thumb_safety_stock: float | None
    rule_of_thumb_reorder_point: float | None
    rule_of_thumb_service: float | None
    lead_time_demand: float | None
    service_windows: int | None
    stock: str | None
    interval_safety_stock: float | None
    coverage_80: float | None
    assumptions: list[str]
    snapshot: str
    fingerprint: str
    run_id: str
    path: str
    made_at: dt.datetime


class DueForecastsRow(TypedDict):
    """One row per series and forecasting run."""

    series: str
    run_id: str
    first_day: dt.date
    path: str
    claims: Json
    lead_time_days: int
    service_level: float
    reorder_point: float


class ForecastAccuracyRow(TypedDict):
    """One row per series and range of lead with a scored day."""

    series: str
    store_id: str
    product_id: str
    bucket: str
    wape: float | None
    bias: float
    mae: float
    backtest_wape: float | None
    backtest_bias: float | None
    wape_above_backtest: float | None
    forecasts: int
    sample_size: int
    first_day: dt.date
    last_day: dt.date
    run_id: str
    scored_at: dt.datetime


class OutdatedForecastsRow(TypedDict):
    """One row per series whose forecast in use is out of date, by key."""

    series: str
    store_id: str
    product_id: str
    candidate: str
    run_id: str
    made_at: dt.datetime
    champion: str | None
    wape: float | None
    newest_run_id: str
    outcome: Outcome | None
    chosen_at: dt.datetime


class NewestPlansRow(TypedDict):
    """One row per plan, the newest first."""

    name: str


class PlansRow(TypedDict):
    """One row per plan, the newest first."""

    name: str
    series: str
    tags: list[str]
    method: str
    units_delta: float
    revenue_delta: float | None
    coverage: str
    baseline_units: float
    scenario_units: float
    baseline_revenue: float | None
    scenario_revenue: float | None
    candidate: str
    assumptions: Json
    sentences: list[str]
    first_day: dt.date
    baseline: list[float]
    scenario: list[float]
    snapshot: str
    run_id: str
    made_at: dt.datetime
    limits: Json | None
