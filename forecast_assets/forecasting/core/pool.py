"""What all series of a dataset say together: errors of every candidate, weights of blends, stock rules.

Belongs here: one result of a dataset per anchor, learned from folds of many series, only read by single ones.
Does not belong here: forecasting, choosing champions, and where a pool is stored.

Everything that is scored on a fold was learned without it (cross-fitted): row j of tables and weights knows
all folds but j, the last row knows all of them.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from typing import Self

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Floats, Mask, Values
from forecast_assets.forecasting.core.blend import (
    FEWEST_SERIES,
    BlendWeights,
    equal_weights,
    learn_weights,
)
from forecast_assets.forecasting.core.demand import EVERY_CLASS
from forecast_assets.forecasting.core.distribution import ErrorTable
from forecast_assets.forecasting.core.lead_time import LeadTables
from forecast_assets.forecasting.core.pooled_errors import (
    PooledErrors,
    drawn_spread,
    error_sums,
    newest_rows,
    spreads_of,
)
from forecast_assets.forecasting.core.stock import (
    METRIC_LEAD,
    SCORED_LEADS,
    RuleRecord,
    RuleScores,
    scored_deviations,
    stock_inputs,
)
from forecast_assets.forecasting.core.wape_curve import WapeCurve

# By fold: the newest units it knew, and their deviations by lead time.
_Past = list[tuple[Floats, dict[int, Values]]]

# Days of the pool that count as a series' own, from trusting it at once to not at all.
_DRAWN = (30.0, 100.0, 300.0, np.inf)


@dataclass(frozen=True, eq=False)
class Pool:
    """Pooled results of a dataset: ``errors`` by candidate, ``blends`` by label, why some have none.

    ``series`` counts the pooled ones; with ``whole`` the dataset sells whole units only. ``wapes`` correct
    the expected WAPE of champions by what became of it on later folds, by class of demand.
    """

    errors: Mapping[str, PooledErrors]
    blends: Mapping[str, BlendWeights]
    reasons: Mapping[str, str]
    series: int
    whole: bool
    wapes: Mapping[str, WapeCurve] = field(default_factory=dict)

    def curve(
        self,
        label: str,
        members: tuple[str, ...],
        forecasts: Mapping[str, Floats],
        classes: Sequence[str | None],
    ) -> Floats:
        """Return the curve (n, k, h) of a candidate from the candidates' fold ``forecasts``.

        A candidate is its own only member; members of a blend without learned weights count the same.
        """
        if members == (label,):
            return forecasts[label]
        blend = self.blends.get(label) or equal_weights(members)
        parts = [forecasts[name] for name in members]
        folds = range(parts[0].shape[1])
        rows = folds if label in self.blends else [-1] * len(folds)
        curves = [
            blend.curve([one[:, j] for one in parts], classes, row)
            for j, row in zip(folds, rows, strict=True)
        ]
        return np.stack(curves, axis=1)

    def medians(self, label: str, curve: Floats) -> Floats:
        """Return medians (n, k, h) around a fold ``curve``, each fold by the table that does not know it."""
        if label not in self.errors:
            return curve
        tables = self.errors[label].tables
        folds = [tables[j].median(curve[:, j]) for j in range(curve.shape[1])]
        medians = np.stack(folds, axis=1).astype(np.float32)
        return np.where(np.isfinite(curve), medians, np.float32(np.nan))

    @cached_property
    def digest(self) -> str:
        """16 hexadecimal characters over everything in the pool."""
        return blake2b(self.text.encode(), digest_size=8).hexdigest()

    def only(self, labels: Sequence[str]) -> "Pool":
        """Return what forecasts by ``labels`` need: the last row of tables and weights."""
        errors = {
            label: PooledErrors(
                one.tables[-1:], one.lead, one.rules, one.drawn, spreads=newest_rows(one.spreads)
            )
            for label, one in self.errors.items()
            if label in labels
        }
        blends = {
            label: BlendWeights(one.members, {name: rows[-1:] for name, rows in one.by_class.items()})
            for label, one in self.blends.items()
            if label in labels
        }
        reasons = {label: why for label, why in self.reasons.items() if label in labels}
        return Pool(errors, blends, reasons, self.series, self.whole, self.wapes)

    @cached_property
    def text(self) -> str:
        """Text that ``from_json`` reads back to the same numbers."""
        errors = {
            label: {
                "tables": [table.to_json() for table in one.tables],
                "lead": one.lead.to_json(),
                "rules": {name: record.to_json() for name, record in one.rules.items()},
                "drawn": None if np.isinf(one.drawn) else one.drawn,
                "spreads": one.spreads,
                "fold_leads": [None if table is None else table.to_json() for table in one.fold_leads],
            }
            for label, one in self.errors.items()
        }
        blends = {label: one.to_json() for label, one in self.blends.items()}
        parts = {"errors": errors, "blends": blends, "reasons": dict(self.reasons), "series": self.series}
        # Classes of demand come from sets, whose order is another in every process.
        curves = {name: one.to_json() for name, one in self.wapes.items()}
        return json.dumps({**parts, "whole": self.whole, "curves": curves}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the pool of a ``text``."""
        parts = json.loads(text)
        errors = {
            label: PooledErrors(
                tuple(ErrorTable.from_json(table) for table in one["tables"]),
                LeadTables.from_json(one["lead"]),
                {name: RuleRecord.from_json(record) for name, record in one["rules"].items()},
                np.inf if one["drawn"] is None else one["drawn"],
                tuple(
                    None if table is None else ErrorTable.from_json(table)
                    for table in one.get("fold_leads", ())
                ),
                {name: tuple(rows) for name, rows in one.get("spreads", {}).items()},
            )
            for label, one in parts["errors"].items()
        }
        blends = {label: BlendWeights.from_json(one) for label, one in parts["blends"].items()}
        wapes = {name: WapeCurve.from_json(one) for name, one in parts.get("curves", {}).items()}
        return cls(errors, blends, parts["reasons"], parts["series"], parts["whole"], wapes)


def learn_pool(
    forecasts: Mapping[str, Floats],
    blends: Mapping[str, tuple[str, ...]],
    *,
    reasons: Mapping[str, str],
    actual: Floats,
    folds: Mask,
    classes: Sequence[str | None],
    history: Floats | None = None,
    threads: int = 1,
) -> Pool:
    """Learn from the fold forecasts (n, k, h) of every pooled candidate; ``threads`` change no byte.

    ``blends`` names the members of each blend, ``reasons`` why a candidate is not pooled; ``actual``
    (n, k, h), ``folds`` (n, k) tells which folds count, ``classes`` (n,) are the classes of demand;
    ``history`` (n, k, d) are the newest units that each fold knew.
    """
    units = np.empty((*actual.shape[:2], 0), np.float32) if history is None else history
    past = [(units[:, j], scored_deviations(units[:, j], actual.shape[2])) for j in range(actual.shape[1])]
    scored = folds[..., None] & ~np.isnan(actual)
    is_known = actual[scored]
    whole = bool(is_known.size) and bool((is_known == np.rint(is_known)).all())
    weights = {
        label: learn_weights(
            members, np.stack([forecasts[name] for name in members]), actual, scored, classes
        )
        for label, members in blends.items()
    }
    draft = Pool({}, weights, reasons, len(actual), whole)
    errors: dict[str, PooledErrors] = {}
    too_few = dict(reasons)

    def errors_of(label: str) -> PooledErrors | None:
        curve = draft.curve(label, blends.get(label, (label,)), forecasts, classes)
        return _errors(curve, actual, scored, _large_classes(classes), past, whole=whole)

    with ThreadPoolExecutor(threads) as pool:
        learned_errors = list(pool.map(errors_of, (*forecasts, *blends)))
    for label, learned in zip((*forecasts, *blends), learned_errors, strict=True):
        if learned is None:
            too_few[label] = "too few errors to pool: it takes 200 of scored periods without each fold"
        else:
            errors[label] = learned
    return Pool(errors, weights, too_few, len(actual), whole)


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
