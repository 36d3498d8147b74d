"""``forecast-assets evaluate``: the options of an evaluation.

Belongs here: options and the exit code.
Does not belong here: which runs are needed (``evaluation``).
"""

from typing import Annotated

import typer

from forecast_assets.cli.console import BROKE
from forecast_assets.cli.options import takes
from forecast_assets.cli.progress import steps_shown
from forecast_assets.datasets import definition, membership
from forecast_assets.datasets.series_names import keys_of
from forecast_assets.evaluation_changes import EvaluationChanges
from forecast_assets.evaluation_settings import revised
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
    stores = open_stores()
    loaded = definition.load(stores, dataset)
    keys = keys_of(stores, series or ())
    membership.check_dataset(dataset, keys)
    _check_series(stores, loaded, keys)
    changes = config.changes()
    revised(loaded.options.evaluation, changes)
    with steps_shown(dataset, len(keys) or loaded.series_count):
        # Seconds of imports that a wrong name should not cost, and that nobody should take for a halt.
        from forecast_assets.cli.evaluation import run

        broken = run(dataset, series, changes, force=config.force, accept=accept)
    raise SystemExit(BROKE if broken else 0)


def _check_series(stores: Stores, dataset: definition.Dataset, keys: list[str]) -> None:
    """Raise ``UnknownName`` for series that the dataset has not, unless newer sales may bring them."""
    if set(keys) <= set(membership.series_of(stores, dataset.name)):
        return
    from forecast_assets.datasets import building

    if building.is_current(dataset):
        membership.check_series(stores, dataset.name, keys)
