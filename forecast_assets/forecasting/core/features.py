"""What the global model may know about a series on the day it forecasts.

Belongs here: turning (series, origin, step) into one row of numbers, with nothing read at or after the origin
except columns that are known ahead (calendar, promotions, prices).
Does not belong here: which rows are used for training, and the model that learns from them.

An *origin* is the number of days that are known; a *step* counts from 1, so that the target day of a row is
the position ``origin + step - 1``. Sums run along the days of one series, in float64: no result
depends on which other series are in the block, nor on the order of the rows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.plans import Role, keeps
from forecast_assets.forecasting.core.running import Counts, Floats, Ints, Running, before, ratio, running

Matrix = NDArray[np.float32]

YEAR = 364  # whole weeks, so that a day is compared with the same weekday
MONTH = 28
LOOKBACK = YEAR + MONTH  # no feature reads further back than this before its origin
WINDOWS = (7, 14, MONTH, 56, 91, 182, YEAR)
WEEKS = (1, 4, 8)
_NEVER = np.int32(-1)
_LEVEL = {MONTH: 0.5, 91: 0.4, YEAR: 0.1}
_ORIGIN = (
    "log_level",
    *(f"mean_{days}" for days in WINDOWS),
    *("last", "spread_91", "zeros_28", "zeros_91", "days_since_sale", "age"),
)
_TARGET = (*("step", "year_ago", "season"), *(f"weekday_mean_{weeks}" for weeks in WEEKS))
_CALENDAR = ("weekday", "day_of_month", "year_sin", "year_cos", "days_to_year_end")
_KNOWN: Mapping[Role, tuple[str, ...]] = {
    "flag": ("", ":change", ":like"),
    "price": ("", ":ratio"),
    "number": ("", ":change"),
    "carried": ("", ":change"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """One column that is known ahead: ``values`` reach past the history, the sums do not.

    ``on`` sums the units of the days on which a flag was set; ``reach`` limits the steps that are known.
    """

    role: Role
    reach: int | None
    values: Matrix
    past: Running
    on: Running | None


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """The history of some series, summed up once; positions count from the first day of ``values``.

    ``values`` (series, width); ``last_seen`` and ``last_sale`` (series, width + 1) hold the newest such
    position before each position or -1; ``first`` (series,) the first observed one; ``codes`` maps a static
    attribute to (series,) numbers, NaN for a level unknown in training; ``calendar`` (width + days ahead, 5).
    """

    values: Matrix
    units: Running
    squares: Running
    zeros: Running
    last_seen: Counts
    last_sale: Counts
    first: Counts
    known: Mapping[str, Known]
    codes: Mapping[str, Matrix]
    calendar: Matrix

    def level(self, rows: Ints, origins: Ints) -> Floats:
        """Units a day lately, the measure a series is learned in (m,); NaN when unobserved for a year."""
        level, older = np.zeros(len(rows)), np.full(len(rows), np.nan)
        for days in sorted(_LEVEL, reverse=True):
            mean = self.units.mean(rows, origins - days, origins)
            older = np.where(np.isnan(mean), older, mean)
            level += _LEVEL[days] * older
        return level


def prepare(
    values: Matrix,
    known: Mapping[str, tuple[Role, int | None, Matrix]],
    codes: Mapping[str, Matrix],
    calendar: Matrix,
) -> Block:
    """Sum up ``values`` (series, width), NaN = not observed.

    Known columns and ``calendar`` reach the days ahead further; ``codes`` are (series,) per static attribute.
    """
    observed = ~np.isnan(values)
    filled = np.where(observed, values, 0).astype(np.float64)
    day = np.arange(values.shape[1], dtype=np.int32)
    units = running(filled, observed)
    return Block(
        values,
        units,
        Running(before(np.cumsum(filled * filled, axis=1), 0), units.seen),
        Running(before(np.cumsum(observed & (filled <= 0), axis=1, dtype=np.float64), 0), units.seen),
        before(np.maximum.accumulate(np.where(observed, day, _NEVER), axis=1), -1),
        before(np.maximum.accumulate(np.where(filled > 0, day, _NEVER), axis=1), -1),
        np.where(observed.any(axis=1), observed.argmax(axis=1), values.shape[1]).astype(np.int32),
        {name: _known(role, reach, column, values) for name, (role, reach, column) in known.items()},
        codes,
        calendar,
    )


def names(roles: Mapping[str, Role], static: Mapping[str, object]) -> tuple[str, ...]:
    """Feature names in the order of the columns of ``matrix``."""
    known = (f"known.{name}{part}" for name, role in roles.items() for part in _KNOWN[role])
    return (*_ORIGIN, *_TARGET, *_CALENDAR, *known, *(f"static.{name}" for name in static))


def calendar_of(start: date, days: int) -> Matrix:
    """Calendar numbers (days, 5) of the days from ``start`` on."""
    day = np.datetime64(start, "D") + np.arange(days)
    year = day.astype("datetime64[Y]")
    into_year = (day - year.astype("datetime64[D]")).astype(np.float64)
    into_month = (day - day.astype("datetime64[M]").astype("datetime64[D]")).astype(np.float64)
    left = ((year + 1).astype("datetime64[D]") - day).astype(np.float64)
    angle = 2 * np.pi * into_year / 365.25
    weekday = (np.arange(days) + start.weekday()) % 7
    return np.stack([weekday, into_month + 1, np.sin(angle), np.cos(angle), left], axis=1).astype(np.float32)


def matrix(block: Block, rows: Ints, origins: Ints, steps: Ints) -> Matrix:
    """Feature rows (m * k, features) for series ``rows`` (m,) at ``origins`` (m,) and ``steps`` (m, k).

    Units are divided by the level of the series at the origin; what is not known is NaN.
    """
    roles = {name: known.role for name, known in block.known.items()}
    out = np.empty((*steps.shape, len(names(roles, block.codes))), np.float32)
    level = block.level(rows, origins)
    scale = np.where(level > 0, level, np.nan)
    columns = (
        *_origin(block, rows, origins, scale),
        *_target(block, rows, origins, steps, scale[:, None]),
        *block.calendar[origins[:, None] + steps - 1].transpose(2, 0, 1),
        *_ahead(block, rows, origins, steps, scale[:, None]),
        *(code[rows] for code in block.codes.values()),
    )
    for position, column in enumerate(columns):
        out[:, :, position] = column if column.ndim > 1 else column[:, None]
    return out.reshape(-1, out.shape[2])


def _origin(block: Block, rows: Ints, origins: Ints, scale: Floats) -> Iterator[Floats]:
    """Columns (m,) that are the same for every step."""
    yield np.log(scale)
    for days in WINDOWS:
        yield block.units.mean(rows, origins - days, origins) / scale
    yield (
        np.where(
            block.last_seen[rows, origins] >= 0, block.values[rows, block.last_seen[rows, origins]], np.nan
        )
        / scale
    )
    mean, square = (sums.mean(rows, origins - 91, origins) for sums in (block.units, block.squares))
    yield np.sqrt(np.maximum(square - mean * mean, 0)) / scale
    for days in (MONTH, 91):
        yield block.zeros.mean(rows, origins - days, origins)
    sale = block.last_sale[rows, origins]
    yield np.where(sale >= 0, np.minimum(origins - sale, YEAR), YEAR).astype(np.float64)
    yield np.minimum(origins - block.first[rows], YEAR).astype(np.float64)


def _target(block: Block, rows: Ints, origins: Ints, steps: Ints, scale: Floats) -> Iterator[Floats]:
    """Columns (m, k) about the target day, seen from the origin."""
    row, origin = rows[:, None], origins[:, None]
    yield steps.astype(np.float64)
    year_ago = origin + steps - 1 - YEAR
    yield _at(block.values, row, year_ago) / scale
    around = block.units.mean(row, year_ago - 3, np.minimum(year_ago + 4, origin))
    before = block.units.mean(row, origin - LOOKBACK, origin - YEAR)
    yield ratio(around, before)
    # The newest day before the origin that falls on the weekday of the target.
    newest = origin + steps - 1 - 7 * ((steps + 6) // 7)
    total, seen = np.zeros(steps.shape), np.zeros(steps.shape, np.int32)
    for week in range(max(WEEKS)):
        value = _at(block.values, row, newest - 7 * week)
        total += np.where(np.isnan(value), 0, value)
        seen += ~np.isnan(value)
        if week + 1 in WEEKS:
            yield ratio(total, seen) / scale


def _ahead(block: Block, rows: Ints, origins: Ints, steps: Ints, scale: Floats) -> Iterator[Floats]:
    """Columns (m, k) of what is known of the target day, alone and against what was usual at the origin."""
    row, origin = rows[:, None], origins[:, None]
    for known in block.known.values():
        value = _planned(known, row, origin, steps)
        yield value
        usual = known.past.mean(row, origin - MONTH, origin)
        yield ratio(value, usual) if known.role == "price" else value - usual
        if known.on:
            on, on_days = known.on.between(row, origin - YEAR, origin)
            units, days = block.units.between(row, origin - YEAR, origin)
            yield np.where(value > 0, ratio(on, on_days), ratio(units - on, days - on_days)) / scale


def _planned(known: Known, row: Ints, origin: Ints, steps: Ints) -> Floats:
    """The column on the target days (m, k), beyond its reach as production fills it (``plans.sight``)."""
    if known.reach is None:
        every: Floats = known.values[row, origin + steps - 1].astype(np.float64)
        return every
    inside = np.minimum(steps, known.reach)
    value: Floats = known.values[row, np.maximum(origin + inside - 1, 0)].astype(np.float64)
    value[np.broadcast_to(origin + inside < 1, value.shape)] = np.nan
    if keeps(known.role):
        return value
    value[np.broadcast_to(steps > known.reach, value.shape)] = 0 if known.role == "flag" else np.nan
    return value


def _known(role: Role, reach: int | None, column: Matrix, values: Matrix) -> Known:
    past = column[:, : values.shape[1]]
    given = ~np.isnan(past)
    usual = running(np.where(given, past, 0), given)
    if role != "flag":
        return Known(role, reach, column, usual, None)
    on = (past > 0) & ~np.isnan(values)
    return Known(role, reach, column, usual, running(np.where(on, values, 0), on))


def _at(values: Matrix, row: Ints, position: Ints) -> Floats:
    return np.where(position >= 0, values[row, np.maximum(position, 0)], np.nan)
