"""The feature rows of a global model, block by block.

Belongs here: the part of a panel that a model may read, the codes of its attributes, and its training rows.
Does not belong here: what a feature means (``features``), and the model itself.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecasting.core.arrays import Ints
from forecast_assets.forecasting.core.features import (
    RHYTHMS,
    Block,
    Rhythm,
    calendar_of,
    matrix,
    names,
    prepare,
)
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.forecasting.core.plans import Role
from forecast_assets.forecasting.core.sampling import Rows

_BLOCK = 128  # series at a time: their sums fit into the processor's cache


class View(NamedTuple):
    """What may be read of a panel: units in ``[begin, cutoff)``, known columns ``horizon`` days further."""

    panel: Panel
    begin: int
    cutoff: int
    horizon: int
    roles: Mapping[str, Role]
    levels: Mapping[str, Mapping[str, int]]

    def names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return names(self.rhythm, self.roles, self.levels)

    @property
    def rhythm(self) -> Rhythm:
        """The lengths that its features look back by."""
        return RHYTHMS[self.panel.frequency.name]

    def block(self, rows: Ints | slice) -> Block:
        """Sum up some series; positions in the block count from ``begin``."""
        known = {
            name: (role, self.panel.reach.get(name), self._ahead(name, rows))
            for name, role in self.roles.items()
        }
        codes = {name: _codes(self.panel.static[name][rows], table) for name, table in self.levels.items()}
        calendar = calendar_of(self.panel.dates(self.begin, self.cutoff + self.horizon))
        units = self.panel.units[:, self.begin : self.cutoff][rows]
        return prepare(units, known, codes, calendar, self.rhythm)

    def _ahead(self, name: str, rows: Ints | slice) -> NDArray[np.float32]:
        end = self.cutoff + self.horizon
        values = self.panel.known[name][:, self.begin : end][rows]
        missing = end - self.begin - values.shape[1]
        return np.pad(values, ((0, 0), (0, missing)), constant_values=np.nan)


class TrainingRows(NamedTuple):
    """What is learned from: feature rows (rows, features), units as shares of levels, levels (rows,)."""

    features: NDArray[np.float32]
    shares: NDArray[np.float64]
    levels: NDArray[np.float64]


def levels_of(texts: NDArray[np.str_]) -> dict[str, int]:
    """Number the distinct values of a static attribute."""
    return {str(text): code for code, text in enumerate(np.unique(texts))}


def learn_from(view: View, rows: Rows) -> TrainingRows:
    """Build the training rows, without those of series that sold nothing in the year before the origin."""
    features = np.empty((len(rows.steps), len(view.names())), np.float32)
    shares, levels = np.empty(len(rows.steps)), np.empty(len(rows.steps))
    used = 0
    for first in range(0, len(view.panel.series), _BLOCK):
        low, high = np.searchsorted(rows.series, (first, first + _BLOCK))
        series, origins, steps = rows.series[low:high] - first, rows.origins[low:high], rows.steps[low:high]
        block = view.block(slice(first, first + _BLOCK))
        level = block.level(series, origins - view.begin)
        good = level > 0
        series, origins, steps = series[good], origins[good] - view.begin, steps[good]
        now = slice(used, used + len(steps))
        features[now] = matrix(block, series, origins, steps[:, None])
        shares[now] = block.values[series, origins + steps - 1] / level[good]
        levels[now] = level[good]
        used = now.stop
    return TrainingRows(features[:used], shares[:used], levels[:used])


def _codes(texts: NDArray[np.str_], table: Mapping[str, int]) -> NDArray[np.float32]:
    return np.array([table.get(text, np.nan) for text in texts.tolist()], np.float32)
