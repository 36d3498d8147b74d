"""Federal holidays of the United States, by rule.

Belongs here: the eleven days as the law names them, the same for every release of every library.
Does not belong here: holidays of other countries, which are an option of any dataset (``datasets.holidays``).
"""

import datetime as dt
from collections.abc import Iterator

_MONDAY, _THURSDAY = 0, 3


def federal_holidays(first: dt.date, last: dt.date) -> dict[dt.date, str]:
    """Holidays from ``first`` to ``last``, by day."""
    every = (pair for year in range(first.year, last.year + 1) for pair in _of(year))
    return {day: name for day, name in every if first <= day <= last}


def _of(year: int) -> Iterator[tuple[dt.date, str]]:
    yield dt.date(year, 1, 1), "New Year's Day"
    yield _nth(year, 1, _MONDAY, 3), "Martin Luther King Jr. Day"
    yield _nth(year, 2, _MONDAY, 3), "Washington's Birthday"
    yield _nth(year, 6, _MONDAY, 1) - dt.timedelta(days=7), "Memorial Day"
    yield dt.date(year, 6, 19), "Juneteenth National Independence Day"
    yield dt.date(year, 7, 4), "Independence Day"
    yield _nth(year, 9, _MONDAY, 1), "Labor Day"
    yield _nth(year, 10, _MONDAY, 2), "Columbus Day"
    yield dt.date(year, 11, 11), "Veterans Day"
    yield _nth(year, 11, _THURSDAY, 4), "Thanksgiving Day"
    yield dt.date(year, 12, 25), "Christmas Day"


def _nth(year: int, month: int, weekday: int, number: int) -> dt.date:
    """The ``number``-th such weekday of a month."""
    first = dt.date(year, month, 1)
    return first + dt.timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))
