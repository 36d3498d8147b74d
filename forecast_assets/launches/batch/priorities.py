"""The job ``prioritise_batch``: items that wait come earlier or later.

Belongs here: which items may change their band, and the audit of it.
Does not belong here: the order in which items are claimed (``sql/queries/launch_claim.sql``).
"""

from collections.abc import Sequence

import dagster as dg
from pydantic import Field

from forecast_assets.errors import BadSetting, listed
from forecast_assets.failures import RETRY, refusals_final
from forecast_assets.forecasting.core.bounds import check_whole
from forecast_assets.launch_examples import NEWEST, example
from forecast_assets.launches import records
from forecast_assets.stores import Stores
from forecast_assets.stores.resource import StoresResource

BANDS = {-1: "low", 0: "normal", 1: "high", 2: "urgent"}


def reprioritise(
    stores: Stores, batch_id: str, priority: int, *, items: Sequence[int] | None, by: str
) -> int:
    """Give pending items another band, audited; return how many changed.

    Raises ``UnknownName`` for a batch, ``BadSetting`` for one that has ended or items that do not wait.
    """
    check_whole("priority", priority, -1, 2)
    launch = records.read(stores, batch_id)
    if launch.is_over:
        raise BadSetting(
            f"batch {batch_id} is {launch.status}", remedy="priorities matter only before the end"
        )
    waiting = {one.item_id for one in records.tries(stores, batch_id) if one.waits}
    if wrong := sorted(set(items or ()) - waiting):
        raise BadSetting(
            f"items {listed([str(item) for item in wrong])} do not wait in this batch",
            remedy="running and ended items keep their priority; name pending ones",
        )
    if not waiting:
        raise BadSetting(f"no item of batch {batch_id} waits any more", remedy="wait for its end")
    return stores.warehouse.execute(
        "launch_reprioritise",
        launch_id=batch_id,
        items=None if items is None else list(items),
        priority=priority,
        source="user",
        by=by,
    )


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
        changed = reprioritise(
            stores.open(), config.batch, config.priority, items=config.items or None, by=config.requested_by
        )
    context.log.info("%d items of batch %s are %s now", changed, config.batch, BANDS[config.priority])


@dg.job(config=example("set_item_priority", batch=NEWEST, priority=1))
def prioritise_batch() -> None:
    """Change the priority of items that wait, while their batch runs."""
    set_item_priority()
