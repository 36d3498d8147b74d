"""``forecast-assets submit``: launch what a person launches.

Belongs here: one command per kind of launched work, its options as configuration.
Does not belong here: running it (``launch``) and the work (``launches``).
"""

from typing import Annotated, Any

import typer

from forecast_assets.cli import launch
from forecast_assets.cli.launch import Wait
from forecast_assets.cli.options import takes
from forecast_assets.datasets.presets.catalogue import Preset
from forecast_assets.forecasting.core.candidates.catalogue import split
from forecast_assets.launches.batch.config import BatchConfig, ScopeKind
from forecast_assets.launches.batch.run import BATCH
from forecast_assets.launches.comparison.config import CompareConfig
from forecast_assets.launches.comparison.run import COMPARISON
from forecast_assets.launches.pipeline.config import PipelineConfig
from forecast_assets.launches.pipeline.run import PIPELINE
from forecast_assets.launches.retraining import RETRAINING, RetrainConfig
from forecast_assets.launches.showcase.config import Preservation, ShowcaseConfig
from forecast_assets.launches.showcase.run import SHOWCASE

app = typer.Typer(help="Launch work; prints the run id.", no_args_is_help=True)
# A scope that nobody chose is every series of the dataset.
WHOLE = {"scope": ScopeKind.all}
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
def batch(config: BatchConfig, *, wait: Wait = False) -> None:
    """Score many candidates of many series at once."""
    tags = {"dagster/priority": str(config.default_child_priority)}
    launch.submit(BATCH, config, wait=wait, tags=tags)


@app.command()
@takes(CompareConfig, arguments={"series"}, without={"force"})
def compare(config: CompareConfig, *, wait: Wait = False) -> None:
    """Compare candidates on one series."""
    launch.submit(COMPARISON, config, wait=wait)


@app.command()
@takes(PipelineConfig, arguments={"dataset"}, without={"force", "candidates", "policy"}, defaults=WHOLE)
def pipeline(config: PipelineConfig, *, wait: Wait = False) -> None:
    """Sweep candidates over a scope and train the best one if it is good enough; publishes nothing."""
    launch.submit(PIPELINE, config, wait=wait)


@app.command()
@takes(RetrainConfig, arguments={"dataset"})
def retrain(config: RetrainConfig, *, wait: Wait = False) -> None:
    """Train series again: a list, the head of the retraining queue, or what was requested."""
    launch.submit(RETRAINING, config, wait=wait)


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
    wait: Wait = False,  # noqa: FBT002
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
    launch.submit(SHOWCASE, config, wait=wait)
