"""The registry: model versions, their aliases and their files in MLflow.

Belongs here: every call to MLflow, with what can go wrong told in sentences.
Does not belong here: what a version means and when an alias moves (``registry``).
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from forecast_assets.errors import BadSetting, UnknownName
from forecast_assets.stores import model_tables
from forecast_assets.stores.mlflow_backend import artifacts_url, tracking_uri
from forecast_assets.stores.mlflow_client import Connection
from forecast_assets.stores.model_versions import NewVersion, Version, version_of
from forecast_assets.stores.warehouse import Warehouse

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

# The highest number MLflow answers at once.
_PAGE = 1000
_FEW = 50


class Registry:
    """MLflow's models at one URI."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._way = Connection(uri)
        # The tables themselves answer in a hundredth of the time where they are at hand.
        direct = uri.startswith("postgresql")
        self._tables = Warehouse(sa.make_url(uri), connections=2) if direct else None

    @property
    def _client(self) -> "MlflowClient":
        return self._way.client

    def experiment(self, dataset: str) -> str:
        """The id of a dataset's experiment, made where there is none. Raises ``BadSetting`` if deleted."""
        name = f"forecast_assets/{dataset}"
        with self._way.translating_errors("open an experiment"):
            experiment = self._client.get_experiment_by_name(name)
            if experiment is None:
                root = artifacts_url()
                try:
                    return str(self._client.create_experiment(name, root and f"{root}/{dataset}"))
                except self._way.failure as error:
                    if error.error_code != "RESOURCE_ALREADY_EXISTS":
                        raise
                return self.experiment(dataset)  # somebody else made it meanwhile
        if experiment.lifecycle_stage != "active":
            raise BadSetting(
                f"the MLflow experiment {name!r} was deleted, and its models may go with it",
                remedy=f"restore it: `mlflow experiments restore --experiment-id {experiment.experiment_id}`",
            )
        return str(experiment.experiment_id)

    def run(self, dataset: str, dagster_run: str, tags: Mapping[str, str]) -> tuple[str, str]:
        """(experiment, run) that a Dagster run writes to; the same one when it is tried again."""
        experiment = self.experiment(dataset)
        with self._way.translating_errors("open a run"):
            runs = self._client.search_runs(
                [experiment], f"tags.dagster_run = '{dagster_run}'", max_results=1
            )
            run = (
                runs[0]
                if runs
                else self._client.create_run(
                    experiment,
                    run_name=f"register {dagster_run[:8]}",
                    tags={**tags, "dagster_run": dagster_run},
                )
            )
        return experiment, str(run.info.run_id)

    def store(self, run_id: str, folder: Path, path: str) -> None:
        """Copy the files of ``folder`` to ``path`` among the files of a run."""
        with self._way.translating_errors("store files"):
            self._client.log_artifacts(run_id, str(folder), path)

    def end(self, run_id: str, *, failed: bool = False) -> None:
        """Mark a run as finished."""
        with self._way.translating_errors("end a run"):
            self._client.set_terminated(run_id, "FAILED" if failed else "FINISHED")

    @contextmanager
    def files(self, run_id: str, path: str) -> Iterator[Path]:
        """The files of a bundle in a folder that lives as long as the block.

        Raises ``UnknownName`` when they are gone.
        """
        with tempfile.TemporaryDirectory() as folder:
            gone = UnknownName(
                f"MLflow has no files at {path} of run {run_id}",
                remedy="register the series again, then promote or roll back to that version",
            )
            with self._way.translating_errors("read files"):
                try:
                    downloaded = Path(self._client.download_artifacts(run_id, path, folder))
                except FileNotFoundError:
                    raise gone from None
                except self._way.failure as error:
                    if self._way.is_absent(error) or "No such" in str(error):
                        raise gone from None
                    raise
            if not downloaded.is_dir():
                raise gone
            yield downloaded

    def root(self, run_id: str) -> Path | None:
        """Where the files of a run lie, if that is on this machine: nobody may write there."""
        return model_tables.files(self._tables, run_id) if self._tables else None

    def add_versions(self, versions: Sequence[NewVersion]) -> dict[str, int]:
        """The number of each wanted version by model, made where there is none of its recipe.

        An answer may get lost and the request be repeated, so that there are two of one recipe: the
        lowest is the version.
        """
        with self._way.translating_errors("register versions"):
            existing = self._of_recipes(versions)
            if not (new := [one for one in versions if one.name not in existing]):
                return existing
            names = [one.name for one in new]
            models = model_tables.models(self._tables, names) if self._tables else set()
            for one in new:
                if one.name not in models:
                    self._add_model(one.name, one.about)
            if self._tables is not None:
                return existing | model_tables.add_versions(self._tables, new)
            for one in new:
                self._way.models.create_model_version(
                    one.name, one.source, one.run_id, tags=one.all_tags, await_creation_for=0
                )
            return existing | self._of_recipes(new)

    def _add_model(self, name: str, about: Mapping[str, str]) -> None:
        try:
            self._way.models.create_registered_model(name, tags=dict(about))
        except self._way.failure as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _of_recipes(self, versions: Sequence[NewVersion]) -> dict[str, int]:
        if self._tables is not None:
            return model_tables.of_recipes(self._tables, versions)
        existing: dict[str, int] = {}
        for one in versions:
            query = f"name='{one.name}' and tags.recipe='{one.recipe}'"
            page = self._client.search_model_versions(query, order_by=["version_number ASC"], max_results=1)
            if page:
                existing[one.name] = int(page[0].version)
        return existing

    def version(self, name: str, number: int) -> Version | None:
        """One version of a model, if it is there."""
        with self._way.translating_errors("read a version"):
            try:
                return version_of(self._client.get_model_version(name, str(number)))
            except self._way.failure as error:
                if not self._way.is_absent(error):
                    raise
                return None

    def versions(self, name: str) -> list[Version]:
        """All versions of a model, the oldest first."""
        with self._way.translating_errors("list versions"):
            results = self._client.search_model_versions(f"name='{name}'", order_by=["version_number ASC"])
        return [version_of(one) for one in results]

    def aliases(self, names: Sequence[str]) -> dict[str, dict[str, int]]:
        """Version by alias for each model of one dataset that has any, whoever set them."""
        if self._tables is not None:
            return model_tables.aliases(self._tables, names)
        with self._way.translating_errors("read aliases"):
            selected = set(names)
            models = self._each(names) if len(names) <= _FEW else self._all(names[0].split("__")[0])
            return {
                model.name: {alias: int(number) for alias, number in model.aliases.items()}
                for model in models
                if model.name in selected and model.aliases
            }

    def numbers(self, names: Sequence[str]) -> dict[str, set[int]]:
        """The numbers of all versions that each model of one dataset has."""
        if self._tables is not None:
            return model_tables.numbers(self._tables, names)
        by_name: dict[str, set[int]] = {}
        selected = set(names)
        few = len(names) <= _FEW
        queries = (
            [f"name='{name}'" for name in names] if few else [f"name LIKE '{names[0].split('__')[0]}__%'"]
        )
        with self._way.translating_errors("list versions"):
            for one in (version for filter_ in queries for version in self._pages(filter_)):
                if one.name in selected:
                    by_name.setdefault(str(one.name), set()).add(int(one.version))
        return by_name

    def _pages(self, query: str) -> "Iterator[ModelVersion]":
        token: str | None = None
        while True:
            page = self._client.search_model_versions(query, max_results=_PAGE, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def places(self) -> list[tuple[str, str]]:
        """Our experiments, and the folder in which MLflow keeps the files of each; none of a server."""
        return model_tables.places(self._tables) if self._tables else []

    def _each(self, names: Sequence[str]) -> "Iterator[RegisteredModel]":
        for name in names:
            try:
                yield self._client.get_registered_model(name)
            except self._way.failure as error:
                if not self._way.is_absent(error):
                    raise

    def _all(self, dataset: str) -> "Iterator[RegisteredModel]":
        token: str | None = None
        while True:
            page = self._client.search_registered_models(f"name LIKE '{dataset}__%'", _PAGE, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def move_alias(self, name: str, alias: str, number: int) -> None:
        """Let ``alias`` of a model mean version ``number``. Raises ``UnknownName`` for one that is gone."""
        with self._way.translating_errors("move an alias"):
            try:
                self._way.models.set_registered_model_alias(name, alias, str(number))
            except self._way.failure as error:
                if not self._way.is_absent(error):
                    raise
                raise _gone(name, number) from None

    def move_aliases(self, alias: str, numbers: Mapping[str, int]) -> None:
        """Let ``alias`` of each model mean its version. Raises ``UnknownName`` for one that is gone."""
        if self._tables is None:
            for name, number in numbers.items():
                self.move_alias(name, alias, number)
        elif lost := model_tables.move_aliases(self._tables, alias, numbers):
            raise _gone(lost[0], numbers[lost[0]])

    def drop_alias(self, name: str, alias: str) -> None:
        """Take an alias away from a model."""
        with self._way.translating_errors("drop an alias"):
            self._way.models.delete_registered_model_alias(name, alias)

    def drop_version(self, name: str, number: int) -> None:
        """Delete a version; one that is gone already is fine."""
        with self._way.translating_errors("delete a version"):
            try:
                self._way.models.delete_model_version(name, str(number))
            except self._way.failure as error:
                if not self._way.is_absent(error):
                    raise

    def drop_files(self, run_id: str, path: str) -> None:
        """Delete a bundle among the files of a run; what is not there is fine."""
        from mlflow.store.artifact.artifact_repository_registry import (  # noqa: PLC0415 - seconds
            get_artifact_repository,
        )

        with self._way.translating_errors("delete files"):
            root = self._client.get_run(run_id).info.artifact_uri
            get_artifact_repository(root, tracking_uri=self.uri).delete_artifacts(path)

    def dispose(self) -> None:
        """Close our own connections to MLflow's tables."""
        if self._tables is not None:
            self._tables.dispose()


def _gone(name: str, number: int) -> UnknownName:
    remedy = f"next: forecast-assets register {name.partition('__')[0]}, then decide about the new version"
    return UnknownName(f"version {number} of {name} is gone from MLflow", remedy=remedy)


def open_registry(uri: str | None = None) -> Registry:
    """Open the registry at ``uri``, that of the environment when unset, once per process."""
    return _opened(uri or tracking_uri())


@lru_cache(maxsize=4)
def _opened(uri: str) -> Registry:
    return Registry(uri)
