"""What is done to a home: every writing operation, what it needs before, and the sales it is done to.

Belongs here: operations by name, as command lines or functions of the product.
Does not belong here: what strikes them (``faults``) and what must hold afterwards (``invariants``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from forecast_assets_tests.chaos.children import Child, called, command
from forecast_assets_tests.chaos.faults import KILL
from forecast_assets_tests.scenario import DAYS, many

DATASET = "many"
SERIES = 2
_DECIDED = ("--apply", "--confirm", DATASET, "--approved-by", "ann")
_ANYWAY = ("--acknowledge", "override", "--acknowledge", "worse_wape", "--acknowledge", "gates")
EVALUATED = ("--candidates", "naive,seasonal_naive", "--horizon", "7", "--folds", "3")
_BATCH = ("submit", "batch", DATASET, "--candidates", "naive", *EVALUATED[2:])
_REPEATABLE = ("append", "correct", "evaluate", "register", "promote", "trim", "restore", "upgrade", "add")


@dataclass(frozen=True)
class Operation:
    """The words of a command, what changes before, and whether doing it twice changes nothing."""

    words: tuple[str, ...]
    before: tuple[str, ...] = ()
    is_twice: bool = False  # two processes at once, always: two deliveries, two daemons


OPERATIONS = {
    "add": Operation(("dataset", "add", "other", "--path", "{sales}", *EVALUATED)),
    "append": Operation(("evaluate", DATASET), ("days",)),
    "correct": Operation(("evaluate", DATASET), ("correction",)),
    "evaluate": Operation(("evaluate", DATASET)),
    "force": Operation(("evaluate", DATASET, "--force")),
    "register": Operation(("register", DATASET), ("correction", "evaluate")),
    "override": Operation(("register", DATASET, "--candidate", "naive", "--reason", "chaos")),
    "promote": Operation(("promote", DATASET, *_DECIDED, *_ANYWAY), ("correction", "evaluate", "register")),
    "rollback": Operation(("rollback", DATASET, *_DECIDED, *_ANYWAY)),
    "batch": Operation((*_BATCH, "--wait")),
    "cancel": Operation(("cancel", "{run}"), ("queued",)),
    "retry": Operation(("retry", "{run}", "--wait"), ("killed",)),
    "deliver": Operation(("{run}",), ("queued", "sent"), is_twice=True),
    "daemons": Operation((), ("correction", "evaluate"), is_twice=True),
    "trim": Operation(("state", "trim", "--apply")),
    "backup": Operation(("state", "backup", "{backup}")),
    "restore": Operation(("state", "restore", "{backup}", "--yes")),
    "upgrade": Operation(("state", "prepare"), ("older",)),
    "previous": Operation(("status",)),
}
REPEATABLE = frozenset(_REPEATABLE)


class World:
    """A home in ``folder`` whose stores the environment names; it begins as the template left it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.days, self.backups, self.corrected = folder, DAYS, 1, 0
        self.sales, self.run = folder / "sales.csv", ""
        self.was_older = False  # older tables hold no changes of files: sales are loaded again after them
        self.excused: Sequence[str] = ()  # runs of ``red_but_done`` whose disk was full

    def write_sales(self) -> None:
        """Write the file of sales; in a child, since the libraries of frames do not survive a fork."""
        import polars as pl

        frame = many(SERIES, self.days).with_columns(units=pl.col("units") + self.corrected)
        frame.write_csv(self.sales)

    def work(self, name: str) -> Sequence[str] | Callable[[], Any]:
        """What a child has to do for the operation ``name``."""
        if name == "deliver":
            return partial(_deliver, self.run)
        if name == "daemons":
            return look_once
        if name == "previous":
            return _as_previous_release
        number = self.backups if name == "backup" else self.backups - 1
        replacements = {"sales": self.sales, "run": self.run, "backup": self.folder / f"backup-{number}"}
        return [word.format_map(replacements) for word in OPERATIONS[name].words]

    def prepare(self, name: str) -> None:
        """Do what an operation needs before, without a fault."""
        before = OPERATIONS[name].before
        if self.was_older:
            code, output = command(OPERATIONS["evaluate"].words)
            assert code == 0, f"after older tables: {output}"
        self.was_older = "older" in before
        if "killed" in before:
            code, output = command((*_BATCH, "--wait"), kind=KILL, at=20)
            assert code in {-9, 0}, output
        if before:
            self.days += 2 * ("days" in before)
            self.corrected += "correction" in before
            code, self.run = Child(partial(self._prepared, before)).result()
            assert code == 0, f"before {name}: {self.run}"

    def _prepared(self, before: Sequence[str]) -> str:
        for step in before:
            if step in {"days", "correction"}:
                self.write_sales()
            elif step == "killed":
                self.run = _newest_launch()
            elif step == "sent":
                _send(self.run)
            elif step == "older":
                _downgrade()
            else:
                output = called(_BATCH if step == "queued" else self.work(step))
                assert output["code"] in {0, 1}, f"{step}: {output}"
                if step == "queued":
                    self.run = output["said"].split()[0]
        return self.run


def _newest_launch() -> str:
    from forecast_assets.stores.opening import open_stores

    with open_stores().warehouse.transaction() as connection:
        statement = "select launch_id from launch where kind = 'batch' order by created_at desc limit 1"
        return str(connection.exec_driver_sql(statement).scalar())


def _deliver(run_id: str) -> None:
    """Execute a run as a worker does that a broker hands it to."""
    import dagster as dg
    from dagster._cli.api import _execute_run_command_body

    from forecast_assets.dagster_internals.celery_launcher import executed_once

    with dg.DagsterInstance.get() as instance:
        executed_once(
            run_id,
            lambda: _execute_run_command_body(
                run_id, instance, lambda _: None, set_exit_code_on_failure=True
            ),
        )


def _send(run_id: str) -> None:
    """Take a run from the queue and say that it starts, as the daemon does that sends it to a broker."""
    import dagster as dg
    from dagster._core.events import DagsterEvent, DagsterEventType

    with dg.DagsterInstance.get() as instance:
        starting = DagsterEvent(event_type_value=DagsterEventType.PIPELINE_STARTING.value, job_name="batch")
        instance.report_dagster_event(starting, run_id=run_id)


def look_once() -> None:
    """Let all sensors look once, as a daemon does."""
    import dagster as dg

    from forecast_assets.definitions import defs

    with dg.DagsterInstance.get() as instance:
        for sensor in defs.sensors or ():
            if isinstance(sensor, dg.SensorDefinition) and type(sensor) is dg.SensorDefinition:
                context = dg.build_sensor_context(
                    instance=instance, definitions=defs, resources=defs.resources, sensor_name=sensor.name
                )
                sensor.evaluate_tick(context)


def _downgrade() -> None:
    """Take the newest migration back, so that the tables are those of the release before."""
    from forecast_assets.stores import database

    url = database.database_url()
    before = max(path.stem for path in _migrations() if path.stem < database.newest_revision())
    with database.connected(url) as connection:
        connection.exec_driver_sql(f"set local search_path = {database.WAREHOUSE_SCHEMA}")
        database.migrate(connection, before)


def _as_previous_release() -> None:
    """Ask for the state by code that does not know the newest migration: it has to be refused."""
    from forecast_assets.cli.app import app
    from forecast_assets.errors import BadSetting
    from forecast_assets.stores import database

    before = max(path.stem for path in _migrations() if path.stem < database.newest_revision())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "newest_revision", lambda: before)
        with pytest.raises(BadSetting, match="newer than this code"):
            app(["evaluate", DATASET], standalone_mode=False)


def _migrations() -> list[Path]:
    from forecast_assets.stores import database

    return list((database.SQL / "migrations" / "versions").glob("[0-9]*.py"))
