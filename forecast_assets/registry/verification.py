"""Are a version's files still what was registered?

Belongs here: comparing files with the hash on record.
Does not belong here: what follows from it (``decisions``).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from forecast_assets.errors import UnknownName
from forecast_assets.registry.gates import Gate
from forecast_assets.registry.saving import artifact_hash
from forecast_assets.stores.registry import Registry


def verified(registry: Registry, versions: Iterable[Mapping[str, Any]]) -> dict[tuple[str, int], Gate]:
    """Compare the files of every version with the hash they were registered with, each bundle once."""
    bundles: dict[tuple[str, str], str | None] = {}
    compiled: set[tuple[str, str]] = set()
    results = {}
    for row in versions:
        place = (row["mlflow_run"], row["path"])
        if place not in bundles:
            try:
                with registry.files(*place) as folder:
                    bundles[place] = artifact_hash(folder)
                    if any(path.is_dir() for path in folder.rglob("__pycache__")):
                        compiled.add(place)
            except UnknownName:
                bundles[place] = None
        sha = bundles[place]
        sentence = (
            "its files are gone"
            if sha is None
            else "its files are what was registered"
            if sha == row["artifact_sha256"]
            else "bytecode lies beside its code: delete its folders __pycache__, then look again"
            if place in compiled
            else "its files are not what was registered"
        )
        passed = sha == row["artifact_sha256"]
        results[row["series"], row["version"]] = Gate("artifact_verified", passed, sentence)
    return results
