"""The job ``prioritise_batch``: items that wait come earlier or later.

Belongs here: the Launchpad of it.
Does not belong here: which items may change their band (``priorities``).
"""

import dagster as dg
from pydantic import Field

from forecast_assets.failures import RETRY, refusals_final
from forecast_assets.launch_examples import NEWEST, example
from forecast_assets.launches.batch.priorities import BANDS, reprioritise
from forecast_assets.stores.resource import StoresResource


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
