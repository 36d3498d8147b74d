"""What a claimed WAPE turned out to be: the correction of claims, learned from folds that came later.

Belongs here: rising curves from claimed to happened WAPE, of all series and by class of demand.
Does not belong here: the claims themselves (``claims``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from forecast_assets.forecasting.core.arrays import Values
from forecast_assets.forecasting.core.demand import EVERY_CLASS

_LEAST_RATIO, _LARGEST_RATIO = 0.5, 1.5
_MOST_LEVELS, _FEWEST_PER_LEVEL = 10, 40
# Smaller classes follow all series: measured, curves of their own are no better.
_FEWEST_OF_CLASS = 2 * _FEWEST_PER_LEVEL


@dataclass(frozen=True, slots=True)
class WapeCurve:
    """``happened`` (b,) WAPE in percent where ``claimed`` (b,) was claimed, both rising.

    Between the levels it is interpolated linearly, beyond them the ratio of the outermost one stays; without
    a level a claim is what it is.
    """

    claimed: tuple[float, ...] = ()
    happened: tuple[float, ...] = ()

    @classmethod
    def learn(cls, claimed: Values, error: Values, sold: Values) -> Self:
        """Learn from the claimed WAPE, the absolute error and the units sold of series and folds (N,).

        Claims are grouped into up to ten levels of at least 40; levels that would fall are pooled (isotonic
        regression by adjacent violators, Barlow et al. 1972).
        """
        usable = claimed > 0
        claimed, error, sold = claimed[usable], error[usable], sold[usable]
        parts = np.array_split(
            np.argsort(claimed, kind="stable"),
            int(np.clip(len(claimed) // _FEWEST_PER_LEVEL, 1, _MOST_LEVELS)),
        )
        blocks: list[Values] = []
        for rows in parts:
            foretold = float((claimed[rows] * sold[rows]).sum())
            if foretold <= 0:
                continue
            happened = np.clip(100 * error[rows].sum(), _LEAST_RATIO * foretold, _LARGEST_RATIO * foretold)
            blocks.append(np.array([foretold, happened, sold[rows].sum()]))
            while len(blocks) > 1 and _mean(blocks[-2]) >= _mean(blocks[-1]):
                last = blocks.pop()
                blocks[-1] = blocks[-1] + last
        return cls(tuple(float(one[0] / one[2]) for one in blocks), tuple(_mean(one) for one in blocks))

    def expected(self, claimed: Values) -> Values:
        """Return what to expect (n,) in percent where the folds alone claim ``claimed`` (n,)."""
        if not self.claimed:
            return claimed
        levels, happened = np.array(self.claimed), np.array(self.happened)
        within: Values = np.interp(claimed, levels, happened)
        ratio = np.where(claimed < levels[0], happened[0] / levels[0], happened[-1] / levels[-1])
        outside = (claimed < levels[0]) | (claimed > levels[-1])
        return np.where(outside, claimed * ratio, within)

    def to_json(self) -> dict[str, Sequence[float]]:
        """Return plain numbers that ``from_json`` reads back."""
        return {"claimed": self.claimed, "happened": self.happened}

    @classmethod
    def from_json(cls, parts: Mapping[str, Sequence[float]]) -> Self:
        """Return the curve that ``to_json`` wrote."""
        return cls(tuple(parts["claimed"]), tuple(parts["happened"]))


def curves_by_class(
    claimed: Values, error: Values, sold: Values, classes: Sequence[str | None]
) -> dict[str, WapeCurve]:
    """Learn a curve of each class of demand that has enough folds of series, and one of all together.

    ``claimed`` WAPE in percent, absolute ``error`` and units ``sold`` are (n, k), ``classes`` (n,).
    """
    parts = (claimed, error, sold)
    curves = {EVERY_CLASS: WapeCurve.learn(*(one.ravel() for one in parts))}
    labels = np.array([one or EVERY_CLASS for one in classes])
    for name in sorted(set(labels.tolist()) - {EVERY_CLASS}):
        rows = labels == name
        if (claimed[rows] > 0).sum() >= _FEWEST_OF_CLASS:
            curves[name] = WapeCurve.learn(*(one[rows].ravel() for one in parts))
    return curves


def corrected(curves: Mapping[str, WapeCurve], claimed: Values, classes: Sequence[str | None]) -> Values:
    """Return what to expect (n,) of ``claimed`` WAPE (n,) in percent of series of ``classes`` (n,)."""
    if not curves:
        return claimed
    labels = np.array([one if one in curves else EVERY_CLASS for one in classes])
    wape = np.empty(len(claimed))
    for name in np.unique(labels).tolist():
        rows = labels == name
        wape[rows] = curves[name].expected(claimed[rows])
    return wape


def _mean(block: Values) -> float:
    """Return the WAPE of a block of foretold error, happened error and units sold."""
    return float(block[1] / block[2])
