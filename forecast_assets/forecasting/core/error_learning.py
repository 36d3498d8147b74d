"""How the errors of one candidate are learned from the folds of many series.

Belongs here: error tables, lead-time tables, spreads and the record of stock rules, each without the fold
that it is judged on.
Does not belong here: what is kept of them (``pooled_errors``), blends and the whole pool (``pool``).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Floats, Mask, Values
from forecast_assets.forecasting.core.blend import FEWEST_SERIES
from forecast_assets.forecasting.core.demand import EVERY_CLASS
from forecast_assets.forecasting.core.distribution import ErrorTable
from forecast_assets.forecasting.core.lead_time import LeadTables
from forecast_assets.forecasting.core.pooled_errors import (
    PooledErrors,
    drawn_spread,
    error_sums,
    spreads_of,
)
from forecast_assets.forecasting.core.stock import (
    METRIC_LEAD,
    SCORED_LEADS,
    RuleScores,
    scored_deviations,
    stock_inputs,
)

# By fold: the newest units it knew, and their deviations by lead time.
_Past = list[tuple[Floats, dict[int, Values]]]

# Days of the pool that count as a series' own, from trusting it at once to not at all.
_DRAWN = (30.0, 100.0, 300.0, np.inf)


@dataclass(frozen=True, slots=True, eq=False)
class FoldErrors:
    """What errors are learned beside, the same for every candidate.

    ``actual`` units (n, k, h) of the folds, and which of them are ``scored``; ``classes`` (n,) of demand;
    with ``whole`` all of the units are whole numbers.
    """

    actual: Floats
    scored: Mask
    classes: Sequence[str | None]
    past: _Past
    whole: bool

    @classmethod
    def of(
        cls, actual: Floats, folds: Mask, classes: Sequence[str | None], history: Floats | None = None
    ) -> Self:
        """Prepare ``actual`` (n, k, h); ``folds`` (n, k) tells which folds count.

        ``history`` (n, k, d) are the newest units that each fold knew.
        """
        units = np.empty((*actual.shape[:2], 0), np.float32) if history is None else history
        past = [
            (units[:, j], scored_deviations(units[:, j], actual.shape[2])) for j in range(actual.shape[1])
        ]
        scored = folds[..., None] & ~np.isnan(actual)
        is_known = actual[scored]
        whole = bool(is_known.size) and bool((is_known == np.rint(is_known)).all())
        return cls(actual, scored, classes, past, whole)

    def learn(self, curve: Floats) -> PooledErrors | None:
        """Return what the errors of fold forecasts (n, k, h) say; nothing where they are too few."""
        return _errors(
            curve, self.actual, self.scored, _large_classes(self.classes), self.past, whole=self.whole
        )


def _large_classes(classes: Sequence[str | None]) -> NDArray[np.str_]:
    """Return the classes (n,), without those of too few series to learn from."""
    counts = Counter(classes)
    return np.array([one if one and counts[one] >= FEWEST_SERIES else EVERY_CLASS for one in classes])


def _errors(
    curve: Floats, actual: Floats, scored: Mask, classes: NDArray[np.str_], past: _Past, *, whole: bool
) -> PooledErrors | None:
    folds = actual.shape[1]
    usable = scored & np.isfinite(curve)
    tables = []
    for left_out in [*range(folds), None]:
        rows = usable.copy()
        if left_out is not None:
            rows[:, left_out] = False
        table = ErrorTable.learn(curve[rows], actual[rows], whole=whole)
        if table is None:
            return None
        tables.append(table)
    own, usual, days = error_sums(tables, curve, actual, usable)
    spreads = spreads_of(own, usual, classes)
    draft = PooledErrors(tuple(tables), LeadTables({}), {}, np.inf, spreads=spreads)
    ratios = [draft.class_ratios(classes.tolist(), fold) for fold in range(folds)]
    draft = replace(draft, drawn=_best_drawn(ratios, own, usual, days))
    scores, fold_leads = RuleScores(), []
    for fold in range(folds):
        others = usable.copy()
        others[:, fold] = False
        lead = LeadTables.learn(curve, actual, others, whole=whole, leads=SCORED_LEADS)
        fold_leads.append(lead.by_days.get(METRIC_LEAD))
        without = np.arange(folds) != fold
        own_rest, usual_rest, days_rest = (part[:, without].sum(axis=1) for part in (own, usual, days))
        spread = drawn_spread(ratios[fold], own_rest, usual_rest, days_rest, draft.drawn)
        here = np.where(usable[:, fold], curve[:, fold], 0).astype(np.float64)
        scores.add(
            classes,
            lead,
            stock_inputs(tables[fold], here, spread, past[fold][0]),
            here,
            actual[:, fold],
            usable[:, fold],
            lay=past[fold][1],
        )
    return replace(
        draft,
        lead=LeadTables.learn(curve, actual, usable, whole=whole),
        rules=scores.records(),
        fold_leads=tuple(fold_leads),
    )


def _best_drawn(ratios: Sequence[Values], own: Values, usual: Values, days: NDArray[np.int64]) -> float:
    """Return how far own errors are drawn towards the pool to foretell those of a left-out fold best.

    ``ratios`` are those of the classes of demand by fold, each known without it.
    """
    losses = dict.fromkeys(_DRAWN, 0.0)
    folds = own.shape[1]
    for fold in range(folds):
        others = np.arange(folds) != fold
        own_sum, usual_sum, day_sum = (part[:, others].sum(axis=1) for part in (own, usual, days))
        for drawn in _DRAWN:
            spread = drawn_spread(ratios[fold], own_sum, usual_sum, day_sum, drawn)
            losses[drawn] += float(((own[:, fold] - spread * usual[:, fold]) ** 2).sum())
    return min(losses, key=lambda drawn: losses[drawn])
