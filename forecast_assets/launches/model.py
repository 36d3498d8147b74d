"""What a launch and its items are.

Belongs here: the values that the life of a launch, its kinds and its record share.
Does not belong here: reading and writing them (``records``).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from forecast_assets.stores.rows.launches import LaunchesRow, LaunchItemsRow

# The job that runs a kind of launch; an evaluation is no job.
JOBS = {
    "batch": "batch",
    "compare": "compare_candidates",
    "pipeline": "model_pipeline",
    "showcase": "showcase",
    "retrain": "retrain",
    "promote": "promote_champions",
    "rollback": "rollback_champions",
    "promote-batch": "promote_batch_champions",
}
# Kinds whose failed items are tried again on their record; others are done again as a whole.
BY_ITEM = frozenset({"batch", "compare", "retrain"})
TERMINAL = frozenset({"completed", "partial", "failed", "cancelled"})
# Held by the process that works on a launch.
LOCK = "launch"
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
class Try(LaunchItemsRow):
    """What is on record of one try of an item."""

    @property
    def waits(self) -> bool:
        """Whether nobody has it in hand yet."""
        return self.status == "pending" and self.run_id is None


@dataclass(frozen=True, slots=True)
class ItemResult:
    """How an item ended; ``metrics`` has exactly wape, smape, mae, bias and sample_size, or is ``None``.

    ``outputs`` says where a model or forecast is kept, what it amounts to, RMSE, and how far off totals of
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
class Launch(LaunchesRow):
    """What is on record of a launch."""

    @property
    def is_over(self) -> bool:
        return self.status in TERMINAL

    @property
    def counts(self) -> dict[str, int]:
        """Items by state, with their total."""
        names = ("total", "pending", "running", "completed", "failed", "cancelled")
        return {name: getattr(self, name) for name in names}
