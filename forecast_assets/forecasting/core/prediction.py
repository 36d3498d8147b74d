"""From a curve to what a planner reads: expected units, median and quantiles of every day.

Belongs here: joining the pool of a dataset with what the folds of a series say of itself.
Does not belong here: the curve (``outlook``), sums over days (``lead_time``), stock.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Floats, Mask, Values
from forecast_assets.forecasting.core.candidates.catalogue import members
from forecast_assets.forecasting.core.distribution import PROBABILITIES, ErrorTable
from forecast_assets.forecasting.core.pool import Pool
from forecast_assets.forecasting.core.pooled_errors import PooledErrors, error_sums

# What the folds of months have where nothing else is set.
FEWEST_OWN_ERRORS = 12
INTERVALS = {80: (0.1, 0.9), 95: (0.025, 0.975)}
LEVELS = np.array(PROBABILITIES)


def quantile_name(probability: float) -> str:
    """Return the name of a quantile column: ``q025`` for 0.025, ``q50`` for 0.5."""
    return f"q{str(round(probability, 6))[2:].ljust(2, '0')}"


@dataclass(frozen=True, slots=True, eq=False)
class OwnErrors:
    """What the folds of one series say of its candidate.

    ``spread`` multiplies the pooled errors; ``table`` stands in where the candidate is not pooled;
    ``coverage`` is the share of scored days inside 80 % intervals learned without their fold, NaN = unknown.
    """

    spread: float = 1.0
    table: ErrorTable | None = None
    coverage: float = np.nan

    def to_json(self) -> str:
        """Return text that ``from_json`` reads back."""
        table = None if self.table is None else self.table.to_json()
        return json.dumps({"spread": self.spread, "table": table})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return what ``to_json`` wrote; the coverage is not part of it."""
        parts = json.loads(text)
        return cls(parts["spread"], None if parts["table"] is None else ErrorTable.from_json(parts["table"]))


def own_errors(
    pool: Pool | None,
    label: str,
    forecasts: Mapping[str, Floats],
    *,
    actual: Floats,
    folds: Mask,
    classes: Sequence[str | None],
) -> list[OwnErrors]:
    """Learn from the folds of n series with the same candidate.

    ``forecasts`` by candidate and ``actual`` are (n, k, h), ``folds`` (n, k) tells which folds count,
    ``classes`` (n,) are the classes of demand.
    """
    pool = pool or Pool({}, {}, {}, 0, whole=False)
    if not set(members(label)) <= set(forecasts):
        return [OwnErrors() for _ in actual]
    curve = pool.curve(label, members(label), forecasts, classes)
    usable = folds[..., None] & ~np.isnan(actual) & np.isfinite(curve)
    errors = pool.errors.get(label)
    if errors is not None and len(errors.tables) == curve.shape[1] + 1:
        return _among_pooled(errors, curve, actual, usable, classes)
    return [_alone(*parts) for parts in zip(curve, actual, usable, strict=True)]


def _among_pooled(
    errors: PooledErrors, curve: Floats, actual: Floats, usable: Mask, classes: Sequence[str | None]
) -> list[OwnErrors]:
    sums = error_sums(errors.tables, curve, actual, usable)
    own, usual, days = (part.sum(axis=1) for part in sums)
    spread = errors.spread(own, usual, days, classes)
    hits, scored = np.zeros(len(curve)), usable.sum(axis=(1, 2))
    for fold in range(curve.shape[1]):
        without = errors.spread(
            own - sums[0][:, fold], usual - sums[1][:, fold], days - sums[2][:, fold], classes, fold
        )
        here = np.where(usable[:, fold], curve[:, fold], 0)
        limits = errors.tables[fold].quantiles(here, np.array(INTERVALS[80]), spread=without[:, None])
        hits += (_inside(actual[:, fold], limits) & usable[:, fold]).sum(axis=1)
    coverage = np.divide(hits, scored, out=np.full(len(curve), np.nan), where=scored > 0)
    return [OwnErrors(float(s), None, float(c)) for s, c in zip(spread, coverage, strict=True)]


def _alone(curve: Floats, actual: Floats, usable: Mask) -> OwnErrors:
    """Learn from the folds (k, h) of one series whose candidate is not pooled."""
    own = ErrorTable.learn(curve[usable], actual[usable], fewest=FEWEST_OWN_ERRORS)
    hits = scored = 0
    for fold in range(len(curve)):
        rest = usable.copy()
        rest[fold] = False
        table = ErrorTable.learn(curve[rest], actual[rest], fewest=FEWEST_OWN_ERRORS)
        rows = usable[fold]
        if table is not None:
            limits = table.quantiles(curve[fold][rows], np.array(INTERVALS[80]))
            hits += int(_inside(actual[fold][rows], limits).sum())
            scored += int(rows.sum())
    return OwnErrors(1.0, own, hits / scored if scored else np.nan)


def _inside(actual: Floats, limits: Values) -> Mask:
    inside: Mask = (actual >= limits[..., 0]) & (actual <= limits[..., 1])
    return inside


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """Units of n series and h days: ``expected`` and ``median`` (n, h), ``quantiles`` (n, h, q).

    The quantiles are NaN where nothing is known of the errors; expected units and median are the curve there.
    """

    expected: Floats
    median: Floats
    quantiles: Floats

    def arrays(self) -> dict[str, Floats]:
        """Return (n, h) by column: units (expected), median, limits of the intervals and quantiles."""
        by_level = dict(zip(PROBABILITIES, np.moveaxis(self.quantiles, -1, 0), strict=True))
        # Of a product that hardly sells even the 90 % quantile is 0, and the mean above it.
        intervals = {
            f"{side}_{level}": reach(by_level[end], self.expected)
            for level, ends in INTERVALS.items()
            for side, reach, end in zip(("lower", "upper"), (np.minimum, np.maximum), ends, strict=True)
        }
        named = {quantile_name(one): values for one, values in by_level.items()}
        return {"units": self.expected, "median": self.median, **intervals, **named}


ARRAYS = (
    "units",
    "median",
    *(f"{side}_{level}" for level in INTERVALS for side in ("lower", "upper")),
    *(quantile_name(one) for one in PROBABILITIES),
)


def predicted(
    pool: Pool | None,
    labels: Sequence[str | None],
    curve: Floats,
    own: Sequence[OwnErrors],
    probabilities: Values = LEVELS,
    *,
    closed: Mask | None = None,
) -> Prediction:
    """Return the distributions around ``curve`` (n, h) of the candidates ``labels`` (n,).

    On days that are ``closed`` (n, h) nothing is sold.
    """
    expected, median = curve.copy(), curve.copy()
    quantiles = np.full((*curve.shape, len(probabilities)), np.nan, np.float32)
    for table, rows in _by_table(pool, labels, own):
        some = np.where(np.isfinite(curve[rows]), curve[rows], 0)
        spread = np.array([own[row].spread for row in rows])[:, None]
        is_known = np.isfinite(curve[rows])
        middle = table.median(some)
        spans = table.quantiles(some, probabilities, spread=spread)
        below = probabilities < 0.5  # noqa: PLR2004 - the median
        spans = np.where(below, np.minimum(spans, middle[..., None]), np.maximum(spans, middle[..., None]))
        spans[..., probabilities == 0.5] = middle[..., None]  # noqa: PLR2004 - the median
        # The mean of one series' few errors is noise: only pooled ones move the curve.
        mean = table.expected(some) if own[rows[0]].table is None else some
        expected[rows] = np.where(is_known, mean, np.nan)
        median[rows] = np.where(is_known, middle, np.nan)
        quantiles[rows] = np.where(is_known[..., None], spans, np.nan)
    if closed is not None:
        shut = closed & np.isfinite(curve)
        expected[shut] = median[shut] = 0
        quantiles[shut & np.isfinite(quantiles[..., 0])] = 0
    return Prediction(expected, median, quantiles)


def _by_table(
    pool: Pool | None, labels: Sequence[str | None], own: Sequence[OwnErrors]
) -> list[tuple[ErrorTable, NDArray[np.int64]]]:
    """Return every table in use with the rows that it serves."""
    pooled: dict[str, list[int]] = {}
    alone: list[tuple[ErrorTable, NDArray[np.int64]]] = []
    for row, label in enumerate(labels):
        table = own[row].table
        if label is not None and pool is not None and label in pool.errors:
            pooled.setdefault(label, []).append(row)
        elif table is not None:
            alone.append((table, np.array([row])))
    if pool is None:
        return alone
    return [(pool.errors[label].tables[-1], np.array(rows)) for label, rows in pooled.items()] + alone
