"""Rows of queries about registered versions and decisions about them, in our tables and in MLflow's.

Belongs here: one type per query, its columns by name.
Does not belong here: the queries (``sql/queries``), and what their rows mean to who asks.
"""

import datetime as dt
from typing import TypedDict

from forecast_assets.stores.rows.values import FoldMetrics, Json


class AuditRow(TypedDict):
    """One row per decision, the newest last."""

    decided_at: dt.datetime
    series: str
    action: str
    state: str
    from_version: int | None
    to_version: int | None
    from_candidate: str | None
    to_candidate: str | None
    from_wape: float | None
    to_wape: float | None
    is_override: bool
    acknowledged: list[str]
    approved_by: str | None
    reason: str | None
    gates: Json
    decision_id: str
    run_id: str | None


class BundleMembersRow(TypedDict):
    """One row per bundle."""

    mlflow_run: str
    path: str
    versions: int


class LastMovesRow(TypedDict):
    """One row per series with any decision."""

    series: str
    action: str
    approved_by: str | None
    to_version: int | None
    written_at: dt.datetime


class LiveVersionsRow(TypedDict):
    """One row per series with a version."""

    series: str
    live: int | None


class MlflowAddVersionsRow(TypedDict):
    """One row per version that was added."""

    name: str
    version: int


class MlflowAliasesRow(TypedDict):
    """One row per model and alias."""

    name: str
    alias: str
    version: int


class MlflowModelsRow(TypedDict):
    """One row per model."""

    name: str


class MlflowMoveAliasRow(TypedDict):
    """One row per model whose alias moved."""

    name: str


class MlflowFilesRow(TypedDict):
    """One row for a run that MLflow knows, else none."""

    place: str | None


class MlflowPlacesRow(TypedDict):
    """One row per experiment."""

    name: str
    place: str


class MlflowRecipesRow(TypedDict):
    """One row per model that has one."""

    name: str
    version: int


class MlflowVersionsRow(TypedDict):
    """One row per version."""

    name: str
    version: int


class VersionRow(TypedDict):
    """A registered version and its files; columns that more than one query returns."""

    series: str
    version: int
    candidate: str
    mlflow_run: str
    path: str
    artifact_sha256: str


class ModelVersionsOfRow(FoldMetrics, VersionRow):
    """One row per series and version, the newest first."""

    dataset: str
    recipe: str
    recommended: str | None
    is_override: bool
    override_reason: str | None
    warning: str | None
    snapshot: str
    content: str
    first_day: dt.date
    last_day: dt.date
    feature_frame: int
    policy: str
    settings: Json
    code_version: str
    evaluation_run: str | None
    folds_path: str | None
    anchor_day: dt.date
    stability: float | None
    sample_size: int | None
    run_id: str
    experiment: str
    registered_at: dt.datetime


class PreviousVersionsRow(TypedDict):
    """One row per series whose version was ever made live."""

    series: str
    previous: int | None


class PromotionStatesRow(TypedDict):
    """One row per series with any decision."""

    series: str
    live: int | None
    before: int | None
    decision_id: str | None
    action: str | None
    from_version: int | None
    to_version: int | None
    approved_by: str | None


class RegisteredVersionsRow(TypedDict):
    """One row per version."""

    dataset: str
    series: str
    version: int
    mlflow_run: str
    path: str
    artifact_sha256: str


class RolledBackVersionsRow(TypedDict):
    """One row per series and version."""

    series: str
    version: int
    approved_by: str | None
    reason: str | None
    written_at: dt.datetime


class VersionsOfDatasetRow(VersionRow):
    """One row per series and version, the newest first."""

    recommended: str | None
    content: str
    feature_frame: int
    is_override: bool
    wape: float | None
    champion: str | None
