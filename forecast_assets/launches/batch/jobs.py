"""The job ``batch``, what changes one while it runs, and what settles one whose process died.

Belongs here: thin ops around ``work``.
Does not belong here: the work.
"""

import json
from collections.abc import Sequence
from typing import cast

import dagster as dg
from pydantic import Field

from forecast_assets.failures import RETRY, refusals_final
from forecast_assets.launches.batch import start, store, work
from forecast_assets.launches.batch.config import BANDS, BatchConfig
from forecast_assets.launches.outcome import RETRY_ITEMS, is_ending, record_id, report_fits, tell
from forecast_assets.launches.worker_pool import Watch
from forecast_assets.rendering.tables import table
from forecast_assets.stores.resource import StoresResource
from forecast_assets.stores.warehouse import Row

_SHOWN = 200
# What items can tell, in the order in which it is shown.
_TOLD = ("wape", "bias", "sample_size", "model_version", "total", "forecasts")


@dg.op(retry_policy=RETRY)
def work_off_batch(context: dg.OpExecutionContext, config: BatchConfig, stores: StoresResource) -> None:
    """Work off all items of a batch, or, as a re-execution, those that failed."""
    batch_id = record_id(context.run)
    named = context.run.tags.get(RETRY_ITEMS)
    ending = is_ending(context)
    watch = Watch(
        asked_to_end=lambda: ending() or store.is_cancelled(stores.open(), batch_id),
        tell=context.log.info,
    )
    with refusals_final():
        row = work.run(
            stores.open(),
            config,
            batch_id=batch_id,
            run_id=context.run.run_id,
            items=None if named is None else json.loads(named),
            watch=watch,
            fitted=lambda fits: report_fits(context, config.dataset, fits),
        )
    context.add_output_metadata(shown(row, stores.open().warehouse.rows("batch_items", batch_id=batch_id)))
    cut_short = row["cancel_requested_at"] is not None and row["cancelled_items"] != 0
    tell(context, str(row["status"]), sentence(row), cut_short=cut_short)


def sentence(row: Row) -> str:
    """What became of a batch."""
    counts = ", ".join(f"{row[f'{name}_items']:,} {name}" for name in ("completed", "failed", "cancelled"))
    return f"batch {row['batch_id']} {row['status']}: {counts} of {row['total_items']:,} items"


def shown(row: Row, items: Sequence[Row]) -> dict[str, dg.MetadataValue]:
    """What Dagit shows of a settled batch: those that failed first."""
    newest = [item for item in items if not item["tried_again"]]
    rows = [
        {**item, **_part(item, "metrics"), **_part(item, "made")}
        for item in sorted(newest, key=lambda item: (item["status"] != "failed", item["item_id"]))
    ][:_SHOWN]
    told = {name for item in rows for name in _TOLD if item.get(name) is not None}
    names = [name for name in _TOLD if name in told]
    columns = ["series", "candidate", "status", "attempts", *names, "error_message"]
    return {
        "outcome": dg.MetadataValue.text(str(row["status"])),
        "items": table([{**dict.fromkeys(names), **item} for item in rows], columns),
        "summary": dg.MetadataValue.json(cast("dict[str, object]", row["result_summary"])),
    }


def _part(item: Row, name: str) -> Row:
    found = item[name]
    return found if isinstance(found, dict) else {}


@dg.job
def batch() -> None:
    """Score, or make, many models at once: every candidate for every series of a scope."""
    work_off_batch()


class PriorityConfig(dg.Config):
    """Which waiting items, and how urgent they are from now on."""

    batch: str = Field(description="Run id of the batch.")
    priority: int = Field(ge=-1, le=2, description="-1 low, 0 normal, 1 high, 2 urgent.")
    items: list[int] = Field(default=[], description="Ids of pending items; all pending ones when empty.")
    requested_by: str = Field(default="", description="Who asks for it; goes into the audit of every item.")


@dg.op(retry_policy=RETRY)
def set_item_priority(context: dg.OpExecutionContext, config: PriorityConfig, stores: StoresResource) -> None:
    """Give pending items of a batch another band; running ones go on."""
    with refusals_final():
        changed = start.reprioritise(
            stores.open(), config.batch, config.priority, items=config.items or None, by=config.requested_by
        )
    context.log.info("%d items of batch %s are %s now", changed, config.batch, BANDS[config.priority])


@dg.job
def prioritise_batch() -> None:
    """Change the priority of items that wait, while their batch runs."""
    set_item_priority()
