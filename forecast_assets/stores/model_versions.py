"""Versions of models as the registry speaks of them.

Belongs here: a version that is there, a version to be made.
Does not belong here: calls to MLflow (``registry``), and what a version means.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the model of a series; ``path`` is its bundle among the files of ``run_id``."""

    name: str
    number: int
    run_id: str
    path: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version to be made unless one of this ``recipe`` is there; ``about`` are tags of a new model."""

    name: str
    recipe: str
    run_id: str
    path: str
    tags: Mapping[str, str]
    about: Mapping[str, str]

    @property
    def source(self) -> str:
        """Where MLflow finds the bundle."""
        return f"runs:/{self.run_id}/{self.path}"

    @property
    def all_tags(self) -> dict[str, str]:
        """Its tags and the recipe, by which it is found again."""
        return {**self.tags, "recipe": self.recipe}


def version_of(version: "ModelVersion") -> Version:
    """Read MLflow's own description."""
    path = str(version.source).removeprefix(f"runs:/{version.run_id}/")
    return Version(str(version.name), int(version.version), str(version.run_id), path, dict(version.tags))
