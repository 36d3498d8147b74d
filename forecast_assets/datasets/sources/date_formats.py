"""Dates that name a week or a month instead of a day.

Belongs here: completing them to the first day of their period.
Does not belong here: reading columns of dates (``datasets.dates``), finding out their format (``profiles``).
"""

import polars as pl

_WEEK_LABEL = r"^[0-9]{4}-?W[0-9]{2}$"
_MONTH_LABEL = r"^[0-9]{4}-[0-9]{2}$"
_DAY_PARTS = ("%d", "%e", "%j", "%u", "%w", "%a", "%A", "%F", "%D", "%x")


def labelled(text: pl.Series) -> pl.Series:
    """Return the first days of labels of ISO weeks (2024-W07) and months (2024-07); null for other texts."""
    week = text.str.replace("W", "-W").str.replace("--", "-").set(~text.str.contains(_WEEK_LABEL), None)
    month = text.set(~text.str.contains(_MONTH_LABEL), None)
    first = (week + "-1").str.to_date("%G-W%V-%u", strict=False)
    return first.fill_null((month + "-01").str.to_date("%Y-%m-%d", strict=False))


def completed(date_format: str) -> tuple[str, str]:
    """Return a format that names one day, and what a date lacks of it: the first day of its week or month."""
    if any(part in date_format for part in _DAY_PARTS):
        return date_format, ""
    if "%V" in date_format:
        return f"{date_format} %u", " 1"
    return f"{date_format} %d", " 01"
