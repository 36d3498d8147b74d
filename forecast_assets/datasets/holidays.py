"""Public holidays of a country as a column that is known ahead.

Belongs here: reading a country code, and marking its holidays on a panel.
Does not belong here: holidays that a source brings along as a column of its own.
"""

import datetime as dt
from dataclasses import replace
from difflib import get_close_matches

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
    for day in national(country, calendar.first, calendar.planned):
        row[(day - calendar.first).days] = 1
    column = np.tile(row, (len(panel.series), 1))
    return replace(panel, known={**panel.known, COLUMN: column})
