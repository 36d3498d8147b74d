"""What a planner should know about a source at a glance, before anything is evaluated.

Belongs here: counting what stands out in canonical sales, in words, on one screen.
Does not belong here: refusing sales (``validation``), watching them later (``monitoring``).
"""

import datetime as dt
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from forecast_assets.datasets import matching, panels
from forecast_assets.datasets.definition import DatasetOptions
from forecast_assets.datasets.plan_reach import PlanReach, sentence
from forecast_assets.datasets.profiles import SourceProfile
from forecast_assets.datasets.sources import Source
from forecast_assets.datasets.sources.columns import Columns
from forecast_assets.errors import listed
from forecast_assets.forecasting.analysis.quality import STOCKOUT, ZERO_RUN, findings
from forecast_assets.forecasting.core.frequency import DAY, Frequency
from forecast_assets.forecasting.core.plans import MEANING
from forecast_assets.forecasting.core.zero_runs import LONGEST_STOCKOUT
from forecast_assets.rendering.numbers import amount, plural

# Of more rows than these only what reading them told is said: a look at each day would take as long again.
MOST_ROWS = 5_000_000
_SERIES_LISTED, _COLUMNS_LISTED = 5, 20
# One store that sold as much as one other is no sum.
_FEWEST_PARTS = 2
_WEEK, _FEWEST_WEEKS = 7, 8
Lines = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Facts:
    """What reading all of a source told: sizes, span, and in ``notes`` what happened to rows."""

    rows: int
    series: int
    stores: int
    first_day: dt.date
    last_day: dt.date
    notes: Mapping[str, Any]


def overview(
    source: Source,
    options: DatasetOptions,
    facts: Facts,
    frames: Iterable[tuple[str, pl.DataFrame]],
    profile: SourceProfile | None = None,
) -> Lines:
    """Sum up a source: (what, in words), what needs a decision last.

    ``frames`` are its stores with their canonical sales; they are not looked at beyond ``MOST_ROWS`` rows.
    """
    looked = facts.rows <= MOST_ROWS
    stores = list(frames) if looked else []
    period = options.period
    span = period.count(period.position(facts.first_day, facts.last_day) + 1)
    lines: Lines = [
        ("rows", f"{facts.rows:,} rows of {facts.series:,} series in {plural(facts.stores, 'store')}"),
        ("period", f"{period.name}, {facts.first_day} to {facts.last_day} ({span})"),
        *_plan(facts, stores, period),
        *_columns(
            source.columns,
            profile,
            _reach(source.columns, facts, stores, period) if looked else {},
            options,
        ),
        *(
            _days(source.columns, options, facts, stores)
            if looked
            else [("days", "too many rows for a look at each")]
        ),
        *_rows(source, facts.notes),
    ]
    return lines + (_read_from(profile) if profile is not None else [])


def _plan(facts: Facts, stores: Sequence[tuple[str, pl.DataFrame]], period: Frequency) -> Lines:
    """Say how many of the rows are a plan of days to come, which are no sales, and what it leaves out."""
    dates = pl.concat([frame["date"] for _, frame in stores]) if stores else pl.Series(dtype=pl.Date)
    days = sorted(dates.filter(dates > facts.last_day).to_list())
    if not days:
        return []
    holes = []
    for _, frame in stores:
        plans = frame.filter(pl.col("date") > facts.last_day).group_by("product_id")
        for last, rows in plans.agg(pl.col("date").max(), pl.len()).drop("product_id").iter_rows():
            holes.append(period.position(facts.last_day, last) - rows)
    holed = sum(one > 0 for one in holes)
    between = f"; {period.count(sum(holes))} between them have no row, in {holed:,} series" if holed else ""
    count = plural(len(days), "row")
    return [("plan", f"{count} after the newest sale, {days[0]} to {days[-1]}, without units{between}")]


def _reach(
    columns: Columns, facts: Facts, stores: Sequence[tuple[str, pl.DataFrame]], period: Frequency
) -> dict[str, int]:
    reach = PlanReach(columns.roles, facts.last_day, period)
    for _, frame in stores:
        reach.add(frame)
    return reach.days()


def _columns(
    columns: Columns, profile: SourceProfile | None, reach: Mapping[str, int], options: DatasetOptions
) -> Lines:
    guessed = profile.guesses if profile is not None else {}
    keys = {"store": columns.store, "product": columns.product, "date": columns.date, "units": columns.units}
    lines = [
        (
            "columns",
            ", ".join(f"{role} = {name!r}{' (guessed)' * (role in guessed)}" for role, name in keys.items()),
        )
    ]
    for name, column in columns.known.items():
        days = (
            f"; {sentence(reach[name], options.plan_days.get(name), options.period)}" if name in reach else ""
        )
        meaning = MEANING[columns.roles[name]]
        lines.append((name, f"column {column!r}, known ahead; missing means {meaning}{days}"))
    for role, which in (("closed", "such"), ("open", "other"), ("stockout", "such")):
        if (name := getattr(columns, role)) is not None:
            lines.append((role, f"column {name!r}: units of {which} {options.period.name}s are not observed"))
    if columns.static:
        lines.append(("static", ", ".join(columns.static)))
    of = holidays_of(options)
    return lines if of is None else [*lines, ("holidays", f"public holidays of {of}")]


def holidays_of(options: DatasetOptions) -> str | None:
    """Return whose public holidays become a column."""
    of = options.holidays
    if options.holidays_column is not None:
        of = f"each store, by column {options.holidays_column!r}"
    if options.store_holidays is not None:
        countries = sorted(Counter(options.store_holidays.values()).items())
        of = listed([f"{country} ({plural(count, 'store')})" for country, count in countries])
    return of


def _days(
    columns: Columns, options: DatasetOptions, facts: Facts, stores: Sequence[tuple[str, pl.DataFrame]]
) -> Lines:
    lasts = [frame["date"].max() for _, frame in stores]
    planned = max([facts.last_day, *(day for day in lasts if isinstance(day, dt.date))])
    calendar = panels.Calendar(facts.first_day, facts.last_day, planned, options.period)
    sold: dict[tuple[str, str], float] = {}
    counts, suspected = [], {STOCKOUT.name: list[str](), ZERO_RUN.name: list[str]()}
    for store, frame in stores:
        panel, counted = panels.densify(
            frame, store, dataset="x", calendar=calendar, known=columns.roles, launch=options.launch
        )
        counts.append(counted)
        by_product = frame.group_by("product_id").agg(pl.col("units").sum())
        sold |= {(store, product): units or 0.0 for product, units in by_product.iter_rows()}
        for finding in findings(panel, np.full(len(panel.series), store)):
            if finding.suspicion.name in suspected:
                suspected[finding.suspicion.name].append(str(panel.series[finding.row]).partition("__")[2])
    days = pl.concat(counts)
    expected, missing = int(days["expected_days"].sum()), int(days["missing_days"].sum())
    zeros, closed = int(days["zero_sale_days"].sum()), int(days["closed_days"].sum())
    holed = int((days["missing_days"] > 0).sum())
    all_periods = options.period.count(expected)
    long = options.period.count(options.period.periods(LONGEST_STOCKOUT))
    lines = [
        (
            "gaps",
            f"{missing:,} of {all_periods} have no row and count as zero sales, in {holed:,} series",
        ),
        ("zeros", f"{options.period.count(zeros)} with a row of zero units; {closed:,} not observed"),
        (
            "stock-outs",
            _named(suspected[STOCKOUT.name], "look like stock-outs: no sale lately, against their habit"),
        ),
        (
            "zero runs",
            _named(suspected[ZERO_RUN.name], f"sold nothing for {long} or more, against their habit"),
        ),
    ]
    ended = days.filter(pl.col("ended"))["series"].str.split("__").list.slice(1).list.join("__").to_list()
    never = int(days["last_sale"].is_null().sum())
    lines.append(("ended", _named(ended, f"are no longer sold; {never:,} never sold")))
    return [*lines, *_sums(sold), *(_weekly(stores) if options.period == DAY else [])]


def _weekly(stores: Sequence[tuple[str, pl.DataFrame]]) -> Lines:
    """Return a doubt about series of a daily dataset that have a row exactly every week."""
    named = []
    for store, frame in stores:
        gaps = frame.filter(pl.col("units").is_not_null()).group_by("product_id", maintain_order=True)
        apart = pl.col("date").diff().dt.total_days()
        weekly = gaps.agg(apart.count().alias("gaps"), (apart == _WEEK).all().alias("are_weeks"))
        weekly = weekly.filter(pl.col("are_weeks") & (pl.col("gaps") >= _FEWEST_WEEKS))
        named += [f"{store}__{product}" for product in weekly["product_id"]]
    if not named:
        return []
    what = "have one row a week: if it holds the sales of its week, load them as a dataset of their own"
    return [("doubt", _named(named, what))]


def _sums(sold: Mapping[tuple[str, str], float]) -> Lines:
    """Return doubts about stores and products that sold exactly what all others sold together."""
    lines: Lines = []
    for place, role in enumerate(("store", "product")):
        units: dict[str, float] = defaultdict(float)
        for ids, some in sold.items():
            units[ids[place]] += some
        most = max(units, key=lambda one: units[one])
        if len(units) > _FEWEST_PARTS and math.isclose(units[most], sum(units.values()) / 2, rel_tol=1e-9):
            sentence = (
                f"{role} {most} sold exactly what all others sold together ({amount(units[most])} units); "
                "if its rows are their sums, leave them out of the source"
            )
            lines.append(("doubt", sentence))
    return lines


def _named(series: Sequence[str], what: str) -> str:
    names = ", ".join(series[:_SERIES_LISTED]) + (", ..." if len(series) > _SERIES_LISTED else "")
    return f"{len(series):,} series {what}" + (f": {names}" if series else "")


def _rows(source: Source, notes: Mapping[str, Any]) -> Lines:
    lines: Lines = []
    if notes.get("returned"):
        kept = "kept as returns" if source.rows.returns == "keep" else "dropped"
        units = amount(notes["returned_units"])
        lines.append(
            ("returns", f"{notes['returned']:,} days of more returns than sales: {units} units {kept}")
        )
    if notes.get("summed"):
        lines.append(("receipts", f"{notes['summed']:,} rows were added to another row of their day"))
    if notes.get("empty_rows"):
        lines.append(("empty", f"{plural(notes['empty_rows'], 'row')} without any value left out"))
    if notes.get("total_rows"):
        lines.append(("totals", f"{plural(notes['total_rows'], 'row')} without a date left out"))
    for file, rows in (notes.get("replaced") or {}).items():
        lines.append(("overlap", f"{rows:,} rows of {file} gave way to a newer file"))
    if notes.get("left_out"):
        lines.append(
            ("partial", f"left out, not a full period: {listed([str(one) for one in notes['left_out']])}")
        )
    if notes.get("mapped_ids"):
        ids = plural(notes["mapped_ids"], "id")
        lines.append(("ids", f"{ids} with another form in keys; listings show the ids as they are"))
    for name, series in (notes.get("changed_static") or {}).items():
        if series:
            lines.append(("static", f"{name} changes within {series:,} series; the newest value counts"))
    return lines + [("doubt", f"{one['sentence']}; {one['remedy']}") for one in notes.get("columns") or ()]


def _read_from(profile: SourceProfile) -> Lines:
    lines: Lines = [("files", f"{profile.files:,}")] if profile.files > 1 else []
    if profile.notes:
        lines.append(("written", "; ".join(profile.notes)))
    if profile.left_out:
        lines.append(("left out", listed(list(profile.left_out))))
    if profile.unused:
        more = ", ..." if len(profile.unused) > _COLUMNS_LISTED else ""
        names = ", ".join(profile.unused[:_COLUMNS_LISTED]) + more
        lines.append(("not used", f"{names}; --price, --promo, --known-future or --static NAME uses one"))
    lines += [
        ("doubt", f"{name!r} seems to hold returned units: take them off the units unless that was done")
        for name in profile.unused
        if matching.says_returns(name)
    ]
    return lines
