"""Rows of queries about how candidates did, and which are champions.

Belongs here: one type per query, its columns by name.
Does not belong here: the queries (``sql/queries``), and what their rows mean to who asks.
"""

import datetime as dt
from typing import TypedDict

from forecast_assets.stores.rows.values import Confidence, FoldMetrics, Json, Metrics, Outcome, State


class BrokenSeriesRow(TypedDict):
    """One row per broken series, by key."""

    series: str
    reason: str


class ChampionHistoryRow(TypedDict):
    """One row per choice, the newest first."""

    chosen_at: dt.datetime
    champion: str | None
    wape: float | None
    confidence: Confidence
    reason: str
    snapshot: str
    run_id: str
    is_current: bool


class ChampionLabelsRow(TypedDict):
    """One row per candidate."""

    champion: str


class ChampionsRow(FoldMetrics):
    """One row per series with a current choice, by key."""

    series: str
    store_id: str
    product_id: str
    champion: str | None
    sample_size: int | None
    expected_wape: float | None
    expected_bias: float | None
    claim_reason: str | None
    wape_bias: float | None
    total_error: float | None
    wql: float | None
    coverage_80: float | None
    coverage_95: float | None
    stock_cost: float | None
    service: float | None
    skill_vs_seasonal_naive: float | None
    confidence: Confidence
    reason: str
    runner_up: str | None
    policy: str
    snapshot: str
    run_id: str
    chosen_at: dt.datetime


class ChampionsOfRow(TypedDict):
    """One row per series with a current choice."""

    series: str
    champion: str | None
    wape: float | None
    bias: float | None
    reason: str
    expected_wape: float | None
    expected_bias: float | None
    claim_reason: str | None
    fingerprint: str
    path: str | None


class ComparableHistoryRow(TypedDict):
    """One row per series and snapshot."""

    series: str
    run_id: str
    candidate: str
    wape: float | None
    anchor_day: dt.date
    evaluated_at: dt.datetime


class CurrentResultsRow(TypedDict):
    """One row per evaluated series, by key."""

    series: str
    outcome: Outcome
    availability: State
    reason: str
    folds: int
    run_id: str
    fingerprint: str
    snapshot: str
    path: str | None
    anchor_day: dt.date
    evaluated_at: dt.datetime
    champion: str | None
    wape: float | None
    bias: float | None
    expected_wape: float | None
    expected_bias: float | None
    claim_reason: str | None
    skill_vs_seasonal_naive: float | None
    confidence: Confidence | None
    sentence: str | None
    explanation: Json | None


class EvaluatedDatasetsRow(TypedDict):
    """One row per dataset with an evaluation, by name."""

    dataset: str
    mark: str


class EvaluationCountsRow(TypedDict):
    """One row, zeros and nulls for an empty system."""

    evaluated: int
    scored: int
    unusable: int
    broken: int
    newest_success: dt.datetime | None
    forecasts: int
    newest_sales: dt.date | None


class EvaluationMarksRow(TypedDict):
    """One row per evaluated series of a dataset."""

    series: str
    backtest: str | None
    champion: str | None


class GlobalForecastRow(TypedDict):
    """One row, or none; ``used_at`` is when an evaluation used a pool last, null for launched work alone."""

    dataset: str
    candidate: str
    settings_hash: str
    snapshot: str
    anchor_day: dt.date
    recipe: str
    fit_id: str
    model_path: str
    path: str
    failure: str | None
    run_id: str
    created_at: dt.datetime
    used_at: dt.datetime | None


class NewestPoolsRow(GlobalForecastRow):
    """One row per pool."""


class ProductionModelsRow(TypedDict):
    """One row per candidate."""

    candidate: str
    snapshot: str
    anchor_day: dt.date
    recipe: str
    digest: str | None
    path: str | None
    failure: str | None
    run_id: str
    fitted_at: dt.datetime


class LeaderboardRow(Metrics):
    """One row per series and candidate."""

    series: str
    store_id: str
    product_id: str
    rank: int | None
    candidate: str
    status: str
    sample_size: int
    stability: float | None
    reason: str | None
    fold_wape: list[float]


class MetricsOfRow(Metrics):
    """One row per series and candidate."""

    series: str
    candidate: str
    rank: int | None
    sample_size: int
    stability: float | None
    fold_wape: list[float]
    reason: str | None


class NewestBrokenRow(TypedDict):
    """One row per series, the newest first."""

    series: str
    reason: str
    evaluated_at: dt.datetime


class OutcomesRow(TypedDict):
    """One row per outcome that occurs."""

    outcome: Outcome
    series: int
    champions: int


class PairResultsRow(TypedDict):
    """One row per series and candidate of the newest evaluation."""

    series: str
    store_id: str
    product_id: str
    candidate: str
    wape: float | None
    smape: float | None
    mae: float | None
    bias: float | None
    wape_bias: float | None
    total_error: float | None
    sample_size: int
    run_id: str
    created_at: dt.datetime
    champion: str | None


class PortfolioLeaderboardRow(TypedDict):
    """One row per candidate, the one with most champions first."""

    candidate: str
    champions: int
    ranked: int
    failed: int
    median_wape: float | None
    mean_rank: float | None


class FoldPathsRow(TypedDict):
    """One row per scored series, file by file."""

    path: str
    series: str
    demand_class: str | None
