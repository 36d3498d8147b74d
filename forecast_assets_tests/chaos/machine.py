"""Operations drawn from a seed, faults at any of their writes, and what must hold after each step; a program.

Belongs here: drawing steps, doing them in processes of their own, checking, shrinking what fails.
Does not belong here: faults (``faults``).

A step does an operation and lets a fault strike at one of its writes. Then the operation is done again
without a fault, as a person would, and everything is checked. What is printed for a failing seed replays it.
"""

import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from forecast_assets.stores.rows.registry import LiveVersionsRow
from forecast_assets_tests.chaos.faults import FAULTS, KILL, Writes, in_child
from forecast_assets_tests.conftest import _DAGSTER_YAML, fresh_database
from forecast_assets_tests.scenario import DAYS, many

DATASET = "many"
SERIES = 2
_STEPS = int(os.environ.get("CHAOS_STEPS", "2"))
_DECIDED = ("--apply", "--confirm", DATASET, "--approved-by", "ann")
_ANYWAY = ("--acknowledge", "override", "--acknowledge", "worse_wape", "--acknowledge", "gates")
_EVALUATED = ("--candidates", "naive,seasonal_naive", "--horizon", "7", "--folds", "3")
OPERATIONS: dict[str, tuple[str, ...]] = {
    "append": ("evaluate", DATASET),
    "correct": ("evaluate", DATASET),
    "evaluate": ("evaluate", DATASET),
    "force": ("evaluate", DATASET, "--force"),
    "register": ("register", DATASET),
    "override": ("register", DATASET, "--candidate", "naive", "--reason", "chaos"),
    "promote": ("promote", DATASET, *_DECIDED, *_ANYWAY),
    "rollback": ("rollback", DATASET, *_DECIDED, *_ANYWAY),
    "batch": ("submit", "batch", DATASET, "--candidates", "naive", *_EVALUATED[2:], "--wait"),
    "trim": ("state", "trim", "--apply"),
    "backup": ("state", "backup"),
    "restore": ("state", "restore"),
}
# Done twice they change nothing the second time.
_REPEATABLE = {"append", "correct", "evaluate", "register", "promote", "trim", "restore"}
_TABLES = ("dataset", "snapshot", "series", "evaluation", "backtest_metric", "champion", "forecast",
           "model_version", "promotion")  # fmt: skip


@dataclass(frozen=True)
class Step:
    """An operation, and a fault that strikes at the share ``where`` (0 to 1) of its writes."""

    operation: str
    fault: str | None
    where: float


def drawn(seed: int, steps: int = _STEPS) -> list[Step]:
    """The steps of a seed."""
    dice = random.Random(seed)  # noqa: S311 - not for secrets
    return [
        Step(dice.choice(list(OPERATIONS)), dice.choice((*FAULTS, KILL)), round(dice.random(), 4))
        for _ in range(steps)
    ]


class World:
    """A home in ``folder`` whose stores the environment names."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.days, self.backups = folder, DAYS, 0
        self.sales = folder / "sales.csv"
        self.corrected = 0
        self.writes: dict[str, int] = {}
        self._write_sales()

    def _write_sales(self) -> None:
        def work() -> None:
            frame = many(SERIES, self.days)
            if self.corrected:
                import polars as pl

                frame = frame.with_columns(units=pl.col("units") + self.corrected)
            frame.write_csv(self.sales)

        assert in_child(work) == (0, "None")

    def learned(self, operation: str, answer: str) -> None:
        """Remember how many writes an operation takes, so that a fault strikes at one of them."""
        if answer.isdigit():
            self.writes[operation] = max(int(answer), self.writes.get(operation, 0))

    def words(self, operation: str) -> list[str]:
        """The command line of an operation."""
        words = list(OPERATIONS[operation])
        if operation == "backup":
            words.append(str(self.folder / f"backup-{self.backups}"))
        if operation == "restore":
            words += [str(self.folder / f"backup-{self.backups - 1}"), "--yes"]
        return words

    def prepare(self, operation: str) -> bool:
        """Change the sales where an operation needs that; whether it can be done at all."""
        if operation == "append":
            self.days += 2
        if operation == "correct":
            self.corrected += 1
        if operation in {"append", "correct"}:
            self._write_sales()
        return operation != "restore" or self.backups > 0


def command(words: Sequence[str], kind: str | None = None, at: int = 0) -> tuple[int, str]:
    """Run a command in a process of its own; return its exit code, and its writes or its trace."""

    def work() -> str:
        from forecast_assets.cli.app import app
        from forecast_assets.cli.refusals import told_errors

        writes = Writes(kind, at)
        time.sleep = lambda _: None  # what is tried again is tried at once
        code = 0
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            try:
                with told_errors():
                    app(list(words), standalone_mode=False)
            except SystemExit as left:
                code = int(left.code or 0)
            except BaseException:  # noqa: BLE001 - a trace is what must not happen
                return json.dumps({"code": 70, "trace": traceback.format_exc()[-3000:]})
        return json.dumps({"code": code, "writes": writes.count})

    ended, answer = in_child(work)
    if ended != 0:
        return ended, answer
    told = json.loads(answer)
    return told["code"], str(told.get("trace", told["writes"]))


def wrong() -> list[str]:
    """Everything that does not hold in the stores, over rows, files, events and MLflow."""

    def work() -> str:
        import dagster as dg

        from forecast_assets.registry.agreement import compare
        from forecast_assets.stores.opening import open_stores
        from forecast_assets.stores.registry import open_registry
        from forecast_assets.stores.retention import Policy, retain

        stores, registry = open_stores(), open_registry()
        found = compare(stores, registry).sentences()
        champions = _rows("select series, is_current from champion")
        current = [row["series"] for row in champions if row["is_current"]]
        if len(current) != len(set(current)):
            found.append(f"two current champions: {current}")
        with dg.DagsterInstance.get() as instance:
            green = instance.get_materialized_partitions(dg.AssetKey("champion"))
            if lost := green - set(current):
                found.append(f"green without a champion: {sorted(lost)}")
        decided = stores.warehouse.rows(LiveVersionsRow, dataset=DATASET)
        live = {str(row["series"]): row["live"] for row in decided}
        aliases = registry.aliases(sorted(live)) if live else {}
        for series, version in live.items():
            if aliases.get(series, {}).get("champion") != version:
                found.append(f"{series}: the audit says {version}, the aliases {aliases.get(series)}")
        begun = _rows("select decision_id, count(*) as n from promotion group by 1 having count(*) > 2")
        if begun:
            found.append(f"decisions with more than two rows: {begun}")
        policy = Policy(grace_hours=0)
        for _ in range(2):
            left = retain(stores, lambda _: None, open_registry, policy, apply=True, now=datetime.now(UTC))
        found += [f"{part.count} {part.what} after trimming" for part in left if part.count]
        return json.dumps(found)

    code, answer = in_child(work)
    return json.loads(answer) if code == 0 else [f"the check fails: {answer}"]


def digest() -> str:
    """What the stores hold, without what is only about when."""

    def work() -> str:
        from forecast_assets.stores.opening import open_stores
        from forecast_assets.stores.registry import open_registry

        held: dict[str, Any] = {}
        for table in _TABLES:
            held[table] = sorted(str(sorted(row.items())) for row in _rows(f"select * from {table}"))  # noqa: S608
        series = [row["series"] for row in _rows("select distinct series from model_version")]
        held["aliases"] = open_registry().aliases(sorted(series)) if series else {}
        held["files"] = [path for path in open_stores().lake.list("") if not path.startswith("batch/")]
        return hashlib.sha256(json.dumps(held, sort_keys=True, default=str).encode()).hexdigest()

    return in_child(work)[1]


def _rows(statement: str) -> list[dict[str, Any]]:
    from forecast_assets.stores.opening import open_stores

    with open_stores().warehouse.transaction() as connection:
        return [dict(row) for row in connection.exec_driver_sql(statement).mappings()]


def done(world: World, step: Step) -> list[str]:
    """Do one step; return what is wrong afterwards."""
    if not world.prepare(step.operation):
        return []
    words = world.words(step.operation)
    at = 1 + int(step.where * world.writes.get(step.operation, 100))
    begun = time.monotonic()
    code, answer = command(words, step.fault, at)
    print(f"{step} at write {at}: {code}, {time.monotonic() - begun:.1f} s", flush=True)  # noqa: T201
    world.learned(step.operation, answer)
    # Whoever is killed or refused leaves nothing but work to do; a trace is never right.
    problems = [] if code in {0, 1, 2, 3, -9} else [f"ended with {code}: {answer}"]
    problems += _backed_up(world, words, code) if step.operation == "backup" else _again(world, step, words)
    return [f"{step}: {problem}" for problem in [*problems, *wrong()]]


def _again(world: World, step: Step, words: Sequence[str]) -> list[str]:
    """Do an operation twice without a fault: the first completes what was struck, the second does nothing."""
    code, answer = command(words)
    world.learned(step.operation, answer)
    problems = [] if code in {0, 1, 2} else [f"again ended with {code}: {answer}"]
    if step.operation in _REPEATABLE:
        before = digest()
        code, answer = command(words)
        problems += [] if code in {0, 1, 2} else [f"once more ended with {code}: {answer}"]
        problems += [] if before == digest() else ["once more changed something"]
    return problems


def _backed_up(world: World, words: Sequence[str], code: int) -> list[str]:
    """Make a backup again that did not become one, into a new folder as its remedy says."""
    answer = ""
    if code != 0:
        shutil.rmtree(words[-1], ignore_errors=True)
        code, answer = command(words)
    world.backups += code == 0
    return [] if code == 0 else [f"again ended with {code}: {answer}"]


def tried(steps: Sequence[Step], server: sa.URL, templates: tuple[str, str], folder: Path) -> list[str]:
    """Do ``steps`` in a home of their own, made for them; return what is wrong."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "dagster.yaml").write_text(_DAGSTER_YAML)
    with fresh_database(server, templates[0]) as url, _registry(server, url, templates[1]):
        known = {"DAGSTER_HOME": folder, "FORECAST_HOME": folder, "FORECAST_DATABASE_URL": url,
                 "FORECAST_PROCESSES": 1, "FORECAST_DETAILED_SERIES": 0}  # fmt: skip
        os.environ.update({name: str(value) for name, value in known.items()})
        world = World(folder)
        code, answer = command(["dataset", "add", DATASET, "--path", str(world.sales), *_EVALUATED])
        assert code == 0, answer
        for step in (Step("evaluate", None, 0), Step("register", None, 0), *steps):
            if problems := done(world, step):
                return problems
    return []


@contextlib.contextmanager
def _registry(server: sa.URL, url: str, template: str) -> Any:
    name = f"{sa.make_url(url).database}_mlflow"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"create database {name} template {template}")
        try:
            yield
        finally:
            connection.exec_driver_sql(f"drop database {name} with (force)")


def shrunk(steps: list[Step], fails: Any) -> list[Step]:
    """The steps without those that the failure does not need."""
    for step in list(steps):
        fewer = [one for one in steps if one is not step]
        if fewer and fails(fewer):
            steps = fewer
    return steps


def main() -> None:
    """Try seeds: server, templates, folder, first seed, how many; or a JSON list of steps to replay."""
    server, warehouse, mlflow, folder, first, count = sys.argv[1:7]
    import mlflow as _mlflow  # noqa: F401 - loaded once, for all children

    place = (sa.make_url(server), (warehouse, mlflow), Path(folder))
    runs = (
        {"replay": [Step(**one) for one in json.loads(first)]}
        if first.startswith("[")
        else {str(seed): drawn(seed) for seed in range(int(first), int(first) + int(count))}
    )
    failed = False
    for name, steps in runs.items():
        problems = tried(steps, *place)
        print(f"seed {name}: {'; '.join(problems) or 'holds'}", flush=True)  # noqa: T201
        if problems:
            failed = True
            least = shrunk(steps, lambda fewer: bool(tried(fewer, *place)))
            print(f"replay: {json.dumps([asdict(one) for one in least])}", flush=True)  # noqa: T201
    sys.exit(failed)


if __name__ == "__main__":
    main()
