"""``forecast-assets report``: a page for planners who never open Dagit.

Belongs here: options, and where the page is written.
Does not belong here: what it shows (``reports``).
"""

from pathlib import Path
from typing import Annotated

import typer

from forecast_assets.cli.console import SAY, check_folder, writing
from forecast_assets.cli.existing import check_dataset


def report(
    dataset: Annotated[str, typer.Argument(help="Dataset to report.")],
    series: Annotated[
        list[str] | None, typer.Option(help="Plots of this series key instead of the worst; may be repeated.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="File to write; DATASET-report.html if unset.")] = None,
) -> None:
    """Write one HTML page with plots and tables that opens anywhere, without a server or a network."""
    check_dataset(dataset)
    target = output or Path(f"{dataset}-report.html")
    check_folder(target)
    from forecast_assets.reports.page import page
    from forecast_assets.reports.page_data import collect
    from forecast_assets.stores.opening import open_stores

    data = collect(open_stores(), dataset, series)
    with writing(target):
        target.write_text(page(f"Forecasts of {dataset}", data), encoding="utf-8")
    SAY.print(
        f"{len(data['series']['rows']):,} series, {len(data['plots']):,} with plots, in {target}",
        markup=False,
    )
