"""The asset ``order_proposal``: what to order today, by dataset.

Belongs here: when it is made, where it is kept and what Dagit shows of it.
Does not belong here: the work (``proposal``).
"""

import dagster as dg
import polars as pl
from pydantic import Field

from forecast_assets.asset_factories import dataset_asset, same_dataset
from forecast_assets.days import read_day
from forecast_assets.failures import refusals_final
from forecast_assets.forecasts.assets import FORECAST
from forecast_assets.orders.proposal import propose
from forecast_assets.rendering.columns import CHOSEN
from forecast_assets.rendering.markdown import markdown
from forecast_assets.rendering.tables import filled, schema, table
from forecast_assets.stores import paths
from forecast_assets.stores.resource import StoresResource

GROUP = "portfolio"
NAME = "order-proposal"
_MOST_LISTED = 200
# A cell of Dagit's tables breaks a sentence word by word, Markdown does not; and more columns find no room.
_FIGURES = [name for name in CHOSEN[NAME] if name not in {"reason", "units_at_risk", "counted"}]


class OrderConfig(dg.Config):
    """When the orders are placed."""

    day: str | None = Field(
        default=None, description="Day of the orders, YYYY-MM-DD; today in FORECAST_TIME_ZONE if unset."
    )


@dataset_asset(
    GROUP,
    deps=[same_dataset(FORECAST)],
    kinds={"parquet"},
    columns=schema(
        series="string: key, with store and product beside it",
        order_units="float: units to order; empty where stock or forecast are not good enough to order by",
        reason="string: why so much, or why nothing",
        money_at_risk="float: what the units at risk are worth",
        units_at_risk="float: units expected to be asked for in vain without the order",
        order_up_to="float: units that last until the next delivery",
    ),
)
def order_proposal(
    context: dg.AssetExecutionContext, config: OrderConfig, stores: StoresResource
) -> dg.MaterializeResult:
    """What to order today of every series, the most money at risk first, with the reason.

    Stock comes from the dataset's inventory file, read anew. Unknown or stale stock and a forecast that ended
    give no order, and say so.
    """
    with refusals_final():
        proposal = propose(stores.open(), context.partition_key, read_day("day", config.day))
    path = paths.PORTFOLIO.path(context.partition_key, f"{NAME}.parquet")
    stores.open().lake.write_table(path, proposal.frame.to_arrow())
    first = proposal.frame.head(_MOST_LISTED).to_dicts()
    columns = filled(first, _FIGURES)
    if "order_units" not in columns:
        columns.insert(1, "reason")
    ordered = proposal.frame.filter(pl.col("order_units") > 0)
    return dg.MaterializeResult(
        metadata={
            "sentence": proposal.sentence,
            "day": proposal.day.isoformat(),
            "orders": len(ordered),
            "units": float(ordered["order_units"].sum()),
            "without_an_order": proposal.frame["order_units"].null_count(),
            "proposal": table(first, columns),
            "why": dg.MetadataValue.md(markdown(first, ["series", "order_units", "reason"])),
            "path": path,
            **(
                {"notes": dg.MetadataValue.md("\n".join(f"- {note}" for note in proposal.notes))}
                if proposal.notes
                else {}
            ),
        }
    )
