"""``forecast-assets dataset``: add, list, show and remove datasets.

Belongs here: turning options into a source, and telling what is stored.
Does not belong here: reading sales (``datasets``).
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NamedTuple, TypeVar

import polars as pl
import typer
from pydantic import BaseModel, ValidationError

from forecast_assets.cli.console import SAY, ColumnsOption, Format, FormOption, View, WideOption, listing
from forecast_assets.cli.home import open_instance
from forecast_assets.cli.options import takes
from forecast_assets.datasets import definition, plan_reach
from forecast_assets.datasets.column_revisions import doubts
from forecast_assets.datasets.definition import DatasetOptions
from forecast_assets.datasets.presets.catalogue import Preset, card
from forecast_assets.datasets.presets.options import asked, local_today
from forecast_assets.datasets.sources import Columns, FileSource, PresetSource, Source, SqlSource
from forecast_assets.errors import BadSetting, listed
from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.forecasting.core.plans import ROLES, Role
from forecast_assets.keys import check_id
from forecast_assets.stores.opening import open_stores

app = typer.Typer(help="Where sales come from.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of the dataset: the first part of every series key.")]
Model = TypeVar("Model", bound=BaseModel)
_COLUMN = "Source column of the "
_PRESET = "Preset: "


@app.command()
@takes(DatasetOptions, parameter="options", without={"evaluation", "plan_days"})
@takes(EvaluationSettings, parameter="evaluation")
def add(  # noqa: PLR0917 - one parameter per option
    name: Name,
    options: DatasetOptions,
    evaluation: EvaluationSettings,
    path: Annotated[Path | None, typer.Option(help="A .csv or .parquet file, or a folder of either.")] = None,
    sql_url: Annotated[
        str | None, typer.Option(help="env:NAME of a variable with the URL, or a URL without password.")
    ] = None,
    query: Annotated[
        Path | None, typer.Option(help="File with the SQL query that answers sales rows.")
    ] = None,
    preset: Annotated[str | None, typer.Option(help=f"Generated sales: {', '.join(Preset)}.")] = None,
    seed: Annotated[int | None, typer.Option(help=_PRESET + "seed of all numbers, 42 by default.")] = None,
    stores: Annotated[int | None, typer.Option(help=_PRESET + "number of stores, 1 to 100.")] = None,
    products: Annotated[int | None, typer.Option(help=_PRESET + "number of products, 1 to 500.")] = None,
    start: Annotated[str | None, typer.Option(help=_PRESET + "first day, YYYY-MM-DD.")] = None,
    end: Annotated[str | None, typer.Option(help=_PRESET + "last day; today by default.")] = None,
    window_days: Annotated[int | None, typer.Option(help=_PRESET + "days before the last, 75-365.")] = None,
    sparsity: Annotated[float | None, typer.Option(help=_PRESET + "share never sold, up to 0.9.")] = None,
    promotion_intensity: Annotated[
        float | None, typer.Option(help=_PRESET + "promotions a product and 30 days, up to 0.5.")
    ] = None,
    stockout_intensity: Annotated[
        float | None, typer.Option(help=_PRESET + "share of days without stock, up to 0.5.")
    ] = None,
    noise_sigma: Annotated[float | None, typer.Option(help=_PRESET + "noise, up to 0.5.")] = None,
    effects: Annotated[str | None, typer.Option(help=_PRESET + "effects, with commas.")] = None,
    store: Annotated[str, typer.Option(help=_COLUMN + "store id.")] = "store_id",
    product: Annotated[str, typer.Option(help=_COLUMN + "product id.")] = "product_id",
    date: Annotated[str, typer.Option(help=_COLUMN + "day.")] = "date",
    units: Annotated[str, typer.Option(help=_COLUMN + "units sold.")] = "units",
    price: Annotated[str | None, typer.Option(help=_COLUMN + "price, known ahead.")] = None,
    promo: Annotated[str | None, typer.Option(help=_COLUMN + "promotion, known ahead.")] = None,
    holiday: Annotated[str | None, typer.Option(help=_COLUMN + "holiday, known ahead.")] = None,
    closed: Annotated[str | None, typer.Option(help=_COLUMN + "days on which the store was closed.")] = None,
    stockout: Annotated[str | None, typer.Option(help=_COLUMN + "days without stock.")] = None,
    known_future: Annotated[
        list[str] | None,
        typer.Option(
            help="Further numeric column known ahead, NAME or NAME:ROLE. Its role says what a missing value "
            "means: number (unknown, the default), flag (off), carried or price (the last value holds)."
        ),
    ] = None,
    plan_days: Annotated[
        list[str] | None,
        typer.Option(
            help="COLUMN=DAYS: for so many days after the newest sale the column is always known ahead; "
            "measured unless given."
        ),
    ] = None,
    static: Annotated[list[str] | None, typer.Option(help="Text attribute of a series.")] = None,
    date_format: Annotated[str | None, typer.Option(help="How dates are written, as %d/%m/%Y.")] = None,
    map_ids: Annotated[bool, typer.Option("--map-ids", help="Map ids that cannot be keys.")] = False,  # noqa: FBT002
) -> None:
    """Check the sales of a source and remember it as a dataset; bad sales are refused."""
    check_id("dataset name", name)
    further = [_Known.parse(text) for text in known_future or ()]
    columns = _checked(
        Columns,
        store=store,
        product=product,
        date=date,
        units=units,
        price=price,
        promo=promo,
        holiday=holiday,
        closed=closed,
        stockout=stockout,
        known_future=tuple(role.name for role in further),
        declared={role.name: role.role for role in further if role.role is not None},
        static=tuple(static or ()),
    )
    wishes = {
        "preset": preset,
        "seed": seed,
        "stores": stores,
        "products": products,
        "start": start,
        "end": end,
        "window_days": window_days,
        "sparsity": sparsity,
        "promotion_intensity": promotion_intensity,
        "stockout_intensity": stockout_intensity,
        "noise_sigma": noise_sigma,
        "effects": effects.split(",") if effects is not None else None,
    }
    source = _generated(wishes, path or sql_url or query, columns) or _source(
        path, sql_url, query, columns, date_format, map_ids=map_ids
    )
    days = dict(_days_of(text) for text in plan_days or ())
    create(name, source, options.model_copy(update={"evaluation": evaluation, "plan_days": days}))


class _Known(NamedTuple):
    """A known-future column and the role that was declared for it, if any."""

    name: str
    role: Role | None

    @classmethod
    def parse(cls, text: str) -> "_Known":
        """Read ``NAME`` or ``NAME:ROLE``."""
        name, colon, role = text.rpartition(":")
        return cls(name, role) if colon and role in ROLES else cls(text, None)


def _days_of(text: str) -> tuple[str, int]:
    name, equals, days = text.rpartition("=")
    if not equals or not days.isdecimal():
        raise BadSetting(f"--plan-days {text!r}", remedy="write COLUMN=DAYS, such as promo=14")
    return name, int(days)


def create(name: str, source: Source, options: DatasetOptions) -> None:
    """Check all sales of ``source``, store the dataset and give it a partition."""
    from forecast_assets.datasets import building
    from forecast_assets.datasets.assets import today

    instance, stores = open_instance(), open_stores()
    snapshot = building.add_dataset(stores, name, source, options, today()).snapshot
    instance.add_dynamic_partitions("datasets", [name])
    dataset = definition.load(stores, name)
    SAY.print(
        f"added {name}: {snapshot.row_count:,} rows, {snapshot.series_count:,} series in "
        f"{snapshot.store_count:,} stores, {snapshot.first_day} to {snapshot.last_day}"
    )
    for sentence in doubts(snapshot):
        SAY.print(sentence, markup=False)
    for sentence in plan_reach.sentences(dataset, plan_reach.measured(stores, dataset, snapshot)):
        SAY.print(sentence, markup=False)


def _generated(
    wishes: Mapping[str, object], other: Path | str | None, columns: Columns
) -> PresetSource | None:
    """The source of a preset, when one is asked for."""
    given = {name: value for name, value in wishes.items() if value is not None}
    if not given:
        return None
    if "preset" not in given:
        raise BadSetting(
            f"{listed([f'--{name}'.replace('_', '-') for name in given])} only says something of a preset",
            remedy=f"give --preset with one of {', '.join(Preset)}",
        )
    if other is not None or columns != Columns():
        raise BadSetting(
            "a dataset has one source, and a preset brings its own columns",
            remedy="leave --path, --sql-url and the names of columns out, or leave --preset out",
        )
    return PresetSource.model_validate(asked(given).fixed(local_today()))


def _source(
    path: Path | None,
    sql_url: str | None,
    query: Path | None,
    columns: Columns,
    date_format: str | None,
    *,
    map_ids: bool,
) -> Source:
    if (path is None) == (sql_url is None):
        raise BadSetting(
            "a dataset has one source" if path else "no source is given",
            remedy="give either --path, or --sql-url with --query, or --preset",
        )
    if path is not None:
        return _checked(
            FileSource,
            kind="file",
            path=str(path.resolve()),
            columns=columns,
            date_format=date_format,
            map_ids=map_ids,
        )
    if query is None or not query.is_file():
        raise BadSetting(
            "--sql-url needs the query" if query is None else f"there is no query file {query}",
            remedy="give --query FILE.sql with a SELECT that answers one row per store, product and day",
        )
    text = query.read_text(encoding="utf-8")
    return _checked(SqlSource, kind="sql", url=sql_url, query=text, columns=columns, map_ids=map_ids)


def _checked(model: type[Model], **values: object) -> Model:
    try:
        return model(**values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]).replace("_", "-")
        raise BadSetting(f"--{place}: {first['msg']}", remedy=f"see --help for --{place}") from None


@app.command(name="list")
def list_(
    form: FormOption = Format.TABLE,
    columns: ColumnsOption = None,
    wide: WideOption = False,  # noqa: FBT002
) -> None:
    """Print all datasets."""
    listing(open_stores().warehouse.frame("datasets"), View(form, columns, wide), "datasets")


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
    stores = open_stores()
    dataset = definition.load(stores, name)
    snapshot = dataset.snapshot
    states = stores.warehouse.rows("availability_states", dataset=name)
    facts = {
        "name": name,
        "source": dataset.source.name,
        "columns": ", ".join(dataset.source.columns.needed),
        "anchor": dataset.options.anchor,
        "holidays": dataset.options.holidays,
        "plan_days": ", ".join(f"{column} {days}" for column, days in sorted(dataset.reach.items())) or None,
        "candidates": ", ".join(dataset.options.evaluation.candidates),
        "folds": f"{dataset.options.evaluation.n_splits} of {dataset.options.evaluation.horizon} days",
        "snapshot": snapshot.hash if snapshot else None,
        "rows": f"{snapshot.row_count:,}" if snapshot else None,
        "days": f"{snapshot.first_day} to {snapshot.last_day}" if snapshot else None,
        **{f"series_{row['state']}": str(row["series"]) for row in states},
    }
    if form is Format.TABLE:
        listing(pl.DataFrame({"what": list(facts), "value": list(facts.values())}), View(form))
    else:
        listing(pl.DataFrame([facts]), View(form))


@app.command()
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Really forget all of it.")] = False,  # noqa: FBT002
) -> None:
    """Forget a dataset with its snapshots, series, results and partitions."""
    instance, stores = open_instance(), open_stores()
    definition.load(stores, name)
    if not yes:
        raise BadSetting(
            f"removing {name!r} deletes its snapshots, metrics and champions",
            remedy=f"run `forecast-assets dataset remove {name} --yes` if you mean it",
        )
    series = [str(row["series"]) for row in stores.warehouse.rows("series_of", dataset=name)]
    definition.remove(stores, name)
    for key in series:
        instance.delete_dynamic_partition("series", key)
    instance.delete_dynamic_partition("datasets", name)
    SAY.print(f"removed {name} and its {len(series):,} series")
