"""The best items of a batch: what a promotion of its champions would do.

Belongs here: results by item, the choice, the difference to what is marked, where a reader finds an item.
Does not belong here: the chain that chooses (``aggregation``), and marking it (``champions``).
"""

from dataclasses import dataclass
from typing import Any

from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.core.metrics import ITEM_METRICS, TOTAL_METRICS
from forecast_assets.keys import SEPARATOR
from forecast_assets.launches import records
from forecast_assets.launches.aggregation import by_pair, champion_of
from forecast_assets.launches.model import Launch, Try
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores
from forecast_assets.stores.mlflow_server import version_page
from forecast_assets.stores.rows.values import Json


def results(stores: Stores, batch_id: str) -> list[Json]:
    """The newest try of every item of a batch as results; what did not complete has no metrics."""
    return [
        {
            "item_id": one.item_id,
            "series": one.series,
            "store_id": one.store_id,
            "product_id": one.product_id,
            "candidate": one.candidate,
            "status": one.status,
            "run_id": one.run_id,
            "created_at": one.created_at,
            **dict.fromkeys((*ITEM_METRICS, "sample_size")),
            **(one.metrics or {}),
            **{name: (one.outputs or {}).get(name) for name in TOTAL_METRICS},
            "try": one,
        }
        for one in records.newest(records.tries(stores, batch_id))
    ]


@dataclass(frozen=True, slots=True)
class Picks:
    """What a promotion would do: the winning items, pairs without one, and the difference to now."""

    batch: Launch
    winners: list[Json]
    unresolved: list[str]
    diff: dict[str, int]

    @property
    def confirmation(self) -> str:
        """What a person has to type."""
        return f"promote {len(self.winners):,} champions"


def pick(stores: Stores, batch_id: str, *, minimum_sample_size: int = 0) -> Picks:
    """Choose a champion for every pair of an ended batch; changes nothing.

    Raises ``BadSetting`` for a batch that runs, or without a completed item.
    """
    batch = records.read(stores, batch_id)
    if not batch.is_over:
        raise BadSetting(f"batch {batch_id} is {batch.status}", remedy="wait for its end")
    if not batch.completed:
        raise BadSetting(f"batch {batch_id} has no completed item", remedy="launch a batch that succeeds")
    winners, unresolved = [], []
    diff = {"new": 0, "updated": 0, "unchanged": 0}
    for series, members in by_pair(results(stores, batch_id)).items():
        usable = [
            one
            for one in members
            if one["status"] == "completed" and (one["sample_size"] or 0) >= minimum_sample_size
        ]
        best = champion_of(usable)
        if best is None:
            unresolved.append(series)
            continue
        before = next((one for one in members if one["try"].is_champion), None)
        diff["new" if before is None else "unchanged" if before is best else "updated"] += 1
        winners.append(_winner(batch_id, best, None if before is None else before["try"]))
    return Picks(batch, winners, unresolved, diff)


def _winner(batch_id: str, best: Any, before: Try | None) -> Json:  # noqa: ANN401 - a result
    one: Try = best["try"]
    return {
        **{name: best[name] for name in ("item_id", "series", "store_id", "product_id", "wape", "smape")},
        "model_version": (one.outputs or {}).get("model_version"),
        "winner_run_id": one.child_run_id or one.run_id,
        "link": page_of(one),
        "winner_model_type": one.candidate,
        "proposed_alias_name": "-".join(["champion-batch", batch_id, *one.series.split(SEPARATOR)[1:]]),
        "existing_alias_run_id": None if before is None else before.child_run_id or before.run_id,
    }


def page_of(one: Try) -> str | None:
    """Where a reader finds what made an item: its version in MLflow, else the run that worked on it."""
    version = (one.outputs or {}).get("model_version")
    if version is not None:
        return version_page(one.series, version)
    return None if one.run_id is None else f"{environment().dagit_pages}/runs/{one.run_id}"
