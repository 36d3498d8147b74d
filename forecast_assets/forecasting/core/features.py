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

import numpy as np

from forecast_assets.forecasting.core.arrays import Dates, Floats, Ints, Values
from forecast_assets.forecasting.core.frequency import DAY, FrequencyName
from forecast_assets.forecasting.core.plans import Role, keeps
from forecast_assets.forecasting.core.running import Counts, Running, before, ratio, running

_NEVER = np.int32(-1)
_THURSDAY = 3  # the weekday, counted from Monday, of day 0 in NumPy's dates
_CALENDAR = ("weekday", "day_of_month", "year_sin", "year_cos", "days_to_year_end")
_KNOWN: Mapping[Role, tuple[str, ...]] = {
    "flag": ("", ":change", ":like"),
    "price": ("", ":ratio"),
    "number": ("", ":change"),
    "carried": ("", ":change"),
}


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The lengths that features look back by, in periods.

    ``year``: whole cycles, so that a day is compared with the same weekday. ``near``: periods on either side
    of the one a year ago that count as its neighbours. ``cycle``: the target is compared with the same place
    of the ``cycles`` newest ones. ``level``: weights of the means over so many periods.
    """

    year: int
    month: int
    quarter: int
    windows: tuple[int, ...]
    near: int
    cycle: int
    cycles: tuple[int, ...]
    level: Mapping[int, float]

    @property
    def lookback(self) -> int:
        """No feature reads further back than this before its origin."""
        return max(self.year + self.month, self.cycle * max(self.cycles))

    def columns(self) -> tuple[str, ...]:
        """Names of the features about the origin and the target, in order."""
        return (
            "log_level",
            *(f"mean_{periods}" for periods in self.windows),
            "last",
            f"spread_{self.quarter}",
            *(f"zeros_{periods}" for periods in (self.month, self.quarter)),
            *("days_since_sale", "age", "step", "year_ago", "season"),
            *(f"{'weekday' if self.cycle == DAY.season else 'season'}_mean_{n}" for n in self.cycles),
        )


RHYTHMS: Mapping[FrequencyName, Rhythm] = {
    "day": Rhythm(364, 28, 91, (7, 14, 28, 56, 91, 182, 364), 3, 7, (1, 4, 8), {28: 0.5, 91: 0.4, 364: 0.1}),
    "week": Rhythm(52, 4, 13, (1, 2, 4, 8, 13, 26, 52), 1, 52, (1, 2, 3), {4: 0.5, 13: 0.4, 52: 0.1}),
    "month": Rhythm(12, 2, 3, (1, 2, 3, 6, 12), 0, 12, (1, 2, 3), {2: 0.5, 6: 0.4, 12: 0.1}),
}


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """One column that is known ahead: ``values`` reach past the history, the sums do not.

    ``on`` sums the units of the days on which a flag was set; ``reach`` limits the steps that are known.
    """

    role: Role
    reach: int | None
    values: Floats
    past: Running
    on: Running | None


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """The history of some series, summed up once; positions count from the first day of ``values``.

    ``values`` (series, width); ``last_seen`` and ``last_sale`` (series, width + 1) hold the newest such
    position before each position or -1; ``first`` (series,) the first observed one; ``codes`` maps a static
    attribute to (series,) numbers, NaN for a level unknown in training; ``calendar`` (width + days ahead, 5).
    """

    values: Floats
    units: Running
    squares: Running
    zeros: Running
    last_seen: Counts
    last_sale: Counts
    first: Counts
    known: Mapping[str, Known]
    codes: Mapping[str, Floats]
    calendar: Floats
    rhythm: Rhythm

    def level(self, rows: Ints, origins: Ints) -> Values:
        """Units a day lately, the measure a series is learned in (m,); NaN when unobserved for a year."""
        level, older = np.zeros(len(rows)), np.full(len(rows), np.nan)
        for days in sorted(self.rhythm.level, reverse=True):
            mean = self.units.mean(rows, origins - days, origins)
            older = np.where(np.isnan(mean), older, mean)
            level += self.rhythm.level[days] * older
        return level


def prepare(
    values: Floats,
    known: Mapping[str, tuple[Role, int | None, Floats]],
    codes: Mapping[str, Floats],
    calendar: Floats,
    rhythm: Rhythm,
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
        rhythm,
    )


def names(rhythm: Rhythm, roles: Mapping[str, Role], static: Mapping[str, object]) -> tuple[str, ...]:
    """Feature names in the order of the columns of ``matrix``."""
    known = (f"known.{name}{part}" for name, role in roles.items() for part in _KNOWN[role])
    return (*rhythm.columns(), *_CALENDAR, *known, *(f"static.{name}" for name in static))


def calendar_of(day: Dates) -> Floats:
    """Return calendar numbers (days, 5) of the first days (days,) of periods."""
    year = day.astype("datetime64[Y]")
    into_year = (day - year.astype("datetime64[D]")).astype(np.float64)
    into_month = (day - day.astype("datetime64[M]").astype("datetime64[D]")).astype(np.float64)
    left = ((year + 1).astype("datetime64[D]") - day).astype(np.float64)
    angle = 2 * np.pi * into_year / 365.25
    weekday = (day.astype(np.int64) + _THURSDAY) % 7
    return np.stack([weekday, into_month + 1, np.sin(angle), np.cos(angle), left], axis=1).astype(np.float32)


def matrix(block: Block, rows: Ints, origins: Ints, steps: Ints) -> Floats:
    """Feature rows (m * k, features) for series ``rows`` (m,) at ``origins`` (m,) and ``steps`` (m, k).

    Units are divided by the level of the series at the origin; what is not known is NaN.
    """
    roles = {name: known.role for name, known in block.known.items()}
    out = np.empty((*steps.shape, len(names(block.rhythm, roles, block.codes))), np.float32)
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


def _origin(block: Block, rows: Ints, origins: Ints, scale: Values) -> Iterator[Values]:
    """Columns (m,) that are the same for every step."""
    rhythm = block.rhythm
    yield np.log(scale)
    for days in rhythm.windows:
        yield block.units.mean(rows, origins - days, origins) / scale
    yield (
        np.where(
            block.last_seen[rows, origins] >= 0, block.values[rows, block.last_seen[rows, origins]], np.nan
        )
        / scale
    )
    quarter = origins - rhythm.quarter
    mean, square = (sums.mean(rows, quarter, origins) for sums in (block.units, block.squares))
    yield np.sqrt(np.maximum(square - mean * mean, 0)) / scale
    for days in (rhythm.month, rhythm.quarter):
        yield block.zeros.mean(rows, origins - days, origins)
    sale = block.last_sale[rows, origins]
    yield np.where(sale >= 0, np.minimum(origins - sale, rhythm.year), rhythm.year).astype(np.float64)
    yield np.minimum(origins - block.first[rows], rhythm.year).astype(np.float64)


def _target(block: Block, rows: Ints, origins: Ints, steps: Ints, scale: Values) -> Iterator[Values]:
    """Columns (m, k) about the target day, seen from the origin."""
    row, origin, rhythm = rows[:, None], origins[:, None], block.rhythm
    yield steps.astype(np.float64)
    year_ago = origin + steps - 1 - rhythm.year
    yield _at(block.values, row, year_ago) / scale
    around = block.units.mean(row, year_ago - rhythm.near, np.minimum(year_ago + rhythm.near + 1, origin))
    before = block.units.mean(row, origin - rhythm.year - rhythm.month, origin - rhythm.year)
    yield ratio(around, before)
    # The newest period before the origin at the target's place in the cycle, such as its weekday.
    newest = origin + steps - 1 - rhythm.cycle * ((steps + rhythm.cycle - 1) // rhythm.cycle)
    total, seen = np.zeros(steps.shape), np.zeros(steps.shape, np.int32)
    for before_newest in range(max(rhythm.cycles)):
        value = _at(block.values, row, newest - rhythm.cycle * before_newest)
        total += np.where(np.isnan(value), 0, value)
        seen += ~np.isnan(value)
        if before_newest + 1 in rhythm.cycles:
            yield ratio(total, seen) / scale


def _ahead(block: Block, rows: Ints, origins: Ints, steps: Ints, scale: Values) -> Iterator[Values]:
    """Columns (m, k) of what is known of the target day, alone and against what was usual at the origin."""
    row, origin = rows[:, None], origins[:, None]
    for known in block.known.values():
        value = _planned(known, row, origin, steps)
        yield value
        usual = known.past.mean(row, origin - block.rhythm.month, origin)
        yield ratio(value, usual) if known.role == "price" else value - usual
        if known.on:
            on, on_days = known.on.between(row, origin - block.rhythm.year, origin)
            units, days = block.units.between(row, origin - block.rhythm.year, origin)
            yield np.where(value > 0, ratio(on, on_days), ratio(units - on, days - on_days)) / scale


def _planned(known: Known, row: Ints, origin: Ints, steps: Ints) -> Values:
    """The column on the target days (m, k), beyond its reach as production fills it (``plans.sight``)."""
    if known.reach is None:
        every: Values = known.values[row, origin + steps - 1].astype(np.float64)
        return every
    inside = np.minimum(steps, known.reach)
    value: Values = known.values[row, np.maximum(origin + inside - 1, 0)].astype(np.float64)
    value[np.broadcast_to(origin + inside < 1, value.shape)] = np.nan
    if keeps(known.role):
        return value
    value[np.broadcast_to(steps > known.reach, value.shape)] = 0 if known.role == "flag" else np.nan
    return value


def _known(role: Role, reach: int | None, column: Floats, values: Floats) -> Known:
    past = column[:, : values.shape[1]]
    is_known = ~np.isnan(past)
    usual = running(np.where(is_known, past, 0), is_known)
    if role != "flag":
        return Known(role, reach, column, usual, None)
    on = (past > 0) & ~np.isnan(values)
    return Known(role, reach, column, usual, running(np.where(on, values, 0), on))


def _at(values: Floats, row: Ints, position: Ints) -> Values:
    return np.where(position >= 0, values[row, np.maximum(position, 0)], np.nan)
