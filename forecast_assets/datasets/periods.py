"""From checked rows to rows of the dataset's period.

Belongs here: settling the period of a source, and what a snapshot by period holds.
Does not belong here: telling a period from dates (``spacing``), adding rows up (``aggregation``).
"""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b

import polars as pl

from forecast_assets.datasets import aggregation
from forecast_assets.datasets.canonical import SalesSummary
from forecast_assets.datasets.definition import DatasetOptions
from forecast_assets.datasets.sources import Source
from forecast_assets.datasets.spacing import frequency_of
from forecast_assets.errors import BadSales, BadSetting
from forecast_assets.forecasting.core.folds import FoldPlan
from forecast_assets.forecasting.core.frequency import DAY, FREQUENCIES, MONTH, Frequency
from forecast_assets.stores.lake import Lake

# A day of the week that is not among them is one on which nothing is ever sold.
_MANY_DAYS = 28


def period_of(source: Source, options: DatasetOptions, observed: Mapping[str, pl.Series]) -> Frequency:
    """Return the period of the rows of a source, from the observed dates of each store.

    Raises ``BadSales`` when they contradict the declared period, or when periods are to be added up that are
    no days.
    """
    is_declared_daily = options.frequency == DAY.name
    frequency = DAY if is_declared_daily else frequency_of(source.name, observed, options.frequency)
    days = {day for dates in observed.values() for day in dates.head(2).to_list()}
    examples = " and ".join(str(day) for day in sorted(days)[:2])
    if options.aggregate is not None and frequency != DAY:
        raise BadSales(
            f"{source.name}: rows cover a {frequency.name} each ({examples}), and only days are added up",
            remedy="leave --aggregate out",
        )
    declared = FREQUENCIES.get(options.frequency or frequency.name, frequency)
    if declared == frequency or not any(len(dates) for dates in observed.values()):
        return frequency
    if frequency == DAY and sum(len(dates) for dates in observed.values()) <= len(observed):
        return declared  # a single date per store fits every period
    raise BadSales(
        f"{source.name}: rows cover a {frequency.name} each ({examples}), and frequency says {declared.name}",
        remedy=f"declare --frequency {frequency.name}"
        + (f", or --aggregate {declared.name} to add days up" if frequency == DAY else ""),
    )


def by_period(  # noqa: PLR0917 - one value each
    lake: Lake,
    source: Source,
    options: DatasetOptions,
    folder: str,
    read: tuple[SalesSummary, str],
    frequency: Frequency,
    observed: Mapping[str, pl.Series],
) -> tuple[SalesSummary, str]:
    """Rewrite the canonical sales below ``folder`` by period; ``read`` is what they are by date.

    ``observed``: the dates of each store with units. Returns summary and content hash of what is there then;
    daily sales stay as they are.
    """
    summary, content_hash = read
    first, last = summary.first_day, summary.last_day
    if (options.aggregate is None and frequency == DAY) or first is None or last is None:
        return read
    files = lake.list(folder)
    if options.aggregate is not None:
        roles = source.columns.roles
        aggregate, weekdays = FREQUENCIES[options.aggregate], _weekdays(observed)
        summed = aggregation.add_up(lake, files, aggregate, roles, (first, last), weekdays=weekdays)
        summary = replace(
            summary,
            rows=summed.rows,
            first_day=summed.first_day,
            last_day=summed.last_day,
            null_units=summed.null_units,
            left_out=summed.left_out,
        )
    elif frequency == MONTH:
        aggregation.by_first_day(lake, files, source.name)
        summary = replace(summary, first_day=first.replace(day=1), last_day=last.replace(day=1))
    period = options.aggregate or frequency.name
    return summary, blake2b(f"{content_hash} by {period}".encode(), digest_size=16).hexdigest()


def _weekdays(observed: Mapping[str, pl.Series]) -> set[int]:
    """Days of the week (1 = Monday) on which anything was observed; all of them in a few weeks."""
    days = pl.concat(observed.values()).unique()
    return set(days.dt.weekday()) if len(days) >= _MANY_DAYS else set(range(1, 8))


def check_generated(summary: SalesSummary, plan: FoldPlan, frequency: Frequency) -> None:
    """Raise ``BadSetting`` when generated sales, added up by ``frequency``, are too short for a fold."""
    first, last = summary.first_day, summary.last_day
    count = 0 if first is None or last is None else frequency.position(first, last) + 1
    try:
        plan.cutoffs(count, frequency)
    except BadSetting as error:
        raise BadSetting(
            error.problem,
            remedy="lower --min-train or --horizon; --window-days lets a preset reach back 365 days at most",
        ) from None
