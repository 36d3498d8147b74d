"""How far launched work is, as everybody sees it.

Belongs here: a record in the words of its kind.
Does not belong here: ending and retrying (``runs``); anything that needs Dagster.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from forecast_assets.launches import records
from forecast_assets.launches.model import TERMINAL, Launch
from forecast_assets.launches.pipeline import status
from forecast_assets.stores import Stores

_WORDS: Mapping[str, Callable[[Launch], str]] = {"pipeline": status.word}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far something launched is, in the words of its kind; a run that waits has no record yet."""

    kind: str
    run_id: str
    dataset: str | None
    status: str
    created_at: dt.datetime | None
    completed_at: dt.datetime | None
    priority: int | None
    progress: dict[str, Any] | None
    what: str | None

    @property
    def is_over(self) -> bool:
        return self.status in TERMINAL | {"success", "stopped", "error"}

    @classmethod
    def of(cls, launch: Launch) -> "Progress":
        """What is on record."""
        return cls(
            kind=launch.kind,
            run_id=launch.launch_id,
            dataset=launch.dataset,
            status=_WORDS[launch.kind](launch) if launch.kind in _WORDS else launch.status,
            created_at=launch.created_at,
            completed_at=launch.completed_at,
            priority=launch.priority,
            progress=launch.counts if launch.total else launch.result.get("progress", {}),
            what=launch.what,
        )


def newest(stores: Stores, *, sort: str = "created_at", at_most: int = records.PAGE) -> list[Progress]:
    """What was launched, the newest first; by created_at, completed_at, status or priority."""
    return [Progress.of(launch) for launch in records.listed(stores, sort=sort, at_most=at_most)]
