"""Weights of a blend: how much each member counts, learned from pooled folds by class of demand.

Belongs here: choosing the weights over all folds and without each one of them, and the weighted mean.
Does not belong here: which candidates are members, and their forecasts.

The weights come from greedy selection with replacement (Caruana et al. 2004, as in AutoGluon): again and
again the member is added that lowers the pooled squared error most, errors divided by the scale of their
level. Few members and few steps keep the weights from following the noise of few folds. They are then drawn
nearly all the way towards global models, as far as the folds are hardly worse by it: a few weeks seldom hold
the holidays and promotions that only those have learned from all series and years.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from forecast_assets.forecasting.core.arrays import Floats, Mask, Values
from forecast_assets.forecasting.core.candidates.catalogue import learns_from_all
from forecast_assets.forecasting.core.demand import EVERY_CLASS
from forecast_assets.forecasting.core.distribution import scale_of

STEPS = 10
MOST_MEMBERS = 4
FEWEST_SERIES = 20
# Measured: docs/models.md has the figures.
_DRAWN = (0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
_MOST_WORSE = 1.05


@dataclass(frozen=True, slots=True, eq=False)
class BlendWeights:
    """Weights of ``members`` by class of demand, each (k + 1, m): row j is without fold j, the last for all.

    The class ``all`` serves series of a class that was too small to learn from.
    """

    members: tuple[str, ...]
    by_class: dict[str, Values]

    def to_json(self) -> dict[str, Any]:
        """Return plain values that ``from_json`` reads back."""
        return {
            "members": self.members,
            "by_class": {name: rows.tolist() for name, rows in self.by_class.items()},
        }

    @classmethod
    def from_json(cls, parts: Mapping[str, Any]) -> Self:
        """Return the weights that ``to_json`` wrote."""
        return cls(
            tuple(parts["members"]), {name: np.array(rows) for name, rows in parts["by_class"].items()}
        )

    def shares(self, demand_class: str | None) -> list[float]:
        """Return the weights (m,) of a series of a class of demand, learned from all folds."""
        rows = self.by_class.get(demand_class or EVERY_CLASS, self.by_class[EVERY_CLASS])
        weights: list[float] = rows[-1].tolist()
        return weights

    def curve(self, forecasts: Sequence[Floats], classes: Sequence[str | None], fold: int = -1) -> Floats:
        """Return the weighted mean (n, h) of the members' ``forecasts``, each (n, h), in units.

        A member without a number counts for nothing on that day; NaN where no member has one.
        """
        rows = [self.by_class.get(one or EVERY_CLASS, self.by_class[EVERY_CLASS])[fold] for one in classes]
        weights = np.array(rows).reshape(-1, len(self.members))
        total, weight = np.zeros(forecasts[0].shape), np.zeros(forecasts[0].shape)
        for member, share in zip(forecasts, weights.T, strict=True):
            usable = np.isfinite(member)
            total += share[:, None] * np.where(usable, member, 0)
            weight += share[:, None] * usable
        mean: Values = np.divide(total, weight, out=np.full(total.shape, np.nan), where=weight > 0)
        return mean.astype(np.float32)


def equal_weights(members: tuple[str, ...]) -> BlendWeights:
    """Return weights under which all members count the same."""
    return BlendWeights(members, {EVERY_CLASS: np.full((1, len(members)), 1 / len(members))})


def learn_weights(
    members: tuple[str, ...],
    forecasts: Floats,
    actual: Floats,
    scored: Mask,
    classes: Sequence[str | None],
) -> BlendWeights:
    """Learn the weights of every class with enough series, and of all classes together.

    ``forecasts`` (m, n, k, h) are the members', ``actual`` and ``scored`` (n, k, h), ``classes`` (n,).
    """
    labels = np.array([one or "" for one in classes])
    favoured = np.array([learns_from_all(name) for name in members])
    by_class = {EVERY_CLASS: weights_by_fold(actual, forecasts, scored, favoured)}
    for label in np.unique(labels[labels != ""]).tolist():
        rows = labels == label
        if rows.sum() >= FEWEST_SERIES:
            by_class[label] = weights_by_fold(actual[rows], forecasts[:, rows], scored[rows], favoured)
    return BlendWeights(members, by_class)


def weights_by_fold(actual: Floats, forecasts: Floats, scored: Mask, favoured: Mask | None = None) -> Values:
    """Return weights (k + 1, m), each row summing to 1: row j without fold j, the last row with all folds.

    They are drawn towards the ``favoured`` members (m,). Days on which a member gives no number do not count.
    Where nothing is left to learn from, all members count the same.
    """
    usable = scored & ~np.isnan(actual) & np.isfinite(forecasts).all(axis=0)
    parts = []
    for fold in range(actual.shape[1]):
        rows = usable[:, fold]
        members = forecasts[:, :, fold][:, rows].astype(np.float64)
        scale = scale_of(members.mean(axis=0))
        parts.append((actual[:, fold][rows] / scale, members / scale))
    without = [parts[:fold] + parts[fold + 1 :] for fold in range(len(parts))]
    learned = []
    for part in [*without, parts]:
        products = _products(part, len(forecasts))
        weights = _greedy(products)
        learned.append(weights if favoured is None else _drawn(weights, products, favoured))
    return np.stack(learned)


def _products(parts: Sequence[tuple[Values, Values]], count: int) -> Values:
    """Return sums (m, m) of ``parts`` of (days,) and (m, days): a mean's squared error is a form of them."""
    products = np.zeros((count, count))
    for actual, members in parts:
        errors = members - actual
        products += errors @ errors.T
    return products


def _drawn(weights: Values, products: Values, favoured: Mask) -> Values:
    """Draw weights (m,) towards the ``favoured`` members, as far as the squared error grows little."""
    if not favoured.any():
        return weights
    aim = favoured / favoured.sum()
    for share in _DRAWN:
        mixed: Values = (1 - share) * weights + share * aim
        if mixed @ products @ mixed <= _MOST_WORSE * (weights @ products @ weights):
            return mixed
    return weights


def _greedy(products: Values) -> Values:
    """Return the weights (m,) that lower the squared errors of which ``products`` (m, m) are the sums."""
    count = len(products)
    if not np.trace(products) > 0:
        return np.full(count, 1 / count)
    chosen = np.zeros(count)
    for step in range(1, STEPS + 1):
        costs = np.full(count, np.inf)
        for at in range(count):
            if chosen[at] or (chosen > 0).sum() < MOST_MEMBERS:
                mixed = chosen.copy()
                mixed[at] += 1
                costs[at] = mixed @ products @ mixed / step**2
        chosen[int(np.argmin(costs))] += 1
    return chosen / STEPS
