"""``forecast-assets what-if`` and ``plan``: ask, keep and compare.

Belongs here: options and listings.
Does not belong here: the forecasts of plans (``scenarios.plans``).
"""

import uuid
from enum import StrEnum
from typing import Annotated

import polars as pl
import typer

from forecast_assets.cli.console import SAY, ColumnsOption, Format, FormOption, View, WideOption, listing
from forecast_assets.cli.existing import check_dataset
from forecast_assets.datasets.definition import load
from forecast_assets.datasets.membership import check_series
from forecast_assets.datasets.series_names import key_of
from forecast_assets.forecasting.analysis.whatif import Assumptions, Lifecycle, Promotion
from forecast_assets.keys import SeriesKey
from forecast_assets.stores.opening import open_stores
from forecast_assets.stores.rows.forecasts import PlansRow

app = typer.Typer(help="Kept what-if plans.", no_args_is_help=True)


class Gain(StrEnum):
    """What plans are ranked by."""

    REVENUE = "revenue_delta"
    UNITS = "units_delta"


def what_if(  # noqa: PLR0917 - one parameter per option
    series: Annotated[str, typer.Argument(help="Series key, DATASET__STORE__PRODUCT.")],
    price_change: Annotated[float | None, typer.Option(help="Relative: -0.1 is a tenth cheaper.")] = None,
    promotion: Annotated[Promotion | None, typer.Option(help="A promotion of this kind runs.")] = None,
    discount: Annotated[
        float | None, typer.Option(help="What the promotion takes off the price: 0.2 is a fifth.")
    ] = None,
    holiday: Annotated[list[str] | None, typer.Option(help="This day, YYYY-MM-DD, is a holiday.")] = None,
    on_hand: Annotated[float | None, typer.Option(help="Units in stock, to see if they last.")] = None,
    lifecycle: Annotated[Lifecycle | None, typer.Option(help="The product enters this stage.")] = None,
    first_day: Annotated[str | None, typer.Option(help="Price and promotion hold from this day.")] = None,
    last_day: Annotated[str | None, typer.Option(help="Price and promotion hold up to this day.")] = None,
    like: Annotated[str | None, typer.Option(help="Start from what this plan assumes.")] = None,
    save: Annotated[str | None, typer.Option(help="Keep the result as a plan of this name.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Tag of the plan.")] = None,
    form: FormOption = Format.TABLE,
) -> None:
    """Forecast a series under other prices, promotions, holidays or stages of life."""
    stores, run_id = open_stores(), uuid.uuid4().hex
    key = key_of(stores, series)
    check_dataset(dataset := SeriesKey.parse(key).dataset)
    check_series(stores, dataset, [key])
    # Asks models again, which a wrong name should not cost.
    from forecast_assets.scenarios import plans

    if save is not None:
        plans.check_plan(save, tag or [])
    changes = {
        "price_change": price_change,
        "promotion": promotion and promotion.value,
        "discount": discount,
        "holidays": holiday,
        "on_hand": on_hand,
        "lifecycle": lifecycle and lifecycle.value,
        "first_day": first_day,
        "last_day": last_day,
    }
    answer = plans.what_if(stores, series, plans.assumed(stores, changes, like), run_id=run_id)
    if save is not None:
        plans.save(stores, answer, save, tag or [], run_id=run_id)
    listing(
        pl.DataFrame({"date": answer.forecast.dates(), **answer.days()}).fill_nan(None),
        View(form),
    )
    for sentence in (answer.sentence, *answer.sentences):
        SAY.print(sentence, markup=False)


@app.command("list")
def list_plans(
    dataset: Annotated[str | None, typer.Argument(help="Only plans of this dataset.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Only plans with all of these tags.")] = None,
    form: FormOption = Format.TABLE,
    columns: ColumnsOption = None,
    wide: WideOption = False,  # noqa: FBT002
) -> None:
    """List plans, the newest first."""
    frame = open_stores().warehouse.frame(PlansRow, names=None, dataset=dataset, tags=tag or [])
    texts = frame.with_columns(pl.col("tags").cast(pl.List(pl.String)).list.join(", "))
    listing(texts, View(form, columns, wide), "plans")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of the plan.")], form: FormOption = Format.TABLE
) -> None:
    """Show a plan day by day, with what it assumes and who answered."""
    from forecast_assets.scenarios import plans
    from forecast_assets.scenarios.distributions import LIMITS

    stores = open_stores()
    row = plans.read(stores, name)
    baseline = row["baseline"]
    dataset = load(stores, SeriesKey.parse(row["series"]).dataset)
    days = dataset.options.period.dates(row["first_day"], 0, len(baseline))
    # Plans of early releases have no limits.
    limits = row["limits"] or {}
    bounds = {name: limits[name] for name in LIMITS if name in limits}
    frame = pl.DataFrame({"date": days, "as_planned": baseline, "what_if": row["scenario"], **bounds})
    listing(frame, View(form))
    stated = Assumptions.from_json(row["assumptions"]).to_json()
    assumed = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in stated.items())
    SAY.print(f"{row['series']} by {row['candidate']} ({row['method']}): {assumed}", markup=False)
    for sentence in row["sentences"]:
        SAY.print(f"  {sentence}", markup=False)


@app.command()
def compare(
    names: Annotated[list[str], typer.Argument(help="Names of 2 to 5 plans.")],
    by: Annotated[Gain, typer.Option(help="What to rank by.")] = Gain.REVENUE,
    form: FormOption = Format.TABLE,
) -> None:
    """Rank plans, the greatest gain first."""
    from forecast_assets.scenarios import plans

    rows = plans.compare(open_stores(), names, by.value)
    listing(pl.DataFrame(rows, infer_schema_length=None).select(plans.COMPARED), View(form))


@app.command()
def delete(name: Annotated[str, typer.Argument(help="Name of the plan.")]) -> None:
    """Forget a plan."""
    from forecast_assets.scenarios import plans

    plans.delete(open_stores(), name)
    SAY.print(f"{name} is forgotten", markup=False)
