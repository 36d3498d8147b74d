"""``forecast-assets status|cancel|retry``: what becomes of launched work.

Belongs here: the listing and its words, ending a run and trying it again.
Does not belong here: launching (``launch``) and the work (``launches``).
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any

import polars as pl
import typer

from forecast_assets.cli.console import (
    BROKE,
    SAY,
    ColumnsOption,
    Format,
    FormOption,
    View,
    WaitOption,
    WideOption,
    listing,
)
from forecast_assets.cli.home import open_instance
from forecast_assets.errors import Outage
from forecast_assets.launches.progress import Progress, check_run, from_rows, newest, over
from forecast_assets.launches.retries import check_retry
from forecast_assets.stores import Stores
from forecast_assets.stores.opening import open_stores

if TYPE_CHECKING:
    import dagster as dg

RunId = Annotated[str, typer.Argument(help="Run id, as `submit` printed it.")]
# The database gives the keys back in an order of its own.
_STATES = ("completed", "failed", "cancelled", "running", "pending")


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
        rows = newest(stores, sort=sort)
        _say_gone(stores)
    else:
        rows = [from_rows(stores, run_id) or _settled(stores, run_id)]
        _next_steps(rows[0])
    listing(_frame(rows, form), View(form, columns, wide), "launches")


def _say_gone(stores: Stores) -> None:
    """Tell of live models that somebody deleted in MLflow, where it answers."""
    from forecast_assets.registry import gone
    from forecast_assets.stores.registry import open_registry

    try:
        lost = gone.gone(stores, open_registry)
    except Outage as outage:
        SAY.print(f"what is live in MLflow is not known: {outage.problem}", markup=False)
        return
    for sentence in gone.sentences(lost):
        SAY.print(sentence, markup=False)


def _settled(stores: Stores, run_id: str) -> Progress:
    from forecast_assets.launches import runs  # seconds of imports that a listing should not cost

    return runs.find(stores, open_instance(), run_id)[1]


def cancel(run_id: RunId) -> None:
    """End a run: nothing more is begun, what is being computed is waited for, what is done is kept."""
    stores = open_stores()
    launch = check_run(stores, run_id)
    if launch is not None and launch.is_over:
        raise over(run_id, Progress.of(launch).status)
    from forecast_assets.launches import runs

    row = runs.cancel(stores, open_instance(), run_id)
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
    wait: WaitOption = False,  # noqa: FBT002
) -> None:
    """Try again what failed, as a new run: failed items on their record, what has no items as a whole."""
    stores = open_stores()
    launch = check_run(stores, run_id)
    if launch is not None and launch.is_over:
        check_retry(launch.kind, stores, run_id, item)
    from forecast_assets.cli.launch import begin
    from forecast_assets.dagster_internals.run_launcher import process_tags
    from forecast_assets.launches import runs

    instance = open_instance()
    tags = process_tags() if wait else {}

    def create(new_id: str) -> "dg.DagsterRun":
        return runs.retried(stores, instance, run_id, item, tags=tags, new_id=new_id)

    begin(instance, create, wait=wait)


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
    progress = pl.Series("progress", [counted(one) for one in counts], pl.String)
    return frame.insert_column(plain.index("what"), progress)


def _next_steps(row: Progress) -> None:
    for step in (row.progress or {}).get("next_steps", ()):
        SAY.print(f"next: {step}", markup=False)


def counted(counts: Mapping[str, Any] | None) -> str:
    """Return the counts of a launch in words; nothing for none."""
    if not counts:
        return ""
    if "total" not in counts:
        numbers = {name: value for name, value in counts.items() if not isinstance(value, list)}
        return ", ".join(f"{name.replace('_', ' ')}: {json.dumps(value)}" for name, value in numbers.items())
    parts = ", ".join(f"{counts[name]:,} {name}" for name in _STATES if counts.get(name))
    return f"{parts or 'none'} of {counts['total']:,}"
