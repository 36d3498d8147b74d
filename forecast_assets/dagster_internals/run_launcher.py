"""Runs whose process vanished are noticed, so that they fail instead of running for ever.

Belongs here: telling whether somebody still works on a run, on one machine, and ending one that begins.
Does not belong here: what happens then (``run_monitoring`` and ``run_retries`` of ``dagster.yaml``), and
workers on other machines (``celery_launcher``).

Dagster's own launcher cannot tell: a run whose code server was killed would keep its place in the queue.
"""

import os
import socket
from time import monotonic

from dagster import DagsterRun, DagsterRunStatus, DefaultRunLauncher
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._core.storage.tags import HIDDEN_TAG_PREFIX
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult, CancelExecutionRequest
from dagster._serdes import ConfigurableClassData, deserialize_value

# How long a code server may be gone before the runs that it executed are given up, in seconds.
_PATIENCE = 600.0
# Dagit shows no tag that begins so: nobody chooses runs by it. Release 0.1 wrote it without the prefix.
PROCESS_TAG = f"{HIDDEN_TAG_PREFIX}forecast/process"
_PROCESS_TAG_0_1 = "forecast/process"
MAX_RETRIES_TAG = "dagster/max_retries"
_ALIVE = CheckRunHealthResult(WorkerStatus.RUNNING)


def process_tags() -> dict[str, str]:
    """Tags for a run that this process executes itself: its death is noticed, and nobody else repeats it.

    Whoever waits for it sees how it ended, and decides about another try.
    """
    import psutil  # noqa: PLC0415 - a daemon that only launches needs it rarely

    started = psutil.Process().create_time()
    process = f"{socket.gethostname()} {os.getpid()} {started}"
    return {PROCESS_TAG: process, MAX_RETRIES_TAG: "0"}


class WatchedRunLauncher(DefaultRunLauncher):
    """Dagster's own launcher, able to say whether a run's process is still there."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(inst_data)
        self._silent_since: dict[str, float] = {}

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Ask the code server that started the run, or look for the process that executes it itself."""
        # Asked first: a run that is tried again inherits the other tag of the one before it.
        client = self._get_grpc_client_for_termination(run.run_id)  # type: ignore[no-untyped-call]
        if client is None:  # nobody launched it: a process executes it itself, or it has ended meanwhile
            process = run.tags.get(PROCESS_TAG) or run.tags.get(_PROCESS_TAG_0_1)
            return _process_health(process) if process else _ALIVE
        try:
            answer = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run.run_id), timeout=30)
        except DagsterUserCodeUnreachableError:
            return self._unreachable(run.run_id)
        self._silent_since.pop(run.run_id, None)
        # One that is being cancelled is not cancellable either, but then its status says so.
        if deserialize_value(answer, CanCancelExecutionResult).can_cancel:
            return _ALIVE
        return CheckRunHealthResult(WorkerStatus.FAILED, "the code server knows no process that executes it")

    def terminate(self, run_id: str) -> bool:
        """Ask the process of a run to end; one that has not begun is cancelled at once.

        Dagster lets such a process leave without a word, takes that for a crash, and tries the run again.
        """
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.status != DagsterRunStatus.STARTING:
            return bool(super().terminate(run_id))  # type: ignore[no-untyped-call]
        # It may begin at this moment: then it ends as soon as it looks for interrupts.
        if client := self._get_grpc_client_for_termination(run_id):  # type: ignore[no-untyped-call]
            client.cancel_execution(CancelExecutionRequest(run_id=run_id))
        self._instance.report_run_canceled(run, "It was cancelled before it began.")
        return True

    def _unreachable(self, run_id: str) -> CheckRunHealthResult:
        # Failed now it would be tried again now, which needs the code server: the second try would be lost.
        now = monotonic()
        if now - self._silent_since.setdefault(run_id, now) < _PATIENCE:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "its code server does not answer, but may yet")
        del self._silent_since[run_id]
        return CheckRunHealthResult(WorkerStatus.FAILED, "the code server that started it is gone")


def _process_health(status: str) -> CheckRunHealthResult:
    import psutil  # noqa: PLC0415 - as above

    host, pid, started = status.rsplit(" ", 2)
    if host != socket.gethostname():
        return _ALIVE
    try:
        process = psutil.Process(int(pid))
        # A number may be a stranger's by now.
        if process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - float(started)) < 1:
            return _ALIVE
    except psutil.NoSuchProcess:
        pass
    return CheckRunHealthResult(WorkerStatus.FAILED, f"process {pid}, which executed it, is gone")
