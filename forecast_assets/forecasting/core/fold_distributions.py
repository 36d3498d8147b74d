"""How good are distributions? What those of a candidate missed on its folds, each judged without itself.

Belongs here: sums of losses, hits and lead times by series and fold, from the pool of a dataset.
Does not belong here: the formulas that they enter (``metrics``), and distributions of days ahead.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Floats, Mask, Values
from forecast_assets.forecasting.core.candidates.catalogue import members
from forecast_assets.forecasting.core.distribution import ErrorTable, pinball_loss
from forecast_assets.forecasting.core.fold_errors import DistributionSums
from forecast_assets.forecasting.core.lead_time import LeadTables, window_sums
from forecast_assets.forecasting.core.pool import Pool
from forecast_assets.forecasting.core.pooled_errors import PooledErrors, error_sums
from forecast_assets.forecasting.core.stock import METRIC_LEAD, METRIC_LEVEL, cover, stock_inputs

# Equal steps, so that the mean of their losses stands for all probabilities.
DECILES = np.linspace(0.1, 0.9, 9)
_ENDS = {80: (0.1, 0.9), 95: (0.025, 0.975)}
_ROUNDING = 1e-6


def distribution_sums(
    pool: Pool | None,
    label: str,
    forecasts: Mapping[str, Floats],
    *,
    actual: Floats,
    folds: Mask,
    classes: Sequence[str | None],
) -> DistributionSums | None:
    """Return what the distributions of a candidate missed on the folds; nothing where it is not pooled.

    ``forecasts`` by candidate and ``actual`` are (n, k, h), ``folds`` (n, k), ``classes`` (n,) of demand.
    """
    if pool is None or label not in pool.errors or not set(members(label)) <= set(forecasts):
        return None
    errors = pool.errors[label]
    if len(errors.tables) != actual.shape[1] + 1:
        return None
    curve = pool.curve(label, members(label), forecasts, classes)
    usable = folds[..., None] & ~np.isnan(actual) & np.isfinite(curve)
    sums = error_sums(errors.tables, curve, actual, usable)
    totals = [part.sum(axis=1) for part in sums]
    by_class = {one: errors.chosen_rule(one) for one in set(classes)}
    rules = np.array([by_class[one] for one in classes])
    by_fold = []
    for fold in range(actual.shape[1]):
        own, usual, days = (total - part[:, fold] for total, part in zip(totals, sums, strict=True))
        counted = usable[:, fold]
        here = np.where(counted, curve[:, fold], 0).astype(np.float64)
        sold = np.where(counted, actual[:, fold], 0).astype(np.float64)
        spread = errors.spread(own, usual, days, classes, fold)
        by_day = _of_days(errors.tables[fold], here, sold, counted, spread)
        by_fold.append([*by_day, *_of_lead(errors, fold, here, sold, counted, spread, rules)])
    return DistributionSums(*(np.stack(parts, axis=1) for parts in zip(*by_fold, strict=True)))


def _of_days(table: ErrorTable, curve: Values, sold: Values, counted: Mask, spread: Values) -> list[Values]:
    """Sums (n,) of actual minus expected units, of losses, and of days inside both intervals."""
    levels = np.unique(np.concatenate([DECILES, *_ENDS.values()]).round(6))
    units = table.quantiles(curve, levels, spread=spread[:, None])
    place = {float(level): at for at, level in enumerate(levels)}
    inner = [place[float(level)] for level in DECILES.round(6)]
    short = sold[..., None] - units[..., inner]
    loss = 2 * pinball_loss(short, DECILES).mean(axis=-1)
    inside = [
        (sold >= units[..., place[low]] - _ROUNDING) & (sold <= units[..., place[high]] + _ROUNDING)
        for low, high in _ENDS.values()
    ]
    parts = [sold - table.expected(curve), loss, *(one.astype(np.float64) for one in inside)]
    return [np.where(counted, part, 0).sum(axis=1) for part in parts]


def _of_lead(  # noqa: PLR0917 - one fold of a candidate, and the rules that hold its stock
    errors: PooledErrors,
    fold: int,
    curve: Values,
    sold: Values,
    counted: Mask,
    spread: Values,
    rules: NDArray[np.str_],
) -> list[Values]:
    """Pinball loss, units, covered and counted windows (n,) of the lead time; NaN where it is too long."""
    table = errors.fold_leads[fold]
    if table is None or curve.shape[1] < METRIC_LEAD:
        return [np.full(len(curve), np.nan)] * 4
    sums, whole = window_sums(curve, counted, METRIC_LEAD)
    demand = window_sums(sold, counted, METRIC_LEAD)[0]
    # What a series sold before says nothing of its candidates.
    history = np.zeros((len(curve), 0), np.float32)
    tables, inputs = (
        LeadTables({METRIC_LEAD: table}),
        stock_inputs(errors.tables[fold], curve, spread, history),
    )
    held = np.zeros(sums.shape)
    for rule in set(rules.tolist()):
        rows = np.flatnonzero(rules == rule)
        row, start = np.nonzero(whole[rows])
        stock = cover(
            rule,
            tables,
            inputs.take(rows[row]),
            sums[rows[row], start],
            METRIC_LEAD,
            np.array([METRIC_LEVEL]),
        )
        held[rows[row], start] = stock[:, 0]
    short = demand - held
    loss = pinball_loss(short, METRIC_LEVEL)
    parts = [loss, demand, (short <= _ROUNDING).astype(np.float64), np.ones(short.shape)]
    return [np.where(whole, part, 0).sum(axis=1) for part in parts]
