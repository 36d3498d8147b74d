"""A bundle as a model that ``mlflow.pyfunc`` loads anywhere, and the hash that tells whether it still is.

Belongs here: the files around a bundle (code, requirements, signature, example), and their hash.
Does not belong here: the bundle (``bundle``), and where the files go (``stores.registry``).
"""

import ast
import hashlib
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from forecast_assets.forecasting.core.candidates.catalogue import entry, members
from forecast_assets.forecasting.core.candidates.own import CARRIED, own_candidates
from forecast_assets.forecasting.core.prediction import ARRAYS
from forecast_assets.registry import bundle as served
from forecast_assets.registry.bundle import Bundle

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

# Where MLflow puts the bundle inside of a saved model.
DATA = Path("data", "bundle")
_PACKAGE = Path(served.__file__).parents[1]
# What a process needs beside MLflow to forecast from a bundle.
_ALWAYS = ("numpy", "pandas", "pyarrow")
_BY_TYPE = {
    "lightgbm": "lightgbm",
    "regression": "lightgbm",
    "xgboost": "xgboost-cpu",
    "random_forest": "scikit-learn",
    "prophet": "prophet",
    "auto_ets": "statsforecast",
    "theta": "statsforecast",
}
# MLflow notes in the folder, at its top, who read it last.
_NOTED_BY_READERS = "registered_model_meta"
_BYTECODE = "__pycache__"


def save(bundle: Bundle, folder: Path) -> None:
    """Write a bundle as an MLflow model without pickle: data, our engine as code, what must be installed."""
    import pandas as pd  # noqa: PLC0415 - half a second

    example = pd.DataFrame({"series": bundle.panel.series[:1].tolist()})
    with tempfile.TemporaryDirectory() as work, _quiet():
        from mlflow import pyfunc  # noqa: PLC0415 - three seconds

        data = Path(work, DATA.name)
        data.mkdir()
        bundle.write(data)
        pyfunc.save_model(
            path=str(folder),
            loader_module=served.__name__,
            data_path=str(data),
            code_paths=[str(_code(Path(work), bundle.labels))],
            signature=_signature(bundle.horizon),
            input_example=example,
            pip_requirements=_requirements(bundle.labels),
        )
    _refuse_bytecode(folder / "code")


def _refuse_bytecode(code: Path) -> None:
    """Put a file where Python would look for bytecode beside each module, and write it.

    Python then compiles the source, which is in the hash, whenever a bundle is loaded.
    """
    for folder in [code, *(path for path in code.rglob("*") if path.is_dir() and path.name != _BYTECODE)]:
        shutil.rmtree(folder / _BYTECODE, ignore_errors=True)
        (folder / _BYTECODE).write_text("Only the source beside this file runs.\n", encoding="utf-8")


@contextmanager
def _quiet() -> Iterator[None]:
    """MLflow tells of every example that it tries, and its own code is warned about by others."""
    logger = logging.getLogger("mlflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _code(work: Path, labels: Sequence[str]) -> Path:
    """Copy the part of this package that a bundle can reach into ``work``, and what others added to it."""
    target = work / _PACKAGE.name
    for path in reachable(Path(served.__file__)):
        copy = target / path.relative_to(_PACKAGE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    for name in _model_types(labels) & own_candidates().keys():
        copy = target / CARRIED.relative_to(_PACKAGE) / f"{name}.py"
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(own_candidates()[name].source, copy)
    return target


def _model_types(labels: Sequence[str]) -> set[str]:
    return {entry(member).model_type for label in labels for member in members(label)}


@lru_cache(maxsize=1)
def reachable(module: Path) -> tuple[Path, ...]:
    """Return the files of this package that ``module`` can load, sorted, with its own.

    Kept for the process, since it parses them all and each version of a model asks.
    """
    modules, waiting = set[Path](), [module]
    while waiting:
        path = waiting.pop()
        if path in modules:
            continue
        modules.add(path)
        packages = [folder / "__init__.py" for folder in path.parents if folder.is_relative_to(_PACKAGE)]
        waiting += [*packages, *_imported(path)]
    return tuple(sorted(modules))


def _imported(path: Path) -> Iterator[Path]:
    """Files of this package that a module imports, wherever in it; not what only type checkers read."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unread = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or id(node) in unread or node.module is None:
            continue
        for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names)):
            if name.split(".")[0] == _PACKAGE.name:
                base = _PACKAGE.parent.joinpath(*name.split("."))
                yield from (
                    file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()
                )


def _signature(horizon: int) -> "ModelSignature":
    from mlflow.models import ModelSignature  # noqa: PLC0415
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema  # noqa: PLC0415

    return ModelSignature(
        inputs=Schema([ColSpec("string", "series")]),
        outputs=Schema(
            [
                ColSpec("string", "series"),
                ColSpec("datetime", "date"),
                *(ColSpec("double", name) for name in ARRAYS),
            ]
        ),
        params=ParamSchema(
            [ParamSpec("horizon", "long", horizon), ParamSpec("quantiles", "double", [], (-1,))]
        ),
    )


def _requirements(labels: Sequence[str]) -> list[str]:
    types = _model_types(labels)
    packages = {_BY_TYPE[kind] for kind in types if kind in _BY_TYPE}
    for name in types & own_candidates().keys():
        packages |= set(getattr(own_candidates()[name].make, "requires", ()))
    return [f"{name}=={version(name)}" for name in sorted({*_ALWAYS, *packages})]


def artifact_hash(folder: Path) -> str:
    """SHA-256 over the names and contents of all files of a saved model, and names of what is no file."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            digest.update(f"{name}\0-> {path.readlink()}\n".encode())
        elif path.is_file() and name != _NOTED_BY_READERS:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{name}\0{content}\n".encode())
        elif not path.is_dir() and not path.is_file():
            digest.update(f"{name}\0no file\n".encode())  # reading a pipe would never end
    return digest.hexdigest()
