"""Champions of a batch: the best completed item of every pair, shown first and marked after a confirmation.

Belongs here: marking them once, and the job that does it.
Does not belong here: the choice (``picking``), and what becomes live (``registry``).
"""

import json
from collections.abc import Callable, Sequence

import dagster as dg
from pydantic import Field

from forecast_assets.confirmation import check_confirmation
from forecast_assets.errors import BadSetting
from forecast_assets.failures import RETRY, refusals_final
from forecast_assets.launch_examples import NEWEST, example
from forecast_assets.launches import records
from forecast_assets.launches.batch.picking import Picks, pick
from forecast_assets.launches.kind import Summary, followed
from forecast_assets.launches.lifecycle import follow
from forecast_assets.launches.model import ItemResult, Launch, NewItem, Plan, Try
from forecast_assets.launches.worker_pool import RunControl
from forecast_assets.registry.promotion import CHALLENGER, CHAMPION
from forecast_assets.rendering.tables import chosen_table, links
from forecast_assets.stores import Stores
from forecast_assets.stores.registry import Registry
from forecast_assets.stores.resource import RegistryResource, StoresResource
from forecast_assets.stores.rows.values import Json

_MOST_LISTED = 200


def _summarise(_stores: Stores, launch: Launch, _tries: Sequence[Try]) -> Summary:
    counts = ", ".join(f"{launch.counts[name]:,} {name}" for name in ("completed", "failed", "cancelled"))
    return Summary(f"champions of batch {launch.spec['batch']} by {launch.requested_by}: {counts}")


BATCH_PROMOTION = followed(
    "promote-batch",
    _summarise,
    command="batch promote RUN_ID",
    op="mark_champions",
)


def apply(
    stores: Stores,
    registry: Callable[[], Registry],
    picks: Picks,
    *,
    confirm: str,
    by: str,
    run_id: str,
    control: RunControl | None = None,
) -> bool:
    """Mark the winners; return whether anything had to change. A second time changes nothing at all.

    A winner that the batch registered becomes its series' challenger; what is live stays. The decision is on
    record as a launch under ``run_id``, an item per winner.
    Raises ``BadSetting`` unless ``confirm`` is what ``Picks.confirmation`` says, and for no approver.
    """
    check_confirmation(confirm, picks.confirmation)
    if not by.strip():
        raise BadSetting("nobody approves it", remedy="set approved_by to your name")
    plan = Plan(
        what=f"champions of batch {picks.batch.launch_id}",
        spec={"batch": picks.batch.launch_id, "unresolved": picks.unresolved},
        items=[NewItem(one["series"], one["winner_model_type"]) for one in picks.winners],
        dataset=picks.batch.dataset,
        requested_by=by.strip(),
    )
    with follow(BATCH_PROMOTION, stores, plan, run_id, registry=registry, control=control) as work:
        ids = {item.series: item.item_id for item in records.claim(stores, work.launch, len(plan.items))}
        is_changed = _mark(stores, registry, picks, by.strip())
        marked = [
            ItemResult(
                ids[one["series"]], None, outputs={name: one[name] for name in ("item_id", "model_version")}
            )
            for one in picks.winners
        ]
        records.record(stores, work.launch, marked)
    return is_changed


def _mark(stores: Stores, registry: Callable[[], Registry], picks: Picks, by: str) -> bool:
    challenged = _challenge(registry, picks.winners)
    if not picks.diff["new"] and not picks.diff["updated"]:
        return challenged
    summary = {
        "selected_by": by,
        "alias_namespace": f"champion-batch-{picks.batch.launch_id}",
        "count": len(picks.winners),
        "unresolved": picks.unresolved,
    }
    stores.warehouse.execute(
        "launch_mark_champions",
        launch_id=picks.batch.launch_id,
        items=[winner["item_id"] for winner in picks.winners],
        summary=json.dumps(summary),
    )
    return True


def _challenge(opened: Callable[[], Registry], winners: Sequence[Json]) -> bool:
    """Let each registered winner be the challenger of its series; return whether an alias had to move."""
    versions = {one["series"]: one["model_version"] for one in winners if one["model_version"]}
    if not versions:
        return False
    registry = opened()
    aliases = registry.aliases(list(versions))
    moved = False
    for series, version in versions.items():
        if version not in (aliases.get(series, {}).get(name) for name in (CHAMPION, CHALLENGER)):
            registry.move_alias(series, CHALLENGER, version)
            moved = True
    return moved


class PromotionConfig(dg.Config):
    """Which batch, and whether it is meant."""

    batch: str = Field(description="Run id of an ended batch.")
    minimum_sample_size: int = Field(default=0, ge=0, description="Scored periods a champion needs.")
    approved_by: str = Field(default="", max_length=100, description="Who approves it; needed to apply.")
    confirm: str = Field(
        default="", description="Left empty: a dry run, which says what to type here to apply it."
    )


@dg.op(retry_policy=RETRY)
def mark_champions(
    context: dg.OpExecutionContext,
    config: PromotionConfig,
    stores: StoresResource,
    registry: RegistryResource,
) -> None:
    """Choose the best completed item of every pair; mark them once it is confirmed."""
    with refusals_final():
        picks = pick(stores.open(), config.batch, minimum_sample_size=config.minimum_sample_size)
        changed = None
        if config.confirm:
            is_last = context.retry_number >= (RETRY.max_retries or 0)
            changed = apply(
                stores.open(),
                registry.open,
                picks,
                confirm=config.confirm,
                by=config.approved_by,
                run_id=context.run.run_id,
                control=RunControl(log=context.log.info, last_try=is_last),
            )
    what_happened = {None: "dry run", True: "applied", False: "nothing to change"}[changed]
    context.log.info("%s: %s, %d pairs without a champion", what_happened, picks.diff, len(picks.unresolved))
    context.add_output_metadata(
        {
            "what_happened": what_happened,
            "champions": chosen_table("batch-champions", picks.winners[:_MOST_LISTED]),
            "links": links((str(one["series"]), one["link"]) for one in picks.winners),
            "difference": dg.MetadataValue.json(picks.diff),
            "unresolved_pairs": dg.MetadataValue.json(picks.unresolved[:_MOST_LISTED]),
            "to_apply_type": picks.confirmation,
        }
    )


@dg.job(config=example("mark_champions", batch=NEWEST))
def promote_batch_champions() -> None:
    """Choose the champions of an ended batch: a dry run first, then with a typed confirmation."""
    mark_champions()
