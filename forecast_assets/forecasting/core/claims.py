"""What a champion is expected to do on days that nobody has seen.

Belongs here: expected WAPE and bias of single series, and what became of such claims on later folds.
Does not belong here: the fold record, which stays what it is (``metrics``, ``ranking``).

What its own folds say of errors and sales is drawn towards what is usual at its levels, as if further days of
the pool belonged to the series: what was sold in few folds is luck in part. The claim is then corrected by
what became of such claims: champions are chosen and their error is claimed on the folds before each fold,
and compared with it. Folds that came later know what was sold in an earlier one, and would flatter it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core import metrics
from forecast_assets.forecasting.core.arrays import Floats, Mask, Values
from forecast_assets.forecasting.core.backtest import Backtest, scores_of
from forecast_assets.forecasting.core.candidates.catalogue import members
from forecast_assets.forecasting.core.demand import is_intermittent
from forecast_assets.forecasting.core.fold_distributions import distribution_sums
from forecast_assets.forecasting.core.pool import Pool
from forecast_assets.forecasting.core.ranking import RankingPolicy, rank
from forecast_assets.forecasting.core.wape_curve import corrected, curves_by_class

NO_POOL = "the dataset has no pool of errors: materialize global_forecasts with the same configuration"


@dataclass(frozen=True, slots=True)
class Claim:
    """Expected ``wape`` in percent and ``bias`` in units a period (actual minus expected units).

    ``None`` where they are not known, with the ``reason``.
    """

    wape: float | None = None
    bias: float | None = None
    reason: str | None = None


def claims(
    pool: Pool | None,
    candidates: Sequence[str],
    forecasts: Floats,
    *,
    actual: Floats,
    folds: Mask,
    winners: NDArray[np.int64],
    classes: Sequence[str | None],
) -> list[Claim]:
    """Return what to expect of the champions ``winners`` (n,), positions among the candidates or -1.

    ``forecasts`` (m, n, k, h), ``actual`` (n, k, h), ``folds`` (n, k); ``classes`` (n,) of demand.
    """
    results = [Claim(reason=NO_POOL if pool is None else "it has no champion") for _ in classes]
    if pool is None:
        return results
    by_name = dict(zip(candidates, forecasts, strict=True))
    for place in np.unique(winners[winners >= 0]).tolist():
        rows = np.flatnonzero(winners == place)
        label = candidates[place]
        if label not in pool.errors:
            unpooled = [Claim(reason=pool.reasons.get(label, f"{label} is not pooled"))] * len(rows)
        else:
            own = {name: by_name[name][rows] for name in members(label)}
            some = [classes[row] for row in rows.tolist()]
            unpooled = _of_label(pool, _sums(pool, label, own, actual[rows], folds[rows], some), some)
        for row, claim in zip(rows.tolist(), unpooled, strict=True):
            results[row] = claim
    return results


def claims_of(
    pool: Pool | None, block: Backtest, winners: NDArray[np.int64], classes: Sequence[str | None]
) -> list[Claim]:
    """Return what to expect of the ``winners`` (n,) of a backtest."""
    return claims(
        pool,
        block.scores.candidates,
        block.forecasts,
        actual=block.actual,
        folds=block.folds,
        winners=winners,
        classes=classes,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Sums by series and fold (n, k) of units: errors of the median, usual errors, expected, sold; days."""

    own: Values
    usual: Values
    expected: Values
    sold: Values
    days: Values
    drawn: float

    def until(self, fold: int | None) -> tuple[Values, ...]:
        """Return (n,) of every sum over the folds before ``fold``, over all of them for ``None``."""
        parts = (self.own, self.usual, self.expected, self.sold, self.days)
        return tuple(part[:, :fold].sum(axis=1) for part in parts)

    def drawn_to_pool(self, fold: int | None = None) -> tuple[Values, Values]:
        """Return drawn sums (n,) of errors and of sales over the folds before ``fold``, or over all."""
        own, usual, expected, sold, days = self.until(fold)
        if np.isinf(self.drawn):
            return usual, expected
        extra = np.divide(self.drawn, days, out=np.zeros(len(days)), where=days > 0)
        return (own + extra * usual) / (1 + extra), (sold + extra * expected) / (1 + extra)

    def wape(self, fold: int | None = None) -> Values:
        """Return the drawn WAPE (n,) in percent over folds before ``fold``, or over all; NaN = unknown."""
        error, units = self.drawn_to_pool(fold)
        wape: Values = np.divide(100 * error, units, out=np.full(len(units), np.nan), where=units > 0)
        return wape


def _sums(  # noqa: PLR0917 - a candidate, its forecasts and what happened
    pool: Pool,
    label: str,
    forecasts: Mapping[str, Floats],
    actual: Floats,
    folds: Mask,
    classes: Sequence[str | None],
) -> _Sums:
    errors = pool.errors[label]
    curve = pool.curve(label, members(label), forecasts, classes)
    usable = folds[..., None] & ~np.isnan(actual) & np.isfinite(curve)
    parts = np.zeros((4, *actual.shape[:2]))
    for fold, table in enumerate(errors.tables[:-1]):
        counted = usable[:, fold]
        here, sold = (np.where(counted, one[:, fold], 0) for one in (curve, actual))
        daily = (np.abs(sold - table.median(here)), table.absolute_error(here), table.expected(here), sold)
        for part, values in zip(parts, daily, strict=True):
            part[:, fold] = np.where(counted, values, 0).sum(axis=1)
    own, usual, expected, sold_units = parts
    return _Sums(own, usual, expected, sold_units, usable.sum(axis=2).astype(np.float64), errors.drawn)


def _of_label(pool: Pool, sums: _Sums, classes: Sequence[str | None]) -> list[Claim]:
    claimed = sums.wape()
    wape = corrected(pool.wapes, claimed, classes)
    _, _, expected, sold, days = sums.until(None)
    drawn = sums.drawn
    bias = np.zeros(len(days)) if np.isinf(drawn) else (sold - expected) / (days + drawn)
    return [
        Claim(float(wape[row]), float(bias[row]))
        if days[row] and np.isfinite(claimed[row])
        else Claim(reason="nothing is expected to be sold")
        for row in range(len(days))
    ]


def with_corrected_claims(
    pool: Pool,
    forecasts: Mapping[str, Floats],
    policy: RankingPolicy,
    *,
    actual: Floats,
    folds: Mask,
    classes: Sequence[str | None],
) -> Pool:
    """Return the pool with what became of claims on folds that came after them.

    ``forecasts`` (n, k, h) by candidate are what is scored, ``policy`` chooses.
    """
    labels = tuple(label for label in forecasts if label in pool.errors)
    if not labels:
        return pool
    scored = np.stack([forecasts[label] for label in labels])
    spreads = [
        distribution_sums(pool, label, forecasts, actual=actual, folds=folds, classes=classes)
        for label in labels
    ]
    measured = metrics.fold_metrics(np.where(folds[..., None], actual, np.nan), scored, spreads)
    sums = [_sums(pool, label, forecasts, actual, folds, classes) for label in labels]
    rare = np.array([is_intermittent(one) for one in classes])
    claimed, happened, sold = (np.zeros(folds.shape) for _ in range(3))
    for fold in range(1, actual.shape[1]):
        before = folds & (np.arange(folds.shape[1]) < fold)
        winner = rank(scores_of(labels, measured, before), policy, intermittent=rare).winner
        for place, one in enumerate(sums):
            rows = (winner == place) & folds[:, fold]
            claimed[rows, fold] = one.wape(fold)[rows]
            happened[rows, fold] = one.own[rows, fold]
            sold[rows, fold] = one.sold[rows, fold]
    return replace(pool, wapes=curves_by_class(claimed, happened, sold, classes))
