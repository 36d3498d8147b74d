"""A server of one's own and a home that has everything, copied for each seed.

Belongs here: making that home once, copying it, counting what operations write in it.
Does not belong here: what is done in it (``operations``).
"""

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Self

import sqlalchemy as sa

from forecast_assets.stores import cluster
from forecast_assets_tests.chaos.children import Child, command
from forecast_assets_tests.chaos.operations import DATASET, EVALUATED, OPERATIONS, World
from forecast_assets_tests.conftest import _DAGSTER_YAML, _SPEED

_WATCHED = """
run_launcher: {module: forecast_assets.dagster_internals.run_launcher, class: WatchedRunLauncher}
run_coordinator: {module: dagster.core.run_coordinator, class: QueuedRunCoordinator}
run_monitoring: {enabled: true}
"""
# Home and databases are copied for every seed; on a disk that takes longer than all other work.
_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else "/tmp"  # noqa: S108 - the folder in it is private
_HELD, _USED, _MLFLOW = "template_home", "home", "_mlflow"


class Template:
    """A home with sales, champions, two live versions after each other, and a backup."""

    def __init__(self) -> None:
        self._all = Path(tempfile.mkdtemp(prefix="fa-chaos-", dir=_MEMORY))
        self._folder, self._held, self.server = (self._all / name for name in ("home", "held", "server"))
        self._writes: dict[str, Mapping[str, int]] = {}
        self._world = World(self._folder)
        self.is_prepared = False

    def __enter__(self) -> Self:
        _import_all()
        cluster.create(self.server)
        with (self.server / "postgresql.conf").open("a") as settings:
            # A commit that was answered has to outlive the restart of the server.
            durable = {**_SPEED, "synchronous_commit": "on"}
            settings.writelines(f"{name} = {value}\n" for name, value in durable.items())
        cluster.start(self.server)
        query = {"host": str(self.server), "port": str(cluster.PORT)}
        self._url = sa.URL.create("postgresql", cluster.OWNER, database="postgres", query=query)
        self._copy("template1", _HELD)
        self._copy("template1", _HELD + _MLFLOW)
        self._make()
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        cluster.stop(self.server)
        shutil.rmtree(self._all, ignore_errors=True)

    def _make(self) -> None:
        self._folder.mkdir()
        (self._folder / "dagster.yaml").write_text(_DAGSTER_YAML + _WATCHED)
        self._enter(_HELD)
        assert Child(self._world.write_sales).result() == (0, "None")
        lines = [["dataset", "add", DATASET, "--path", str(self._world.sales), *EVALUATED]]
        lines += [list(OPERATIONS[name].words) for name in ("evaluate", "register", "promote")]
        lines += [["state", "backup", str(self._folder / "backup-0")]]
        for words in lines:
            code, output = command(words)
            assert code in {0, 1}, f"{words}: {code} {output}"
        shutil.copytree(self._folder, self._held, symlinks=True)

    def _enter(self, database: str) -> None:
        url = self._url.set(database=database).render_as_string(hide_password=False)
        env = {"DAGSTER_HOME": self._folder, "FORECAST_HOME": self._folder, "FORECAST_DATABASE_URL": url,
               "FORECAST_SOURCES": self._folder,
               "FORECAST_PROCESSES": 1, "FORECAST_DETAILED_SERIES": 0}  # fmt: skip
        os.environ.update({name: str(value) for name, value in env.items()})

    @contextmanager
    def world(self) -> Iterator[World]:
        """A copy of the template, at the same place, since files are named by it."""
        shutil.rmtree(self._folder, ignore_errors=True)
        shutil.copytree(self._held, self._folder, symlinks=True)
        for suffix in ("", _MLFLOW):
            self._copy(_HELD + suffix, _USED + suffix)
        self._enter(_USED)
        yield copy(self._world)

    def prepare(self, operation: str) -> None:
        """Let every world from here on begin with what ``operation`` needs before."""
        with self.world() as world:
            world.prepare(operation)
            self._world, self.is_prepared = world, True
            for suffix in ("", _MLFLOW):
                self._copy(_USED + suffix, _HELD + suffix)
            shutil.rmtree(self._held)
            shutil.copytree(self._folder, self._held, symlinks=True)

    def writes(self, operation: str) -> Mapping[str, int]:
        """How many writes of each kind an operation takes in a copy of the template."""
        if operation not in self._writes:
            with self.world() as world:
                world.prepare(operation)
                self._writes[operation] = command(world.work(operation))[1].get("writes", {})
        return self._writes[operation]

    def _copy(self, template: str, name: str) -> None:
        engine = sa.create_engine(self._url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            gone = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = %s"
            connection.exec_driver_sql(gone, (template,))
            connection.exec_driver_sql(f"drop database if exists {name} with (force)")
            connection.exec_driver_sql(f"create database {name} template {template}")


def _import_all() -> None:
    """Import everything once, for all children, and parse what each of them would parse again."""
    from forecast_assets.cli.app import COMMANDS, load

    for name in COMMANDS:
        load(name)
    for name in ("mlflow", "forecast_assets.definitions", "forecast_assets.registry.agreement"):
        import_module(name)
    for name in ("backup", "restoring", "retention", "registry"):
        import_module(f"forecast_assets.stores.{name}")
    from mlflow.utils import requirements_utils

    from forecast_assets.forecasting.version import code_version
    from forecast_assets.registry import bundle
    from forecast_assets.registry.saving import reachable

    requirements_utils._init_modules_to_packages_map()
    code_version()
    reachable(Path(bundle.__file__))
    defs = import_module("forecast_assets.definitions").defs
    for job in defs.get_repository_def().get_all_jobs():
        defs.resolve_job_def(job.name).partitions_def  # noqa: B018 - made at the first question
    gc.freeze()  # collecting it in a child would copy its pages
    assert Child(lambda: "ready").result() == (0, "ready")
