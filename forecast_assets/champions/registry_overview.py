"""Where a dataset's models stand: live, awaiting a decision, out of date, broken.

Belongs here: one row per registered series, counts of them, the next step.
Does not belong here: verifying single versions (``verification``), deciding (``decisions``).
"""

from collections.abc import Mapping, Sequence

from forecast_assets.champions.gates import Gate
from forecast_assets.champions.promotion import CHALLENGER, CHAMPION, EXTERNAL
from forecast_assets.champions.verification import verified
from forecast_assets.forecasting.retraining import UNVERIFIED, Trained, stale_reason
from forecast_assets.reporting.tables import schema
from forecast_assets.stores import Stores
from forecast_assets.stores.registry import Registry
from forecast_assets.stores.warehouse import Row

COLUMNS = schema(
    series="string: series key",
    live="int: version with the alias champion",
    candidate="string: candidate of the live version",
    challenger="int: version that waits for a decision",
    stale="string: why the live version is out of date",
    moved_by="string: who made it live; external where it was moved in MLflow itself",
)
SHOWN = tuple(column.name for column in COLUMNS.columns)


def states(stores: Stores, registry: Registry, dataset: str) -> list[Row]:
    """One row per series that has a model, those that need somebody first."""
    newest: dict[str, Row] = {}
    versions: dict[tuple[str, int], Row] = {}
    for row in stores.warehouse.rows("versions_of_dataset", dataset=dataset):
        versions[str(row["series"]), int(str(row["version"]))] = row
        if not row["is_override"]:
            newest.setdefault(str(row["series"]), row)
    keys = sorted({series for series, _ in versions})
    aliases = registry.aliases(keys) if keys else {}
    moved = {str(row["series"]): row for row in stores.warehouse.rows("last_moves", dataset=dataset)}
    pairs = [(key, held[CHAMPION]) for key, held in aliases.items() if CHAMPION in held]
    intact = verified(registry, [versions[pair] for pair in pairs if pair in versions])
    found = [
        _state(key, aliases.get(key, {}), versions, intact, newest=newest.get(key), moved=moved.get(key))
        for key in keys
    ]
    return sorted(
        found, key=lambda row: (row["stale"] is None, row["challenger"] is None, str(row["series"]))
    )


def _state(
    key: str,
    held: Mapping[str, int],
    versions: Mapping[tuple[str, int], Row],
    intact: Mapping[tuple[str, int], Gate],
    *,
    newest: Row | None,
    moved: Row | None,
) -> Row:
    live = held.get(CHAMPION)
    version = versions.get((key, live)) if live else None
    # A version that is not on record was made by somebody else: nothing is known of its files.
    gate = intact.get((key, live)) if live else None
    alias = None if version is None else _trained(version, verified=gate is not None and gate.passed)
    stale = None if alias is None else stale_reason(alias, None if newest is None else _trained(newest))
    by = None if moved is None else moved["approved_by"] or moved["action"]
    return {
        "series": key,
        "live": live,
        "candidate": None if version is None else version["candidate"],
        "challenger": held.get(CHALLENGER),
        "stale": UNVERIFIED if live and version is None else stale,
        "moved_by": by if live else None,
    }


def _trained(row: Row, *, verified: bool = True) -> Trained:
    # Versions are of the same state of a series exactly when their content and candidate agree.
    return Trained(
        f"{row['content']}|{row['candidate']}",
        successful=row["wape"] is not None,
        feature_frame=int(str(row["feature_frame"])),
        verified=verified,
    )


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """How many series are in which state; one may be in several."""
    return {
        "live": sum(row["live"] is not None for row in rows),
        "awaiting_decision": sum(row["challenger"] is not None for row in rows),
        "stale": sum(row["stale"] is not None for row in rows),
        "moved_in_mlflow": sum(row["moved_by"] == EXTERNAL for row in rows),
    }


def next_step(dataset: str, found: Mapping[str, int]) -> str:
    """What a person should do now."""
    if found["awaiting_decision"]:
        waiting = found["awaiting_decision"]
        return f"see what {waiting} promotions would change: forecast-assets promote {dataset}"
    if found["stale"]:
        return "register the stale series again: materialize registered_champion"
    return "nothing to decide"
