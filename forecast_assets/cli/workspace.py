"""``forecast-assets workspace``: kept showcases.

Belongs here: listing, showing, restoring, replaying and tidying up.
Does not belong here: records (``launches.showcase.workspaces``).
"""

import json
import sys
from typing import Annotated, Any

import polars as pl
import typer

from forecast_assets.cli.console import (
    SAY,
    ColumnsOption,
    Format,
    FormOption,
    View,
    WaitOption,
    WideOption,
    listing,
)
from forecast_assets.errors import BadSetting
from forecast_assets.launches.showcase import references, workspaces
from forecast_assets.stores.opening import open_stores
from forecast_assets.stores.registry import open_registry

app = typer.Typer(help="Kept showcases.", no_args_is_help=True)
Handle = Annotated[str, typer.Argument(help="Workspace id, or the run id of its showcase.")]
Yes = Annotated[bool, typer.Option("--yes", help="Really do it.")]
_PARTS = ("config", "created_objects", "result_summary", "pinned", "notes", "tags")


@app.command(name="list")
def list_(  # noqa: PLR0917 - one parameter per option
    name: Annotated[str, typer.Option(help="Only names that hold this.")] = "",
    tag: Annotated[list[str] | None, typer.Option(help="Only with this tag; may be repeated.")] = None,
    archived: Annotated[bool, typer.Option("--archived", help="Archived ones, too.")] = False,  # noqa: FBT002
    sort: Annotated[str, typer.Option(help="created_at, name, seed or status.")] = "created_at",
    form: FormOption = Format.TABLE,
    columns: ColumnsOption = None,
    wide: WideOption = False,  # noqa: FBT002
) -> None:
    """Print the kept showcases, pinned ones first."""
    stores = open_stores()
    kept = workspaces.listed(stores, name=name, tags=tag or (), archived=archived, sort=sort)
    listing(kept, View(form, columns, wide), "workspaces")


@app.command()
def show(workspace: Handle, form: FormOption = Format.TABLE) -> None:
    """Print the steps of a kept showcase, or with json everything that is on record."""
    stores = open_stores()
    row = workspaces.read(stores, workspace)
    if form is Format.JSON:
        listing(pl.DataFrame([row], infer_schema_length=None), View(form))
        return
    listing(pl.DataFrame(row["steps"], infer_schema_length=None), View(form))
    for part, value in row.items():
        if part in _PARTS and value:
            SAY.print(f"{part}: {json.dumps(value, default=str)}", markup=False)
    for link in references.links(stores, workspace, open_registry):
        SAY.print(f"{link['state']}: {link['kind']} {link['reference']}", markup=False)
    for before in references.lineage(stores, workspace)[1:]:
        SAY.print(f"repeats {before['workspace_id']} ({before['name']}, {before['status']})", markup=False)


@app.command()
def restore(workspace: Handle) -> None:
    """Print the launch configuration that reproduces a kept showcase; runs and writes nothing."""
    config = workspaces.run_config(open_stores(), workspace)
    sys.stdout.write(json.dumps(config, indent=1, sort_keys=True) + "\n")


@app.command()
def replay(workspace: Handle, yes: Yes = False, wait: WaitOption = False) -> None:  # noqa: FBT002
    """Run a kept showcase again, as a new one; its recorded configuration is sent as it is."""
    stores = open_stores()
    recorded: Any = workspaces.read(stores, workspace)["config"]
    config = workspaces.replayed(stores, workspace)
    differing = workspaces.difference(recorded, config.recorded())
    SAY.print("\n".join(differing) or "sent is what was recorded", markup=False)
    if not yes:
        warned = " and deletes its dataset first" if config.reset else ""
        raise BadSetting(
            f"a replay runs the showcase again{warned}", remedy="say --yes if that is what you want"
        )
    from forecast_assets.cli import launch

    launch.launch("showcase", "run_showcase", config, wait=wait)


@app.command()
def compare(first: Handle, second: Handle) -> None:
    """Print what differs between two kept showcases."""
    lines = workspaces.compared(open_stores(), first, second)
    sys.stdout.write("\n".join(lines or ["nothing differs"]) + "\n")


@app.command()
def archive(
    workspace: Handle,
    undo: Annotated[bool, typer.Option("--undo", help="Take it out of the archive.")] = False,  # noqa: FBT002
) -> None:
    """Leave a kept showcase out of the list."""
    workspaces.change(open_stores(), workspace, archived=not undo)
    SAY.print(f"{'unarchived' if undo else 'archived'} {workspace}", markup=False)


@app.command()
def pin(
    workspace: Handle,
    undo: Annotated[bool, typer.Option("--undo", help="Take the pin away.")] = False,  # noqa: FBT002
) -> None:
    """List a kept showcase before all others."""
    workspaces.change(open_stores(), workspace, pinned=not undo)
    SAY.print(f"{'unpinned' if undo else 'pinned'} {workspace}", markup=False)


@app.command()
def annotate(
    workspace: Handle,
    notes: Annotated[str | None, typer.Option(help="Notes, in place of those before.")] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="A tag, in place of those before; may be repeated.")
    ] = None,
) -> None:
    """Write notes and tags on a kept showcase."""
    if notes is None and tag is None:
        raise BadSetting("there is nothing to write", remedy="give --notes or --tag")
    workspaces.change(open_stores(), workspace, notes=notes, tags=tag)
    SAY.print(f"annotated {workspace}", markup=False)


@app.command()
def delete(workspace: Handle, yes: Yes = False) -> None:  # noqa: FBT002
    """Forget the record of a kept showcase; what its run made stays."""
    stores = open_stores()
    workspaces.read(stores, workspace)
    if not yes:
        raise BadSetting(f"workspace {workspace} would be forgotten", remedy="say --yes if you mean it")
    workspaces.delete(stores, workspace)
    SAY.print(f"deleted {workspace}", markup=False)
