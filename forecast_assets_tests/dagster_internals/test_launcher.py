"""Is the process of a run still there? Asked of real processes."""

import signal
import subprocess
import sys

import dagster as dg
import pytest
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import WorkerStatus
from dagster._core.storage.dagster_run import DagsterRun, DagsterRunStatus

from forecast_assets.dagster_internals import run_launcher
from forecast_assets.dagster_internals.run_launcher import PROCESS_TAG, WatchedRunLauncher, process_tags

WAITS = """
from forecast_assets.dagster_internals.run_launcher import PROCESS_TAG, process_tags
print(process_tags()[PROCESS_TAG], flush=True)
input()
"""


@pytest.fixture
def health(tmp_path):
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        watched = WatchedRunLauncher()
        watched.register_instance(instance)

        def of(tags: dict[str, str]) -> WorkerStatus:
            run = DagsterRun(job_name="any", tags=tags)
            instance.add_run(run)
            return watched.check_run_worker_health(run).status

        yield of


def test_a_process_is_alive_until_it_is_killed(health):
    assert health(process_tags()) == WorkerStatus.RUNNING
    command = [sys.executable, "-c", WAITS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        tags = {PROCESS_TAG: process.stdout.readline().strip()}
        alive = health(tags)
        process.send_signal(signal.SIGKILL)
    assert (alive, health(tags)) == (WorkerStatus.RUNNING, WorkerStatus.FAILED)


def test_a_number_that_a_stranger_has_by_now_is_not_the_process(health):
    host, pid, _ = process_tags()[PROCESS_TAG].split()
    assert health({PROCESS_TAG: f"{host} {pid} 1.0"}) == WorkerStatus.FAILED
    assert health({PROCESS_TAG: f"elsewhere {pid} 1.0"}) == WorkerStatus.RUNNING, "not ours to judge"


def test_a_code_server_that_is_gone_gets_time_to_come_back(monkeypatch):
    class Gone:
        def can_cancel_execution(self, *_, **__):
            raise DagsterUserCodeUnreachableError("connection refused")

    watched, now = WatchedRunLauncher(), [0.0]
    monkeypatch.setattr(watched, "_get_grpc_client_for_termination", lambda _: Gone())
    monkeypatch.setattr(run_launcher, "monotonic", lambda: now[0])
    run = DagsterRun(job_name="any")
    statuses = []
    for moment in (0.0, 599.0, 600.0, 601.0):
        now[0] = moment
        statuses.append(watched.check_run_worker_health(run).status)
    waiting, given_up = WorkerStatus.RUNNING, WorkerStatus.FAILED
    assert statuses == [waiting, waiting, given_up, waiting]


def test_a_run_that_is_ended_while_its_process_starts_is_cancelled_and_no_crash_to_be_tried_again(
    tmp_path, monkeypatch
):
    requests = []

    class Server:
        def cancel_execution(self, request):
            requests.append(request.run_id)

    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        watched = WatchedRunLauncher()
        watched.register_instance(instance)
        monkeypatch.setattr(watched, "_get_grpc_client_for_termination", lambda _: Server())
        run = DagsterRun(job_name="any", status=DagsterRunStatus.STARTING)
        instance.add_run(run)
        assert watched.terminate(run.run_id)
        ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert (ended.status, requests) == (DagsterRunStatus.CANCELED, [run.run_id])


def test_a_run_that_is_delivered_twice_at_once_is_executed_by_one_worker(place):
    from forecast_assets.dagster_internals.celery_launcher import _DELIVERY, executed_once

    done: list[str] = []

    def execute() -> int:
        assert executed_once("run", lambda: pytest.fail("executed twice")) == 0
        done.append("first")
        return 5

    assert executed_once("run", execute) == 5
    assert done == ["first"]
    with place.stores.warehouse.locks() as locks:
        assert locks.take(_DELIVERY, "run"), "it is given back"
