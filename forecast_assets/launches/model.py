"""What a launch and its items are.

Belongs here: the values that the life of a launch, its kinds and its record share.
Does not belong here: reading and writing them (``records``).
"""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forecast_assets.stores.rows.values import Status

Json = dict[str, Any]
TERMINAL = frozenset({"completed", "partial", "failed", "cancelled"})
MESSAGE_LENGTH, TYPE_LENGTH = 2000, 100


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item to be worked off: a series, or a candidate of it; ``params`` are frozen for all its tries."""

    series: str
    candidate: str | None = None
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a launch was asked for, checked: ``spec`` is all that it is computed by, as JSON.

    ``parallel`` is how many items may be worked on at once; ``what`` says in one sentence what it does.
    """

    what: str
    spec: Mapping[str, object]
    items: Sequence[NewItem] = ()
    dataset: str | None = None
    requested_by: str | None = None
    priority: int = 0
    parallel: int = 1


@dataclass(frozen=True, slots=True)
class Item:
    """An item that was claimed; ``candidate`` is empty where the item is a series."""

    item_id: int
    series: str
    candidate: str


@dataclass(frozen=True, slots=True)
class Try:
    """What is on record of one try of an item.

    ``run_id`` is the Dagster run that worked on it, ``child_run_id`` the run of MLflow that registered it.
    """

    item_id: int
    launch_id: str
    parent_item_id: int | None
    series: str
    store_id: str
    product_id: str
    candidate: str | None
    params: Json
    status: Status
    priority: int
    attempts: int
    metrics: Json | None
    outputs: Json | None
    run_id: str | None
    child_run_id: str | None
    error_message: str | None
    error_type: str | None
    is_champion: bool
    priority_updated_at: dt.datetime | None
    priority_history: list[Json]
    created_at: dt.datetime
    started_at: dt.datetime | None
    completed_at: dt.datetime | None
    duration_ms: int | None
    tried_again: bool

    @property
    def waits(self) -> bool:
        """Whether nobody has it in hand yet."""
        return self.status == "pending" and self.run_id is None


@dataclass(frozen=True, slots=True)
class ItemResult:
    """How an item ended; ``metrics`` has exactly wape, smape, mae, bias and sample_size, or is ``None``.

    ``outputs`` says where a model or forecast is kept, what it amounts to, and how far off the totals of
    scored folds are; ``child_run_id`` is the run of MLflow that it was registered by.
    """

    item_id: int
    metrics: Mapping[str, float | int | None] | None
    error: str | None = None
    error_type: str | None = None
    child_run_id: str | None = None
    outputs: Mapping[str, object] | None = None

    def row(self) -> dict[str, object]:
        """The columns that ``launch_record`` reads."""
        return {
            "item_id": self.item_id,
            "status": "completed" if self.error is None else "failed",
            "metrics": None if self.metrics is None else json.dumps(self.metrics),
            "outputs": None if self.outputs is None else json.dumps(self.outputs),
            "child_run_id": self.child_run_id,
            "error_message": None if self.error is None else self.error[:MESSAGE_LENGTH],
            "error_type": None if self.error_type is None else self.error_type[:TYPE_LENGTH],
        }


@dataclass(frozen=True, slots=True)
class Launch:
    """What is on record of a launch; ``run_id`` is the run that works on it: its first or newest one.

    The counts are of items, and of an item that was tried again of its newest try.
    """

    launch_id: str
    kind: str
    part_of: str | None
    run_id: str
    dataset: str | None
    requested_by: str | None
    what: str
    status: Status
    spec: Json
    result: Json
    error: Json | None
    priority: int
    max_parallel: int
    max_attempts: int
    cancel_requested_at: dt.datetime | None
    created_at: dt.datetime
    started_at: dt.datetime | None
    completed_at: dt.datetime | None
    total: int
    pending: int
    running: int
    completed: int
    failed: int
    cancelled: int

    @property
    def is_over(self) -> bool:
        return self.status in TERMINAL

    @property
    def counts(self) -> dict[str, int]:
        """Items by state, with their total."""
        names = ("total", "pending", "running", "completed", "failed", "cancelled")
        return {name: getattr(self, name) for name in names}
