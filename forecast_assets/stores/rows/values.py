"""Values that rows of several rooms hold.

Belongs here: words that a check of the tables allows, and columns that always come together.
Does not belong here: rows.
"""

from typing import Any, Literal, TypedDict

Json = dict[str, Any]
State = Literal["ready", "limited", "unusable"]
Outcome = Literal["scored", "unusable", "broken"]
Confidence = Literal["high", "medium", "low"]
Status = Literal["pending", "running", "completed", "partial", "failed", "cancelled"]


class FoldMetrics(TypedDict):
    """Accuracy of one candidate on one series: the metrics that every fold has."""

    wape: float | None
    smape: float | None
    mae: float | None
    bias: float | None
    rmse: float | None


class Metrics(FoldMetrics):
    """All metrics of the engine, those of distributions, totals and stock included."""

    wape_bias: float | None
    total_error: float | None
    pinball: float | None
    wql: float | None
    coverage_80: float | None
    coverage_95: float | None
    stock_cost: float | None
    service: float | None
