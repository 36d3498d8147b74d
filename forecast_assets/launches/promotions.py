"""Promotions and rollbacks as launched work: an item per series, whoever decided and from wherever.

Belongs here: the record of a decision that is carried out.
Does not belong here: proposals and the protocol (``registry``), dry runs, which leave no record.
"""

from collections.abc import Sequence

from forecast_assets.launches import records
from forecast_assets.launches.kind import Summary, followed
from forecast_assets.launches.lifecycle import follow
from forecast_assets.launches.model import ItemResult, Launch, NewItem, Plan, Try
from forecast_assets.launches.worker_pool import RunControl
from forecast_assets.registry import proposals as decisions
from forecast_assets.registry.promotion import Decision, Moved
from forecast_assets.registry.proposals import Proposal, Refused
from forecast_assets.stores import Stores
from forecast_assets.stores.registry import Registry


def carry_out(
    stores: Stores,
    registry: Registry,
    decision: Decision,
    proposals: Sequence[Proposal],
    *,
    dataset: str,
    control: RunControl | None = None,
) -> list[Moved | Refused]:
    """Carry out a decision about proposals, and keep the record of it under the id of its run."""
    kind = DECISIONS[decision.action]
    plan = Plan(
        what=f"{kind.name} {len(proposals):,} series of {dataset}",
        spec={"reason": decision.reason, "acknowledged": list(decision.acknowledged)},
        items=[NewItem(one.series, one.to_candidate) for one in proposals],
        dataset=dataset,
        requested_by=decision.approved_by,
    )
    with follow(kind, stores, plan, decision.run_id, registry=lambda: registry, control=control) as work:
        ids = {item.series: item.item_id for item in records.claim(stores, work.launch, len(proposals))}
        done = decisions.apply(stores, registry, decision, proposals)
        records.record(stores, work.launch, [_result(ids[one.series], one) for one in done])
    return done


def _result(item_id: int, one: Moved | Refused) -> ItemResult:
    if isinstance(one, Refused):
        return ItemResult(item_id, None, one.sentence, "Refused")
    if one.outcome == "conflict":
        return ItemResult(item_id, None, one.sentence, "Conflict")
    return ItemResult(
        item_id, None, outputs={"outcome": one.outcome, "from_version": one.before, "to_version": one.after}
    )


def _summarise(_stores: Stores, launch: Launch, _tries: Sequence[Try]) -> Summary:
    counts = ", ".join(f"{launch.counts[name]:,} {name}" for name in ("completed", "failed", "cancelled"))
    return Summary(f"{launch.kind} of {launch.dataset} by {launch.requested_by}: {counts}")


PROMOTION = followed("promote", _summarise, command="promote DATASET", op="promote")
ROLLBACK = followed("rollback", _summarise, command="rollback DATASET", op="roll_back")
DECISIONS = {"promoted": PROMOTION, "rolled_back": ROLLBACK}
