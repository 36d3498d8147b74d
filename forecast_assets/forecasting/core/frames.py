"""Feature frames: what a model of a single series may know of each day.

Belongs here: the columns of frame 1 and of the packs of frame 2, for the past and for the days ahead alike.
Does not belong here: the features of global models (``features``), and the models.

Every column looks strictly back from its day, except those that are known ahead. The days after an origin are
made by the same code with their units unknown: a lag that would need one of them is NaN, never guessed.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.core.arrays import Values
from forecast_assets.forecasting.core.frequency import Frequency, FrequencyName
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.forecasting.core.plans import sight

Columns = Mapping[str, Values]

ON = ("target_history", "calendar", "rolling", "trend", "price_promo", "lifecycle")
OFF = ("inventory", "replenishment", "returns", "exogenous_weather", "exogenous_macro")
PACKS = (*ON, *OFF)
_LAGS: Mapping[FrequencyName, tuple[int, ...]] = {
    "day": (1, 7, 14, 28),
    "week": (1, 2, 4, 8),
    "month": (1, 2, 3, 6),
}
_NEW_DAYS, _MATURE_DAYS = 30, 180


@dataclass(frozen=True, slots=True, eq=False)
class _Days:
    """A block of series over days 0 to width: units (n, width) NaN from ``origin`` on, and the calendar."""

    units: Values
    origin: int
    dates: NDArray[np.datetime64]
    known: Columns
    launch: NDArray[np.int64]
    frequency: Frequency


def check_packs(version: int, packs: Sequence[str] | None) -> tuple[str, ...]:
    """Return the packs of a frame in canonical order.

    Raises ``BadSetting`` for packs with frame 1, and for an empty list or unknown names with frame 2.
    """
    if version == 1:
        if packs:
            raise BadSetting("frame 1 has no packs", remedy="leave packs out, or set frame to 2")
        return ()
    enabled = ON if packs is None else tuple(packs)
    unknown = [name for name in enabled if name not in PACKS]
    if unknown or not enabled:
        raise BadSetting(
            f"unknown pack {unknown[0]!r}" if unknown else "no pack is named",
            remedy=f"use some of {', '.join(PACKS)}",
        )
    return tuple(name for name in PACKS if name in enabled)


def frame(
    panel: Panel,
    origin: int,
    horizon: int,
    version: int = 1,
    packs: Sequence[str] | None = None,
    *,
    begin: int = 0,
) -> Columns:
    """Columns (n, origin + horizon) by name, in their fixed order, as they look from ``origin`` visible days.

    Nothing before day ``begin`` is read. Columns of the panel that are known ahead are read as far as the
    origin knows them (``plans.sight``).
    """
    chosen = check_packs(version, packs)
    width = origin + horizon
    units = np.full((len(panel.series), width), np.nan)
    units[:, begin:origin] = panel.units[:, begin:origin]
    known = {name: _since(sight(panel, name, origin, width), begin) for name in panel.known}
    dates = panel.dates(0, width)
    seen = ~np.isnan(units[:, :origin])
    launch = np.where(seen.any(axis=1), seen.argmax(axis=1), width) if origin else np.full(len(units), width)
    days = _Days(units, origin, dates, known, launch, panel.frequency)
    if version == 1:
        history = {f"lag_{lag}": _lag(units, lag) for lag in _LAGS[panel.frequency.name]}
        return history | _calendar(days) | _frame_1_plan(days)
    columns: dict[str, Values] = {}
    for name in chosen:
        columns |= _PACKS[name](days)
    return columns


def _since(column: NDArray[np.float32], begin: int) -> Values:
    out = column.astype(np.float64)
    out[:, :begin] = np.nan
    return out


def _lag(units: Values, days: int) -> Values:
    out = np.full(units.shape, np.nan)
    out[:, days:] = units[:, : units.shape[1] - days] if days < units.shape[1] else np.nan
    return out


def _rows(days: _Days, values: Values) -> Values:
    return np.broadcast_to(values, days.units.shape)


def _calendar(days: _Days) -> dict[str, Values]:
    weekday = (days.dates.astype("datetime64[D]").astype(np.int64) + 3) % 7
    month = days.dates.astype("datetime64[M]").astype(np.int64) % 12
    month_end = (days.dates + 1).astype("datetime64[M]") != days.dates.astype("datetime64[M]")
    columns = {
        "dow_sin": np.sin(2 * np.pi * weekday / 7),
        "dow_cos": np.cos(2 * np.pi * weekday / 7),
        "month_sin": np.sin(2 * np.pi * month / 12),
        "month_cos": np.cos(2 * np.pi * month / 12),
        "is_weekend": (weekday >= 5).astype(np.float64),  # noqa: PLR2004 - Saturday
        "is_month_end": month_end.astype(np.float64),
    }
    return {name: _rows(days, values) for name, values in columns.items()}


def _plan(days: _Days, name: str) -> Values:
    return days.known.get(name, np.full(days.units.shape, np.nan))


def _price_factor(days: _Days) -> Values:
    """Price over the median price known at the origin."""
    price = _plan(days, "price")
    past = price[:, : days.origin]
    typical = np.full(len(price), np.nan)
    has_price = (~np.isnan(past)).any(axis=1)
    typical[has_price] = np.nanmedian(past[has_price], axis=1)
    return price / np.where(typical > 0, typical, np.nan)[:, None]


def _since_launch(days: _Days) -> Values:
    since = np.arange(days.units.shape[1]) - days.launch[:, None]
    return np.where(since >= 0, since, np.nan).astype(np.float64)


def _frame_1_plan(days: _Days) -> dict[str, Values]:
    return {
        "price_factor": _price_factor(days),
        "promo_active": _plan(days, "promo"),
        "is_holiday": _plan(days, "holiday"),
        "days_since_launch": _since_launch(days),
    }


def _target_history(days: _Days) -> dict[str, Values]:
    season, year = days.frequency.season, days.frequency.year
    near = _LAGS[days.frequency.name]
    lags = {f"lag_{lag}": _lag(days.units, lag) for lag in (*near, 2 * near[-1], year)}
    same = [_lag(days.units, season * cycle) for cycle in range(1, 9)]
    return lags | {f"same_dow_mean_{n}": np.mean(same[:n], axis=0) for n in (4, 8)}


def _full_calendar(days: _Days) -> dict[str, Values]:
    week = np.array([date.isocalendar().week for date in days.dates.astype(dt.date)])
    day = (days.dates - days.dates.astype("datetime64[M]")).astype(np.int64) + 1
    more = {
        "week_sin": np.sin(2 * np.pi * week / 53),
        "week_cos": np.cos(2 * np.pi * week / 53),
        "day_of_month_sin": np.sin(2 * np.pi * day / 31),
        "day_of_month_cos": np.cos(2 * np.pi * day / 31),
    }
    whole = _calendar(days) | {name: _rows(days, values) for name, values in more.items()}
    return whole | {"is_holiday": _plan(days, "holiday")}


def _windows(units: Values, size: int, end: int = 0) -> Values:
    """The ``size`` days (n, width, size) that end ``end`` days before the day before each day."""
    padded = np.pad(units, [(0, 0), (size + end, 0)], constant_values=np.nan)[:, : units.shape[1] + size - 1]
    windows: Values = sliding_window_view(padded, size, axis=1)
    return windows


def _rolling(days: _Days) -> dict[str, Values]:
    month = _windows(days.units, 28)
    return {
        **{f"rolling_mean_{size}": _windows(days.units, size).mean(axis=2) for size in (7, 28, 90)},
        "rolling_median_28": np.median(month, axis=2),
        "rolling_std_28": month.std(axis=2, ddof=1),
    }


def _slope(units: Values, size: int) -> Values:
    place = np.arange(size) - (size - 1) / 2
    slope: Values = (_windows(units, size) * (place / (place * place).sum())).sum(axis=2)
    return slope


def _trend(days: _Days) -> dict[str, Values]:
    week, month = (_windows(days.units, size).mean(axis=2) for size in (7, 28))
    before = _windows(days.units, 28, end=28).mean(axis=2)
    return {
        "slope_30": _slope(days.units, 30),
        "slope_90": _slope(days.units, 90),
        "ratio_7_28": _over(week, month),
        "ratio_28_28": _over(month, before),
    }


def _over(above: Values, below: Values) -> Values:
    quotient: Values = np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
    return quotient


def _price_promo(days: _Days) -> dict[str, Values]:
    return {
        "price_factor": _price_factor(days),
        "promo_active": _plan(days, "promo"),
        "promo_discount_pct": _plan(days, "discount"),
        "markdown_active": _plan(days, "markdown"),
        "bundle_active": _plan(days, "bundle"),
    }


def _lifecycle(days: _Days) -> dict[str, Values]:
    since, until = _since_launch(days), _plan(days, "days_until_discontinue")
    return {
        "days_since_launch": since,
        "is_new": np.where(np.isnan(since), np.nan, since < _NEW_DAYS),
        "is_mature": np.where(np.isnan(since), np.nan, since >= _MATURE_DAYS),
        "is_discontinued": np.where(np.isnan(until), np.nan, until < 0),
        "days_until_discontinue": until,
    }


def _inventory(days: _Days) -> dict[str, Values]:
    """Days without an observation since launch stand for days without stock; unknown from the origin on."""
    alive = np.arange(days.units.shape[1]) >= days.launch[:, None]
    out = np.where(alive, np.isnan(days.units), np.nan).astype(np.float64)
    out[:, days.origin :] = np.nan
    month = _windows(out, 28)
    return {
        "is_stockout_lag1": _lag(out, 1),
        "stockout_days_7": _windows(out, 7).sum(axis=2),
        "stockout_days_28": month.sum(axis=2),
        "inventory_available_ratio_28": 1 - month.mean(axis=2),
    }


def _delivered(*names: str) -> Callable[[_Days], dict[str, Values]]:
    """A pack of columns that the dataset delivers under these names; NaN where it does not."""
    return lambda days: {name: _plan(days, name) for name in names}


_PACKS: Mapping[str, Callable[[_Days], dict[str, Values]]] = {
    "target_history": _target_history,
    "calendar": _full_calendar,
    "rolling": _rolling,
    "trend": _trend,
    "price_promo": _price_promo,
    "lifecycle": _lifecycle,
    "inventory": _inventory,
    "replenishment": _delivered("days_since_last", "count_14", "qty_28"),
    "returns": _delivered("returns_qty_7", "returns_qty_28", "returns_rate_28"),
    "exogenous_weather": _delivered("weather_temp_c", "weather_precip_mm"),
    "exogenous_macro": _delivered("macro_index"),
}
