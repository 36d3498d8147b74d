"""How often the checks of deliveries are wrong on real sales, and which mistakes of a sender they find.

    .venv/bin/python benchmarks/deliveries.py SALES.parquet [--days 365]

Replays the last days of a dataset as one delivery each, all sales up to that day, and once more with each
mistake. Prints false alarms per delivery, and the share of mistakes that are held back.
"""

import argparse
import datetime as dt
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import polars as pl

from forecast_assets.datasets.plausibility import Delivery, doubts

_KEPT = 480


def half_the_stores(day: pl.DataFrame, _past: pl.DataFrame) -> pl.DataFrame:
    """Every second store is not there."""
    stores = day["store"].unique().sort()
    return day.filter(pl.col("store").is_in(stores.gather_every(2).implode()))


def cases(day: pl.DataFrame, _past: pl.DataFrame) -> pl.DataFrame:
    """Twelve pieces count as one."""
    return day.with_columns(pl.col("units") / 12)


def cases_of_some(day: pl.DataFrame, _past: pl.DataFrame) -> pl.DataFrame:
    """Twelve pieces count as one for every second product."""
    products = day["product"].unique().sort()
    switched = pl.col("product").is_in(products.gather_every(2).implode())
    return day.with_columns(units=pl.when(switched).then(pl.col("units") / 12).otherwise(pl.col("units")))


def renumbered(day: pl.DataFrame, _past: pl.DataFrame) -> pl.DataFrame:
    """Every product has a new number."""
    return day.with_columns(product=pl.concat_str(pl.lit("N"), pl.col("product")))


def yesterday_again(day: pl.DataFrame, past: pl.DataFrame) -> pl.DataFrame:
    """The day before once more."""
    date = day["date"][0]
    return past.filter(pl.col("date") == date - dt.timedelta(days=1)).with_columns(date=pl.lit(date))


def last_year(day: pl.DataFrame, past: pl.DataFrame) -> pl.DataFrame:
    """The same day of the week a year ago."""
    date = day["date"][0]
    return past.filter(pl.col("date") == date - dt.timedelta(days=364)).with_columns(date=pl.lit(date))


DAYS: dict[str, Callable[[pl.DataFrame, pl.DataFrame], pl.DataFrame]] = {
    "half the stores missing": half_the_stores,
    "pieces to cases": cases,
    "pieces to cases, every second product": cases_of_some,
    "products renumbered": renumbered,
    "the day before under today's date": yesterday_again,
    "last year's day under today's date": last_year,
}
WHOLE: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "calendar shifted by a day": lambda all_: all_.with_columns(pl.col("date") + dt.timedelta(days=1)),
    "units of known days times 1.5": lambda all_: all_.with_columns(pl.col("units") * 1.5),
    "last year's file": lambda all_: all_.filter(
        pl.col("date") <= all_["date"].max() - dt.timedelta(days=364)
    ),
    "a day delivered twice and summed": lambda all_: all_.with_columns(
        units=pl.when(pl.col("date") == all_["date"].max() - dt.timedelta(days=1))
        .then(2 * pl.col("units"))
        .otherwise(pl.col("units"))
    ),
}


def delivery(sales: pl.DataFrame) -> Delivery:
    """Sales as the checks see them."""
    return Delivery(
        sales, sales.filter(pl.col("units") > 0).select("store", "product").unique(), sales.height
    )


def main() -> None:
    """Replay and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sales", type=Path)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--without-zeros", action="store_true", help="A day without sales has no row.")
    options = parser.parse_args()
    sales = pl.read_parquet(options.sales).select(
        store="store_id", product="product_id", date="date", units=pl.col("units").cast(pl.Float64)
    )
    sales = sales.filter(pl.col("units").is_not_null())
    if options.without_zeros:
        sales = sales.filter(pl.col("units") > 0)
    dates = sales["date"].unique().sort()
    held: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    for place in range(len(dates) - options.days, len(dates)):
        date, last = dates[place], dates[place - 1]
        delivered = sales.filter(pl.col("date").is_between(date - dt.timedelta(days=_KEPT), last))
        day = sales.filter(pl.col("date") == date)
        before = delivery(delivered)
        attempts = {"as it was": pl.concat([delivered, day])}
        if place % 7 == 0:
            attempts |= {name: pl.concat([delivered, spoil(day, delivered)]) for name, spoil in DAYS.items()}
            attempts |= {name: spoil(pl.concat([delivered, day])) for name, spoil in WHOLE.items()}
        for name, now in attempts.items():
            newest = now.filter(pl.col("units") > 0)["date"].max()
            reasons = doubts(before, delivery(now), (last, newest))
            tried[name] += 1
            held[name] += bool(reasons)
            if reasons and name == "as it was":
                print(f"  false alarm on {date}: {'; '.join(reasons)}", file=sys.stderr)
    print("| delivery | held back | of |\n|---|---|---|")
    for name, count in tried.items():
        print(f"| {name} | {held[name]} | {count} |")


if __name__ == "__main__":
    main()
