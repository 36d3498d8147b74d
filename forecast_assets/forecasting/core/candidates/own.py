"""Candidates of one's own: classes of other packages and files, found by name.

Belongs here: finding and checking them, and their source, which fingerprints and bundles hold.
Does not belong here: what every candidate can do (``protocol``), and running one safely (``foreign``).
"""

import importlib.util
import inspect
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path

from forecast_assets.errors import BadSetting

GROUP, VARIABLE = "forecast_assets.candidates", "FORECAST_CANDIDATES"
# Where a bundle keeps the files of the candidates that it forecasts with.
CARRIED = Path(__file__).parent / "carried"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_REMEDY = "see docs/candidates.md for a class that works"


@dataclass(frozen=True, slots=True)
class Own:
    """A class that forecasts, and the file that holds it."""

    make: type
    source: Path


@lru_cache(maxsize=1)
def own_candidates() -> Mapping[str, Own]:
    """Return all candidates of one's own by name.

    Raises ``BadSetting`` for a file that cannot be loaded, for a class that cannot forecast, and for a name
    that two classes have.
    """
    candidates: dict[str, Own] = {}
    for one in _discover():
        name = getattr(one.make, "name", None)
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise BadSetting(
                f"candidate {one.make.__name__} of {one.source} has no name of small letters, digits and _",
                remedy=_REMEDY,
            )
        if not is_dataclass(one.make) or not callable(getattr(one.make, "predict", None)):
            raise BadSetting(
                f"candidate {name!r} of {one.source} is no dataclass with a method predict", remedy=_REMEDY
            )
        if name in candidates and candidates[name].source.read_bytes() != one.source.read_bytes():
            raise BadSetting(
                f"candidate {name!r} is defined by {candidates[name].source} and by {one.source}",
                remedy="rename one of them",
            )
        candidates.setdefault(name, one)
    return candidates


def _discover() -> Iterator[Own]:
    named = os.environ.get(VARIABLE, "")
    files = [*sorted(CARRIED.glob("*.py")), *(Path(part) for part in named.split(os.pathsep) if part)]
    for path in files:
        yield from _of_file(path.expanduser().absolute())
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            make = point.load()
            source = inspect.getsourcefile(make)
        except Exception as error:
            raise BadSetting(
                f"candidate {point.name!r} of the entry point {point.value!r} cannot be loaded: {error}",
                remedy="mend or uninstall its package",
            ) from error
        yield Own(make, Path(source or point.value))


def _of_file(path: Path) -> Iterator[Own]:
    module_name = f"forecast_assets_own_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise BadSetting(f"{VARIABLE}: {path} is no file of Python", remedy="name a file that ends with .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise BadSetting(f"{VARIABLE}: {path} cannot be loaded: {error}", remedy="mend the file") from error
    classes = [one for one in vars(module).values() if inspect.isclass(one)]
    makes = [one for one in classes if one.__module__ == module_name and hasattr(one, "predict")]
    if not makes:
        raise BadSetting(f"{VARIABLE}: {path} holds no class with a method predict", remedy=_REMEDY)
    yield from (Own(make, path) for make in makes)
