"""What is on record of a launch and its items: two tables, whatever was launched.

Belongs here: reading and writing ``launch`` and ``launch_item``, each change in one transaction.
Does not belong here: what is launched, and the order of things (``lifecycle``).
"""

import json
from collections.abc import Sequence

import polars as pl
import sqlalchemy as sa

from forecast_assets.errors import UnknownName
from forecast_assets.launches.model import MESSAGE_LENGTH, TYPE_LENGTH, Item, ItemResult, Launch, Plan, Try
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.launches import LaunchClaimRow

PAGE = 50
_RESULT_COLUMNS = {
    "item_id": pl.Int64,
    **dict.fromkeys(
        ("status", "metrics", "outputs", "child_run_id", "error_message", "error_type"), pl.String
    ),
}


def create(
    stores: Stores,
    kind: str,
    plan: Plan,
    *,
    launch_id: str,
    run_id: str,
    part_of: str | None = None,
) -> None:
    """Write a launch and all its pending items, or nothing."""
    row = {
        "launch_id": launch_id,
        "kind": kind,
        "part_of": part_of,
        "run_id": run_id,
        "dataset": plan.dataset,
        "requested_by": plan.requested_by,
        "what": plan.what,
        "spec": json.dumps(plan.spec, default=str),
        "priority": plan.priority,
        "max_parallel": plan.parallel,
    }
    texts = pl.DataFrame(
        [row], schema_overrides=dict.fromkeys(("part_of", "dataset", "requested_by"), pl.String)
    )
    members = pl.DataFrame(
        {
            "launch_id": launch_id,
            "series": [item.series for item in plan.items],
            "candidate": pl.Series([item.candidate for item in plan.items], dtype=pl.String),
            "params": [json.dumps(item.params) for item in plan.items],
            "priority": plan.priority,
        }
    )
    with stores.warehouse.transaction() as connection:
        stores.warehouse.copy(connection, "launch", texts)
        if len(members):
            stores.warehouse.copy(connection, "launch_item", members)


def find(stores: Stores, launch_id: str) -> Launch | None:
    """What is on record of a launch, if anything is."""
    with stores.warehouse.transaction() as connection:
        return _find_in(stores, connection, launch_id)


def _find_in(stores: Stores, connection: sa.Connection, launch_id: str) -> Launch | None:
    rows = stores.warehouse.rows_in(connection, Launch, ids=[launch_id], sort="created_at", at_most=1)
    return rows[0] if rows else None


def read(stores: Stores, launch_id: str) -> Launch:
    """What is on record of a launch. Raises ``UnknownName``."""
    launch = find(stores, launch_id)
    if launch is None:
        raise _unknown(launch_id)
    return launch


def _unknown(launch_id: str) -> UnknownName:
    return UnknownName(
        f"there is no launch {launch_id!r} on record",
        remedy="`forecast-assets status` lists them; one that is queued has a record once it begins",
    )


def lock(stores: Stores, connection: sa.Connection, launch_id: str) -> Launch:
    """A launch, which nobody else changes until the transaction ends. Raises ``UnknownName``."""
    stores.warehouse.execute("launch_locked", connection, launch_id=launch_id)
    launch = _find_in(stores, connection, launch_id)
    if launch is None:
        raise _unknown(launch_id)
    return launch


def listed(stores: Stores, *, sort: str = "created_at", at_most: int = PAGE) -> list[Launch]:
    """What was launched, the newest first; by created_at, completed_at, status or priority."""
    return stores.warehouse.rows(Launch, ids=None, sort=sort, at_most=at_most)


def tries(stores: Stores, launch_id: str) -> list[Try]:
    """Every try of every item, in the order in which they were asked for."""
    return stores.warehouse.rows(Try, launch_id=launch_id)


def tries_in(stores: Stores, connection: sa.Connection, launch_id: str) -> list[Try]:
    """The same inside a transaction that is under way."""
    return stores.warehouse.rows_in(connection, Try, launch_id=launch_id)


def newest(rows: Sequence[Try]) -> list[Try]:
    """The tries that were not followed by another one: one of each item."""
    return [one for one in rows if not one.tried_again]


def claim(stores: Stores, launch: Launch, at_most: int) -> list[Item]:
    """Take the pending items whose turn it is, all of one band; none is ever taken twice."""
    rows = stores.warehouse.rows(
        LaunchClaimRow, launch_id=launch.launch_id, run_id=launch.run_id, at_most=at_most
    )
    return [Item(row["item_id"], row["series"], row["candidate"] or "") for row in rows]


def record(stores: Stores, launch: Launch, results: Sequence[ItemResult]) -> None:
    """Write down how claimed items ended."""
    frame = pl.DataFrame([one.row() for one in results], schema=_RESULT_COLUMNS)
    with (
        stores.warehouse.transaction() as connection,
        stores.warehouse.staged(connection, "launch_item", frame),
    ):
        stores.warehouse.execute("launch_record", connection, run_id=launch.run_id)


def note(stores: Stores, launch_id: str, **values: object) -> None:
    """Write down parts of the result that are known by now."""
    stores.warehouse.execute("launch_note", launch_id=launch_id, known=json.dumps(values, default=str))


def close_items(
    stores: Stores,
    connection: sa.Connection,
    launch_id: str,
    reason: tuple[str, str],
    *,
    before: str,
    after: str,
) -> None:
    """End the items that are in state ``before``, with the same sentence and type of error."""
    stores.warehouse.execute(
        "launch_close_items",
        connection,
        launch_id=launch_id,
        from_status=before,
        to_status=after,
        error_message=reason[0][:MESSAGE_LENGTH],
        error_type=reason[1][:TYPE_LENGTH],
    )


def cancel(stores: Stores, launch_id: str) -> bool:
    """Let nobody claim another item; return whether the launch had not ended yet."""
    return stores.warehouse.execute("launch_cancel", launch_id=launch_id) > 0


def is_cancelled(stores: Stores, launch_id: str) -> bool:
    """Whether somebody asked for the end of a launch."""
    launch = find(stores, launch_id)
    return launch is not None and launch.cancel_requested_at is not None


def has_waiting(stores: Stores, launch_id: str) -> bool:
    """Whether items wait that may still be claimed."""
    launch = read(stores, launch_id)
    return launch.cancel_requested_at is None and launch.pending + launch.running > 0


def age(stores: Stores, launch_id: str, minutes: int) -> int:
    """Let items that have waited so many minutes rise by one band; return how many did."""
    return stores.warehouse.execute("launch_age", launch_id=launch_id, minutes=minutes)
