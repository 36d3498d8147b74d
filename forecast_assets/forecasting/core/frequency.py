"""The period of a dataset: day, week or month.

Belongs here: from positions to dates and back, the lengths that follow from a period, and its words.
Does not belong here: finding out which period a file has (``datasets.spacing``).

A period is named by the date of its first day. Weeks may begin on any weekday: the first period of a
panel tells which.
"""

import datetime as dt
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from forecast_assets.forecasting.core.arrays import Dates

FrequencyName = Literal["day", "week", "month"]


@dataclass(frozen=True, slots=True)
class Frequency:
    """How long a period is, and every length that follows from it, in periods.

    ``season``: the cycle that demand repeats in (7 days, 52 weeks, 12 months). ``year``: whole seasons of
    about a year. ``recent``: about four weeks. ``short``: the window of a short mean.
    ``stretch``: what a champion is judged by at once. ``horizon``,
    ``n_splits`` and ``min_train``: what an evaluation takes where nothing else is set. ``days``: the average
    length of a period in days.
    """

    name: FrequencyName
    days: float
    season: int
    year: int
    recent: int
    short: int
    stretch: int
    horizon: int
    n_splits: int
    min_train: int

    def dates(self, start: dt.date, begin: int, end: int) -> Dates:
        """Return the first days (end - begin,) of the periods ``[begin, end)``; ``start`` is period 0."""
        positions = np.arange(begin, end)
        if self.name == "month":
            return (np.datetime64(start, "M") + positions).astype("datetime64[D]")
        return np.datetime64(start, "D") + positions * round(self.days)

    def date(self, start: dt.date, position: int) -> dt.date:
        """Return the first day of the period at ``position``; ``start`` is period 0."""
        day: dt.date = self.dates(start, position, position + 1)[0].item()
        return day

    def position(self, start: dt.date, day: dt.date) -> int:
        """Return the position of the period that holds ``day``; ``start`` is period 0."""
        if self.name == "month":
            return (day.year - start.year) * 12 + day.month - start.month
        return (day - start).days // round(self.days)

    def last_day(self, start: dt.date, position: int) -> dt.date:
        """Return the last day of the period at ``position``; ``start`` is period 0."""
        return self.date(start, position + 1) - dt.timedelta(days=1)

    def periods(self, days: float) -> int:
        """Return how many whole periods cover ``days`` days, at least one."""
        return max(1, math.ceil(days / self.days))

    def exactly(self, days: float) -> float:
        """Return how many periods ``days`` days are, with the part of the last one."""
        return days / self.days

    def count(self, periods: int) -> str:
        """Say a number of periods: ``1 week``, ``3 weeks``."""
        return f"{periods:,} {self.name}{'' if periods == 1 else 's'}"


DAY = Frequency("day", 1, 7, 364, 28, 7, 7, 14, 5, 30)
WEEK = Frequency("week", 7, 52, 52, 4, 4, 1, 8, 4, 26)
MONTH = Frequency("month", 365.25 / 12, 12, 12, 1, 3, 1, 3, 4, 12)
FREQUENCIES: dict[str, Frequency] = {one.name: one for one in (DAY, WEEK, MONTH)}
