"""The asset ``report``: the page of a dataset for planners who never open Dagit.

Belongs here: when it is written and where Dagit links to it.
Does not belong here: what it shows (``page_data``) and the page itself (``page``).
"""

import dagster as dg

from forecast_assets.asset_factories import dataset_asset, same_dataset
from forecast_assets.backtests.assets import CHAMPION
from forecast_assets.failures import refusals_final
from forecast_assets.forecasts.assets import FORECAST
from forecast_assets.rendering.addresses import own_page
from forecast_assets.rendering.tables import schema
from forecast_assets.reports.page import page
from forecast_assets.reports.page_data import collect
from forecast_assets.settings import page_file, settings
from forecast_assets.stores.resource import StoresResource

GROUP = "portfolio"


@dataset_asset(
    GROUP,
    deps=[same_dataset(CHAMPION), same_dataset(FORECAST)],
    kinds={"html"},
    columns=schema(
        series="string: key, with store and product beside it",
        champion="string: the candidate that forecasts it best",
        wape="float: percent, mean over folds",
        units_at_risk="float: units that the champion would be wrong by within one horizon",
        forecast_total="float: units of the horizon ahead",
        reason="string: why this champion, in one sentence",
    ),
)
def report(context: dg.AssetExecutionContext, stores: StoresResource) -> dg.MaterializeResult:
    """One HTML page with tables of all series and plots of the worst; it opens without any server."""
    name = context.partition_key
    with refusals_final():
        data = collect(stores.open(), name)
        target = page_file(settings().home, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_suffix(".part")
        unfinished.write_text(page(f"Forecasts of {name}", data), encoding="utf-8")
        unfinished.replace(target)
    return dg.MaterializeResult(
        metadata={
            "page": dg.MetadataValue.url(own_page(f"/reports/{name}.html")),
            "file": dg.MetadataValue.path(target),
            "series": len(data["series"]["rows"]),
            "series_with_plots": len(data["plots"]),
            "next_step": f"plots of other series: `forecast-assets report {name} --series KEY`",
        }
    )
