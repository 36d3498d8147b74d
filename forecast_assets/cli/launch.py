"""``forecast-assets cancel|retry``, and how everything that is launched is launched.

Belongs here: putting a run into the queue or executing it, telling how far it is, exit codes.
Does not belong here: what can be launched (``submit``) and the work (``launches``).
"""

import sys
from collections.abc import Mapping
from typing import Annotated

import dagster as dg
import typer

from forecast_assets.cli.console import (
    BROKE,
    DONE,
    SAY,
)
from forecast_assets.cli.home import open_instance
from forecast_assets.cli.interrupts import cancelled_by_key
from forecast_assets.cli.running import QUIET, current
from forecast_assets.cli.status import counted
from forecast_assets.dagster_internals import run_factory
from forecast_assets.dagster_internals.run_launcher import process_tags
from forecast_assets.failures import refusals_raised
from forecast_assets.launches import runs
from forecast_assets.launches.jobs import GOOD, OUTCOME, record_id
from forecast_assets.launches.kind import Config, LaunchKind
from forecast_assets.launches.progress import Progress
from forecast_assets.stores.opening import open_stores

RunId = Annotated[str, typer.Argument(help="Run id, as `submit` printed it.")]
Wait = Annotated[bool, typer.Option("--wait", help="Execute here and wait, instead of queueing it.")]


def submit(
    kind: LaunchKind[Config], config: Config, *, wait: bool, tags: Mapping[str, str] | None = None
) -> None:
    """Launch a kind of work that can be done. Raises ``ForecastError`` for what cannot."""
    kind.validate(open_stores(), config)
    launch(kind.job, kind.op, config, wait=wait, tags=tags)


def launch(
    job: str, op: str, config: dg.Config, *, wait: bool, tags: Mapping[str, str] | None = None
) -> None:
    """Launch a job of one op, print the run's id, and leave with the exit code of its outcome."""
    request = config.model_dump(mode="json", exclude_none=True)
    instance = open_instance()
    tags = {**(tags or {}), **(process_tags() if wait else {})}
    # Who waits reads how it ended; the log of the run is in Dagit.
    quiet = {"loggers": QUIET} if wait else {}
    run = run_factory.create(instance, job, {"ops": {op: {"config": request}}, **quiet}, tags=tags)
    _begun(instance, run, wait=wait)


def _begun(instance: dg.DagsterInstance, run: dg.DagsterRun, *, wait: bool) -> None:
    sys.stdout.write(f"{run.run_id}\n")
    sys.stdout.flush()
    if not wait:
        run_factory.queue(instance, run)
        SAY.print(
            f"queued for the daemon of `forecast-assets dev`. See `forecast-assets status {run.run_id}`",
            markup=False,
        )
        return
    raise SystemExit(_executed(instance, run))


def _executed(instance: dg.DagsterInstance, run: dg.DagsterRun) -> int:
    try:
        works_on = current(instance, run.run_id, dict.fromkeys((run.run_id, record_id(run))))
        with refusals_raised(instance, run.run_id), cancelled_by_key(works_on):
            run_factory.execute(instance, run)
        if (record := runs.recorded(open_stores(), run)) is not None:
            SAY.print(
                f"{record.kind} {record.launch_id} {Progress.of(record).status}: {record.what}", markup=False
            )
    except dg.Failure as failure:
        SAY.print(str(failure.description), markup=False)
    ended = instance.get_run_by_id(run.run_id)
    return DONE if ended is not None and ended.tags.get(OUTCOME) in GOOD else BROKE


def cancel(run_id: RunId) -> None:
    """End a run: nothing more is begun, what is in hand is waited for, what is done is kept."""
    row = runs.cancel(open_stores(), open_instance(), run_id)
    if not row.is_over and row.created_at is not None:
        SAY.print(
            f"run {run_id} is not drained yet: {_summed(row)}; it ends as soon as what it computes is done",
            markup=False,
        )
        raise SystemExit(BROKE)
    SAY.print(f"run {run_id} has ended: {_summed(row)}", markup=False)


def _summed(row: Progress) -> str:
    counts = counted(row.progress)
    return f"{row.status}{', ' * bool(counts)}{counts}"


def retry(
    run_id: RunId,
    item: Annotated[
        list[int] | None, typer.Option(help="Id of a failed item of a batch; may be repeated. All if unset.")
    ] = None,
    wait: Wait = False,  # noqa: FBT002
) -> None:
    """Try again what failed, as a new run: failed items on their record, what has no items as a whole."""
    instance = open_instance()
    tags = process_tags() if wait else {}
    _begun(instance, runs.retried(open_stores(), instance, run_id, item, tags=tags), wait=wait)
