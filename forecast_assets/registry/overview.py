"""Where a dataset's models stand: live, awaiting a decision, out of date, broken.

Belongs here: one row per registered series, counts of them, the next step.
Does not belong here: verifying single versions (``verification``), deciding (``proposals``).
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self, TypedDict

from forecast_assets.errors import Outage
from forecast_assets.forecasting.analysis.retraining import (
    NEWER,
    OTHER_FRAME,
    UNVERIFIED,
    Trained,
    stale_reason,
)
from forecast_assets.forecasting.core.candidates.catalogue import feature_frame
from forecast_assets.registry.gone import was_taken_away
from forecast_assets.registry.promotion import CHALLENGER, CHAMPION, EXTERNAL
from forecast_assets.registry.verification import verified
from forecast_assets.stores import Stores
from forecast_assets.stores.registry import Registry
from forecast_assets.stores.rows.registry import LastMovesRow, VersionsOfDatasetRow

GONE = "live_model_gone"
COLUMN_NAMES = ("series", "live", "candidate", "challenger", "stale", "moved_by")


class ModelState(TypedDict):
    """Where the model of one series stands; the columns are ``COLUMNS``."""

    series: str
    live: int | None
    candidate: str | None
    challenger: int | None
    stale: str | None
    moved_by: str | None


class LiveModel(ModelState):
    """A model that is live or was, and when it was moved last."""

    moved_at: dt.datetime


@dataclass(frozen=True, slots=True)
class _Record:
    """What is on record of a dataset's models, without asking MLflow."""

    versions: Mapping[tuple[str, int], VersionsOfDatasetRow]
    newest: Mapping[str, VersionsOfDatasetRow]
    moved: Mapping[str, LastMovesRow]

    @classmethod
    def read(cls, stores: Stores, dataset: str) -> Self:
        newest: dict[str, VersionsOfDatasetRow] = {}
        versions: dict[tuple[str, int], VersionsOfDatasetRow] = {}
        for row in stores.warehouse.rows(VersionsOfDatasetRow, dataset=dataset):
            versions[row["series"], row["version"]] = row
            if not row["is_override"]:
                newest.setdefault(row["series"], row)
        moved = {row["series"]: row for row in stores.warehouse.rows(LastMovesRow, dataset=dataset)}
        return cls(versions, newest, moved)

    def state(self, key: str, held: Mapping[str, int], *, verified: bool) -> ModelState:
        live = held.get(CHAMPION)
        version = self.versions.get((key, live)) if live else None
        alias = None if version is None else _trained(version, verified=verified)
        newest = self.newest.get(key)
        stale = None if alias is None else stale_reason(alias, None if newest is None else _trained(newest))
        if stale is None and version is not None:
            stale = _other_champion(version)
        moved = self.moved.get(key)
        if live is None and was_taken_away(moved):
            stale = GONE
        by = None if moved is None else moved["approved_by"] or moved["action"]
        return {
            "series": key,
            "live": live,
            "candidate": None if version is None else version["candidate"],
            "challenger": held.get(CHALLENGER),
            # A version that is not on record was made by somebody else: nothing is known of its files.
            "stale": UNVERIFIED if live and version is None else stale,
            "moved_by": by if live else None,
        }


def _other_champion(version: VersionsOfDatasetRow) -> str | None:
    """Why a version is out of date although nothing newer is registered: another champion was chosen."""
    chosen, at_first = version["champion"], version["recommended"] or version["candidate"]
    if chosen is None or chosen == at_first:
        return None
    return OTHER_FRAME if feature_frame(chosen) != version["feature_frame"] else NEWER


def states(stores: Stores, registry: Registry, dataset: str) -> list[ModelState]:
    """One row per series that has a model, those that need somebody first."""
    record = _Record.read(stores, dataset)
    keys = sorted({series for series, _ in record.versions})
    aliases = registry.aliases(keys) if keys else {}
    pairs = [(key, held[CHAMPION]) for key, held in aliases.items() if CHAMPION in held]
    gates = verified(registry, [record.versions[pair] for pair in pairs if pair in record.versions])
    intact = {key for (key, _), gate in gates.items() if gate.passed}
    results = [record.state(key, aliases.get(key, {}), verified=key in intact) for key in keys]
    return sorted(results, key=lambda row: (row["stale"] is None, row["challenger"] is None, row["series"]))


def decided(stores: Stores, dataset: str, registry: Callable[[], Registry] | None = None) -> list[LiveModel]:
    """One row per series that has a live model by the decisions on record, or had one that is gone.

    Files are not looked at. With a ``registry`` its aliases say whether a live version is still there;
    without, or when it does not answer, what was moved there is known once the sensor has seen it.
    """
    record = _Record.read(stores, dataset)
    live = {key: row["to_version"] for key, row in record.moved.items()}
    if registry is not None and live:
        with suppress(Outage):
            aliases = registry().aliases(sorted(live))
            live = {key: version and aliases.get(key, {}).get(CHAMPION) for key, version in live.items()}
    rows = [
        (key, record.state(key, {CHAMPION: version} if version else {}, verified=True))
        for key, version in live.items()
    ]
    return [
        {**row, "moved_at": record.moved[key]["written_at"]}
        for key, row in rows
        if row["live"] is not None or row["stale"] == GONE
    ]


def _trained(row: VersionsOfDatasetRow, *, verified: bool = True) -> Trained:
    # Versions are of the same state of a series exactly when their content and candidate agree.
    return Trained(
        f"{row['content']}|{row['candidate']}",
        successful=row["wape"] is not None,
        feature_frame=row["feature_frame"],
        verified=verified,
    )


def counts(rows: Sequence[ModelState]) -> dict[str, int]:
    """How many series are in which state; one may be in several."""
    return {
        "live": sum(row["live"] is not None for row in rows),
        "awaiting_decision": sum(row["challenger"] is not None for row in rows),
        "stale": sum(row["stale"] is not None for row in rows),
        "moved_in_mlflow": sum(row["moved_by"] == EXTERNAL for row in rows),
    }


def next_step(dataset: str, counts: Mapping[str, int]) -> str:
    """What a person should do now."""
    if counts["awaiting_decision"]:
        waiting = counts["awaiting_decision"]
        return f"see what {waiting} promotions would change: forecast-assets promote {dataset}"
    if counts["stale"]:
        return "register the stale series again: materialize registered_champion"
    return "nothing to decide"
