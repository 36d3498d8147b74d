"""The records of a batch: one row for it, one for every try of every item.

Belongs here: writing, claiming, recording and settling, each in one transaction.
Does not belong here: computing what is recorded (``scoring``) and deciding when (``work``).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import sqlalchemy as sa

from forecast_assets.datasets.definition import Dataset
from forecast_assets.errors import UnknownName
from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.launches.batch.request import BatchRequest
from forecast_assets.launches.settlement import TERMINAL, settled
from forecast_assets.launches.window import Window
from forecast_assets.stores import Stores
from forecast_assets.stores.warehouse import Row

MESSAGE_LENGTH, TYPE_LENGTH = 2000, 100
ORPHANED = ("the process that worked on it ended before it did; retry the batch", "ProcessEnded")
NEVER_BEGUN = ("the process ended before its turn came; retry the batch", "ProcessEnded")
CANCELLED = ("the batch was cancelled", "Cancelled")


@dataclass(frozen=True, slots=True)
class Terms:
    """What every item of a batch is computed by."""

    batch_id: str
    run_id: str
    dataset: Dataset
    operation: str
    settings: EvaluationSettings
    window: Window
    parallel: int
    items: int


@dataclass(frozen=True, slots=True)
class Item:
    """One try of one candidate of one series, in hand."""

    item_id: int
    series: str
    candidate: str


@dataclass(frozen=True, slots=True)
class Done:
    """How an item ended; ``metrics`` has exactly wape, smape, mae, bias and sample_size, or is ``None``.

    ``made`` says where a model or forecast is kept, and what it amounts to.
    """

    item_id: int
    metrics: Mapping[str, float | int | None] | None
    error: str | None = None
    error_type: str | None = None
    child_run_id: str | None = None
    made: Mapping[str, object] | None = None

    def row(self) -> dict[str, object]:
        """The columns that ``batch_record`` reads."""
        return {
            "item_id": self.item_id,
            "status": "completed" if self.error is None else "failed",
            "metrics": None if self.metrics is None else json.dumps(self.metrics),
            "made": None if self.made is None else json.dumps(self.made),
            "child_run_id": self.child_run_id,
            "error_message": None if self.error is None else self.error[:MESSAGE_LENGTH],
            "error_type": None if self.error_type is None else self.error_type[:TYPE_LENGTH],
        }


_DONE = {
    "item_id": pl.Int64,
    **dict.fromkeys(("status", "metrics", "made", "child_run_id", "error_message", "error_type"), pl.String),
}


def create(stores: Stores, request: BatchRequest, *, batch_id: str) -> None:
    """Write a batch and all its pending items, or nothing."""
    items = request.items(batch_id)
    settings = request.settings.model_dump(mode="json")
    window = {"first": request.window.first, "last": request.window.last}
    row = {
        "batch_id": batch_id,
        "run_id": batch_id,
        "dataset": request.dataset.name,
        "operation": request.operation,
        "scope": json.dumps(request.scope.told()),
        "model_configs": json.dumps(list(request.settings.candidates)),
        "settings": json.dumps({"evaluation": settings, "window": window}, default=str),
        "params": json.dumps({**request.params, "effective_parallel": request.parallel}),
        "status": "pending",
        "total_items": len(items),
        "max_parallel": request.parallel,
        "default_child_priority": request.priority,
    }
    with stores.warehouse.transaction() as connection:
        stores.warehouse.copy(connection, "batch", pl.DataFrame([row]))
        if len(items):
            stores.warehouse.copy(connection, "batch_item", items)


def read(stores: Stores, batch_id: str) -> Row:
    """Answer the row of a batch. Raises ``UnknownName``."""
    row = stores.warehouse.row("batch", batch_id=batch_id)
    if row is None:
        raise UnknownName(
            f"there is no batch {batch_id!r}", remedy="see `forecast-assets status` for those that are"
        )
    return row


def locked(stores: Stores, connection: sa.Connection, batch_id: str) -> Row:
    """The row of a batch, which nobody else changes until the transaction ends. Raises ``UnknownName``."""
    rows = stores.warehouse.rows_in(connection, "batch_locked", batch_id=batch_id)
    if not rows:
        raise UnknownName(f"there is no batch {batch_id!r}", remedy="launch a new batch")
    return rows[0]


def claim(stores: Stores, terms: Terms, at_most: int) -> list[Item]:
    """Take the pending items whose turn it is, all of one band; none is ever taken twice."""
    rows = stores.warehouse.rows("batch_claim", batch_id=terms.batch_id, run_id=terms.run_id, at_most=at_most)
    if rows:
        _count(stores, terms.batch_id)
    return [Item(int(str(row["item_id"])), str(row["series"]), str(row["candidate"])) for row in rows]


def record(stores: Stores, terms: Terms, done: Sequence[Done]) -> None:
    """Write down how items in hand ended, and bring the counts of the batch up to date."""
    frame = pl.DataFrame([one.row() for one in done], schema=_DONE)
    with (
        stores.warehouse.transaction() as connection,
        stores.warehouse.staged(connection, "batch_item", frame),
    ):
        stores.warehouse.execute("batch_record", connection, run_id=terms.run_id)
    _count(stores, terms.batch_id)


def _count(stores: Stores, batch_id: str) -> None:
    # Apart from the items: whoever settles locks the batch before its items. Locked before it is counted,
    # so that of two counts the later one is the one that stays.
    with stores.warehouse.transaction() as connection:
        locked(stores, connection, batch_id)
        stores.warehouse.execute("batch_count", connection, batch_id=batch_id)


def age(stores: Stores, batch_id: str, minutes: int) -> int:
    """Let items that have waited so many minutes rise by one band; answer how many did."""
    return stores.warehouse.execute("batch_age", batch_id=batch_id, minutes=minutes)


def cancel(stores: Stores, batch_id: str) -> bool:
    """Let nobody claim another item; answer whether the batch had not ended yet."""
    return stores.warehouse.execute("batch_cancel", batch_id=batch_id) > 0


def is_cancelled(stores: Stores, batch_id: str) -> bool:
    """Whether somebody asked for the end of a batch."""
    return read(stores, batch_id)["cancel_requested_at"] is not None


def waits(stores: Stores, batch_id: str) -> bool:
    """Whether items wait that may still be claimed."""
    row = read(stores, batch_id)
    taken = sum(int(str(row[f"{name}_items"])) for name in ("completed", "failed", "cancelled", "running"))
    return row["cancel_requested_at"] is None and taken < int(str(row["total_items"]))


def settle(stores: Stores, batch_id: str, *, pending: tuple[str, str], running: tuple[str, str]) -> Row:
    """End a batch exactly once and answer its row.

    What still runs has failed with the sentence ``running``; what still waits is cancelled where that was
    asked for, else it has failed with the sentence ``pending``.
    """
    with stores.warehouse.transaction() as connection:
        row = locked(stores, connection, batch_id)
        if row["status"] in TERMINAL:
            return row
        cancelled = row["cancel_requested_at"] is not None
        ended = "cancelled" if cancelled else "failed"
        close(stores, connection, batch_id, running, before="running", after=ended)
        told = CANCELLED if cancelled else pending
        close(stores, connection, batch_id, told, before="pending", after=ended)
        stores.warehouse.execute("batch_count", connection, batch_id=batch_id)
        tally = stores.warehouse.rows_in(connection, "batch_tally", batch_id=batch_id)
        summary = summarised(tally)
        counts = {name: summary[name] for name in ("completed", "failed", "cancelled")}
        stores.warehouse.execute(
            "batch_settle",
            connection,
            batch_id=batch_id,
            status=settled(**counts, empty="completed"),
            result_summary=json.dumps(summary),
        )
    return read(stores, batch_id)


def close(
    stores: Stores,
    connection: sa.Connection,
    batch_id: str,
    told: tuple[str, str],
    *,
    before: str,
    after: str,
) -> None:
    """End the items that are in one state, with the same sentence."""
    stores.warehouse.execute(
        "batch_close_items",
        connection,
        batch_id=batch_id,
        from_status=before,
        to_status=after,
        error_message=told[0],
        error_type=told[1],
    )


def summarised(tally: Sequence[Row]) -> dict[str, Any]:
    """Counts by state and by candidate, of the newest try of every item."""
    states = ("completed", "failed", "pending", "running", "cancelled")
    summary: dict[str, Any] = dict.fromkeys(("total", *states, "attempts_used"), 0)
    by_model: dict[str, dict[str, int]] = {}
    for row in tally:
        count, state = int(str(row["items"])), str(row["status"])
        summary["total"] += count
        summary[state] += count
        summary["attempts_used"] += int(str(row["attempts"]))
        by_model.setdefault(str(row["candidate"]), dict.fromkeys(states, 0))[state] += count
    return {**summary, "by_model_type": by_model}
