"""``forecast-assets dataset``: add, list, show and remove datasets.

Belongs here: turning options into a source, and telling what is stored.
Does not belong here: reading sales (``datasets``).
"""

import shlex
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from forecast_assets.cli.change import change
from forecast_assets.cli.console import (
    SAY,
    ColumnsOption,
    Format,
    FormOption,
    View,
    WideOption,
    listing,
    summary_text,
)
from forecast_assets.cli.existing import check_dataset
from forecast_assets.cli.home import find_home, open_instance
from forecast_assets.cli.option_groups import grouped, typed, typed_options
from forecast_assets.cli.options import takes
from forecast_assets.cli.preset_options import PresetOptions, preset_source
from forecast_assets.cli.source_options import (
    ColumnOptions,
    FurtherOptions,
    PlaceOptions,
    WritingOptions,
    file_source,
    refuse_change_column,
    sql_source,
)
from forecast_assets.datasets import definition
from forecast_assets.datasets.definition import DatasetOptions
from forecast_assets.datasets.membership import series_of
from forecast_assets.datasets.presets.catalogue import Preset, card
from forecast_assets.datasets.sources import Source
from forecast_assets.errors import BadSetting
from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.keys import check_id
from forecast_assets.order_settings import OrderSettings
from forecast_assets.rendering.numbers import plural
from forecast_assets.settings import settings
from forecast_assets.stores.arrow import leave_pandas_out
from forecast_assets.stores.opening import open_stores, open_warehouse

if TYPE_CHECKING:
    from forecast_assets.datasets.profiles import SourceProfile
from forecast_assets.stores.rows.datasets import AvailabilityStatesRow, DatasetsRow

app = typer.Typer(help="Where sales come from.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of the dataset: the first part of every series key.")]

_SAMPLE = Path(__file__).parents[1] / "data" / "shop" / "sales.csv"
_ELSEWHERE = {"evaluation", "inventory", "orders", "plan_days", "store_holidays"}


@app.command()
@takes(
    DatasetOptions,
    parameter="options",
    without=_ELSEWHERE,
    panel="Dataset",
)
@takes(EvaluationSettings, parameter="evaluation", panel="Evaluation")
@takes(OrderSettings, parameter="orders", panel="Orders")
@grouped
def add(  # noqa: PLR0917 - one parameter per group of options
    name: Name,
    options: DatasetOptions,
    evaluation: EvaluationSettings,
    orders: OrderSettings,
    place: PlaceOptions,
    columns: ColumnOptions,
    writing: WritingOptions,
    generated: PresetOptions,
    further: FurtherOptions,
    file: Annotated[str | None, typer.Argument(help="The same as --path.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Confirm columns that are guessed.")] = False,  # noqa: FBT002
    map_ids: Annotated[bool, typer.Option("--map-ids", help="Of no effect: any text is an id.")] = False,  # noqa: FBT002, ARG001
) -> None:
    """Check the sales of a source and remember it as a dataset; bad sales are refused."""
    check_id("dataset name", name)
    columns = columns.with_static(options.holidays_column)
    if file is not None:
        if place.path is not None:
            raise BadSetting(
                f"a dataset has one source, not {file} and --path {place.path}",
                remedy="give the file once; 'dir/*.csv' in quotes is a pattern of files",
            )
        place = replace(place, path=file)
    source, profile = _source(place, columns, writing, generated, by_period=options.aggregate is not None)
    if profile is not None and not yes:
        profile.confirm()
    create(name, source, further.complete(options, evaluation, orders), profile)


def create(
    name: str, source: Source, options: DatasetOptions, profile: "SourceProfile | None" = None
) -> None:
    """Check all sales of ``source``, store the dataset, give it a partition and sum it up."""
    from forecast_assets.datasets import building, checking
    from forecast_assets.days import today

    find_home()
    dagster = cache(open_instance)  # sales that are refused should not cost seconds of imports
    if not settings().home.exists():
        # The server of a new home is made while Dagster is imported.
        with ThreadPoolExecutor(1) as beside:
            opening = beside.submit(open_warehouse)
            dagster()
            opening.result()
    stores = open_stores()
    snapshot = building.add_dataset(stores, name, source, options, today(), ready=dagster).snapshot
    dagster().add_dynamic_partitions("datasets", [name])
    if warning := source.warning():
        SAY.print(f"warning: {warning}", markup=False)
    SAY.print(
        f"added {name}: {snapshot.row_count:,} rows, {snapshot.series_count:,} series in "
        f"{plural(snapshot.store_count, 'store')}, {snapshot.first_day} to {snapshot.last_day}"
    )
    lines = checking.sum_up(stores.lake, definition.load(stores, name), snapshot, today(), profile)
    SAY.print(summary_text(lines), markup=False, end="", soft_wrap=True)
    SAY.print(f"next: forecast-assets evaluate {name}", markup=False)


@app.command()
@takes(DatasetOptions, parameter="options", without=_ELSEWHERE, panel="Dataset")
@grouped
def check(  # noqa: PLR0917 - one parameter per group of options
    path: Annotated[str, typer.Argument(help="A file, a folder, a pattern or a URL.")],
    options: DatasetOptions,
    columns: ColumnOptions,
    writing: WritingOptions,
    further: FurtherOptions,
    form: FormOption = Format.TABLE,
) -> None:
    """Read sales as `dataset add` does and sum them up; nothing is stored."""
    from forecast_assets.datasets import checking
    from forecast_assets.days import today

    columns = columns.with_static(options.holidays_column)
    from forecast_assets.datasets import profiles

    profile = profiles.profile(file_source(path, writing), columns.declared())
    settled = further.complete(options, EvaluationSettings(), OrderSettings())
    lines = checking.check_source(profile.source, settled, today(), profile)
    if form is Format.TABLE:
        sys.stdout.write(summary_text(lines))
    else:
        listing(pl.DataFrame(lines, schema=["what", "found"], orient="row"), View(form))
    arguments = f"--path {shlex.quote(path)}{profile.options()}{typed(columns)}{typed(writing)}"
    arguments += typed_options(options.model_dump(mode="json", exclude_defaults=True)) + typed(further)
    SAY.print(f"next: forecast-assets dataset add NAME {arguments}", markup=False)


def _source(
    place: PlaceOptions,
    columns: ColumnOptions,
    writing: WritingOptions,
    generated: PresetOptions,
    *,
    by_period: bool,
) -> "tuple[Source, SourceProfile | None]":
    """The one source that was named, and what a look into its files told."""
    others = [*asdict(place).values(), *columns.declared(), *writing.files()]
    if generated.named():
        return preset_source(generated, alone=not any(others), by_period=by_period), None
    if (place.path is None) == (place.sql_url is None):
        raise BadSetting(
            "a dataset has one source" if place.path else "no source is given",
            remedy="give either --path, or --sql-url with --query, or --preset",
        )
    if place.path is None:
        return sql_source(place, columns, writing), None
    from forecast_assets.datasets import profiles

    leave_pandas_out()
    refuse_change_column(place.change_column)
    profile = profiles.profile(file_source(place.path, writing), columns.declared())
    return profile.source, profile


app.command()(change)


@app.command()
def sample(
    path: Annotated[Path, typer.Argument(help="File to write; one that exists is refused.")] = Path(
        "sales.csv"
    ),
) -> None:
    """Write a CSV of made-up sales to try things with: three stores, prices of four weeks to come."""
    try:
        with path.open("xb") as file:
            file.write(_SAMPLE.read_bytes())
    except FileExistsError:
        raise BadSetting(f"{path} exists", remedy="name another file, or remove this one") from None
    except OSError as problem:
        raise BadSetting(f"cannot write {path}: {problem.strerror}", remedy="name another file") from None
    SAY.print(f"next: forecast-assets dataset check {shlex.quote(str(path))}", markup=False)


@app.command(name="list")
def list_(
    form: FormOption = Format.TABLE,
    columns: ColumnsOption = None,
    wide: WideOption = False,  # noqa: FBT002
) -> None:
    """Print all datasets."""
    listing(open_stores().warehouse.frame(DatasetsRow), View(form, columns, wide), "datasets")


@app.command()
def presets(
    form: FormOption = Format.TABLE,
    columns: ColumnsOption = None,
    wide: WideOption = False,  # noqa: FBT002
) -> None:
    """Print the presets: what each is like at demo size, and what to expect of it."""
    cards = pl.DataFrame([asdict(card(preset)) for preset in Preset])
    listing(cards, View(form, columns, wide), "presets")


@app.command()
def show(name: Name, form: FormOption = Format.TABLE) -> None:
    """Print what is known of one dataset."""
    from forecast_assets.datasets.overview import holidays_of

    stores = open_stores()
    dataset = definition.load(stores, name)
    snapshot = dataset.snapshot
    states = stores.warehouse.rows(AvailabilityStatesRow, dataset=name)
    period, evaluation = dataset.options.period, dataset.options.evaluation
    facts = {
        "name": name,
        "source": dataset.source.name,
        "columns": ", ".join(dataset.source.columns.needed),
        "change_column": getattr(dataset.source, "change_column", None),
        "anchor": dataset.options.anchor,
        "holidays": holidays_of(dataset.options),
        "plan_days": ", ".join(f"{column} {days}" for column, days in sorted(dataset.reach.items())) or None,
        "inventory": dataset.options.inventory.path if dataset.options.inventory else None,
        "orders": ", ".join(f"{name} {value}" for name, value in dataset.options.orders if value is not None),
        "candidates": ", ".join(dataset.options.evaluation.candidates),
        "period": period.name,
        "folds": f"{evaluation.n_splits} of {period.count(evaluation.horizon)}",
        "snapshot": snapshot.hash if snapshot else None,
        "rows": f"{snapshot.row_count:,}" if snapshot else None,
        "days": f"{snapshot.first_day} to {snapshot.last_day}" if snapshot else None,
        **{f"series_{row['state']}": row["series"] for row in states},
    }
    if form is Format.TABLE:
        values = [None if value is None else str(value) for value in facts.values()]
        listing(pl.DataFrame({"what": list(facts), "value": values}), View(form))
    else:
        listing(pl.DataFrame([facts]), View(form))


@app.command()
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Really forget all of it.")] = False,  # noqa: FBT002
) -> None:
    """Forget a dataset with its snapshots, series, results and partitions."""
    check_dataset(name)
    if not yes:
        raise BadSetting(
            f"removing {name!r} deletes its snapshots, metrics and champions",
            remedy=f"run `forecast-assets dataset remove {name} --yes` if you mean it",
        )
    from forecast_assets.dagster_internals.backfills import end_work

    instance, stores = open_instance(), open_stores()
    series = series_of(stores, name)
    definition.remove(stores, name)
    why = f"dataset {name} was removed, and its partitions with it"
    backfills, runs = end_work(instance, [name, *series], why)
    for key in series:
        instance.delete_dynamic_partition("series", key)
    instance.delete_dynamic_partition("datasets", name)
    SAY.print(f"removed {name} and its {len(series):,} series")
    if backfills or runs:
        SAY.print(f"canceled {backfills:,} backfills and {runs:,} waiting runs of it")
