"""``forecast-assets submit``: launch what a person launches.

Belongs here: one command per kind of launched work, its options as configuration.
Does not belong here: running it (``launch``) and the work (``launches``).

What can be refused is refused before Dagster is imported.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

import typer
from pydantic import BaseModel

from forecast_assets.cli.console import SAY, WaitOption
from forecast_assets.cli.existing import check_dataset
from forecast_assets.cli.options import takes
from forecast_assets.datasets.presets.catalogue import Preset
from forecast_assets.forecasting.core.candidates.catalogue import split
from forecast_assets.launches import retraining_request
from forecast_assets.launches.batch.config import WHOLE, BatchConfig
from forecast_assets.launches.comparison import config as comparison_config
from forecast_assets.launches.comparison.config import CompareConfig
from forecast_assets.launches.model import Plan
from forecast_assets.launches.pipeline import config as pipeline_config
from forecast_assets.launches.pipeline.config import PipelineConfig
from forecast_assets.launches.retraining_request import RetrainConfig
from forecast_assets.launches.showcase import config as showcase_config
from forecast_assets.launches.showcase.config import Preservation, ShowcaseConfig
from forecast_assets.stores import Stores
from forecast_assets.stores.opening import open_stores

Config = TypeVar("Config", bound=BaseModel)
app = typer.Typer(help="Launch work; prints the run id.", no_args_is_help=True)
Dataset = Annotated[str, typer.Argument(help="Dataset to work on.")]
Horizon = Annotated[int | None, typer.Option(min=1, max=90, help="Periods forecast from each cutoff.")]
Folds = Annotated[int | None, typer.Option(min=2, max=20, help="Cutoffs, the newest one horizon ago.")]


def set_options(**options: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever an option holds
    """The options that were given; comma lists of candidates are split."""
    filled = {name: value for name, value in options.items() if value is not None}
    if "candidates" in filled:
        filled["candidates"] = split(filled["candidates"])
    return filled


@app.command()
@takes(BatchConfig, arguments={"dataset"}, without={"force"}, defaults=WHOLE)
def batch(config: BatchConfig, *, wait: WaitOption = False) -> None:
    """Score many candidates of many series at once."""
    check_dataset(config.dataset)
    from forecast_assets.launches.batch import request as batch_request

    tags = {"dagster/priority": str(config.default_child_priority)}
    _submit("batch", batch_request.validate, config, wait=wait, tags=tags)


@app.command()
@takes(CompareConfig, arguments={"series"}, without={"force"})
def compare(config: CompareConfig, *, wait: WaitOption = False) -> None:
    """Compare candidates on one series."""
    _submit("compare", comparison_config.validate, config, wait=wait)


@app.command()
@takes(PipelineConfig, arguments={"dataset"}, without={"force", "candidates", "policy"}, defaults=WHOLE)
def pipeline(config: PipelineConfig, *, wait: WaitOption = False) -> None:
    """Sweep candidates over a scope and train the best one if it is good enough; publishes nothing."""
    _submit("pipeline", pipeline_config.validate, config, wait=wait)


@app.command()
@takes(RetrainConfig, arguments={"dataset"})
def retrain(config: RetrainConfig, *, wait: WaitOption = False) -> None:
    """Train series again: a list, the head of the retraining queue, or what was requested."""
    _submit("retrain", retraining_request.validate, config, wait=wait)


@app.command()
def showcase(  # noqa: PLR0917 - one parameter per option
    preset: Annotated[Preset, typer.Argument(help="See `forecast-assets dataset presets`.")],
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same sales.")] = 42,
    keep: Annotated[str | None, typer.Option(help="Keep the run as a workspace of this name.")] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Delete its dataset first.")] = False,  # noqa: FBT002
    skip_seed: Annotated[bool, typer.Option("--skip-seed", help="Use the data that are there.")] = False,  # noqa: FBT002
    stores: Annotated[int | None, typer.Option(min=1, max=100, help="Number of stores.")] = None,
    products: Annotated[int | None, typer.Option(min=1, max=500, help="Number of products.")] = None,
    window_days: Annotated[int | None, typer.Option(min=75, max=365, help="Days of sales.")] = None,
    sparsity: Annotated[float | None, typer.Option(min=0, max=0.9, help="Share that never sells.")] = None,
    promotion_intensity: Annotated[float | None, typer.Option(min=0, max=0.5, help="A month.")] = None,
    stockout_intensity: Annotated[float | None, typer.Option(min=0, max=0.5, help="A day.")] = None,
    noise_sigma: Annotated[float | None, typer.Option(min=0, max=0.5, help="Of the noise.")] = None,
    models: Annotated[str | None, typer.Option(help="Candidates, with commas.")] = None,
    horizon: Horizon = None,
    folds: Folds = None,
    store_id: Annotated[str | None, typer.Option(help="Show this pair.")] = None,
    product_id: Annotated[str | None, typer.Option(help="Show this pair.")] = None,
    wait: WaitOption = False,  # noqa: FBT002
) -> None:
    """Show a preset from its sales to forecasts, step by step."""
    request = set_options(
        stores=stores,
        products=products,
        window_days=window_days,
        sparsity=sparsity,
        promotion_intensity=promotion_intensity,
        stockout_intensity=stockout_intensity,
        noise_sigma=noise_sigma,
        models=None if models is None else split(models),
        horizon=horizon,
        n_splits=folds,
        store_id=store_id,
        product_id=product_id,
        workspace_name=keep,
    )
    preservation = Preservation.ephemeral if keep is None else Preservation.keep
    config = ShowcaseConfig(
        preset=preset, seed=seed, reset=reset, skip_seed=skip_seed, preservation=preservation, **request
    )
    _submit("showcase", showcase_config.validate, config, wait=wait)


def _submit(
    kind: str,
    validate: Callable[[Stores, Config], Plan],
    config: Config,
    *,
    wait: bool,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Launch work of the kind that is named so. Raises ``ForecastError`` for what cannot be done."""
    plan = validate(open_stores(), config)
    scope = plan.spec.get("scope")
    if isinstance(scope, Mapping) and "ranked_by" in scope:
        SAY.print(f"the scope is ranked by {scope['ranked_by']}", markup=False)
    from forecast_assets.cli import launch
    from forecast_assets.launches.kinds import KINDS

    launch.launch(KINDS[kind].job, KINDS[kind].op, config, wait=wait, tags=tags)
