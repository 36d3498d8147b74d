"""Machines that lose what they had: a primary without its newest commits, power, the code of yesterday."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa

from forecast_assets.stores import cluster, database
from forecast_assets_tests.chaos import children
from forecast_assets_tests.chaos.invariants import _rows, wrong
from forecast_assets_tests.chaos.operations import DATASET, OPERATIONS, SERIES
from forecast_assets_tests.dagit import until
from forecast_assets_tests.deployment.services import ROOT

pytestmark = pytest.mark.deployment
SCORES = "select series, candidate, status, rank, wape from backtest_metric order by 1, 2"
needs_loops = pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/dev/loop-control").exists() or shutil.which("mkfs.ext4") is None,
    reason="power is lost on a disk of its own, which only root can mount",
)


def succeeds(*words: str) -> None:
    code, output = children.command(words)
    assert code in {0, 1}, f"{words}: {code} {output}"


def warehouse_rows(statement: str) -> list[dict]:
    """Rows of the warehouse, read by a process that opens it anew."""
    code, answer = children.Child(lambda: repr(_rows(statement))).result()
    assert code == 0, answer
    return eval(answer, {"__builtins__": {}})  # noqa: S307 - the representation of plain values


@contextmanager
def standby_of(primary: Path) -> Iterator[Path]:
    """A server that follows ``primary`` until it is stopped."""
    primary.parent.chmod(0o711)
    folder = primary.parent / "standby"
    folder.mkdir(mode=0o700)
    owner = primary.stat()
    os.chown(folder, owner.st_uid, owner.st_gid)
    where = ("-h", str(primary), "-p", str(cluster.PORT), "-U", cluster.OWNER)
    cluster._run(folder, "pg_basebackup", *where, "-D", ".", "-R", "-X", "stream", "-c", "fast")
    cluster.start(folder)
    try:
        yield folder
    finally:
        cluster.stop(folder)


def test_a_replica_that_lacks_the_newest_commits_takes_over_and_the_lost_work_is_done_again(
    template, monkeypatch
):
    with template.world() as world:
        before = warehouse_rows(SCORES)
        with standby_of(template.server) as standby:
            url = sa.make_url(os.environ["FORECAST_DATABASE_URL"])
            with sa.create_engine(url, poolclass=sa.NullPool).connect() as connection:
                caught_up = "select replay_lsn >= sent_lsn from pg_stat_replication"
                until("the standby has all", lambda: connection.exec_driver_sql(caught_up).scalar())
            cluster.stop(standby)
            world.prepare("promote")
            succeeds(*OPERATIONS["promote"].words)
            newest = warehouse_rows(SCORES)
            assert newest != before
            cluster._run(template.server, "pg_ctl", "stop", "-m", "immediate")
            cluster.start(standby)
            cluster._run(standby, "pg_ctl", "promote", "-w")
            there = url.update_query_dict({"host": str(standby)})
            monkeypatch.setenv("FORECAST_DATABASE_URL", there.render_as_string(hide_password=False))
            try:
                assert warehouse_rows(SCORES) == before, "the newest commits are lost"
                succeeds("state", "mend", "--apply")
                succeeds("evaluate", DATASET)
                assert warehouse_rows(SCORES) == newest, "and their work is done again"
                succeeds("register", DATASET)
                succeeds(*OPERATIONS["promote"].words)
                assert children.Child(wrong).result() == (0, "[]")
            finally:
                cluster.start(template.server)


MIGRATION = '''
"""The release after this one."""

from alembic import op

revision, down_revision = "9999_next", "{newest}"


def upgrade() -> None:
    for table in ("champion", "backtest_metric", "evaluation", "forecast"):
        op.execute(f"alter table {{table}} add column next integer not null default 1")


def downgrade() -> None:
    for table in ("champion", "backtest_metric", "evaluation", "forecast"):
        op.execute(f"alter table {{table}} drop column next")
'''


def test_an_old_worker_that_writes_during_a_migration_loses_nothing_and_is_refused_afterwards(
    template, tmp_path
):
    sql = tmp_path / "sql"
    shutil.copytree(ROOT / "sql", sql)
    newest = database.newest_revision()
    (sql / "migrations" / "versions" / "9999_next.py").write_text(MIGRATION.format(newest=newest))

    def upgrade() -> None:
        database.SQL = sql
        database.database_url()

    with template.world():
        before = warehouse_rows(SCORES)
        # In the middle of its writes, by a lock that it waits for; the migration queues up behind it.
        url = sa.make_url(os.environ["FORECAST_DATABASE_URL"])
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.connect() as watching, engine.connect() as holding:
            holding.exec_driver_sql("lock table forecast.champion in share row exclusive mode")
            old = children.begun(["evaluate", DATASET, "--force"])
            until("the old worker writes", partial(_waits, watching, 1))
            new = children.begun(upgrade)
            until("the migration waits", partial(_waits, watching, 2))
            holding.rollback()
        code, output = children.ended(old)
        assert code in {0, 1, 2, 3}, output
        upgraded, output = children.ended(new)
        assert upgraded in {0, 3}, output
        if upgraded == 3:  # one of two that met head on gives way, and is called again
            assert children.command(upgrade)[0] == 0
        refused, output = children.command(["evaluate", DATASET])
        assert refused == 2, output
        database_sql, database.SQL = database.SQL, sql
        try:
            assert warehouse_rows(SCORES) == before
            succeeds("evaluate", DATASET, "--force")
            assert warehouse_rows(SCORES) == before
            (count,) = warehouse_rows(
                "select count(*) as n, sum(next) as total from champion where is_current"
            )
            assert count == {"n": SERIES, "total": SERIES}
        finally:
            database.SQL = database_sql


def _waits(watching: sa.Connection, count: int) -> bool:
    watching.rollback()
    waiting = (
        "select count(*) from pg_locks join pg_database on oid = database "
        "where not granted and datname = current_database()"
    )
    return int(watching.exec_driver_sql(waiting).scalar() or 0) >= count


WRITER = """
import itertools, sys
import sqlalchemy as sa
from forecast_assets.stores.opening import open_stores

stores = open_stores()
with stores.warehouse.transaction() as connection:
    connection.exec_driver_sql("create table if not exists power (n integer primary key, path text)")
    if sys.argv[1:] == ["carelessly"]:
        connection.exec_driver_sql("commit")
        connection.exec_driver_sql("alter system set fsync = off")
        connection.exec_driver_sql("select pg_reload_conf()")
for n in itertools.count(1):
    stores.lake.write_bytes(f"power/{n}", b"x" * 5000)
    with stores.warehouse.transaction() as connection:
        connection.execute(sa.text("insert into power values (:n, :path)"), {"n": n, "path": f"power/{n}"})
    print(n, flush=True)
"""
READER = """
from forecast_assets.stores.opening import open_stores

stores = open_stores()
with stores.warehouse.transaction() as connection:
    there = connection.exec_driver_sql("select to_regclass('power')").scalar()
    rows = connection.exec_driver_sql("select n, path from power order by n").all() if there else []
assert all(stores.lake.read_bytes(path) == b"x" * 5000 for _, path in rows)
print(len(rows))
"""
ROWS = 40


@contextmanager
def disk(image: Path, place: Path) -> Iterator[Path]:
    """A home on a disk of its own, whose whole content is the file ``image``."""
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "loop", image, place], check=True)
    try:
        yield place / "home"
    finally:
        for process in _on(place):
            process.kill()
            process.wait(30)
        until("the disk is free", lambda: subprocess.run(["umount", place], check=False).returncode == 0)


def _on(place: Path) -> list[psutil.Process]:
    """The processes that work on a disk."""
    processes = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(place):
                processes.append(process)
        except (psutil.Error, OSError):
            continue
    return processes


def seen(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FORECAST", "DAGSTER"))}
    return {**kept, "FORECAST_HOME": str(home), "PYTHONPATH": str(ROOT)}


@needs_loops
@pytest.mark.parametrize("how", ["carefully", "carelessly"])
def test_what_was_committed_outlives_a_loss_of_power_as_long_as_the_disk_is_waited_for(how, tmp_path):
    """The server and its writer stop at once; what had reached the disk until then is all that is left."""
    image, left = tmp_path / "disk", tmp_path / "left"
    with image.open("wb") as file:
        file.truncate(700 * 2**20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    with disk(image, tmp_path / "mounted") as home:
        words = [sys.executable, "-c", WRITER, how]
        with subprocess.Popen(
            words, env=seen(home), cwd=home.parent, stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            committed_rows = 0
            while committed_rows < ROWS:
                committed_rows = int(writer.stdout.readline())
            for process in _on(home.parent):
                process.send_signal(signal.SIGSTOP)
            shutil.copyfile(image, left)
            writer.kill()
            rest, _ = writer.communicate()
            committed_rows = int((rest.split() or [str(committed_rows)])[-1])
    with disk(left, tmp_path / "again") as home:
        words = [sys.executable, "-c", READER]
        done = subprocess.run(
            words, env=seen(home), cwd=home.parent, capture_output=True, text=True, check=False
        )
        if how == "carefully":
            assert done.returncode == 0, done.stderr
            assert int(done.stdout) >= committed_rows
        else:
            assert done.returncode != 0 or int(done.stdout) < committed_rows, (
                "what was not waited for is lost"
            )
