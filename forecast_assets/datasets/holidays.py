"""Public holidays of a country as a column that is known ahead.

Belongs here: reading a country code, and marking its holidays on a panel.
Does not belong here: holidays that a source brings along as a column of its own.
"""

import csv
import datetime as dt
import io
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from forecast_assets.datasets.panels import Calendar
from forecast_assets.errors import BadSetting, listed
from forecast_assets.forecasting.core.panel import Panel

COLUMN = "holiday"


def national(country: str, first: dt.date, last: dt.date) -> list[dt.date]:
    """Days that are holidays of ``country`` (``DE``, or with a region ``DE-BY``) from ``first`` to ``last``.

    Raises ``BadSetting`` for a country or a region that is not known.
    """
    from holidays import country_holidays, list_supported_countries  # noqa: PLC0415 - takes a second to import

    regions = list_supported_countries()
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
    found = country_holidays(code, subdiv=region or None, years=range(first.year, last.year + 1))
    return sorted(day for day in found if first <= day <= last)


def _near(code: str, known: list[str]) -> str:
    near = get_close_matches(code.upper(), known, n=1, cutoff=0.5)
    return f" (did you mean {near[0]}?)" if near else ""


def marked(panel: Panel, calendar: Calendar, country: str) -> Panel:
    """The panel with the column ``holiday``: 1 on a holiday of ``country``, else 0, on every planned day."""
    row = np.zeros(calendar.width, np.float32)
    last = calendar.frequency.last_day(calendar.planned, 0)
    for day in national(country, calendar.first, last):
        row[calendar.frequency.position(calendar.first, day)] += 1
    column = np.tile(row, (len(panel.series), 1))
    return replace(panel, known={**panel.known, COLUMN: column})


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
