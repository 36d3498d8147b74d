"""One backfill on two workers, of which one is killed in the middle."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
import sqlalchemy as sa
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG
from polars.testing import assert_frame_equal

from forecast_assets.backtests.assets import CHAMPION
from forecast_assets.cli.home import open_instance
from forecast_assets.dagster_internals.celery_launcher import WatchedCeleryRunLauncher
from forecast_assets.stores.resource import StoresResource
from forecast_assets_tests.conftest import fresh_database
from forecast_assets_tests.dagit import Dagit, free_port, until
from forecast_assets_tests.deployment.services import ROOT, Services, environment, instance_settings
from forecast_assets_tests.scenario import Place, many

REDIS = shutil.which("redis-server")
SERIES = int(os.environ.get("FORECAST_TEST_SERIES", "2000"))
RUNS = 8
CELERY = [
    "-A",
    "forecast_assets.dagster_internals.celery_launcher",
    "worker",
    "-Q",
    "dagster",
    "-c",
    "1",
    "-n",
]
BACKFILL = """mutation B($series: [String!]!) { launch: launchPartitionBackfill(backfillParams: {
    assetSelection: [{path: ["backtest"]}, {path: ["champion"]}], partitionNames: $series}) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
pytestmark = [
    pytest.mark.deployment,
    pytest.mark.skipif(REDIS is None, reason="no Redis on this machine (apt-get install redis-server)"),
]


@dataclass(frozen=True)
class Fleet:
    """Queue, web server, daemon and two workers."""

    services: Services
    dagit: Dagit
    place: Place

    def work(self, name: str) -> None:
        self.services.start(name, *CELERY, f"{name}@here", module="celery")

    def runs(self) -> list[dg.DagsterRun]:
        return list(self.place.instance.get_runs())

    def at_work(self) -> dict[str, str]:
        """The run that each worker is executing, as the broker knows it."""
        launcher = self.place.instance.run_launcher
        assert isinstance(launcher, WatchedCeleryRunLauncher)
        run_by_worker = {}
        for run in self.runs():
            if run.status == dg.DagsterRunStatus.STARTED:
                task_info = launcher.celery.AsyncResult(run.tags[DAGSTER_CELERY_TASK_ID_TAG]).info
                run_by_worker[task_info["hostname"].partition("@")[0]] = run.run_id
        return run_by_worker


@pytest.fixture(scope="module")
def fleet(postgres_url: sa.URL, migrated: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    home = tmp_path_factory.mktemp("fleet")
    broker, port = free_port(), free_port()
    instance_settings(home, ROOT / "deploy" / "dagster.yaml")
    with fresh_database(postgres_url, migrated) as url:
        services = Services(
            home,
            environment(
                home,
                FORECAST_DATABASE_URL=url,
                FORECAST_LAKE_URL=str(home / "lake"),
                FORECAST_CELERY_BROKER=f"redis://127.0.0.1:{broker}/0",
                FORECAST_SERIES_PER_RUN=str(-(-SERIES // RUNS)),
                DAGSTER_EVENT_BATCH_SIZE="1000",
            ),
        )
        quiet = subprocess.DEVNULL
        services.running["redis"] = subprocess.Popen(
            [str(REDIS), "--port", str(broker), "--bind", "127.0.0.1", "--save", "", "--dir", str(home)],
            start_new_session=True,
            stdout=quiet,
            stderr=quiet,
        )
        dagit = Dagit(port)
        with services.here():
            place = Place(StoresResource(), open_instance(), home)
            place.prepare("many", many(SERIES))
            new_fleet = Fleet(services, dagit, place)
            where = ("-w", ROOT / "workspace.yaml")
            try:
                services.start("web", "web", "-h", "127.0.0.1", "-p", port, *where, module="forecast_assets")
                services.start("daemon", "run", *where, module="dagster._daemon")
                until("the web server answers", dagit.answers)
                yield new_fleet
            finally:
                services.stop()
                place.stores.warehouse.dispose()


def test_a_backfill_on_two_workers_survives_the_loss_of_one(fleet, postgres_url, migrated, tmp_path):
    keys = sorted(f"many__S{i * 4 // SERIES}__P{i:03d}" for i in range(SERIES))
    for name in ("left", "right"):
        fleet.work(name)
    with fleet.place.stores.warehouse.transaction() as connection:
        # Nobody can write as long as this is held, so that both are found in the middle of their work.
        connection.exec_driver_sql("lock table evaluation in exclusive mode")
        backfill = fleet.dagit.ask(BACKFILL, series=keys)["launch"]
        assert backfill["__typename"] == "LaunchBackfillSuccess", backfill
        until("both workers are at work", lambda: len(fleet.at_work()) == 2)
        lost = fleet.at_work()["left"]
        fleet.services.kill("left")
    until("all is green", lambda: fleet.place.green(CHAMPION) == set(keys), 1200 + SERIES / 20)
    until("the queue is empty", lambda: all(run.is_finished for run in fleet.runs()))
    failed = {run.run_id for run in fleet.runs() if run.status == dg.DagsterRunStatus.FAILURE}
    assert lost in failed
    done = {run.parent_run_id for run in fleet.runs() if run.status == dg.DagsterRunStatus.SUCCESS}
    assert failed <= done, "each was tried again and succeeded"
    together, by_one = results(fleet.place), alone(keys, postgres_url, migrated, tmp_path)
    for frame, by_one_frame in zip(together, by_one, strict=True):
        assert_frame_equal(frame, by_one_frame)


def results(place: Place) -> list[pl.DataFrame]:
    """What was found out about each series, whichever run did it."""
    queries = ("select * from backtest_metric order by 1, 2", "select * from champion order by 1, 2")
    with place.stores.warehouse.transaction() as connection:
        frames = [pl.read_database(query, connection, infer_schema_length=None) for query in queries]
    return [frame.drop("run_id", "chosen_at", strict=False) for frame in frames]


def alone(keys: list[str], postgres_url: sa.URL, migrated: str, home: Path) -> list[pl.DataFrame]:
    """The same from one run in one process."""
    script = f"import sys; from {__name__} import single; single(sys.argv[1], sys.argv[2], sys.argv[3])"
    instance_settings(home, ROOT / "dagster.yaml")
    with fresh_database(postgres_url, migrated) as url:
        seen = environment(home, FORECAST_DATABASE_URL=url, DAGSTER_EVENT_BATCH_SIZE="1000",
                           FORECAST_TEST_SERIES=str(SERIES))  # fmt: skip
        subprocess.run([sys.executable, "-c", script, str(home), keys[0], keys[-1]], env=seen, check=True)
        with Services(home, seen).here():
            return results(Place(StoresResource(), open_instance(), home))


def single(home: str, first: str, last: str) -> None:
    place = Place(StoresResource(), open_instance(), Path(home))
    place.prepare("many", many(SERIES))
    assert place.evaluate(first, last).success
