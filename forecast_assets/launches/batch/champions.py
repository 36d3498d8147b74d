"""Champions of a batch: the best completed item of every pair, shown first and marked after a confirmation.

Belongs here: the dry run, the difference to what is marked, and marking it once.
Does not belong here: the chain that chooses (``aggregation``), and what becomes live (``registry``).
"""

import json
from dataclasses import dataclass
from typing import Any

from forecast_assets.errors import BadSetting
from forecast_assets.launches.batch import store
from forecast_assets.launches.settlement import TERMINAL
from forecast_assets.registry.promotion import CHALLENGER, CHAMPION
from forecast_assets.reports.aggregation import by_pair, champion_of
from forecast_assets.reports.assets import batch_results
from forecast_assets.stores import Stores
from forecast_assets.stores.registry import open_registry
from forecast_assets.stores.warehouse import Row


@dataclass(frozen=True, slots=True)
class Picks:
    """What a promotion would do: the winning items, pairs without one, and the difference to now."""

    batch: Row
    winners: list[dict[str, Any]]
    unresolved: list[str]
    diff: dict[str, int]

    @property
    def confirmation(self) -> str:
        """What a person has to type."""
        return f"promote {len(self.winners)} champions"


def pick(stores: Stores, batch_id: str, *, minimum_sample_size: int = 0) -> Picks:
    """Choose a champion for every pair of an ended batch; changes nothing.

    Raises ``BadSetting`` for a batch that runs, or without a completed item.
    """
    batch = store.read(stores, batch_id)
    if batch["status"] not in TERMINAL:
        raise BadSetting(f"batch {batch_id} is {batch['status']}", remedy="wait for its end")
    results = batch_results(stores, batch_id)
    if not any(result["status"] == "completed" for result in results):
        raise BadSetting(f"batch {batch_id} has no completed item", remedy="launch a batch that succeeds")
    winners, unresolved = [], []
    diff = {"new": 0, "updated": 0, "unchanged": 0}
    for series, members in by_pair(results).items():
        usable = [
            one
            for one in members
            if one["status"] == "completed" and int(str(one["sample_size"] or 0)) >= minimum_sample_size
        ]
        best = champion_of(usable)
        if best is None:
            unresolved.append(series)
            continue
        before = next((one for one in members if one["is_champion"]), None)
        kind = "new" if before is None else "unchanged" if before is best else "updated"
        diff[kind] += 1
        winners.append(_line(batch_id, best, before))
    return Picks(batch, winners, unresolved, diff)


def _line(batch_id: str, best: Any, before: Any) -> dict[str, Any]:  # noqa: ANN401 - rows of items
    shown = ("item_id", "series", "store_id", "product_id", "wape", "smape")
    return {
        **{name: best[name] for name in shown},
        "model_version": (best["made"] or {}).get("model_version"),
        "winner_run_id": best["child_job_id"],
        "winner_model_type": best["candidate"],
        "proposed_alias_name": f"champion-batch-{batch_id}-{best['store_id']}-{best['product_id']}",
        "existing_alias_run_id": None if before is None else before["child_job_id"],
    }


def apply(stores: Stores, picks: Picks, *, confirm: str, by: str) -> bool:
    """Mark the winners; answer whether anything had to change. A second time changes nothing at all.

    A winner that the batch registered becomes its series' challenger; what is live stays.
    Raises ``BadSetting`` unless ``confirm`` is what ``Picks.confirmation`` says.
    """
    if confirm != picks.confirmation:
        raise BadSetting(
            f"the confirmation is {confirm!r}", remedy=f"after the dry run, type: {picks.confirmation}"
        )
    challenged = _challenge(picks)
    if not picks.diff["new"] and not picks.diff["updated"]:
        return challenged
    summary = {
        "selected_by": by,
        "alias_namespace": f"champion-batch-{picks.batch['batch_id']}",
        "count": len(picks.winners),
        "unresolved": picks.unresolved,
    }
    stores.warehouse.execute(
        "batch_mark_champions",
        None,
        batch_id=picks.batch["batch_id"],
        items=[line["item_id"] for line in picks.winners],
        summary=json.dumps(summary),
    )
    return True


def _challenge(picks: Picks) -> bool:
    """Let each registered winner be the challenger of its series; answer whether an alias had to move."""
    wanted = {line["series"]: line["model_version"] for line in picks.winners if line["model_version"]}
    if not wanted:
        return False
    registry = open_registry()
    held = registry.aliases(list(wanted))
    moved = False
    for series, version in wanted.items():
        if version not in (held.get(series, {}).get(name) for name in (CHAMPION, CHALLENGER)):
            registry.move_alias(series, CHALLENGER, version)
            moved = True
    return moved


def approver(name: str) -> str:
    """Who approves. Raises ``BadSetting`` for nobody."""
    if not name.strip():
        raise BadSetting("nobody approves it", remedy="set approved_by to your name")
    return name.strip()
