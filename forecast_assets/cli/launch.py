"""How everything that is launched is launched.

Belongs here: putting a run into the queue or executing it, and the exit code of its outcome.
Does not belong here: what can be launched (``submit``), its end (``status``), the work (``launches``).
"""

import sys
import uuid
from collections.abc import Callable, Mapping

import dagster as dg
from pydantic import BaseModel

from forecast_assets.cli.console import BROKE, DONE, SAY
from forecast_assets.cli.home import open_instance
from forecast_assets.cli.interrupts import cancelled_by_key
from forecast_assets.cli.running import QUIET, current
from forecast_assets.dagster_internals import run_factory
from forecast_assets.dagster_internals.run_launcher import process_tags
from forecast_assets.failures import refusals_raised
from forecast_assets.launches import runs
from forecast_assets.launches.jobs import GOOD, OUTCOME, record_id
from forecast_assets.launches.progress import Progress
from forecast_assets.stores.opening import open_stores


def launch(
    job: str, op: str, config: BaseModel, *, wait: bool, tags: Mapping[str, str] | None = None
) -> None:
    """Launch a job of one op, print the run's id, and leave with the exit code of its outcome."""
    request = config.model_dump(mode="json", exclude_none=True)
    instance = open_instance()
    tags = {**(tags or {}), **(process_tags() if wait else {})}
    # Who waits reads how it ended; the log of the run is in Dagit.
    quiet = {"loggers": QUIET} if wait else {}

    def create(run_id: str) -> dg.DagsterRun:
        config = {"ops": {op: {"config": request}}, **quiet}
        return run_factory.create(instance, job, config, tags=tags, run_id=run_id)

    begin(instance, create, wait=wait)


def begin(instance: dg.DagsterInstance, create: Callable[[str], dg.DagsterRun], *, wait: bool) -> None:
    """Queue the run that ``create`` puts on the books, or execute it here.

    Prints its id; leaves with the exit code of the outcome of what is executed.
    """
    run_id = str(uuid.uuid4())
    records = [run_id]
    with cancelled_by_key(current(instance, run_id, records)):
        run = create(run_id)
        if (record := record_id(run)) != run_id:
            records.append(record)
        sys.stdout.write(f"{run_id}\n")
        sys.stdout.flush()
        if not wait:
            run_factory.queue(instance, run)
            SAY.print(
                f"queued for the daemon of `forecast-assets dev`. See `forecast-assets status {run_id}`",
                markup=False,
            )
            return
        raise SystemExit(_executed(instance, run))


def _executed(instance: dg.DagsterInstance, run: dg.DagsterRun) -> int:
    try:
        with refusals_raised(instance, run.run_id):
            run_factory.execute(instance, run)
        if (record := runs.recorded(open_stores(), run)) is not None:
            SAY.print(
                f"{record.kind} {record.launch_id} {Progress.of(record).status}: {record.what}", markup=False
            )
    except dg.Failure as failure:
        SAY.print(str(failure.description), markup=False)
    ended = instance.get_run_by_id(run.run_id)
    return DONE if ended is not None and ended.tags.get(OUTCOME) in GOOD else BROKE
