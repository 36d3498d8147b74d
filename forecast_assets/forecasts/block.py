"""The numbers of a block of forecasts: units, intervals, stock, and who is forecast by something else.

Belongs here: bringing together what the engine says of some series; nothing is stored.
Does not belong here: which series need it, and where it goes (``forecasting``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from forecast_assets.backtests.fold_store import Folds, read_file
from forecast_assets.forecasting.core.decision import Decisions, decide
from forecast_assets.forecasting.core.intervals import LEVELS, Spread, coverage, limits, spread_of
from forecast_assets.forecasting.core.outlook import outlook
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.global_models.production import Production
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores
from forecast_assets.stores.warehouse import Row

LOOK_ALIKE = "look_alike"
Floats = NDArray[np.float32]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """Forecasts of n series: ``units`` (n, h), NaN where there is none; limits by level; ``coverage`` (n,).

    ``candidates`` made them, ``fallbacks`` (n,) flag series without a champion; ``good`` are the rows that
    have a forecast.
    """

    series: NDArray[np.str_]
    candidates: Sequence[str | None]
    fallbacks: Sequence[str | None]
    units: Floats
    reach: Mapping[int, tuple[Floats, Floats]]
    decisions: Decisions
    coverage: Values
    failures: Mapping[int, str]
    assumptions: Sequence[Sequence[str]]

    @property
    def good(self) -> NDArray[np.int64]:
        return np.flatnonzero(np.isfinite(self.units).all(axis=1))

    def arrays(self) -> dict[str, Floats]:
        """Units and limits of the good rows by name."""
        sides = ("lower", "upper")
        return {"units": self.units[self.good]} | {
            f"{side}_{level}": pair[place][self.good]
            for level, pair in self.reach.items()
            for place, side in enumerate(sides)
        }

    def without(self) -> Iterator[tuple[str, str, bool]]:
        """Series without a forecast, why, and whether that is our fault."""
        for at in np.flatnonzero(~np.isfinite(self.units).all(axis=1)).tolist():
            key = str(self.series[at])
            if self.fallbacks[at] is not None:
                yield key, "no champion, and no product like it has sales", False
            else:
                why = self.failures.get(at, "it gives no forecast")
                yield key, f"champion {self.candidates[at]}: {why}", True


def make(
    stores: Stores,
    panel: Panel,
    *,
    labels: Sequence[str | None],
    champions: Sequence[Row | None],
    models: Production,
    horizon: int,
    gap: int,
    window: int | None,
    stock: tuple[int, float],
) -> Made:
    """Forecast the series of ``panel`` with the candidates ``labels`` (n,), ``horizon`` days after ``gap``.

    ``champions`` (n,) are rows of ``champions_of``; a series without one is forecast by the label all the
    same, or by the mean of products like it. ``stock`` is the lead time in days and the service level.
    """
    made = outlook(
        panel, labels, models.models, gap + horizon, window=window, threads=environment().processes
    )
    units, candidates = made.units[:, gap:].copy(), list(labels)
    orphans = [row is None or row["champion"] is None for row in champions]
    fallbacks = [
        (label or LOOK_ALIKE) if orphan else None for label, orphan in zip(labels, orphans, strict=True)
    ]
    lost = [at for at, orphan in enumerate(orphans) if orphan and not np.isfinite(units[at]).all()]
    alike = _look_alikes(stores, [str(panel.series[at]) for at in lost])
    for at in lost:
        units[at] = alike.get(str(panel.series[at]), np.nan)
        fallbacks[at] = candidates[at] = LOOK_ALIKE
    spread, covered = measured(stores, champions, panel.series.tolist())
    reach = limits(spread, units)
    lead_time, service_level = stock
    decisions = decide(units, reach[80][1], lead_time_days=lead_time, service_level=service_level)
    return Made(
        series=panel.series,
        candidates=candidates,
        fallbacks=fallbacks,
        units=units,
        reach=reach,
        decisions=decisions,
        coverage=covered,
        failures=made.failures,
        assumptions=made.assumptions,
    )


def _look_alikes(stores: Stores, series: list[str]) -> dict[str, float]:
    """Units a day of products like these, where there are any."""
    rows = stores.warehouse.rows("look_alikes", series=series) if series else []
    return {str(row["series"]): float(str(row["units"])) for row in rows if row["units"] is not None}


def measured(
    stores: Stores, champions: Sequence[Row | None], keys: Sequence[str]
) -> tuple[Spread, NDArray[np.float64]]:
    """What the folds say of each champion's errors, and the share (n,) inside 80 % intervals.

    ``champions`` are rows of ``champions_of`` in the order of ``keys`` (n,), or nothing.
    """
    found: dict[str, tuple[Folds, str]] = {}
    scored = [row for row in champions if row is not None and row["champion"] and row["path"]]
    for path, members in groupby(
        sorted(scored, key=lambda row: str(row["path"])), key=lambda row: row["path"]
    ):
        labels = {str(row["series"]): str(row["champion"]) for row in members}
        found |= {key: (folds, labels[key]) for key, folds in read_file(stores, str(path), list(labels))}
    weeks = max((-(-folds.actual.shape[1] // 7) for folds, _ in found.values()), default=1)
    radius = {level: np.full(len(keys), np.nan) for level in LEVELS}
    scale, covered = np.full((len(keys), weeks), np.nan), np.full(len(keys), np.nan)
    shapes: dict[tuple[int, ...], list[int]] = {}
    for at, key in enumerate(keys):
        if key in found and found[key][1] in found[key][0].forecasts:
            shapes.setdefault(found[key][0].actual.shape, []).append(at)
    for places in shapes.values():
        folds = [found[keys[at]] for at in places]
        actual = np.stack([one.actual for one, _ in folds])
        forecast = np.stack([one.forecasts[label] for one, label in folds])
        counted = np.stack([one.counted for one, _ in folds])
        spread = spread_of(actual, forecast, counted)
        for level in LEVELS:
            radius[level][places] = spread.radius[level]
        scale[places, : spread.scale.shape[1]] = spread.scale
        scale[places, spread.scale.shape[1] :] = spread.scale[:, -1:]
        covered[places] = coverage(actual, forecast, counted)
    return Spread(radius, scale), covered
