"""The job ``promote_batch_champions``.

Belongs here: a thin op around ``champions``: a dry run unless confirmed.
Does not belong here: choosing and marking.
"""

import dagster as dg
from pydantic import Field

from forecast_assets.failures import RETRY, refusals_final
from forecast_assets.launches.batch import champions
from forecast_assets.rendering.tables import table
from forecast_assets.stores.resource import StoresResource

_COLUMNS = [
    "store_id",
    "product_id",
    "winner_model_type",
    "wape",
    "smape",
    "winner_run_id",
    "proposed_alias_name",
    "existing_alias_run_id",
]
_SHOWN = 200


class PromotionConfig(dg.Config):
    """Which batch, and whether it is meant."""

    batch: str = Field(description="Run id of an ended batch.")
    minimum_sample_size: int = Field(default=0, ge=0, description="Scored days a champion needs.")
    approved_by: str = Field(default="", max_length=100, description="Who approves it; needed to apply.")
    confirm: str = Field(
        default="", description="Left empty: a dry run, which says what to type here to apply it."
    )


@dg.op(retry_policy=RETRY)
def mark_champions(context: dg.OpExecutionContext, config: PromotionConfig, stores: StoresResource) -> None:
    """Choose the best completed item of every pair; mark them once it is confirmed."""
    with refusals_final():
        picks = champions.pick(stores.open(), config.batch, minimum_sample_size=config.minimum_sample_size)
        changed = None
        if config.confirm:
            changed = champions.apply(
                stores.open(), picks, confirm=config.confirm, by=champions.approver(config.approved_by)
            )
    said = {None: "dry run", True: "applied", False: "nothing to change"}[changed]
    context.log.info("%s: %s, %d pairs without a champion", said, picks.diff, len(picks.unresolved))
    context.add_output_metadata(
        {
            "what_happened": said,
            "champions": table(picks.winners[:_SHOWN], _COLUMNS),
            "difference": dg.MetadataValue.json(picks.diff),
            "unresolved_pairs": dg.MetadataValue.json(picks.unresolved[:_SHOWN]),
            "to_apply_type": picks.confirmation,
        }
    )


@dg.job
def promote_batch_champions() -> None:
    """Choose the champions of an ended batch: a dry run first, then with a typed confirmation."""
    mark_champions()
