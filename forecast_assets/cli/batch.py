"""``forecast-assets batch``: what is decided about a batch that was launched.

Belongs here: its champions, and which of its items come first.
Does not belong here: launching one (``submit``), following one (``launch``), deciding (``launches.batch``).
"""

import uuid
from typing import Annotated

import polars as pl
import typer

from forecast_assets.cli.console import SAY, ColumnsOption, Format, FormOption, View, WideOption, listing
from forecast_assets.confirmation import check_confirmation
from forecast_assets.errors import listed
from forecast_assets.launches.batch.picking import Picks, pick
from forecast_assets.launches.batch.priorities import BANDS, reprioritise
from forecast_assets.stores import Stores
from forecast_assets.stores.opening import open_stores
from forecast_assets.stores.registry import open_registry

app = typer.Typer(help="Champions and priorities of a batch.", no_args_is_help=True)
Apply = Annotated[bool, typer.Option("--apply", help="Do it; without, only say what would change.")]
RunId = Annotated[str, typer.Argument(help="Run id of the batch, as `submit batch` printed it.")]


@app.command()
def promote(  # noqa: PLR0917 - one parameter per option
    run_id: RunId,
    minimum_sample_size: Annotated[int, typer.Option(min=0, help="Scored periods a champion needs.")] = 0,
    apply: Apply = False,  # noqa: FBT002
    confirm: Annotated[str, typer.Option(help="To apply: type what the dry run says.")] = "",
    approved_by: Annotated[str, typer.Option(help="To apply: who takes the decision.")] = "",
    form: FormOption = Format.TABLE,
    columns: ColumnsOption = None,
    wide: WideOption = False,  # noqa: FBT002
) -> None:
    """Show the best item of every pair of an ended batch; with --apply mark them as champions."""
    stores = open_stores()
    picks = pick(stores, run_id, minimum_sample_size=minimum_sample_size)
    changed = apply and _mark(stores, picks, confirm, approved_by)
    listing(
        pl.DataFrame(picks.winners, infer_schema_length=None), View(form, columns, wide), "batch-champions"
    )
    counts = ", ".join(f"{count:,} {name}" for name, count in picks.diff.items())
    SAY.print(counts + (f"; without a champion: {listed(picks.unresolved)}" if picks.unresolved else ""))
    if not apply:
        SAY.print(
            f'a dry run: nothing was changed; --apply --confirm "{picks.confirmation}" --approved-by NAME '
            "does it",
            markup=False,
        )
        return
    SAY.print("applied" if changed else "nothing to change")


def _mark(stores: Stores, picks: Picks, confirm: str, approved_by: str) -> bool:
    check_confirmation(confirm, picks.confirmation)
    from forecast_assets.launches.batch import champions

    return champions.apply(
        stores, open_registry, picks, confirm=confirm, by=approved_by, run_id=str(uuid.uuid4())
    )


@app.command()
def prioritise(
    run_id: RunId,
    priority: Annotated[int, typer.Option(min=-1, max=2, help="-1 low, 0 normal, 1 high, 2 urgent.")],
    item: Annotated[
        list[int] | None, typer.Option(help="Id of a waiting item; may be repeated. All if unset.")
    ] = None,
    requested_by: Annotated[str, typer.Option(help="Who asks for it, for the record of every item.")] = "",
) -> None:
    """Let waiting items of a batch come earlier or later; running ones go on."""
    changed = reprioritise(open_stores(), run_id, priority, items=item, by=requested_by)
    SAY.print(f"{changed:,} items are {BANDS[priority]} now")
