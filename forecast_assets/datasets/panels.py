"""Panels: from canonical sales to one dense matrix, and to and from the lake.

Belongs here: the calendar made dense, days counted, one Parquet file per store with one row per series.
Does not belong here: what a panel is (``core.panel``) and judging it (``core.availability``).
"""

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from forecast_assets.datasets.endings import Days, Endings, Rows, changes, endings, observed_days
from forecast_assets.datasets.membership import no_such_series
from forecast_assets.datasets.panel_changes import HEADER, as_lists, as_matrix, change_of, read_table
from forecast_assets.errors import Outage
from forecast_assets.forecasting.core.arrays import Ints, Mask, Units
from forecast_assets.forecasting.core.demand import demand_classes, revenue
from forecast_assets.forecasting.core.frequency import DAY, FREQUENCIES, Frequency
from forecast_assets.forecasting.core.panel import ORIGINAL_IDS, Panel
from forecast_assets.forecasting.core.plans import Role, filled
from forecast_assets.forecasting.core.zero_runs import stockouts
from forecast_assets.keys import SEPARATOR, SeriesKey
from forecast_assets.stores.lake import Lake

# A single series is read by decoding one group; large enough that a store's file stays small.
_ROWS_PER_GROUP = 256
_EPOCH = dt.date(1970, 1, 1)
_ROW = "\0row"
KEY_COLUMNS = ("product_id", "date", "units")


@dataclass(frozen=True, slots=True)
class Calendar:
    """The periods of a dataset: observed from ``first`` to ``newest``, planned up to ``planned``."""

    first: dt.date
    newest: dt.date
    planned: dt.date
    frequency: Frequency = DAY

    @property
    def days(self) -> int:
        """Periods in which sales may have been observed."""
        return self.frequency.position(self.first, self.newest) + 1

    @property
    def width(self) -> int:
        """Periods with a plan: all observed ones and those after."""
        return self.frequency.position(self.first, self.planned) + 1

    def positions(self, days: pl.Series) -> NDArray[np.int32]:
        """Return the positions (n,) of the periods that begin on ``days`` (n,), dates."""
        if self.frequency.name == "month":
            months = days.dt.year().cast(pl.Int32) * 12 + days.dt.month()
            return (months - (self.first.year * 12 + self.first.month)).to_numpy().astype(np.int32)
        since = days.to_physical().to_numpy() - np.int32((self.first - _EPOCH).days)
        return since if self.frequency == DAY else since // np.int32(round(self.frequency.days))


def densify(
    frame: pl.DataFrame,
    store: str,
    *,
    dataset: str,
    calendar: Calendar,
    known: Mapping[str, Role],
    launch: Literal["first_sale", "first_row"],
    leave_out_stockouts: bool = False,
) -> tuple[Panel, pl.DataFrame]:
    """Turn one store's canonical rows into a panel and the day counts of each series.

    ``frame`` is sorted by product and date; days outside the calendar are left out. A missing row means
    nothing was sold (0), up to the newest day of the store unless the delivery of the series looks late
    (``endings``); a row without units, and a day without any row of the whole store, mean that the day was
    not observed (NaN). ``known`` holds the columns known ahead with their roles. With
    ``leave_out_stockouts`` days that look stocked out are not observed either.
    """
    products = frame["product_id"].unique(maintain_order=True)
    statics = _static(frame, products)
    frame = frame.with_columns(pl.col("product_id").rle_id().alias(_ROW))
    inside_calendar = frame["date"].is_between(calendar.first, calendar.planned)
    if not inside_calendar.all():  # a copy of every column is worth avoiding
        frame = frame.filter(inside_calendar)
    rows = frame[_ROW].to_numpy()
    days = calendar.positions(frame["date"])
    units = frame["units"].fill_null(np.nan).to_numpy().astype(np.float32, copy=False)
    known_days = observed_days(rows, days, units, calendar.days)
    end = endings(rows, days, units, len(products), known_days, calendar.frequency)
    begun = units > 0 if launch == "first_sale" else ~np.isnan(units)
    matrix, inside = _matrix(rows, days, units, begun, end, known_days=known_days)
    shape = len(products), calendar.width
    columns = {
        name: _settled(_spread(frame[name], rows, days, shape), role, calendar.days)
        for name, role in known.items()
    }
    panel = Panel(
        series=np.array([SEPARATOR.join((dataset, store, product)) for product in products]),
        start=calendar.first,
        units=matrix,
        known=columns,
        static=statics,
        roles=dict(known),
        frequency=calendar.frequency,
    )
    suspected = _leave_out_stockouts(panel) if leave_out_stockouts else np.zeros(len(products), np.int64)
    left_out = pl.Series("left_out_days", suspected)
    promoted = frame["promo"].fill_null(0).to_numpy() > 0 if "promo" in known else None
    counts = _counts(panel, rows[inside], units[inside], end, None if promoted is None else promoted[inside])
    return panel, counts.with_columns(
        pl.col("missing_days", "closed_days") + left_out, left_out_days=left_out
    )


def _matrix(
    rows: Rows, days: Days, units: Units, begun: Mask, end: Endings, *, known_days: Mask
) -> tuple[Units, Mask | slice]:
    """The units (n, days) of every series from its first row that has ``begun``, and which rows they hold."""
    count, width = len(end.filled), len(known_days)
    first = _edge(rows, days, begun, np.full(count, width, np.int64), newest=False)
    last = _edge(rows, days, ~np.isnan(units), np.full(count, -1, np.int64), newest=True)
    last = np.where(end.filled & (last >= 0), np.maximum(last, end.newest), last)
    alive = (days >= first[rows]) & (days <= last[rows])
    inside = slice(None) if alive.all() else alive
    position = np.arange(width)
    lives = (position >= first[:, None]) & (position <= last[:, None]) & known_days
    matrix = np.where(lives, np.float32(0), np.float32(np.nan))
    matrix[rows[inside], days[inside]] = units[inside]
    return matrix, inside


def _leave_out_stockouts(panel: Panel) -> Ints:
    """Count the days that look stocked out per series (n,), and forget them."""
    suspected = np.zeros(len(panel.series), np.int64)
    for row, begin, stop in stockouts(panel):
        suspected[row] += int((~np.isnan(panel.units[row, begin:stop])).sum())
        panel.units[row, begin:stop] = np.nan
    return suspected


def _edge(rows: Rows, days: Days, which: Mask, default: Ints, *, newest: bool) -> Ints:
    """The oldest or newest day (n,) of every row among ``which``, else its ``default``."""
    at = np.flatnonzero(which)
    of = rows[at]
    edge = changes(of[::-1])[::-1] if newest else changes(of)
    default[of[edge]] = days[at[edge]]
    return default


def _settled(column: NDArray[np.float32], role: Role, days: int) -> NDArray[np.float32]:
    """A known column whose history is filled as its role says; the plan ahead stays as it is."""
    return np.concatenate([filled(column[:, :days], role), column[:, days:]], axis=1)


def _spread(values: pl.Series, rows: Rows, days: Days, shape: tuple[int, int]) -> Units:
    matrix = np.full(shape, np.nan, np.float32)
    matrix[rows, days] = values.fill_null(np.nan).to_numpy()
    return matrix


def _static(frame: pl.DataFrame, products: pl.Series) -> dict[str, NDArray[np.str_]]:
    fixed = {*KEY_COLUMNS, *ORIGINAL_IDS}
    names = [name for name, kind in frame.schema.items() if kind == pl.String and name not in fixed]
    if not names:
        return {}
    newest = frame.group_by("product_id", maintain_order=True).agg(pl.col(names).drop_nulls().last())
    if newest["product_id"].to_list() != products.to_list():
        raise AssertionError("static attributes lost their series")
    return {name: newest[name].fill_null("").to_numpy().astype(np.str_) for name in names}


def _counts(panel: Panel, rows: Rows, units: Units, end: Endings, promoted: Mask | None) -> pl.DataFrame:
    """Days of every series, counted from its first one to the newest day of the dataset."""
    count = len(panel.series)
    seen = ~np.isnan(units)

    starts = np.flatnonzero(changes(rows))

    def per_series(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        total = np.zeros(count, np.int64)
        if len(starts):
            total[rows[starts]] = np.add.reduceat(mask, starts, dtype=np.int64)
        return total

    observed = (~np.isnan(panel.units)).sum(axis=1)
    closed = per_series(~seen)
    first = panel.first
    expected = panel.days - first
    sold = np.nansum(panel.units, axis=1, dtype=np.float64)
    dates = panel.dates(0, panel.days + 1)
    alive = observed > 0
    day = {"first_day": dates[first], "last_day": dates[panel.last]}
    return pl.DataFrame(
        {
            "series": panel.series.tolist(),
            **{name: pl.Series(value).set(pl.Series(~alive), None) for name, value in day.items()},
            "last_sale": pl.Series(dates[end.last_sale]).set(pl.Series(end.last_sale < 0), None),
            "ended": end.ended,
            "observed_days": observed,
            "expected_days": expected,
            "missing_days": observed - per_series(seen),
            "closed_days": closed,
            "zero_sale_days": (panel.units == 0).sum(axis=1),
            "promotion_days": [None] * count if promoted is None else per_series(seen & promoted),
            "average_daily_demand": np.divide(sold, observed, out=np.full(count, np.nan), where=alive),
            "demand_class": pl.Series(demand_classes(panel.units), dtype=pl.String),
            "revenue": revenue(panel.units, panel.known["price"])
            if "price" in panel.known
            else [None] * count,
        }
    ).with_columns(pl.col("average_daily_demand").fill_nan(None))


def write(lake: Lake, path: str, panel: Panel, base: str | None = None) -> bool:
    """Store one store's panel as ``path``, one row per series; return whether as a change of ``base``."""
    arrays = {
        "series": pa.array(panel.series.tolist(), pa.string()),
        "units": as_lists(panel.units),
        **{f"known.{name}": as_lists(values) for name, values in panel.known.items()},
        **{f"static.{name}": pa.array(values.tolist(), pa.string()) for name, values in panel.static.items()},
    }
    header = {
        "start": panel.start.isoformat(),
        "frequency": panel.frequency.name,
        "roles": dict(panel.roles),
    }
    table = pa.table(arrays).replace_schema_metadata({HEADER: json.dumps(header).encode()})
    change = None if base is None else change_of(lake.read_table(base), table, base)
    lake.write_table(path, table if change is None else change, rows_per_group=_ROWS_PER_GROUP)
    return change is not None


def read(lake: Lake, path: str, series: Iterable[str] | None = None) -> Panel:
    """Read the panel below ``path``, all of it or the named series, sorted by key.

    Raises ``UnknownName`` for a series that it does not hold, ``Outage`` when the lake lost it.
    """
    keys = None if series is None else sorted(set(series))
    tables = list(_tables(lake, path, keys))
    present = {key for table in tables for key in table["series"].to_pylist()}
    if lost := [key for key in keys or () if key not in present]:
        raise no_such_series(SeriesKey.parse(lost[0]).dataset, lost)
    table = pa.concat_tables(tables)
    header = json.loads(table.schema.metadata[HEADER])
    return Panel(
        series=np.array(table["series"].to_pylist()),
        start=dt.date.fromisoformat(header["start"]),
        units=as_matrix(table["units"]),
        known={name: as_matrix(table[f"known.{name}"]) for name in _named(table, "known.")},
        static={
            name: np.array(table[f"static.{name}"].to_pylist(), np.str_)
            for name in _named(table, "static.")
            if name not in ORIGINAL_IDS  # an id is no feature
        },
        roles=header.get("roles", {}),
        frequency=FREQUENCIES[header.get("frequency", DAY.name)],
    )


def _tables(lake: Lake, path: str, chosen: Sequence[str] | None) -> Iterable[pa.Table]:
    files = {_store(file): file for file in lake.list(path)}
    if not files:
        raise Outage(f"the lake holds no panel below {path}", remedy="build the dataset again with --force")
    if chosen is None:
        # "A-1__" sorts before "A__", but "A-1.parquet" after "A.parquet" would not follow the keys.
        yield from (read_table(lake, files[store]) for store in sorted(files, key=lambda s: s + SEPARATOR))
        return
    for store, keys in groupby(chosen, key=lambda key: SeriesKey.parse(key).store):
        if store in files:
            yield read_table(lake, files[store], list(keys))


def _store(file: str) -> str:
    return file.rsplit("/", 1)[-1].removesuffix(".parquet")


def _named(table: pa.Table, prefix: str) -> list[str]:
    return [name.removeprefix(prefix) for name in table.column_names if name.startswith(prefix)]
