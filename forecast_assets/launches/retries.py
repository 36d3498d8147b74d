"""Beginning a launch, and beginning it again: what may be tried, and how often.

Belongs here: which items a retry tries, and why others are refused.
Does not belong here: how a launch ends (``lifecycle``).
"""

from collections.abc import Sequence

from forecast_assets.errors import BadSetting, listed
from forecast_assets.launches import records
from forecast_assets.launches.model import BY_ITEM, Launch, Try
from forecast_assets.stores import Stores

MOST_RETRIED = 500
ORPHANED = ("the process that worked on it ended before it did; retry it", "ProcessEnded")


def start_or_resume(
    stores: Stores, launch_id: str, *, run_id: str, items: Sequence[int] | None = None
) -> Launch:
    """Let ``run_id`` work on a launch, the first time or again; whoever calls holds its lock.

    Again means: what a dead process had in hand has failed, and every failed item (or those of ``items``)
    gets a new try. Raises ``BadSetting`` when nothing can be tried again.
    """
    with stores.warehouse.transaction() as connection:
        launch = records.lock(stores, connection, launch_id)
        if launch.status == "cancelled":
            raise _was_cancelled(launch)
        if launch.run_id != run_id:
            records.close_items(stores, connection, launch_id, ORPHANED, before="running", after="failed")
            _check_failed(launch, records.tries_in(stores, connection, launch_id), items)
            chosen = None if items is None else list(items)
            stores.warehouse.execute("launch_retry", connection, launch_id=launch_id, items=chosen)
        stores.warehouse.execute("launch_start", connection, launch_id=launch_id, run_id=run_id)
    return records.read(stores, launch_id)


def check_retry(kind: str, stores: Stores, launch_id: str, items: Sequence[int] | None) -> None:
    """Raise what a retry of an ended launch would raise, and change nothing.

    A launch that ended before it began has no record, and all of it is still to be done.
    """
    launch = records.find(stores, launch_id)
    if items is not None and kind not in BY_ITEM:
        raise BadSetting(f"{kind} {launch_id} is tried again as a whole", remedy="leave --item out")
    if launch is None:
        if items is not None:
            raise BadSetting(f"{kind} {launch_id} ended before it had items", remedy="leave --item out")
        return
    if not launch.is_over:
        raise BadSetting(
            f"{kind} {launch_id} is {launch.status}", remedy="wait for its end, or cancel it first"
        )
    if kind in BY_ITEM:
        if launch.status == "cancelled":
            raise _was_cancelled(launch)
        _check_failed(launch, records.tries(stores, launch_id), items)


def _was_cancelled(launch: Launch) -> BadSetting:
    return BadSetting(f"{launch.kind} {launch.launch_id} was cancelled", remedy=f"launch a new {launch.kind}")


def _check_failed(launch: Launch, tries: Sequence[Try], items: Sequence[int] | None) -> None:
    if items is not None and len(items) > MOST_RETRIED:
        raise BadSetting(
            f"{len(items):,} items are named", remedy=f"name at most {MOST_RETRIED}, or none for all"
        )
    newest = records.newest(tries)
    failed = {one.item_id: one for one in newest if one.status == "failed"}
    if items is not None:
        if wrong := sorted(set(items) - failed.keys()):
            raise BadSetting(
                f"items {listed([str(item) for item in wrong])} are not failed ones of this {launch.kind}",
                remedy=f"see `forecast-assets export batch-items {launch.launch_id}`",
            )
        failed = {item: one for item, one in failed.items() if item in set(items)}
    if not failed and not any(one.status == "pending" for one in newest):
        raise BadSetting(
            f"{launch.kind} {launch.launch_id} has no failed item",
            remedy=f"launch a new {launch.kind} instead",
        )
    most = launch.max_attempts
    if spent := [str(item) for item, one in failed.items() if one.attempts >= most]:
        raise BadSetting(
            f"items {listed(spent)} were tried {most} times already",
            remedy=f"name other items to try again, or mend their cause and launch a new {launch.kind}",
        )
