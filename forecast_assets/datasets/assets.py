"""Datasets: sales frozen as snapshots, and the dense panel that every model reads.

Belongs here: the assets ``sales`` and ``panel``.
Does not belong here: how a source is read and checked (``canonical``), what is done with it (``building``).
"""

from collections import Counter
from collections.abc import Mapping

import dagster as dg
import polars as pl
from pydantic import Field

from forecast_assets.asset_factories import dataset_asset
from forecast_assets.datasets import building, definition
from forecast_assets.datasets.series_names import ids_of
from forecast_assets.days import today
from forecast_assets.failures import refusals_final
from forecast_assets.partitions import register_series
from forecast_assets.rendering.tables import schema, table
from forecast_assets.stores.resource import StoresResource

GROUP = "datasets"
_SHOWN_IDS = 500


class LoadConfig(dg.Config):
    """How to load."""

    force: bool = Field(
        default=False, description="Read and build again even when nothing has changed since the last time."
    )
    accept: bool = Field(
        default=False,
        description="Take sales that were held back because they look like a mistake of their sender.",
    )


@dataset_asset(
    GROUP,
    kinds={"parquet", "postgres"},
    columns=schema(
        product_id="string: product, as in the partition key",
        date="date: day of sale",
        units="float: units sold; null where the day was not observed (closed, stocked out)",
    ),
)
def sales(
    context: dg.AssetExecutionContext, config: LoadConfig, stores: StoresResource
) -> dg.MaterializeResult:
    """Sales of one dataset, checked and frozen: one row per store, product and day.

    Bad input is refused with the offenders and the remedy, and nothing is stored. The same content is
    never stored twice.
    """
    with refusals_final():
        loaded = building.load_sales(
            stores.open(),
            context.partition_key,
            run_id=context.run.run_id,
            today=today(),
            force=config.force,
            accept=config.accept,
        )
        if warning := definition.load(stores.open(), context.partition_key).source.warning():
            context.log.warning(warning)
    snapshot = loaded.snapshot
    return dg.MaterializeResult(
        metadata={
            "reused": loaded.reused,
            "what_happened": loaded.why,
            "snapshot": snapshot.hash,
            "dagster/row_count": snapshot.row_count,
            "series": snapshot.series_count,
            "stores": snapshot.store_count,
            "first_day": snapshot.first_day.isoformat(),
            "newest_day": snapshot.last_day.isoformat(),
            "notes": dg.MetadataValue.json(snapshot.summary),
        },
        data_version=dg.DataVersion(snapshot.hash),
    )


@dataset_asset(
    GROUP,
    deps=[sales],
    kinds={"parquet", "postgres"},
    columns=schema(
        series="string: partition key DATASET__STORE__PRODUCT",
        units="array: units sold on every day of the calendar; NaN where not observed",
    ),
)
def panel(
    context: dg.AssetExecutionContext, config: LoadConfig, stores: StoresResource
) -> dg.MaterializeResult:
    """The dense panel of one dataset: every series on every day, each judged ready, limited or unusable.

    Registers a partition for every series, so that backtests can be launched for it.
    """
    new: list[str] = []
    with refusals_final():
        built = building.build_panel(
            stores.open(),
            context.partition_key,
            run_id=context.run.run_id,
            register=lambda keys: new.extend(register_series(context.instance, keys)),
            force=config.force,
        )
    called = ids_of(stores.open(), context.partition_key)
    states = Counter(built.availability["state"].to_list())
    doubtful = built.availability.filter(pl.col("state") != "ready").sort("observed_days")
    return dg.MaterializeResult(
        metadata={
            "reused": built.reused,
            "series": len(built.availability),
            "new_series": len(new),
            **{f"series_{state}": states.get(state, 0) for state in ("ready", "limited", "unusable")},
            "quality": table(_quality(built.availability), ["measure", "value"]),
            "not_ready": table(
                doubtful.head(20).to_dicts(), ["series", "state", "reason", "first_day", "last_day"]
            ),
            **({"ids": _ids(called)} if called else {}),
        },
        data_version=dg.DataVersion(built.snapshot.hash),
    )


def _ids(called: Mapping[str, tuple[str, str]]) -> dg.TableMetadataValue:
    """The first series whose key does not say the ids of their source."""
    rows = [{"series": key, "store_id": one, "product_id": other} for key, (one, other) in called.items()]
    return table(rows[:_SHOWN_IDS], ["series", "store_id", "product_id"])


def _quality(availability: pl.DataFrame) -> list[dict[str, object]]:
    total = availability.select(
        pl.col("expected_days", "observed_days", "missing_days", "closed_days", "zero_sale_days").sum()
    ).row(0, named=True)
    expected = max(total["expected_days"], 1)
    return [
        {"measure": name.replace("_", " "), "value": f"{value:,} ({100 * value / expected:,.1f} %)"}
        for name, value in total.items()
    ]
