"""Public holidays of the country of each store as a column that is known ahead.

Belongs here: which country a store has, and marking its holidays on a panel.
Does not belong here: holidays that a source brings along as a column of its own.
"""

import csv
import datetime as dt
import io
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import polars as pl

from forecast_assets.datasets.definition import DatasetOptions
from forecast_assets.datasets.panels import Calendar
from forecast_assets.datasets.sources import Source
from forecast_assets.errors import BadSetting, listed
from forecast_assets.forecasting.core.panel import ORIGINAL_IDS, Panel
from forecast_assets.stores.lake import Lake

COLUMN = "holiday"


def national(country: str, first: dt.date, last: dt.date) -> list[dt.date]:
    """Days that are holidays of ``country`` (``DE``, or with a region ``DE-BY``) from ``first`` to ``last``.

    Raises ``BadSetting`` for a country or a region that is not known.
    """
    from holidays import country_holidays, list_supported_countries  # noqa: PLC0415 - takes a second to import

    regions = list_supported_countries()
    if "," in country:
        raise BadSetting(
            f"holidays: {country!r} is more than one country",
            remedy="give each store its own: --holidays-column NAME (a column with the store's country), "
            "--holidays-file FILE (columns store and country), or --holiday NAME (a column of flags)",
        )
    code, _, region = country.partition("-")
    if code not in regions:
        raise BadSetting(
            f"holidays: there is no country {code!r}",
            remedy=f"give a code of two letters{_near(code, list(regions))}, such as DE, US or FR",
        )
    if region and region not in regions[code]:
        raise BadSetting(
            f"holidays: country {code} has no region {region!r}",
            remedy=f"use one of {listed([f'{code}-{name}' for name in regions[code]]) or code}",
        )
    calendar = country_holidays(code, subdiv=region or None, years=range(first.year, last.year + 1))
    return sorted(day for day in calendar if first <= day <= last)


def _near(code: str, codes: list[str]) -> str:
    near = get_close_matches(code.upper(), codes, n=1, cutoff=0.5)
    return f" (did you mean {near[0]}?)" if near else ""


def are_wanted(options: DatasetOptions) -> bool:
    """Whether public holidays are to be added."""
    return bool(options.holidays or options.holidays_column or options.store_holidays)


def countries(options: DatasetOptions, frame: pl.DataFrame, store: str) -> list[str]:
    """Country (or region) whose holidays each product of a store has, in the order of its products.

    ``frame`` holds the canonical sales of the store with the key ``store``.
    """
    products = frame["product_id"].n_unique()
    if options.holidays_column is not None:
        newest = frame.group_by("product_id", maintain_order=True).agg(
            pl.col(options.holidays_column).drop_nulls().last()
        )
        return [one or "" for one in newest[options.holidays_column].to_list()]
    if options.store_holidays is not None:
        return [options.store_holidays.get(_id_of(frame, store), "")] * products
    return [options.holidays or ""] * products


def _id_of(frame: pl.DataFrame, store: str) -> str:
    """Return the id of a store as it came; ``frame`` holds its canonical sales."""
    return str(frame[ORIGINAL_IDS[0]][0]) if ORIGINAL_IDS[0] in frame.columns else store


def check(lake: Lake, folder: str, source: Source, options: DatasetOptions) -> None:
    """Raise ``BadSetting`` when the stores of the sales below ``folder`` cannot be given their holidays."""
    if not are_wanted(options):
        return
    if options.holidays_column is not None and options.holidays_column not in source.columns.static:
        raise BadSetting(
            f"--holidays-column {options.holidays_column!r} is no static column",
            remedy=f"add --static {options.holidays_column}",
        )
    day = dt.date(2024, 1, 1)
    lacking, valid = [], set[str]()
    for file in lake.list(folder):
        store = file.rsplit("/", 1)[-1].removesuffix(".parquet")
        frame = pl.DataFrame(lake.read_table(file))
        codes = set(countries(options, frame, store))
        lacking += [repr(_id_of(frame, store))] if "" in codes else []
        for country in sorted(codes - valid - {""}):
            national(country, day, day)
        valid |= codes
    if lacking:
        raise BadSetting(
            f"no country is known for the holidays of store {listed(lacking)}",
            remedy="give every store a country in the column or the file, with its id as the sales write it",
        )


def marked(panel: Panel, calendar: Calendar, codes: Sequence[str]) -> Panel:
    """The panel with the column ``holiday``: how many holidays of its country each planned period has.

    ``codes`` (n,) name the country, or the region, of each series.
    """
    last = calendar.frequency.last_day(calendar.planned, 0)
    rows = {}
    for country in set(codes):
        rows[country] = np.zeros(calendar.width, np.float32)
        for day in national(country, calendar.first, last):
            rows[country][calendar.frequency.position(calendar.first, day)] += 1
    return replace(panel, known={**panel.known, COLUMN: np.stack([rows[country] for country in codes])})


def read_mapping(file: Path) -> dict[str, str]:
    """Read which country's holidays each store has, from a CSV with the columns store and country.

    Raises ``BadSetting`` for a file of another shape, a store named twice, or a country that is not known.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            text = stream.read()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(
            f"--holidays-file {file} cannot be read: {error}", remedy="give a CSV file"
        ) from None
    separator = ";" if ";" in text.partition("\n")[0] else ","
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=separator) if row]
    if not rows or any(len(row) != 2 for row in rows):  # noqa: PLR2004 - store and country
        raise BadSetting(
            f"--holidays-file {file.name} needs two columns", remedy="write one line STORE,COUNTRY per store"
        )
    stores = [store.strip() for store, _ in rows[1:]]
    if twice := sorted({store for store in stores if stores.count(store) > 1}):
        raise BadSetting(
            f"--holidays-file {file.name} names store {listed(twice)} twice", remedy="name each store once"
        )
    mapping = dict(zip(stores, (country.strip() for _, country in rows[1:]), strict=True))
    day = dt.date(2024, 1, 1)
    for country in set(mapping.values()):
        national(country, day, day)
    return mapping
