"""Candidates that learn one model from all series of a dataset at once.

Belongs here: what a planner may choose of each learner, and the settings that become of it.
Does not belong here: learning (``global_model``) and when it happens.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol

from forecast_assets.forecasting.core.bounds import Checked, number, whole
from forecast_assets.forecasting.core.global_model import GlobalSettings


class Learner(Protocol):
    """A choice of learner with its parameters."""

    @property
    def name(self) -> str:
        """The model type a planner chooses it by."""

    def settings(self) -> GlobalSettings:
        """How the global model learns."""


@dataclass(frozen=True, slots=True)
class LightGBM(Checked):
    """Gradient-boosted trees over the past, the calendar and what is known ahead of all series."""

    n_estimators: int = whole(60, 10, 1000)
    num_leaves: int = whole(31, 2, 255)
    learning_rate: float = number(0.15, 0.001, 1)

    name: ClassVar[str] = "lightgbm"

    def settings(self) -> GlobalSettings:
        return GlobalSettings(
            n_estimators=self.n_estimators, num_leaves=self.num_leaves, learning_rate=self.learning_rate
        )


@dataclass(frozen=True, slots=True)
class Regression(Checked):
    """Histogram gradient boosting of squared errors: slower steps, deeper trees than ``lightgbm``."""

    max_iter: int = whole(200, 10, 1000)
    learning_rate: float = number(0.05, 0.001, 1)
    max_depth: int = whole(6, 1, 20)

    name: ClassVar[str] = "regression"

    def settings(self) -> GlobalSettings:
        return GlobalSettings(
            objective="l2",
            n_estimators=self.max_iter,
            learning_rate=self.learning_rate,
            max_depth=self.max_depth,
            feature_fraction=0.8,
        )


@dataclass(frozen=True, slots=True)
class XGBoost(Checked):
    """The same rows as ``lightgbm``, learned by XGBoost."""

    n_estimators: int = whole(100, 10, 1000)
    max_depth: int = whole(6, 1, 20)
    learning_rate: float = number(0.1, 0.001, 1)

    name: ClassVar[str] = "xgboost"

    def settings(self) -> GlobalSettings:
        return GlobalSettings(
            learner="xgboost",
            n_estimators=self.n_estimators,
            max_depth=self.max_depth,
            learning_rate=self.learning_rate,
        )
