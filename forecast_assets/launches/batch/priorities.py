"""The urgency of items that wait.

Belongs here: which items may change their band, and the audit of it.
Does not belong here: the job (``priority_job``), the order of claims (``sql/queries/launch_claim.sql``).
"""

from collections.abc import Sequence

from forecast_assets.errors import BadSetting, listed
from forecast_assets.forecasting.core.bounds import check_whole
from forecast_assets.launches import records
from forecast_assets.stores import Stores

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
            f"batch {batch_id} is {launch.status}",
            remedy="nothing waits in it; name a batch that runs: `forecast-assets status`",
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
