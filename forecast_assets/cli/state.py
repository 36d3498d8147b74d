"""``forecast-assets state``: the database and the lake as a whole.

Belongs here: preparing, backing up, restoring and trimming them from a command line.
Does not belong here: how any of it is done (``stores``).
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from forecast_assets.cli.console import SAY, Format, FormOption, View, listing
from forecast_assets.cli.home import find_home, open_instance
from forecast_assets.datasets import definition
from forecast_assets.errors import BadSetting
from forecast_assets.settings import settings
from forecast_assets.stores import backup, retention, roles
from forecast_assets.stores.database import database_url
from forecast_assets.stores.lake import Lake
from forecast_assets.stores.opening import open_stores
from forecast_assets.stores.registry import open_registry

app = typer.Typer(help="Prepare, back up, restore and trim database and lake.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="Folder of the backup.")]
DEFAULTS = retention.Policy()


@app.command()
def prepare(
    role: Annotated[
        str | None, typer.Option(help="Grant this role what services and runs need, and no more.")
    ] = None,
) -> None:
    """Make or upgrade all tables, ours and Dagster's, as the owner of the database."""
    open_instance().upgrade()
    url = database_url()
    if role is not None:
        roles.grant(url, role)
    SAY.print(f"{url.database} is ready" + (f", also for the role {role}" if role else ""), markup=False)


@app.command(name="backup")
def backup_(folder: Folder) -> None:
    """Write the whole state into a new folder: a dump of the database, the lake, and their hashes."""
    find_home()
    made = backup.back_up(database_url(), Lake(settings().lake), folder)
    SAY.print(f"{len(made.files):,} files, {_megabytes(made.size)} in {folder}", markup=False)


@app.command()
def restore(
    folder: Folder,
    yes: Annotated[bool, typer.Option("--yes", help="Really replace what is there.")] = False,  # noqa: FBT002
) -> None:
    """Put a backup in the place of what is there now. Stop the daemon, the web server and all runs first."""
    find_home()
    names = definition.names(open_stores())
    if names and not yes:
        raise BadSetting(
            f"restoring replaces all that is known of {', '.join(names)}",
            remedy=f"run `forecast-assets state restore {folder} --yes` if you mean it",
        )
    open_stores().warehouse.dispose()
    manifest = backup.restore(database_url(), Lake(settings().lake), folder)
    database_url()  # brings an older backup up to date
    SAY.print(f"restored the state of {manifest.made_at}: {len(manifest.files):,} files", markup=False)


@app.command()
def trim(
    days: Annotated[
        int, typer.Option(min=1, max=3650, help="Keep what is superseded so long.")
    ] = DEFAULTS.days,
    snapshots: Annotated[
        int, typer.Option(min=1, max=1000, help="Keep so many of each dataset, however old.")
    ] = DEFAULTS.snapshots,
    grace_hours: Annotated[
        int, typer.Option(min=24, max=8760, help="Keep files that no row refers to so long.")
    ] = DEFAULTS.grace_hours,
    apply: Annotated[bool, typer.Option("--apply", help="Delete it; otherwise only tell.")] = False,  # noqa: FBT002
    form: FormOption = Format.TABLE,
) -> None:
    """Tell which events, runs, records, model versions and files are superseded; --apply deletes them."""
    policy = retention.Policy(days=days, snapshots=snapshots, grace_hours=grace_hours)
    found = retention.retain(
        open_stores(),
        open_instance().delete_run,
        open_registry,
        policy,
        apply=apply,
        now=datetime.now(UTC),
    )
    rows = [{"what": part.what, "count": part.count, "megabytes": part.size / (1 << 20)} for part in found]
    listing(pl.DataFrame(rows), View(form))
    SAY.print("deleted" if apply else "nothing was deleted; add --apply to delete it")


def _megabytes(size: int) -> str:
    return f"{size / (1 << 20):,.1f} MB"
