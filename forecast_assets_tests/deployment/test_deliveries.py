"""A run that the broker hands to two workers, as it does when one of them holds it for too long."""

import subprocess
from typing import Any, cast

import dagster as dg
import pytest
from dagster._core.events import DagsterEvent, DagsterEventType
from dagster._core.launcher import LaunchRunContext

from forecast_assets.backtests.assets import CHAMPION
from forecast_assets.cli.home import open_instance
from forecast_assets.dagster_internals import run_factory
from forecast_assets.dagster_internals.celery_launcher import WatchedCeleryRunLauncher
from forecast_assets.stores.resource import StoresResource
from forecast_assets_tests.conftest import fresh_database
from forecast_assets_tests.dagit import free_port, until
from forecast_assets_tests.deployment.services import ROOT, Services, environment, instance_settings
from forecast_assets_tests.deployment.test_celery import CELERY, REDIS
from forecast_assets_tests.scenario import Place, many

A_DAY = 24 * 3600
SERIES = 4
pytestmark = [
    pytest.mark.deployment,
    pytest.mark.skipif(REDIS is None, reason="no Redis on this machine (apt-get install redis-server)"),
]


@pytest.mark.filterwarnings("ignore:Task name 'execute_job'")  # Dagster's launcher makes it at each launch
def test_a_run_that_two_workers_get_at_once_is_executed_by_one(postgres_url, migrated, tmp_path):
    instance_settings(tmp_path, ROOT / "deploy" / "dagster.yaml")
    broker = free_port()
    with fresh_database(postgres_url, migrated) as url:
        variables = {
            "FORECAST_DATABASE_URL": url,
            "FORECAST_LAKE_URL": str(tmp_path / "lake"),
            "FORECAST_CELERY_BROKER": f"redis://127.0.0.1:{broker}/0",
        }
        services = Services(tmp_path, environment(tmp_path, **variables))
        services.running["redis"] = subprocess.Popen(
            [str(REDIS), "--port", str(broker), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)],
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with services.here():
            place = Place(StoresResource(), open_instance(), tmp_path)
            try:
                delivered_twice(services, place)
            finally:
                services.stop()
                place.stores.warehouse.dispose()


def delivered_twice(services: Services, place: Place) -> None:
    place.prepare("many", many(SERIES))
    launcher = place.instance.run_launcher
    assert isinstance(launcher, WatchedCeleryRunLauncher)
    for name in ("left", "right"):
        services.start(name, *CELERY, f"{name}@here", module="celery")
    until("both workers answer", lambda: len(launcher.celery.control.ping(timeout=1)) == 2)
    for configuration in launcher.celery.control.inspect().conf().values():
        assert configuration["broker_transport_options"]["visibility_timeout"] >= A_DAY
    config = {"ops": {"evaluate_stale_series": {"config": {"dataset": "many"}}}}
    run = run_factory.create(place.instance, "evaluate_changed", config)
    starting = DagsterEvent(DagsterEventType.PIPELINE_STARTING.value, job_name=run.job_name)
    place.instance.report_dagster_event(starting, run_id=run.run_id)
    with place.stores.warehouse.transaction() as connection:
        # Nobody can write as long as this is held, so that one is found in the middle of its work.
        connection.exec_driver_sql("lock table evaluation in exclusive mode")
        for _ in range(2):
            launcher.launch_run(LaunchRunContext(run, cast("Any", None)))
        until("the second worker leaves it alone", lambda: "was delivered twice" in services.log())
    done = dg.RunsFilter(run_ids=[run.run_id], statuses=[dg.DagsterRunStatus.SUCCESS])
    until("the run ends well", lambda: place.instance.get_runs_count(done) == 1)
    begun = place.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_START)
    assert len(begun) == 1
    assert len(place.green(CHAMPION)) == SERIES
