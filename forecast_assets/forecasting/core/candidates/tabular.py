"""Models of single series that learn from the rows of a feature frame.

Belongs here: trees over a frame of one series, and what is common to all that read a frame.
Does not belong here: the columns (``frames``), global models (``learners``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from forecast_assets.forecasting.core.arrays import Positions, Units, Values
from forecast_assets.forecasting.core.boosting import xgboost_library
from forecast_assets.forecasting.core.bounds import (
    Checked,
    Rule,
    choice,
    number,
    optional,
    ruled,
    whole,
    whole_rule,
)
from forecast_assets.forecasting.core.candidates.protocol import unknown
from forecast_assets.forecasting.core.frames import PACKS, check_packs, frame
from forecast_assets.forecasting.core.lightgbm_library import lightgbm_library
from forecast_assets.forecasting.core.panel import Panel

LEAST_ROWS = 30
SEED = 42
_JOINED = "+"
PACKS_RULE = Rule(
    lambda value: isinstance(value, str) and all(part in PACKS for part in value.split(_JOINED) if value),
    f"packs joined by '+': {', '.join(PACKS)}",
)
Fit = Callable[[Values, Values], Callable[[Values], Values]]


class Framed(Checked):
    """Base of candidates with a feature frame: ``frame`` 1 or 2, and the ``packs`` of frame 2."""

    __slots__ = ()
    frame: int
    packs: str

    def __post_init__(self) -> None:
        super().__post_init__()
        check_packs(self.frame, self.chosen())

    def chosen(self) -> list[str] | None:
        """The packs that were asked for, or nothing for the default ones."""
        return self.packs.split(_JOINED) if self.packs else None


class Tree(Framed):
    """Base of trees over the frame of one series; below 30 observed days there is no forecast."""

    __slots__ = ()

    def fitting(self) -> Fit:
        """How to learn from (rows, columns) and units; the answer forecasts rows."""
        raise NotImplementedError

    def predict(self, panel: Panel, cutoffs: Positions, horizon: int, window: int | None = None) -> Units:
        forecast = unknown(panel.units, cutoffs, horizon, window)
        fit = self.fitting()
        for fold, cutoff in enumerate(cutoffs.tolist()):
            begin = 0 if window is None else max(0, cutoff - window)
            columns = frame(panel, cutoff, horizon, self.frame, self.chosen(), begin=begin)
            stacked = np.stack(list(columns.values()), axis=2)
            for row in range(len(panel.units)):
                units = panel.units[row, begin:cutoff].astype(np.float64)
                seen = ~np.isnan(units)
                if seen.sum() < LEAST_ROWS:
                    continue
                rows = stacked[row, begin:cutoff][seen]
                has_values = ~np.isnan(rows).all(
                    axis=0
                )  # what is never known teaches nothing, and some trees refuse
                model = fit(rows[:, has_values], units[seen])
                forecast[row, fold] = np.maximum(model(stacked[row, cutoff:][:, has_values]), 0)
        return forecast


@dataclass(frozen=True, slots=True)
class RandomForest(Tree):
    """Average of many deep trees over the feature frame of one series."""

    n_estimators: int = whole(100, 10, 500)
    max_depth: int | None = optional(whole_rule(2, 64), default=10)
    min_samples_leaf: int = whole(2, 1, 50)
    frame: int = whole(1, 1, 2)
    packs: str = ruled("", PACKS_RULE)

    name: ClassVar[str] = "random_forest"

    def fitting(self) -> Fit:
        from sklearn.ensemble import RandomForestRegressor  # noqa: PLC0415 - takes a second to import

        def fit(rows: Values, units: Values) -> Callable[[Values], Values]:
            forest = RandomForestRegressor(
                self.n_estimators,
                max_depth=self.max_depth,
                min_samples_leaf=self.min_samples_leaf,
                random_state=SEED,
                n_jobs=1,
            )
            forest.fit(rows, units)
            return lambda ahead: np.asarray(forest.predict(ahead), np.float64)

        return fit


@dataclass(frozen=True, slots=True)
class SeriesLightGBM(Tree):
    """Gradient-boosted trees over the feature frame of one series."""

    scope: str = choice("global", "series")
    n_estimators: int = whole(100, 10, 1000)
    max_depth: int = whole(6, 1, 20)
    learning_rate: float = number(0.1, 0.001, 1)
    frame: int = whole(1, 1, 2)
    packs: str = ruled("", PACKS_RULE)

    name: ClassVar[str] = "lightgbm"

    def fitting(self) -> Fit:
        return _lightgbm(self.n_estimators, self.max_depth, self.learning_rate)


@dataclass(frozen=True, slots=True)
class SeriesRegression(Tree):
    """Histogram gradient boosting of squared errors over the feature frame of one series."""

    scope: str = choice("global", "series")
    max_iter: int = whole(200, 10, 1000)
    learning_rate: float = number(0.05, 0.001, 1)
    max_depth: int = whole(6, 1, 20)
    frame: int = whole(1, 1, 2)
    packs: str = ruled("", PACKS_RULE)

    name: ClassVar[str] = "regression"

    def fitting(self) -> Fit:
        from sklearn.ensemble import HistGradientBoostingRegressor  # noqa: PLC0415 - takes a second to import

        def fit(rows: Values, units: Values) -> Callable[[Values], Values]:
            model = HistGradientBoostingRegressor(
                max_iter=self.max_iter,
                learning_rate=self.learning_rate,
                max_depth=self.max_depth,
                early_stopping=False,
                random_state=SEED,
            )
            model.fit(rows, units)
            return lambda ahead: np.asarray(model.predict(ahead), np.float64)

        return fit


@dataclass(frozen=True, slots=True)
class SeriesXGBoost(Tree):
    """XGBoost over the feature frame of one series."""

    scope: str = choice("global", "series")
    n_estimators: int = whole(100, 10, 1000)
    max_depth: int = whole(6, 1, 20)
    learning_rate: float = number(0.1, 0.001, 1)
    frame: int = whole(1, 1, 2)
    packs: str = ruled("", PACKS_RULE)

    name: ClassVar[str] = "xgboost"

    def fitting(self) -> Fit:
        library = xgboost_library()
        parameters = {
            "max_depth": self.max_depth,
            "learning_rate": self.learning_rate,
            "tree_method": "hist",
            "seed": SEED,
            "nthread": 1,
            "verbosity": 0,
        }

        def fit(rows: Values, units: Values) -> Callable[[Values], Values]:
            model = library.train(parameters, library.DMatrix(rows, units, nthread=1), self.n_estimators)
            return lambda ahead: np.asarray(model.inplace_predict(ahead), np.float64)

        return fit


def _lightgbm(trees: int, depth: int, rate: float) -> Fit:
    lightgbm = lightgbm_library()
    parameters: dict[str, Any] = {
        "max_depth": depth,
        "learning_rate": rate,
        "min_data_in_leaf": 5,
        "seed": SEED,
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }

    def fit(rows: Values, units: Values) -> Callable[[Values], Values]:
        model = lightgbm.train(parameters, lightgbm.Dataset(rows, units, params=parameters), trees)
        return lambda ahead: np.asarray(model.predict(ahead, num_threads=1), np.float64)

    return fit
