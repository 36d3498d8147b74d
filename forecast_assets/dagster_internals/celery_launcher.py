"""Runs on Celery workers, whose death is noticed.

Belongs here: the workers' Celery application, sending runs to it, telling whether a worker is still there.
Does not belong here: runs on one machine (``launcher``). Needs the extra ``celery``.

The stock launcher believes the task's last word: a run on a machine that lost its power would stay
"started" for ever, and so would its place in the queue. And a broker delivers a run again that a worker holds
for longer than the visibility time-out: taken twice at once, one delivery would fail the run under the other.

    celery -A forecast_assets.dagster_internals.celery_launcher worker -Q dagster --concurrency 1
"""

import logging
from collections.abc import Callable
from typing import Any

from celery import Celery, Task
from dagster import DagsterRun
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClassData, unpack_value
from dagster_celery.config import DEFAULT_CONFIG
from dagster_celery.defaults import broker_transport_options, task_default_queue
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.make_app import make_app
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task

from forecast_assets.settings import settings
from forecast_assets.stores.opening import open_stores

_CALLS = 3
_PATIENCE = 2.0
# A run that waits behind a long one is not handed to a second worker before that: lost ones need no broker,
# they are failed by the monitor of runs and tried again.
_VISIBLE_AFTER = 7 * 24 * 3600
_DELIVERY = "delivery of a run"
_CONFIG = {
    **DEFAULT_CONFIG,
    "broker_transport_options": {**broker_transport_options, "visibility_timeout": _VISIBLE_AFTER},
    "worker_max_tasks_per_child": 1,  # a run's memory goes with its process
    "worker_send_task_events": False,
    "broker_connection_retry_on_startup": True,
}


class WatchedCeleryRunLauncher(CeleryRunLauncher):
    """The stock launcher, which also asks the worker itself; the broker is FORECAST_CELERY_BROKER."""

    def __init__(
        self, default_queue: str = task_default_queue, inst_data: ConfigurableClassData | None = None
    ) -> None:
        broker = settings().broker
        super().__init__(
            default_queue, broker=broker, backend=broker, config_source=_CONFIG, inst_data=inst_data
        )

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Nothing: an address with a password has no place in ``dagster.yaml``."""
        return {}

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Healthy as long as the task says so and its worker answers one of a few calls."""
        health = super().check_run_worker_health(run)
        if health.status != WorkerStatus.RUNNING:
            return health
        task = self.celery.AsyncResult(run.tags[DAGSTER_CELERY_TASK_ID_TAG])
        # Read once: the task may end while we look.
        started: Any = task.info
        worker = started.get("hostname") if isinstance(started, dict) else None
        if worker is None or any(self._answers(worker) for _ in range(_CALLS)):
            return health
        return CheckRunHealthResult(WorkerStatus.FAILED, f"worker {worker} does not answer any more")

    def _answers(self, worker: str) -> bool:
        return bool(self.celery.control.ping(destination=[worker], timeout=_PATIENCE))


def executed_once(run_id: str, execute: Callable[[], int]) -> int:
    """Execute a run that a broker delivers unless another delivery of it is executed; return its exit code.

    A delivery that comes later than that is ignored by Dagster, which looks at the status of the run.
    """
    with open_stores().warehouse.locks() as locks:
        if locks.take(_DELIVERY, run_id):
            return execute()
    logging.getLogger(__name__).warning("run %s was delivered twice: another worker executes it", run_id)
    return 0


class _OnceTask(Task):
    """A task whose only argument, which Dagster passes by this name, says which run it executes."""

    def __call__(self, execute_job_args_packed: Any) -> int:  # noqa: ANN401 - as Dagster packed it
        run_id = unpack_value(execute_job_args_packed, as_type=ExecuteRunArgs).run_id
        return executed_once(run_id, lambda: int(self.run(execute_job_args_packed)))


def _application() -> Celery:
    broker = settings().broker
    application = make_app(
        {
            "broker": broker,
            "backend": broker,
            "config_source": _CONFIG,
            "task_default_queue": task_default_queue,
        }
    )
    once: Any = _OnceTask  # annotated as a dictionary, passed on as an option
    create_execute_job_task(application, base=once)
    create_resume_job_task(application)
    return application


def __getattr__(name: str) -> Celery:
    """``app``, made when a worker asks for it: a launcher has no tasks to run."""
    if name != "app":
        raise AttributeError(name)
    return _application()
