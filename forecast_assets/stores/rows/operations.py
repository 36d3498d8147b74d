"""Rows of queries about drift and model health, incidents and messages, and what may be deleted.

Belongs here: one type per query, its columns by name.
Does not belong here: the queries (``sql/queries``), and what their rows mean to who asks.
"""

import datetime as dt
from typing import TypedDict

from forecast_assets.stores.rows.values import Json, Outcome


class DegradingByBothRow(TypedDict):
    """One row per series, most units at risk first."""

    series: str
    dataset: str
    reason: str
    units_at_risk: float
    requested_at: dt.datetime | None


class DriftRow(TypedDict):
    """One row per series that was judged, most units at risk first."""

    series: str
    store_id: str
    product_id: str
    champion: str | None
    drift_direction: str
    latest_wape: float | None
    baseline_wape: float | None
    chance: float | None
    units_at_risk: float
    verdict: str
    previous_wape: float | None
    wape_delta: float | None
    evaluations: int
    windows: int
    recent_error: float | None
    usual_error: float | None
    false_alarm: float | None
    newest_day: dt.date
    reason: str
    run_id: str
    found_at: dt.datetime


class DriftCountsRow(TypedDict):
    """One row per dataset with judged series, by name."""

    dataset: str
    judged: int
    flagged: int
    unknown: int
    degrading: int
    by_chance: float
    units_at_risk: float
    worst: list[str] | None


class DueAlertsRow(TypedDict):
    """One row per message, the oldest first."""

    id: int
    due: bool


class HoldAlertRow(TypedDict):
    """One row, held until the transaction ends, or none."""

    id: int
    channel: str
    subject: str
    body: str
    attempts: int


class LastDigestRow(TypedDict):
    """One row."""

    made_at: dt.datetime | None


class LakeNeedsRow(TypedDict):
    """One row per result and path."""

    kind: str
    dataset: str
    key: str
    path: str


class LakeReferencesRow(TypedDict):
    """One row per path."""

    path: str


class ModelHealthRow(TypedDict):
    """One row per series with a current choice."""

    series: str
    store_id: str
    product_id: str
    champion: str | None
    drift_direction: str
    latest_wape: float | None
    previous_wape: float | None
    wape_delta: float | None
    baseline_wape: float | None
    run_count: int
    verdict: str
    chance: float | None
    units_at_risk: float
    live_wape: float | None
    latest_run_status: Outcome | None
    latest_run_id: str | None
    last_trained_at: dt.datetime | None
    staleness_days: int
    reason: str


class OpenIncidentsRow(TypedDict):
    """One row per open incident, errors first, then the newest."""

    kind: str
    severity: str
    what: str
    next_step: str
    link: str
    times: int
    opened_at: dt.datetime
    last_seen_at: dt.datetime


class RecordIncidentsRow(TypedDict):
    """One row."""

    sightings: int
    opened: int


class RequestsSinceRow(TypedDict):
    """One row."""

    requests: int


class RetrainedRow(TypedDict):
    """One row per evaluated series."""

    series: str
    outcome: Outcome
    reason: str
    champion: str | None
    wape: float | None
    wape_before: float | None


class RetrainingCandidatesRow(TypedDict):
    """One row per series whose newest evaluation gave a champion, by key."""

    series: str
    store_id: str
    product_id: str
    champion: str
    staleness_days: int
    wape: float | None
    latest_run_id: str
    latest_run_status: Outcome
    requested_at: dt.datetime | None


class WaitingLaunchesRow(TypedDict):
    """One row per launch that waits in Dagster's queue, or begins, the newest first."""

    run_id: str
    job: str
    status: str
    dataset: str | None


class RunOfDagsterRow(TypedDict):
    """One row for a run that Dagster knows, else none; ``root_run_id`` of one that tries another again."""

    run_id: str
    job: str
    status: str
    root_run_id: str | None
    tags: Json
    config: Json


class DagsterRunsRow(TypedDict):
    """One row per status of a run; ``runs_since`` changed since a moment."""

    status: str
    runs: int
    runs_since: int
    newest: dt.datetime


class EndedRunsRow(TypedDict):
    """One row per run that succeeded or failed, the newest first."""

    run_id: str
    job: str
    is_failed: bool
    ended_at: dt.datetime
    tags: Json
    config: Json


class FailedStepsRow(TypedDict):
    """One row per failed step, the first one first; ``event`` is JSON as Dagster writes it."""

    event: str


class FailedChecksOfRow(TypedDict):
    """One row per name of a check that once failed."""

    name: str


class SpentRunsRow(TypedDict):
    """One row per run, the oldest first, with the size of its events."""

    run_id: str
    bytes: int


class SupersededEventsRow(TypedDict):
    """One row."""

    count: int
    bytes: int


class SupersededForecastsRow(TypedDict):
    """One row."""

    count: int


class SupersededLaunchesRow(TypedDict):
    """One row per launch."""

    launch_id: str


class SupersededSnapshotsRow(TypedDict):
    """One row per snapshot, by dataset, the oldest first."""

    dataset: str
    hash: str


class SupersededVersionsRow(TypedDict):
    """One row per version."""

    dataset: str
    series: str
    version: int
    mlflow_run: str
    path: str


class IncidentRow(TypedDict):
    """An incident; columns that more than one query returns."""

    id: int
    kind: str
    what: str
    next_step: str
    link: str
    times: int
    opened_at: dt.datetime
    last_seen_at: dt.datetime
    resolved_at: dt.datetime | None


class UnmentionedIncidentsRow(IncidentRow):
    """One row per incident, open errors first."""

    severity: str


class UnnotifiedIncidentsRow(IncidentRow):
    """One row per incident, the oldest first."""
