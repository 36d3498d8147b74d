"""What the pool knows of the errors of one candidate.

Belongs here: its tables, how wide errors of series and classes of demand are beside those of their levels.
Does not belong here: what is learned when (``pool``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Floats, Mask, Values
from forecast_assets.forecasting.core.demand import EVERY_CLASS
from forecast_assets.forecasting.core.distribution import ErrorTable, own_spread, scale_of
from forecast_assets.forecasting.core.lead_time import LeadTables
from forecast_assets.forecasting.core.stock import UNSCORED_RULE, Rule, RuleRecord


@dataclass(frozen=True, slots=True, eq=False)
class PooledErrors:
    """What the pool knows of one candidate: tables (k + 1), lead-time tables, record of stock rules by class.

    ``drawn`` is how many days of the pool count beside a series' own. ``fold_leads`` (k,) are tables of the
    lead time that candidates are compared at, each learned without its fold. ``spreads`` (k + 1) say how much
    larger the errors of a class of demand are than those of its levels, row j without fold j.
    """

    tables: tuple[ErrorTable, ...]
    lead: LeadTables
    rules: Mapping[str, RuleRecord]
    drawn: float
    fold_leads: tuple[ErrorTable | None, ...] = ()
    spreads: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def spread(
        self,
        own: Values,
        usual: Values,
        days: NDArray[np.int64],
        classes: Sequence[str | None],
        fold: int = -1,
    ) -> Values:
        """Return by how much errors of each series (n,) are larger than those of its level; 1 is as large.

        ``own`` and ``usual`` (n,) are sums of absolute scaled errors over ``days`` (n,), drawn towards what
        is usual in the class of demand, which is known without ``fold``.
        """
        return drawn_spread(self.class_ratios(classes, fold), own, usual, days, self.drawn)

    def class_ratios(self, classes: Sequence[str | None], fold: int) -> Values:
        """Return by how much errors of each series' class (n,) are larger than those of its levels."""
        return np.array([self.spreads[one or ""][fold] if one in self.spreads else 1.0 for one in classes])

    def chosen_rule(self, demand_class: str | None) -> Rule:
        """Return the stock rule of a class of demand, the one of all where it has none of its own."""
        record = self.rules.get(demand_class or EVERY_CLASS) or self.rules.get(EVERY_CLASS)
        return UNSCORED_RULE if record is None else record.chosen


def drawn_spread(ratio: Values, own: Values, usual: Values, days: NDArray[np.int64], drawn: float) -> Values:
    """Return the ``PooledErrors.spread`` of series whose classes have the ratios ``ratio`` (n,)."""
    return ratio * own_spread(own, ratio * usual, days, drawn)


def newest_rows(spreads: Mapping[str, tuple[float, ...]]) -> dict[str, tuple[float, ...]]:
    """Return the last row of each class, which knows all folds."""
    return {name: rows[-1:] for name, rows in spreads.items()}


def spreads_of(own: Values, usual: Values, classes: NDArray[np.str_]) -> dict[str, tuple[float, ...]]:
    """Return how much larger errors of each class are than usual at their levels (k + 1), row j without j."""
    spreads = {}
    for name in sorted(set(classes.tolist()) - {EVERY_CLASS}):
        sums = [part[classes == name].sum(axis=0) for part in (own, usual)]
        errors, expected = (np.append(one.sum() - one, one.sum()) for one in sums)
        ratio = np.divide(errors, expected, out=np.ones(len(errors)), where=expected > 0)
        spreads[name] = tuple(ratio.tolist())
    return spreads


def error_sums(
    tables: Sequence[ErrorTable], curve: Floats, actual: Floats, usable: Mask
) -> tuple[Values, Values, NDArray[np.int64]]:
    """Return sums (n, k) of absolute scaled errors, of what is usual at these levels, and days counted.

    Errors are those of the median; fold j is judged by table j.
    """
    own, usual = np.zeros(actual.shape[:2]), np.zeros(actual.shape[:2])
    for fold in range(actual.shape[1]):
        here = np.where(usable[:, fold], curve[:, fold], 0).astype(np.float64)
        scale = scale_of(here)
        sold = np.where(usable[:, fold], actual[:, fold], 0)
        error = np.abs(sold - tables[fold].median(here)) / scale
        own[:, fold] = np.where(usable[:, fold], error, 0).sum(axis=1)
        usual[:, fold] = np.where(usable[:, fold], tables[fold].absolute_error(here) / scale, 0).sum(axis=1)
    return own, usual, usable.sum(axis=-1)
