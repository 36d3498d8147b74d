"""Types of exported columns: a name means the same in every export, and its type never depends on the rows.

Belongs here: the type of every column that is not text.
Does not belong here: what an export holds (``sql/queries``), and what its columns mean (``docs/exports.md``).
"""

import polars as pl

from forecast_assets.stores.rows.values import Metrics

_INTEGERS = (
    "attempts", "child_items", "closed_days", "duration_ms", "evaluations", "expected_days",
    "forecasts", "from_version", "horizon", "item_id", "lead_time_days", "missing_days",
    "observed_days", "promotion_days", "rank", "ranked", "run_count", "sample_size", "service_windows",
    "staleness_days", "to_version", "unmeasured", "windows", "zero_sale_days",
)  # fmt: skip
_NUMBERS = (
    *Metrics.__annotations__,
    "achieved_service", "average", "average_daily_demand", "backtest_bias", "backtest_wape",
    "baseline_wape", "chance", "contribution", "coverage", "expected_bias", "expected_wape",
    "false_alarm", "forecast", "from_wape", "interval_safety_stock", "latest_wape", "lead_time_demand",
    "live_wape", "low_units", "lower_80", "lower_95", "order_up_to", "peak_units", "previous_wape",
    "priority_score", "recent_error", "reorder_point", "revenue", "rule_of_thumb_reorder_point",
    "rule_of_thumb_safety_stock", "rule_of_thumb_service", "safety_stock", "service_level",
    "skill_vs_seasonal_naive", "stability", "to_wape", "total", "units", "units_at_risk", "upper_80",
    "upper_95", "usual_error", "value", "wape_above_backtest", "wape_delta",
)  # fmt: skip
_DAYS = (
    "date", "first_day", "last_day", "last_known_day", "last_sale", "low_day", "newest_day", "peak_day",
)  # fmt: skip
_MOMENTS = (
    "at", "chosen_at", "completed_at", "decided_at", "found_at", "last_trained_at", "made_at",
    "requested_at", "scored_at", "since", "started_at",
)  # fmt: skip
TYPES: dict[str, pl.DataType] = {
    **dict.fromkeys(_INTEGERS, pl.Int64()),
    **dict.fromkeys(_NUMBERS, pl.Float64()),
    **dict.fromkeys(_DAYS, pl.Date()),
    **dict.fromkeys(_MOMENTS, pl.Datetime("us", "UTC")),
    **dict.fromkeys(("ended", "exact", "is_override"), pl.Boolean()),
    "fold_wape": pl.List(pl.Float64()),
    "assumptions": pl.List(pl.String()),
    "acknowledged": pl.List(pl.String()),
}
# Totals count series where single ones name theirs.
_COUNTED = "series"
_WORDS = {
    "Int64": "integer", "Float64": "number", "Date": "day", "Boolean": "true or false", "String": "text",
}  # fmt: skip


def typed(frame: pl.DataFrame) -> pl.DataFrame:
    """Return ``frame`` with a type for every column of which all rows are empty."""
    empty = [name for name, kind in frame.schema.items() if kind == pl.Null]
    whole = frame.with_columns(pl.col(name).cast(TYPES.get(name, pl.String())) for name in empty)
    counted = whole.schema.get(_COUNTED)
    if counted is None or not counted.is_integer():
        return whole
    return whole.with_columns(pl.col(_COUNTED).cast(pl.Int64))


def word(kind: pl.DataType) -> str:
    """The type in the words of the documents."""
    if isinstance(kind, pl.Datetime):
        return "moment"
    if isinstance(kind, pl.List):
        return "list"
    return _WORDS.get(str(kind), str(kind).lower())
