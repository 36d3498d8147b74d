"""What all series of a dataset say together: errors of every candidate, weights of blends, stock rules.

Belongs here: one result of a dataset per anchor, learned from folds of many series, only read by single ones.
Does not belong here: forecasting, choosing champions, and where a pool is stored.

Everything that is scored on a fold was learned without it (cross-fitted): row j of tables and weights knows
all folds but j, the last row knows all of them.
"""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Self

import numpy as np

from forecast_assets.forecasting.core.arrays import Floats
from forecast_assets.forecasting.core.blend import BlendWeights, equal_weights, learn_weights
from forecast_assets.forecasting.core.distribution import ErrorTable
from forecast_assets.forecasting.core.error_learning import FoldErrors
from forecast_assets.forecasting.core.lead_time import LeadTables
from forecast_assets.forecasting.core.pooled_errors import PooledErrors, newest_rows
from forecast_assets.forecasting.core.stock import RuleRecord
from forecast_assets.forecasting.core.wape_curve import WapeCurve


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
        pool = cls(errors, blends, parts["reasons"], parts["series"], parts["whole"], wapes)
        vars(pool)["text"] = text  # to write it again takes longer than to read it
        return pool


def learn_pool(
    forecasts: Mapping[str, Floats],
    blends: Mapping[str, tuple[str, ...]],
    folds: FoldErrors,
    *,
    reasons: Mapping[str, str],
    learned: Mapping[str, PooledErrors | None] | None = None,
    threads: int = 1,
) -> Pool:
    """Learn from the fold forecasts (n, k, h) of every pooled candidate; ``threads`` change no byte.

    ``blends`` names the members of each blend, ``reasons`` why a candidate is not pooled; ``learned`` are the
    errors that are known already.
    """
    weights = {
        label: learn_weights(
            members,
            np.stack([forecasts[name] for name in members]),
            folds.actual,
            folds.scored,
            folds.classes,
        )
        for label, members in blends.items()
    }
    draft = Pool({}, weights, reasons, len(folds.actual), folds.whole)
    errors: dict[str, PooledErrors] = {}
    too_few = dict(reasons)

    def errors_of(label: str) -> PooledErrors | None:
        return folds.learn(draft.curve(label, blends.get(label, (label,)), forecasts, folds.classes))

    known = learned or {}
    labels = (*forecasts, *blends)
    rest = [label for label in labels if label not in known]
    with ThreadPoolExecutor(threads) as pool:
        results = {**known, **dict(zip(rest, pool.map(errors_of, rest), strict=True))}
    for label in labels:
        if (result := results[label]) is None:
            too_few[label] = "too few errors to pool: it takes 200 of scored periods without each fold"
        else:
            errors[label] = result
    return Pool(errors, weights, too_few, len(folds.actual), folds.whole)
