"""Matrices: candidates that are launched together under one name.

Belongs here: which candidates a name stands for, for all series or for each of them.
Does not belong here: what they must show before something is trained (``pipeline.guardrails``).
"""

from collections.abc import Mapping, Sequence
from enum import Enum

from forecast_assets.backtests.installed import is_installed
from forecast_assets.forecasting.core.candidates.catalogue import entry
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.evaluations import ChampionsOfRow, MetricsOfRow

REFRESH = "champion_challenger_refresh"
_WITHOUT_HISTORY = ("naive", "lightgbm")
_FRAMED = ("regression", "lightgbm", "xgboost", "random_forest(frame=2)", "prophet_like(frame=2)")
MATRICES: Mapping[str, tuple[str, ...]] = {
    "quick_baseline_sweep": (
        "naive",
        "seasonal_naive",
        "moving_average",
        "weighted_moving_average",
        "seasonal_average",
    ),
    "feature_aware_comparison": _FRAMED,
    "high_wape_recovery": (*_FRAMED, "prophet"),
    "stockout_sensitive_products": (
        "regression(frame=2, packs=target_history+calendar+inventory+replenishment+returns, scope=series)",
    ),
    REFRESH: (),
}
MatrixName = Enum("MatrixName", {name: name for name in MATRICES})  # type: ignore[misc]  # the names are a table's


def candidates_of(name: str) -> tuple[str, ...]:
    """The candidates of a matrix that are installed; none for the one that differs by series."""
    return tuple(label for label in MATRICES[name] if is_installed(entry(label)))


def refresh(stores: Stores, series: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """For each series its champion and the best of the others; naive and lightgbm where none was chosen."""
    champions = {
        row["series"]: row["champion"]
        for row in stores.warehouse.rows(ChampionsOfRow, series=list(series))
        if row["champion"] is not None
    }
    scored: dict[str, list[tuple[int, str]]] = {}
    for row in stores.warehouse.rows(MetricsOfRow, series=list(champions)):
        if row["rank"] is not None:
            scored.setdefault(row["series"], []).append((row["rank"], row["candidate"]))
    chosen = {}
    for key in series:
        champion = champions.get(key)
        others = [label for _, label in sorted(scored.get(key, ())) if label != champion]
        chosen[key] = _WITHOUT_HISTORY if champion is None else (champion, *others[:1])
    return chosen
