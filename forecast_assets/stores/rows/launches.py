"""Rows of queries about launches, their items, and kept showcases.

Belongs here: one type per query, its columns by name.
Does not belong here: the queries (``sql/queries``), and what their rows mean to who asks.
"""

import datetime as dt
from dataclasses import dataclass
from typing import TypedDict

from forecast_assets.stores.rows.values import FoldMetrics, Json, Status

BatchExportRow = TypedDict(
    "BatchExportRow",
    {
        "Item ID": int,
        "Store ID": str,
        "Product ID": str,
        "Model": str | None,
        "Status": str,
        "Attempts": int,
        "Child Job ID": str | None,
        "Child Run ID": str | None,
        "Error": str | None,
        "Started": dt.datetime | None,
        "Completed": dt.datetime | None,
        "Duration (ms)": int | None,
    },
)


class BatchItemExportRow(FoldMetrics):
    """One row per try of an item, in the order in which they were asked for."""

    item_id: int
    series: str
    store_id: str | None
    product_id: str | None
    candidate: str | None
    status: Status
    attempts: int
    wape_bias: float | None
    total_error: float | None
    sample_size: int | None
    error_message: str | None
    started_at: dt.datetime | None
    completed_at: dt.datetime | None
    duration_ms: int | None
    child_run_id: str | None


class LaunchBudgetRow(TypedDict):
    """One row."""

    free_at: dt.datetime | None


class LaunchClaimRow(TypedDict):
    """One row per item that was taken."""

    item_id: int
    series: str
    candidate: str | None


@dataclass(frozen=True, slots=True)
class LaunchItemsRow:
    """One row per try of an item, in the order in which they were asked for.

    ``run_id`` is the Dagster run that worked on it, ``child_run_id`` the run of MLflow that registered it.
    """

    item_id: int
    launch_id: str
    parent_item_id: int | None
    series: str
    candidate: str | None
    params: Json
    status: Status
    priority: int
    attempts: int
    metrics: Json | None
    outputs: Json | None
    run_id: str | None
    child_run_id: str | None
    error_message: str | None
    error_type: str | None
    is_champion: bool
    priority_updated_at: dt.datetime | None
    priority_history: list[Json]
    created_at: dt.datetime
    started_at: dt.datetime | None
    completed_at: dt.datetime | None
    duration_ms: int | None
    store_id: str
    product_id: str
    tried_again: bool


class LaunchPartsRow(TypedDict):
    """One row per part."""

    launch_id: str


@dataclass(frozen=True, slots=True)
class LaunchesRow:
    """One row per launch; ``run_id`` is the run that works on it: its first or newest one.

    The counts are of items, and of an item that was tried again of its newest try.
    """

    launch_id: str
    kind: str
    part_of: str | None
    run_id: str
    dataset: str | None
    requested_by: str | None
    what: str
    status: Status
    spec: Json
    result: Json
    error: Json | None
    priority: int
    max_parallel: int
    max_attempts: int
    cancel_requested_at: dt.datetime | None
    created_at: dt.datetime
    started_at: dt.datetime | None
    completed_at: dt.datetime | None
    updated_at: dt.datetime
    total: int
    pending: int
    running: int
    completed: int
    failed: int
    cancelled: int


class WorkspaceRow(TypedDict):
    """One row, or none."""

    workspace_id: str
    run_id: str
    name: str
    status: Status
    preset: str
    seed: int
    dataset: str | None
    config: Json
    store_id: str | None
    product_id: str | None
    date_start: dt.date | None
    date_end: dt.date | None
    created_objects: Json
    result_summary: Json
    steps: list[Json]
    archived: bool
    pinned: bool
    notes: str
    tags: list[str]
    replayed_from: str | None
    created_at: dt.datetime
    completed_at: dt.datetime | None


class WorkspaceLineageRow(TypedDict):
    """One row per workspace of the chain, itself first (depth 0)."""

    depth: int
    workspace_id: str
    name: str
    status: Status
    created_at: dt.datetime
    replayed_from: str | None


class NewestWorkspaceRow(TypedDict):
    """The workspace that was kept last."""

    workspace_id: str


class WorkspacesRow(TypedDict):
    """One row per workspace, pinned ones first."""

    workspace_id: str
    name: str
    status: Status
    preset: str
    seed: int
    dataset: str | None
    winner: str | None
    wape: float | None
    tags: list[str]
    pinned: bool
    archived: bool
    replayed_from: str | None
    created_at: dt.datetime
    completed_at: dt.datetime | None
