"""``forecast-assets evaluate``: the options of an evaluation.

Belongs here: options and the exit code.
Does not belong here: which runs are needed (``evaluation``).
"""

from typing import Annotated

import typer

from forecast_assets.cli.console import BROKE
from forecast_assets.cli.existing import check_dataset
from forecast_assets.cli.options import takes
from forecast_assets.cli.refusals import SAY
from forecast_assets.datasets import membership
from forecast_assets.datasets.series_names import keys_of
from forecast_assets.evaluation_changes import EvaluationChanges
from forecast_assets.stores import Stores
from forecast_assets.stores.opening import open_stores


@takes(EvaluationChanges, panel="Evaluation")
def evaluate(
    dataset: Annotated[str, typer.Argument(help="Dataset to evaluate.")],
    config: EvaluationChanges,
    series: Annotated[list[str] | None, typer.Option(help="Only this series key; may be repeated.")] = None,
    accept: Annotated[bool, typer.Option("--accept", help="Take sales that were held back.")] = False,  # noqa: FBT002
) -> None:
    """Load a dataset, backtest its changed series, choose their champions and forecast with them."""
    check_dataset(dataset)
    stores = open_stores()
    keys = keys_of(stores, series or ())
    membership.check_dataset(dataset, keys)
    _check_series(stores, dataset, keys)
    # Seconds of imports that a wrong name should not cost, and that nobody should take for a halt.
    with SAY.status(f"{dataset}: starting"):
        from forecast_assets.cli.evaluation import run

    broken = run(dataset, series, config.changes(), force=config.force, accept=accept)
    raise SystemExit(BROKE if broken else 0)


def _check_series(stores: Stores, dataset: str, keys: list[str]) -> None:
    """Raise ``UnknownName`` for series that the dataset has not, unless newer sales may bring them."""
    if set(keys) <= set(membership.series_of(stores, dataset)):
        return
    from forecast_assets.datasets import building, definition

    if building.is_current(definition.load(stores, dataset)):
        membership.check_series(stores, dataset, keys)
