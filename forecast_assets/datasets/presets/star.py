"""The star schema of a preset: what a retailer's warehouse would hold about the same sales.

Belongs here: the tables by name, those of all stores and those of one.
Does not belong here: where they are kept (``datasets.building``), what is sold (``selling``).
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forecast_assets.datasets.presets import effects
from forecast_assets.datasets.presets.catalogue import Effect
from forecast_assets.datasets.presets.draws import whole
from forecast_assets.datasets.presets.selling import Selling
from forecast_assets.datasets.presets.world import World

if TYPE_CHECKING:
    from forecast_assets.forecasting.core.arrays import Ints


def chain_tables(world: World) -> Iterator[tuple[str, pl.DataFrame]]:
    """Tables of all stores, each with its name."""
    yield "store", _store(world)
    yield "product", _product(world)
    yield "calendar", _calendar(world)
    yield "price_history", _price_history(world)
    yield "promotion", _promotion(world)


def store_tables(selling: Selling) -> Iterator[tuple[str, pl.DataFrame]]:
    """Tables with a row per product and day of one store, each with its name."""
    sold = _sales_daily(selling)
    yield "sales_daily", sold
    yield "inventory_snapshot_daily", _inventory(selling)
    if Effect.returns in selling.world.blueprint.effects:
        yield "sales_returns", _returns(selling, sold)


def _store(world: World) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "store_id": [store.code for store in world.stores],
            "name": [store.name for store in world.stores],
            "region": [store.region for store in world.stores],
            "city": [store.city for store in world.stores],
            "store_type": [store.kind for store in world.stores],
        }
    )


def _product(world: World) -> pl.DataFrame:
    products, last = world.products, world.blueprint.end
    return pl.DataFrame(
        {
            "product_id": world.skus,
            "name": [product.name for product in products],
            "category": [product.category for product in products],
            "subcategory": [product.subcategory for product in products],
            "brand": [product.brand for product in products],
            "base_price": [product.base_price / 100 for product in products],
            "base_cost": [product.base_cost / 100 for product in products],
            "pack_size": [product.pack_size for product in products],
            "lifecycle_stage": [product.stage(last) for product in products],
            "launch_date": [product.launch for product in products],
            "discontinue_date": pl.Series([product.discontinue for product in products], dtype=pl.Date),
        }
    )


def _calendar(world: World) -> pl.DataFrame:
    start = world.blueprint.start
    days = [start + dt.timedelta(days=number) for number in range(world.blueprint.width)]
    date = pl.col("date")
    return pl.DataFrame({"date": days}).with_columns(
        day_of_week=date.dt.weekday() - 1,
        month=date.dt.month(),
        quarter=date.dt.quarter(),
        year=date.dt.year(),
        is_holiday=pl.Series([day in world.holidays for day in days]),
        holiday_name=pl.Series([world.holidays.get(day) for day in days], dtype=pl.String),
    )


def _price_history(world: World) -> pl.DataFrame:
    """One row per price and the days it is valid on; the last one of a product has no end."""
    local = world.locally_priced
    tracks: list[tuple[str | None, Ints, NDArray[np.bool_]]] = [(None, world.prices, ~local)]
    if local.any():
        tracks += [(store.code, world.prices_in(store), local) for store in world.stores]
    rows: list[tuple[str, str | None, float, dt.date, dt.date | None]] = []
    for store, prices, chosen in tracks:
        for number in np.flatnonzero(chosen):
            changes = np.flatnonzero(np.diff(prices[number], prepend=-1))
            starts = [world.blueprint.start + dt.timedelta(days=int(place)) for place in changes]
            ends = [*(day - dt.timedelta(days=1) for day in starts[1:]), None]
            rows += [
                (world.skus[number], store, prices[number, place] / 100, first, last)
                for place, first, last in zip(changes, starts, ends, strict=True)
            ]
    kinds = {
        "product_id": pl.String,
        "store_id": pl.String,
        "price": pl.Float64,
        "valid_from": pl.Date,
        "valid_to": pl.Date,
    }
    return pl.DataFrame(rows, schema=kinds, orient="row").sort("product_id", "store_id", "valid_from")


def _promotion(world: World) -> pl.DataFrame:
    start = world.blueprint.start
    kinds = {
        "product_id": pl.String,
        "store_id": pl.String,
        "name": pl.String,
        "kind": pl.String,
        "discount_pct": pl.Float64,
        "discount_amount": pl.Float64,
        "start_date": pl.Date,
        "end_date": pl.Date,
    }
    rows = [
        (
            world.skus[one.product],
            None if one.store is None else world.stores[one.store].code,
            one.name,
            one.kind,
            None if one.percent is None else one.percent / 100,
            None if one.amount is None else one.amount / 100,
            start + dt.timedelta(days=one.first),
            start + dt.timedelta(days=one.last),
        )
        for one in world.promotions
    ]
    return pl.DataFrame(rows, schema=kinds, orient="row")


def _keyed(selling: Selling, product: NDArray[np.intp], day: NDArray[np.intp]) -> pl.DataFrame:
    """Date, store and product of some cells."""
    world = selling.world
    start = np.datetime64(world.blueprint.start, "D")
    return pl.DataFrame(
        {
            "date": start + day,
            "store_id": pl.repeat(world.stores[selling.number].code, len(day), eager=True),
            "product_id": _named(world.skus, product),
        }
    )


def _named(texts: Sequence[str], places: NDArray[np.intp]) -> pl.Series:
    return pl.Series(texts, dtype=pl.String).gather(places)


def _sales_daily(selling: Selling) -> pl.DataFrame:
    """A row per recorded day; a day without stock has none."""
    product, day = np.nonzero(selling.recorded)
    quantity = selling.units[product, day]
    price = selling.prices[product, day] / 100 * (1 - selling.discount[product, day])
    channel = np.zeros(len(day), np.intp)
    if Effect.channels in selling.world.blueprint.effects:
        ordinals = selling.world.ordinals[: selling.world.blueprint.days]
        drawn = selling.world.draws.daily("channel", selling.pairs, ordinals)
        channel = effects.channels(drawn)[product, day]
    return _keyed(selling, product, day).with_columns(
        quantity=pl.Series(quantity),
        unit_price=pl.Series(np.round(price, 2)),
        total_amount=pl.Series(np.round(np.round(price, 2) * quantity, 2)),
        channel=_named(effects.CHANNELS, channel),
    )


def _inventory(selling: Selling) -> pl.DataFrame:
    product, day = np.nonzero(selling.listed[:, : selling.world.blueprint.days])
    return _keyed(selling, product, day).with_columns(
        on_hand_qty=pl.Series(selling.on_hand[product, day]),
        on_order_qty=pl.Series(selling.on_order[product, day]),
        is_stockout=pl.Series(selling.stockouts[product, day]),
    )


def _returns(selling: Selling, sold: pl.DataFrame) -> pl.DataFrame:
    """Half the quantity of some sales comes back within two weeks."""
    world = selling.world
    ordinals = world.ordinals[: world.blueprint.days]
    product, day = np.nonzero(selling.recorded)

    def drawn(purpose: str) -> NDArray[np.uint64]:
        return world.draws.daily(purpose, selling.pairs, ordinals)[product, day]

    returns = sold.select("date", "store_id", "product_id").with_columns(
        date=pl.Series(sold["date"].to_numpy() + whole(drawn("return lag"), *effects.RETURN_LAG)),
        return_quantity=sold["quantity"] // 2,
        return_reason=_named(effects.REASONS, whole(drawn("return reason"), 0, len(effects.REASONS) - 1)),
    )
    back = pl.Series(effects.returned(drawn("return")))
    return returns.filter(
        back & (pl.col("return_quantity") >= 1) & (pl.col("date") <= world.blueprint.end)
    ).sort("date", "store_id", "product_id")
