"""Are a version's files still what was registered?

Belongs here: comparing files with the hash on record.
Does not belong here: what follows from it (``proposals``).
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from forecast_assets.errors import UnknownName
from forecast_assets.registry.gates import Gate
from forecast_assets.stores.registry import Registry


def verified(registry: Registry, versions: Iterable[Mapping[str, Any]]) -> dict[tuple[str, int], Gate]:
    """Compare the files of every version with the hash they were registered with, each bundle once."""
    hashes: dict[tuple[str, str], str | None] = {}
    reasons: dict[tuple[str, str], str] = {}
    results = {}
    for row in versions:
        place = (row["mlflow_run"], row["path"])
        if place not in hashes:
            hashes[place], reasons[place] = _looked_at(registry, *place)
        passed = hashes[place] == row["artifact_sha256"]
        sentence = "its files are what was registered" if passed else reasons[place]
        results[row["series"], row["version"]] = Gate("artifact_verified", passed, sentence)
    return results


def _looked_at(registry: Registry, run_id: str, path: str) -> tuple[str | None, str]:
    """The hash of a bundle's files, if they can be read, and why it differs, if it does."""
    # Packs models, which a listing and a refusal do not.
    from forecast_assets.registry.saving import artifact_hash  # noqa: PLC0415

    try:
        with _files(registry, run_id, path) as folder:
            sha = artifact_hash(folder)
            is_compiled = any(place.is_dir() for place in folder.rglob("__pycache__"))
    except UnknownName:
        return None, "its files are gone"
    if is_compiled:
        return sha, "bytecode lies beside its code: delete its folders __pycache__, then look again"
    return sha, "its files are not what was registered"


@contextmanager
def _files(registry: Registry, run_id: str, path: str) -> Iterator[Path]:
    """The files of a bundle: where they lie if that is on this machine, else a copy of them."""
    root = registry.root(run_id)
    if root is not None and (root / path).is_dir():
        yield root / path
    else:
        with registry.files(run_id, path) as folder:
            yield folder
