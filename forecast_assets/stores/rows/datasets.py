"""Rows of queries about what is delivered: datasets, snapshots, series and what looks wrong in their sales.

Belongs here: one type per query, its columns by name.
Does not belong here: the queries (``sql/queries``), and what their rows mean to who asks.
"""

import datetime as dt
from typing import TypedDict

from forecast_assets.stores.rows.values import Json, State


class AutomaticDatasetsRow(TypedDict):
    """One row per dataset, by name."""

    name: str


class DayCountsRow(TypedDict):
    """One row per series of the newest panel."""

    series: str
    observed_days: int
    expected_days: int
    average_daily_demand: float | None
    demand_class: str | None


class AvailabilityRow(DayCountsRow):
    """One row per series of the newest panel, by key."""

    store_id: str
    product_id: str
    state: State
    reason: str
    first_day: dt.date | None
    last_day: dt.date | None
    last_sale: dt.date | None
    ended: bool
    coverage: float | None
    missing_days: int
    closed_days: int
    zero_sale_days: int
    promotion_days: int | None
    revenue: float | None
    snapshot: str


class AvailabilityStatesRow(TypedDict):
    """One row per state that occurs."""

    state: State
    series: int


class DatasetRow(TypedDict):
    """One row, or none."""

    name: str
    source: Json
    options: Json
    created_at: dt.datetime
    plan_reach: Json | None
    dataset: str | None
    hash: str | None
    run_id: str | None
    source_fingerprint: str | None
    sales_path: str | None
    panel_path: str | None
    first_day: dt.date | None
    last_day: dt.date | None
    row_count: int | None
    series_count: int | None
    store_count: int | None
    summary: Json | None
    bases: list[str] | None
    panel_bases: list[str] | None


class DatasetStatesRow(TypedDict):
    """One row per dataset with a panel, by name."""

    dataset: str
    snapshot: str
    options: str
    delivered: int
    new: int
    gone: int
    unsettled: str | None


class DatasetsRow(TypedDict):
    """One row per dataset, by name."""

    name: str
    source: str
    series: int | None
    stores: int | None
    rows: int | None
    first_day: dt.date | None
    last_day: dt.date | None
    snapshot: str | None
    champions: int


class DeliveredKeysRow(TypedDict):
    """One row per series of the newest panel, by key."""

    series: str


class DeliveriesRow(TypedDict):
    """One row per series, by key."""

    series: str
    delivered: bool
    ended: bool


class DayTotalsRow(TypedDict):
    """One row."""

    series: int
    missing_days: int
    expected_days: int


class DoubtfulDaysRow(TypedDict):
    """One row per series with days that lack a row, or with too few observed ones, by key."""

    series: str
    state: State
    reason: str
    missing_days: int
    expected_days: int
    coverage: float | None


class DemandOfRow(TypedDict):
    """One row per series that was delivered."""

    series: str
    average_daily_demand: float | None


class LookAlikesRow(TypedDict):
    """One row per series."""

    series: str
    units: float | None


class QualityFindingsRow(TypedDict):
    """One row per series and suspicion, errors first, then the newest days."""

    series: str
    store_id: str
    product_id: str
    severity: str
    suspicion: str
    detail: str
    action: str
    first_day: dt.date
    last_day: dt.date
    since: dt.datetime
    run_id: str


class ScopeSeriesRow(TypedDict):
    """One row per series, by store and product."""

    series: str
    store_id: str
    product_id: str
    static: dict[str, str]


class SeriesIdsRow(TypedDict):
    """One row per series whose ids have another form in its key, by key."""

    series: str
    store_id: str
    product_id: str


class SeriesKeysRow(TypedDict):
    """One row per series, by key."""

    series: str


class SeriesNamedRow(TypedDict):
    """One row, or none."""

    series: str


class SeriesOfRow(TypedDict):
    """One row per series, by key."""

    series: str
    store_id: str
    product_id: str
    static: dict[str, str]


class SnapshotRow(TypedDict):
    """One row, or none."""

    dataset: str
    hash: str
    run_id: str
    source_fingerprint: str | None
    sales_path: str
    panel_path: str | None
    first_day: dt.date
    last_day: dt.date
    row_count: int
    series_count: int
    store_count: int
    summary: Json
    created_at: dt.datetime
    bases: list[str]
    panel_bases: list[str]


class PanelBeforeRow(TypedDict):
    """One row, or none."""

    panel_path: str | None


class WithoutDemandRow(TypedDict):
    """One row per series that ended or never sold, by key."""

    series: str
    reason: str
