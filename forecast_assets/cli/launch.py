"""``forecast-assets status|cancel|retry``, and how everything that is launched is launched.

Belongs here: putting a run into the queue or executing it, telling how far it is, exit codes.
Does not belong here: what can be launched (``submit``) and the work (``launches``).
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any

import dagster as dg
import polars as pl
import typer

from forecast_assets.cli.console import (
    BROKE,
    DONE,
    SAY,
    ColumnsOption,
    Format,
    FormOption,
    View,
    WideOption,
    listing,
)
from forecast_assets.cli.home import open_instance
from forecast_assets.cli.interrupts import cancelled_by_key
from forecast_assets.cli.running import current
from forecast_assets.dagster_internals import run_factory
from forecast_assets.dagster_internals.run_launcher import process_tags
from forecast_assets.failures import refusals_raised
from forecast_assets.launches import runs
from forecast_assets.launches.jobs import GOOD, OUTCOME
from forecast_assets.launches.kind import Config, LaunchKind
from forecast_assets.launches.runs import Progress
from forecast_assets.stores.opening import open_stores

# The database gives the keys back in an order of its own.
_STATES = ("completed", "failed", "cancelled", "running", "pending")
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
    run = run_factory.create(instance, job, {"ops": {op: {"config": request}}}, tags=tags)
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
        with refusals_raised(instance, run.run_id), cancelled_by_key(current(instance, run.run_id)):
            run_factory.execute(instance, run)
    except dg.Failure as failure:
        SAY.print(str(failure.description), markup=False)
    ended = instance.get_run_by_id(run.run_id)
    return DONE if ended is not None and ended.tags.get(OUTCOME) in GOOD else BROKE


def status(
    run_id: Annotated[str | None, typer.Argument(help="One run; the newest ones if left out.")] = None,
    sort: Annotated[
        str, typer.Option(help="created_at, completed_at, status or priority; else the newest first.")
    ] = "created_at",
    form: FormOption = Format.TABLE,
    columns: ColumnsOption = None,
    wide: WideOption = False,  # noqa: FBT002
) -> None:
    """Tell how far launched runs are: the newest ones, or one of them."""
    stores = open_stores()
    if run_id is None:
        rows = runs.newest(stores, sort=sort)
    else:
        _, row = runs.find(stores, open_instance(), run_id)
        rows = [row]
        _next_steps(row)
    listing(_frame(rows, form), View(form, columns, wide), "launches")


def _frame(rows: list[Progress], form: Format) -> pl.DataFrame:
    """Rows of different kinds: what each counts stays its own, or becomes what a person reads."""
    plain = [column.name for column in fields(Progress) if column.name != "progress"]
    frame = pl.DataFrame(
        [{name: getattr(row, name) for name in plain} for row in rows],
        schema=None if rows else plain,
        infer_schema_length=None,
    )
    counts = [row.progress for row in rows]
    if form is Format.JSON:
        return frame.with_columns(pl.Series("progress", counts, dtype=pl.Object))
    progress = pl.Series("progress", [_progress(one) for one in counts], pl.String)
    return frame.insert_column(plain.index("what"), progress)


def _next_steps(row: Progress) -> None:
    for step in (row.progress or {}).get("next_steps", ()):
        SAY.print(f"next: {step}", markup=False)


def _progress(counts: Mapping[str, Any] | None) -> str:
    if not counts:
        return ""
    if "total" not in counts:
        numbers = {name: value for name, value in counts.items() if not isinstance(value, list)}
        return ", ".join(f"{name.replace('_', ' ')}: {json.dumps(value)}" for name, value in numbers.items())
    parts = ", ".join(f"{counts[name]:,} {name}" for name in _STATES if counts.get(name))
    return f"{parts or 'none'} of {counts['total']:,}"


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
    counts = _progress(row.progress)
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
