"""Taking a batch in hand, the first time or again.

Belongs here: what a retry may try, what becomes of a dead process's items, and who comes first.
Does not belong here: the records otherwise (``store``).
"""

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from forecast_assets.datasets.definition import load
from forecast_assets.errors import BadSetting, listed
from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.forecasting.core.bounds import check_whole
from forecast_assets.launches.batch.store import ORPHANED, Terms, close, locked, read
from forecast_assets.launches.settlement import TERMINAL
from forecast_assets.launches.window import Window
from forecast_assets.stores import Stores
from forecast_assets.stores.warehouse import Row

MOST_RETRIED = 500


def begin(stores: Stores, batch_id: str, *, run_id: str, items: Sequence[int] | None = None) -> Terms:
    """Take a batch in hand, the first time or again, and answer its terms; whoever calls holds its lock.

    Again means: what a dead process had in hand has failed, and every failed item (or those of ``items``)
    gets a new try. Raises ``BadSetting`` when nothing can be tried again.
    """
    with stores.warehouse.transaction() as connection:
        row = locked(stores, connection, batch_id)
        if row["status"] == "cancelled":
            raise BadSetting(f"batch {batch_id} was cancelled", remedy="launch a new batch")
        if row["run_id"] == run_id:
            stores.warehouse.execute("batch_reopen_items", connection, batch_id=batch_id, run_id=run_id)
        else:
            close(stores, connection, batch_id, ORPHANED, before="running", after="failed")
            _retry(stores, connection, row, items)
        stores.warehouse.execute("batch_begin", connection, batch_id=batch_id, run_id=run_id)
        stores.warehouse.execute("batch_count", connection, batch_id=batch_id)
    return _terms(stores, row, run_id)


def check_retry(stores: Stores, batch_id: str, items: Sequence[int] | None) -> None:
    """Raise what a retry of an ended batch would raise, and change nothing.

    A batch that ended before it began has no record, and all of it is still to be done.
    """
    row = stores.warehouse.row("batch", batch_id=batch_id)
    if row is None:
        if items is not None:
            raise BadSetting(f"batch {batch_id} ended before it had items", remedy="leave --item out")
        return
    if row["status"] == "cancelled":
        raise BadSetting(f"batch {batch_id} was cancelled", remedy="launch a new batch")
    if row["status"] not in TERMINAL:
        raise BadSetting(
            f"batch {batch_id} is {row['status']}", remedy="wait for its end, or cancel it first"
        )
    _check_failed(stores.warehouse.rows("batch_items", batch_id=batch_id), row, items)


def _check_failed(rows: Sequence[Row], batch: Row, items: Sequence[int] | None) -> None:
    if items is not None and len(items) > MOST_RETRIED:
        raise BadSetting(
            f"{len(items)} items are named", remedy=f"name at most {MOST_RETRIED}, or none for all"
        )
    newest = {row["item_id"]: row for row in rows if not row["tried_again"]}
    failed = [row for row in newest.values() if row["status"] == "failed"]
    if items is not None:
        wanted = set(items)
        if wrong := sorted(wanted - {row["item_id"] for row in failed}):
            raise BadSetting(
                f"items {listed([str(item) for item in wrong])} are not failed ones of this batch",
                remedy="see `forecast-assets export batch-items RUN_ID`",
            )
        failed = [row for row in failed if row["item_id"] in wanted]
    if not failed and not any(row["status"] == "pending" for row in newest.values()):
        raise BadSetting(f"batch {batch['batch_id']} has no failed item", remedy="launch a new batch instead")
    most = batch["max_attempts"]
    if spent := [str(row["item_id"]) for row in failed if row["attempts"] >= most]:  # type: ignore[operator]
        raise BadSetting(
            f"items {listed(spent)} were tried {most} times already",
            remedy="name other items to try again, or mend their cause and launch a new batch",
        )


def _retry(stores: Stores, connection: sa.Connection, row: Row, items: Sequence[int] | None) -> None:
    batch_id = str(row["batch_id"])
    rows = stores.warehouse.rows_in(connection, "batch_items", batch_id=batch_id)
    _check_failed(rows, row, items)
    stores.warehouse.execute(
        "batch_retry", connection, batch_id=batch_id, items=None if items is None else list(items)
    )


def _terms(stores: Stores, row: Row, run_id: str) -> Terms:
    stored: Any = row["settings"]
    return Terms(
        batch_id=str(row["batch_id"]),
        run_id=run_id,
        dataset=load(stores, str(row["dataset"])),
        operation=str(row["operation"]),
        settings=EvaluationSettings.model_validate_json(json.dumps(stored["evaluation"])),
        window=Window.of(stored["window"]),
        parallel=int(str(row["max_parallel"])),
        items=int(str(row["total_items"])),
    )


def reprioritise(
    stores: Stores, batch_id: str, priority: int, *, items: Sequence[int] | None, by: str
) -> int:
    """Give pending items another band, audited; answer how many changed.

    Raises ``UnknownName`` for a batch, ``BadSetting`` for one that has ended or items that do not wait.
    """
    check_whole("priority", priority, -1, 2)
    row = read(stores, batch_id)
    if row["status"] in TERMINAL:
        raise BadSetting(
            f"batch {batch_id} is {row['status']}", remedy="priorities matter only before the end"
        )
    rows = stores.warehouse.rows("batch_items", batch_id=batch_id)
    pending = {item["item_id"] for item in rows if item["status"] == "pending"}
    if wrong := sorted(set(items or ()) - pending):
        raise BadSetting(
            f"items {listed([str(item) for item in wrong])} do not wait in this batch",
            remedy="running and ended items keep their priority; name pending ones",
        )
    if not pending:
        raise BadSetting(f"no item of batch {batch_id} waits any more", remedy="wait for its end")
    return stores.warehouse.execute(
        "batch_reprioritise",
        batch_id=batch_id,
        items=None if items is None else list(items),
        priority=priority,
        source="user",
        by=by,
    )
