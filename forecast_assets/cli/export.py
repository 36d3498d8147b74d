"""``forecast-assets export``: results for other programs.

Belongs here: naming what can be exported.
Does not belong here: formats (``reporting.export``) and questions (``sql/queries``).
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from forecast_assets.cli.console import SAY, Format, listing, save
from forecast_assets.datasets import definition
from forecast_assets.errors import BadSetting
from forecast_assets.stores.resource import open_stores


class Report(StrEnum):
    """What can be exported of a dataset."""

    AVAILABILITY = "availability"
    LEADERBOARD = "leaderboard"
    CHAMPIONS = "champions"


class ExportFormat(StrEnum):
    """A listing, or Parquet into a file."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


def export(
    what: Annotated[Report, typer.Argument(help="What to export.")],
    dataset: Annotated[str, typer.Argument(help="Of which dataset.")],
    form: Annotated[
        ExportFormat | None, typer.Option("--format", help="By the file's ending if unset.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="File to write; stdout if unset.")] = None,
) -> None:
    """Print or save the availability, the leaderboard or the champions of a dataset."""
    stores = open_stores()
    definition.load(stores, dataset)
    values = {} if what is Report.AVAILABILITY else {"series": None}
    frame = stores.warehouse.frame(what.value, dataset=dataset, **values)
    if output is None:
        if form is ExportFormat.PARQUET:
            raise BadSetting("Parquet is not text", remedy="give --output FILE.parquet")
        listing(frame, Format(form.value) if form else Format.TABLE)
        return
    chosen = form.value if form else output.suffix.removeprefix(".")
    if chosen not in {"csv", "json", "parquet"}:
        raise BadSetting(
            f"no format for {output.name!r}",
            remedy="end the file in .csv, .json or .parquet, or give --format",
        )
    save(frame, output, chosen)
    SAY.print(f"{len(frame):,} rows in {output}")
