"""``forecast-assets state``: database, lake and registry as a whole.

Belongs here: preparing, backing up, restoring, mending and trimming them from a command line.
Does not belong here: how any of it is done (``stores``).
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from forecast_assets.cli.console import BROKE, SAY, Format, FormOption, View, listing
from forecast_assets.cli.home import find_home, open_instance
from forecast_assets.cli.options import takes
from forecast_assets.datasets import definition
from forecast_assets.errors import SHOWN_OFFENDERS, BadSetting
from forecast_assets.registry import agreement
from forecast_assets.settings import settings
from forecast_assets.stores import backup, restoring, retention, roles
from forecast_assets.stores.database import alone, database_url, during_restore
from forecast_assets.stores.opening import open_lake, open_stores
from forecast_assets.stores.registry import open_registry

app = typer.Typer(help="Prepare, back up, restore, mend and trim all stores.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="Folder of the backup.")]


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
    """Write the whole state into a new folder: rows of all stores, the lake, and their hashes.

    Ends with exit code 1 when the lake has lost files of results, which the backup lacks then too.
    """
    backup.check_empty(folder)
    open_instance()  # Dagster makes its tables
    manifest = backup.back_up(database_url(), open_lake(settings()), folder)
    rows = sum(table.rows for table in manifest.tables)
    SAY.print(
        f"{rows:,} rows, {len(manifest.files):,} files, {_megabytes(manifest.size)} in {folder}", markup=False
    )
    if manifest.mlflow == "server":
        SAY.print("MLflow's server is somebody else's: only its aliases are in the backup", markup=False)
    if lacking := agreement.lacking_files(open_stores()):
        SAY.print(f"the backup lacks what was lost before: {lacking[0]}", markup=False)
        SAY.print("  -> see `forecast-assets doctor`; if the lake was away, back up again once it is there")
        raise SystemExit(BROKE)


@app.command()
def restore(
    folder: Folder,
    yes: Annotated[bool, typer.Option("--yes", help="Really replace what is there.")] = False,  # noqa: FBT002
) -> None:
    """Put a backup in the place of what is there now. Stop the daemon, the web server and all runs first."""
    find_home()
    with during_restore():
        names = definition.names(open_stores())
        if names and not yes:
            raise BadSetting(
                f"restoring replaces all that is known of {', '.join(names)}",
                remedy=f"run `forecast-assets state restore {folder} --yes` if you mean it",
            )
        open_instance()  # Dagster makes its tables
        open_stores().warehouse.dispose()
        manifest = restoring.restore(database_url(), open_lake(settings()), folder.absolute())
        rows = sum(table.rows for table in manifest.tables)
        SAY.print(
            f"restored the state of {manifest.made_at}: {rows:,} rows, {len(manifest.files):,} files, "
            f"aliases of {len(manifest.aliases):,} models",
            markup=False,
        )
        _tell_differences(restoring.differences(database_url(), manifest))


@app.command()
def mend(
    apply: Annotated[bool, typer.Option("--apply", help="Do it; otherwise only tell.")] = False,  # noqa: FBT002
) -> None:
    """Let database, lake and registry agree again after one of them was lost or restored alone."""
    find_home()
    stores, registry = open_stores(), open_registry()
    with alone(database_url()):
        disagreement = agreement.compare(stores, registry)
        for sentence in disagreement.sentences():
            SAY.print(sentence, markup=False)
        if not disagreement.sentences():
            SAY.print("database, lake and registry agree")
            return
        if not apply:
            SAY.print("nothing was changed; add --apply to let them agree")
            raise SystemExit(BROKE)
        agreement.mend(stores, registry, disagreement)
    SAY.print(
        "what is lost is forgotten; to have it again:" if disagreement.next_steps() else "they agree again"
    )
    for step in disagreement.next_steps():
        SAY.print(f"  {step}", markup=False)


@app.command()
@takes(retention.Policy, parameter="policy")
def trim(
    policy: retention.Policy,
    apply: Annotated[bool, typer.Option("--apply", help="Delete it; otherwise only tell.")] = False,  # noqa: FBT002
    form: FormOption = Format.TABLE,
) -> None:
    """Tell which events, runs, records, model versions and files are superseded; --apply deletes them."""
    retained = retention.retain(
        open_stores(),
        lambda run_id: open_instance().delete_run(run_id),  # opened where a run is deleted
        open_registry,
        policy,
        apply=apply,
        now=datetime.now(UTC),
    )
    rows = [{"what": part.what, "count": part.count, "megabytes": part.size / (1 << 20)} for part in retained]
    listing(pl.DataFrame(rows), View(form))
    SAY.print("deleted" if apply else "nothing was deleted; add --apply to delete it")


def _tell_differences(differences: list[str]) -> None:
    """Say where an MLflow server disagrees, and leave with the code of broken series if it does."""
    for line in differences[:SHOWN_OFFENDERS]:
        SAY.print(line, markup=False)
    if differences:
        SAY.print(
            f"MLflow's server differs from the backup for {len(differences):,} models; "
            "nothing of it was changed\n  -> see `forecast-assets doctor`, and `forecast-assets state mend`",
            markup=False,
        )
        raise SystemExit(BROKE)


def _megabytes(size: int) -> str:
    return f"{size / (1 << 20):,.1f} MB"
