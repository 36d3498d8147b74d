"""What-if from the Launchpad.

Belongs here: the jobs ``what_if`` and ``compare_plans``, and what Dagit shows of them.
Does not belong here: the answers (``plans``).
"""

import dagster as dg
import numpy as np
from pydantic import Field

from forecast_assets.failures import RETRY, refusals_final
from forecast_assets.forecasting.analysis.whatif import Assumptions, Lifecycle, Promotion
from forecast_assets.forecasts.assets import FORECAST
from forecast_assets.forecasts.display import recent
from forecast_assets.launch_examples import NEWEST, example
from forecast_assets.rendering import plots
from forecast_assets.rendering.markdown import cell
from forecast_assets.rendering.tables import filled, table
from forecast_assets.scenarios import plans as planning
from forecast_assets.stores import Stores
from forecast_assets.stores.resource import StoresResource

# What fits on the page of a run; the command line shows the candidate and the method, too.
_SHOWN = ["rank", "name", "units_delta", "revenue_delta", "series"]


class WhatIfConfig(dg.Config):
    """What is different in the days ahead of one series; what is unset stays as planned."""

    series: str = Field(description="Series key, DATASET__STORE__PRODUCT.")
    price_change: float | None = Field(
        default=None, ge=-0.9, le=5, description="Relative change of the price: -0.1 is a tenth cheaper."
    )
    promotion: Promotion | None = Field(default=None, description="A promotion of this kind runs.")
    discount: float | None = Field(
        default=None, ge=0, le=0.9, description="What the promotion takes off; unset: as past promotions did."
    )
    holidays: list[str] = Field(default=[], description="These days, YYYY-MM-DD, are holidays.")
    on_hand: float | None = Field(default=None, ge=0, description="Units in stock, to see if they last.")
    lifecycle: Lifecycle | None = Field(default=None, description="The product enters this stage.")
    first_day: str | None = Field(default=None, description="Price and promotion hold from this day on.")
    last_day: str | None = Field(default=None, description="Price and promotion hold up to this day.")
    like: str | None = Field(default=None, description="Start from what this plan assumes.")
    save_as: str | None = Field(default=None, description="Keep the result as a plan of this name.")
    tags: list[str] = Field(default=[], description="Tags of the plan, to find it by.")

    def assumptions(self, stores: Stores) -> Assumptions:
        """All that differs. Raises ``BadSetting``, ``UnknownName``."""
        values = self.model_dump(exclude={"series", "like", "save_as", "tags"}, mode="json")
        return planning.assumed(stores, values, self.like)


@dg.op(retry_policy=RETRY)
def answer_what_if(context: dg.OpExecutionContext, config: WhatIfConfig, stores: StoresResource) -> None:
    """Forecast a series under assumptions, show it beside the plan, and keep it when it has a name."""
    opened, run_id = stores.open(), context.run.run_id
    with refusals_final():
        if config.save_as:
            planning.check_plan(config.save_as, config.tags)
        result = planning.what_if(opened, config.series, config.assumptions(opened), run_id=run_id)
        if config.save_as:
            planning.save(opened, result, config.save_as, config.tags, run_id=run_id)
    context.log.info(result.sentence)
    kept = config.save_as or "not kept"
    # One line on the page of the series; the forecast stays what is read first there.
    context.log_event(
        dg.AssetObservation(
            FORECAST, partition=config.series, metadata={"what_if": result.sentence, "what_if_plan": kept}
        )
    )
    context.add_output_metadata({"plan": kept, **_metadata(opened, result)})


def _metadata(stores: Stores, result: planning.WhatIfResult) -> dict[str, dg.MetadataValue | str]:
    lines = {"as planned": result.baseline, "what if": result.effect.units}
    dates = result.forecast.dates()
    days = [
        {
            "date": str(day),
            **{
                name: float(values[at]) if np.isfinite(values[at]) else None
                for name, values in result.days().items()
            },
        }
        for at, day in enumerate(dates)
    ]
    series = result.forecast.series
    plot = plots.plan_plot(f"{series}: what if", dates, lines, recent(stores, series))
    return {
        "what_if": result.sentence,
        "method": result.method,
        "assumptions": dg.MetadataValue.json(result.assumptions.to_json()),
        "who_answers": dg.MetadataValue.md("\n".join(f"- {cell(sentence)}" for sentence in result.sentences)),
        "days": table(days, ["date", *result.days()]),
        "plot": dg.MetadataValue.md(plot),
    }


@dg.job(config=example("answer_what_if", series=NEWEST, price_change=-0.1))
def what_if() -> None:
    """Ask what one series would sell under other prices, promotions, holidays or stages of life."""
    answer_what_if()


class CompareConfig(dg.Config):
    """Which plans to rank."""

    plans: list[str] = Field(description="Names of 2 to 5 plans.")
    by_units: bool = Field(default=False, description="Rank by units; by revenue otherwise.")


@dg.op(retry_policy=RETRY)
def rank_plans(context: dg.OpExecutionContext, config: CompareConfig, stores: StoresResource) -> None:
    """Rank plans by what they gain."""
    with refusals_final():
        by: planning.By = "units_delta" if config.by_units else "revenue_delta"
        rows = planning.compare(stores.open(), config.plans, by)
    for row in rows:
        context.log.info("%s. %s: %s", row["rank"], row["name"], row[by])
    context.add_output_metadata({"ranking": table(rows, filled(rows, _SHOWN))})


@dg.job(config=example("rank_plans", plans=[NEWEST]))
def compare_plans() -> None:
    """Rank 2 to 5 kept what-if plans by revenue or by units."""
    rank_plans()
