"""``forecast-assets submit``: launch what a person launches.

Belongs here: one command per kind of launched work, its options as configuration.
Does not belong here: running it (``launch``) and the work (``launches``).
"""

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from forecast_assets.cli import launch
from forecast_assets.cli.launch import Wait
from forecast_assets.datasets.presets.catalogue import Preset
from forecast_assets.forecasting.core.candidates.catalogue import split
from forecast_assets.launches import retraining
from forecast_assets.launches.batch.config import BatchConfig, Operation, ScopeKind
from forecast_assets.launches.batch.request import checked
from forecast_assets.launches.candidate_sets import MatrixName
from forecast_assets.launches.comparison import config as comparison
from forecast_assets.launches.comparison.config import CompareConfig
from forecast_assets.launches.pipeline import config as pipelines
from forecast_assets.launches.pipeline.config import Mode, PipelineConfig, SweepName
from forecast_assets.launches.retraining import RetrainConfig
from forecast_assets.launches.showcase import config as showcases
from forecast_assets.launches.showcase.config import Preservation, ShowcaseConfig
from forecast_assets.stores.resource import open_stores

app = typer.Typer(help="Launch work; prints the run id.", no_args_is_help=True)
Dataset = Annotated[str, typer.Argument(help="Dataset to work on.")]
ScopeOption = Annotated[ScopeKind, typer.Option(help="Which series.")]
Stores = Annotated[str | None, typer.Option(help="Scope manual: store ids, with commas.")]
Products = Annotated[str | None, typer.Option(help="Scope manual: product ids, with commas.")]
Series = Annotated[list[str] | None, typer.Option(help="Scope manual: a series key; may be repeated.")]
Region = Annotated[str | None, typer.Option(help="Scope region: its name.")]
Category = Annotated[str | None, typer.Option(help="Scope category: its name.")]
TopN = Annotated[int | None, typer.Option(min=1, max=1000, help="Scope top_revenue: how many.")]
Candidates = Annotated[str | None, typer.Option(help="Candidates, with commas; the dataset's if unset.")]
Horizon = Annotated[int | None, typer.Option(min=1, max=90, help="Days forecast from each cutoff.")]
Folds = Annotated[int | None, typer.Option(min=2, max=20, help="Cutoffs, the newest one horizon ago.")]
StartDay = Annotated[str | None, typer.Option(help="Read no sales before this day.")]
EndDay = Annotated[str | None, typer.Option(help="Read no sales after this day.")]


def given(**options: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever an option holds
    """The options that were given; comma lists of candidates are split."""
    known = {name: value for name, value in options.items() if value is not None}
    if "candidates" in known:
        known["candidates"] = split(known["candidates"])
    return known


def scoped(
    dataset: str,
    scope: ScopeKind,
    *,
    stores: str | None,
    products: str | None,
    series: list[str] | None,
    **selectors: Any,  # noqa: ANN401 - region, category, top_n
) -> Mapping[str, Any]:
    """The fields of a scope."""
    lists = {"stores": stores, "products": products}
    pairs = {name: [part.strip() for part in text.split(",")] for name, text in lists.items() if text}
    return given(dataset=dataset, scope=scope, series=series, **pairs, **selectors)


@app.command()
def batch(  # noqa: PLR0917 - one parameter per option
    dataset: Dataset,
    scope: ScopeOption = ScopeKind.all,
    stores: Stores = None,
    products: Products = None,
    series: Series = None,
    region: Region = None,
    category: Category = None,
    top_n: TopN = None,
    operation: Annotated[Operation, typer.Option(help="What is done with every item.")] = Operation.backtest,
    candidates: Candidates = None,
    matrix: Annotated[MatrixName | None, typer.Option(help="Candidates by name instead of a list.")] = None,
    horizon: Horizon = None,
    folds: Folds = None,
    start_day: StartDay = None,
    end_day: EndDay = None,
    max_parallel: Annotated[int, typer.Option(min=1, max=64, help="Groups of items at once.")] = 4,
    priority: Annotated[
        int, typer.Option(min=-1, max=2, help="-1 low, 0 normal, 1 high, 2 urgent; of its run as well.")
    ] = 0,
    wait: Wait = False,  # noqa: FBT002
) -> None:
    """Score many candidates of many series at once."""
    chosen = scoped(
        dataset,
        scope,
        stores=stores,
        products=products,
        series=series,
        region=region,
        category=category,
        top_n=top_n,
    )
    config = BatchConfig(
        **chosen,
        **given(
            operation=operation,
            candidates=candidates,
            matrix=matrix,
            horizon=horizon,
            n_splits=folds,
            start_day=start_day,
            end_day=end_day,
        ),
        max_parallel=max_parallel,
        default_child_priority=priority,
    )
    checked(open_stores(), config)
    tags = {"dagster/priority": str(priority)}
    launch.launch("batch", "work_off_batch", config, wait=wait, tags=tags)


@app.command()
def compare(  # noqa: PLR0917 - one parameter per option
    series: Annotated[str, typer.Argument(help="Series key DATASET__STORE__PRODUCT.")],
    candidates: Candidates = None,
    horizon: Horizon = None,
    folds: Folds = None,
    start_day: StartDay = None,
    end_day: EndDay = None,
    max_parallel: Annotated[int, typer.Option(min=1, max=64, help="Candidates at once.")] = 4,
    wait: Wait = False,  # noqa: FBT002
) -> None:
    """Compare candidates on one series."""
    asked = given(
        candidates=candidates, horizon=horizon, n_splits=folds, start_day=start_day, end_day=end_day
    )
    config = CompareConfig(series=series, max_parallel=max_parallel, **asked)
    comparison.checked(open_stores(), config)
    launch.launch("compare_candidates", "compare", config, wait=wait)


@app.command()
def pipeline(  # noqa: PLR0917 - one parameter per option
    dataset: Dataset,
    requested_by: Annotated[str, typer.Option(help="Who asks; budgets are counted by it.")],
    scope: ScopeOption = ScopeKind.all,
    stores: Stores = None,
    products: Products = None,
    series: Series = None,
    region: Region = None,
    category: Category = None,
    top_n: TopN = None,
    mode: Annotated[Mode, typer.Option(help="How much is decided by you.")] = Mode.simple,
    sweep: Annotated[SweepName | None, typer.Option(help="Preset of candidates and guardrails.")] = None,
    grid: Annotated[
        list[str] | None, typer.Option(help="Advanced: a candidate, alternatives with |; may be repeated.")
    ] = None,
    most_series: Annotated[int, typer.Option(min=1, help="Only the first series of the scope.")] = 20,
    minimum_sample_size: Annotated[int | None, typer.Option(min=0, help="Advanced: scored days.")] = None,
    minimum_skill: Annotated[float | None, typer.Option(help="Advanced: percent of WAPE.")] = None,
    maximum_relative_bias: Annotated[float | None, typer.Option(min=0, help="Advanced: percent.")] = None,
    horizon: Horizon = None,
    folds: Folds = None,
    start_day: StartDay = None,
    end_day: EndDay = None,
    dry_run: Annotated[  # noqa: FBT002
        bool, typer.Option("--dry-run/--no-dry-run", help="Only say what it would do.")
    ] = True,
    wait: Wait = False,  # noqa: FBT002
) -> None:
    """Sweep candidates over a scope and train the best one if it is good enough; publishes nothing."""
    chosen = scoped(
        dataset,
        scope,
        stores=stores,
        products=products,
        series=series,
        region=region,
        category=category,
        top_n=top_n,
    )
    asked = given(
        sweep=sweep,
        grid=grid,
        minimum_sample_size=minimum_sample_size,
        minimum_skill=minimum_skill,
        maximum_relative_bias=maximum_relative_bias,
        horizon=horizon,
        n_splits=folds,
        start_day=start_day,
        end_day=end_day,
    )
    config = PipelineConfig(
        **chosen, **asked, mode=mode, requested_by=requested_by, most_series=most_series, dry_run=dry_run
    )
    pipelines.checked(open_stores(), config)
    pipelines.check_budget(open_stores(), requested_by)
    launch.launch("model_pipeline", "run_pipeline", config, wait=wait)


@app.command()
def retrain(  # noqa: PLR0917 - one parameter per option
    dataset: Dataset,
    confirm: Annotated[str, typer.Option(help="Type: retrain DATASET")],
    series: Annotated[list[str] | None, typer.Option(help="A series key; may be repeated.")] = None,
    top: Annotated[int, typer.Option(min=0, max=1000, help="So many from the head of the queue.")] = 0,
    requested: Annotated[bool, typer.Option("--requested", help="All that were requested.")] = False,  # noqa: FBT002
    wait: Wait = False,  # noqa: FBT002
) -> None:
    """Train series again: a list, the head of the retraining queue, or what was requested."""
    config = RetrainConfig(
        dataset=dataset, series=series or [], top=top, requested=requested, confirm=confirm
    )
    retraining.chosen(open_stores(), config, dt.datetime.now(dt.UTC).date())
    launch.launch("retrain", "retrain_series", config, wait=wait)


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
    asked = given(
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
        preset=preset, seed=seed, reset=reset, skip_seed=skip_seed, preservation=preservation, **asked
    )
    showcases.checked(config)
    launch.launch("showcase", "run_showcase", config, wait=wait)
