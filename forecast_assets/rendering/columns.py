"""Which columns a person sees first, on a terminal and in Dagit: key, verdict, reason, next step.

Belongs here: the choice for every listing and table.
Does not belong here: how a cell is written, and what an export holds (all columns).
"""

from collections.abc import Mapping, Sequence

CHOSEN: Mapping[str, Sequence[str]] = {
    "availability": (
        "series", "state", "reason", "average_daily_demand", "demand_class", "last_day",
    ),
    "leaderboard": ("series", "rank", "candidate", "wape", "bias", "total_error", "mae", "reason"),
    "champions": (
        "series", "champion", "wape", "expected_wape", "bias", "total_error", "confidence", "reason",
    ),
    "forecasts": (
        "series", "total", "average", "reorder_point", "safety_stock", "first_day", "candidate", "fallback",
    ),
    "daily-series": ("series", "date", "units", "median", "lower_80", "upper_80", "lower_95", "upper_95"),
    "daily-store": ("store", "date", "units", "median", "lower_80", "upper_80", "lower_95", "upper_95"),
    "daily-category": ("category", "date", "units", "median", "lower_80", "upper_80", "lower_95", "upper_95"),
    "daily-dataset": ("dataset", "date", "units", "median", "lower_80", "upper_80", "lower_95", "upper_95"),
    "explanations": (
        "series", "description", "contribution", "direction", "forecast", "confidence", "driver",
    ),
    "batch-items": (
        "series", "candidate", "status", "error_message", "wape", "bias", "total_error", "item_id",
    ),
    "batch-champions": ("series", "winner_model_type", "wape", "smape", "model_version", "item_id"),
    "audit": (
        "series", "action", "from_version", "to_version", "approved_by", "state", "decided_at", "reason",
    ),
    "drift": (
        "series", "verdict", "units_at_risk", "reason", "latest_wape", "baseline_wape", "champion",
    ),
    "forecast-accuracy": (
        "series", "bucket", "wape", "backtest_wape", "wape_above_backtest", "bias", "sample_size",
    ),
    "data-quality": ("series", "severity", "suspicion", "detail", "action"),
    "model-health": (
        "series", "verdict", "drift_direction", "units_at_risk", "latest_wape", "next_step",
    ),
    "retraining-queue": (
        "series", "reason", "priority_score", "staleness_days", "wape", "requested_at",
    ),
    "order-proposal": (
        "series", "order_units", "reason", "money_at_risk", "units_at_risk", "on_hand", "counted",
        "reorder_point",
    ),
    "incident-report": ("label", "kind", "detail", "next_step", "at"),
    "datasets": ("name", "series", "champions", "rows", "first_day", "last_day", "source"),
    "presets": ("preset", "title", "size", "nature", "expected", "seconds"),
    "launches": ("run_id", "kind", "status", "progress", "dataset", "created_at", "what"),
    "proposals": (
        "series", "change", "failed_gates", "from_wape", "to_wape", "to_candidate", "to_version", "needs",
    ),
    "plans": ("name", "series", "units_delta", "revenue_delta", "coverage", "tags", "made_at"),
    "workspaces": ("workspace_id", "name", "preset", "seed", "status", "winner", "wape"),
}  # fmt: skip


def chosen(listing: str, names: Sequence[str]) -> list[str]:
    """Return the columns of ``listing`` that are among ``names``, in the order of the choice; else all."""
    return [name for name in CHOSEN.get(listing, ()) if name in names] or list(names)
