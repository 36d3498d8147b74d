"""Sales of a preset as rows, like those of any other source.

Belongs here: one table per store, and what its columns are called.
Does not belong here: the star schema (``star``), judging rows (``datasets.validation``).
"""

import numpy as np
import polars as pl

from forecast_assets.datasets.presets.selling import Selling

STATIC = ("region", "city", "store_type", "category", "subcategory", "brand", "lifecycle_stage")


def sales_of(selling: Selling) -> pl.DataFrame:
    """Every recorded day with its units, days without stock and planned days without units.

    A gap has no row. ``lifecycle_stage`` is that of the first day: a later one would tell a backtest what
    could not be known at its cutoffs.
    """
    world, days = selling.world, selling.world.blueprint.days
    there = selling.listed.copy()
    there[:, :days] &= ~selling.gaps
    product, day = np.nonzero(there)
    units = np.full(there.shape, np.nan, np.float32)
    units[:, :days] = np.where(selling.recorded, selling.units, np.float32(np.nan))
    discount = selling.discount[product, day]
    holiday = np.isin(world.ordinals, [date.toordinal() for date in world.holidays])
    texts = {
        "product_id": world.skus,
        "category": [one.category for one in world.products],
        "subcategory": [one.subcategory for one in world.products],
        "brand": [one.brand for one in world.products],
        "lifecycle_stage": [one.stage(world.blueprint.start) for one in world.products],
    }
    store = world.stores[selling.number]
    return pl.DataFrame(
        {
            "date": np.datetime64(world.blueprint.start, "D") + day,
            "units": pl.Series(units[product, day], nan_to_null=True),
            "price": (selling.prices[product, day] / 100).astype(np.float32),
            "promo": (discount > 0).astype(np.float32),
            "discount": discount.astype(np.float32),
            "holiday": holiday[day].astype(np.float32),
            # Categorical: a text is stored once, not on every row.
            **{name: pl.Series(of, dtype=pl.Categorical).gather(product) for name, of in texts.items()},
        }
    ).with_columns(
        pl.lit(text).cast(pl.Categorical).alias(name)
        for name, text in {
            "store_id": store.code,
            "region": store.region,
            "city": store.city,
            "store_type": store.kind,
        }.items()
    )
