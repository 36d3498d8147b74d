"""``forecast-assets refresh``: what operations know of a dataset, as of now.

Belongs here: which jobs renew it.
Does not belong here: when that happens by itself (``automation.sensors``).
"""

from typing import TYPE_CHECKING, Annotated

import typer

from forecast_assets.cli.console import SAY
from forecast_assets.cli.existing import check_dataset

if TYPE_CHECKING:
    import dagster as dg


def refresh(dataset: Annotated[str, typer.Argument(help="Dataset whose overviews are renewed.")]) -> None:
    """Judge drift, live accuracy and data quality; renew model health, queue and leaderboard."""
    check_dataset(dataset)
    # Seconds of imports that a wrong name should not cost.
    from forecast_assets.cli.home import open_instance

    renew(open_instance(), dataset)
    SAY.print(f"next: forecast-assets export model-health {dataset}", markup=False)


def renew(instance: "dg.DagsterInstance", dataset: str) -> None:
    """Materialize drift, live accuracy, data quality, model health, retraining queue and leaderboard."""
    from forecast_assets.cli.running import execute

    execute(instance, "judge_drift", {"ops": {"judge_dataset": {"config": {"dataset": dataset}}}})
    execute(instance, "watch_dataset", {}, partition_key=dataset)
