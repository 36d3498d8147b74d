"""One model for all series at one cutoff.

Belongs here: its settings, learning, forecasting, and the model as text.
Does not belong here: growing trees (``boosting``), what a row knows (``features``), which rows are learned
from (``sampling``), cutoffs and folds, and where models are kept.

Every step of the horizon is forecast directly from what is known at the origin: no forecast is fed back. Each
series is learned in units of its own level and weighted by it.
"""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from forecast_assets.errors import ForecastError, UnknownName
from forecast_assets.forecasting.core.arrays import Forecasts, Ints
from forecast_assets.forecasting.core.boosting import Predict, booster, train
from forecast_assets.forecasting.core.bounds import Checked, check_whole, choice, number, share, whole
from forecast_assets.forecasting.core.features import RHYTHMS, matrix
from forecast_assets.forecasting.core.frequency import DAY
from forecast_assets.forecasting.core.global_rows import View, learn_from, levels_of
from forecast_assets.forecasting.core.panel import ORIGINAL_IDS, Panel
from forecast_assets.forecasting.core.plans import Role, keeps
from forecast_assets.forecasting.core.sampling import Targets, sample

MIN_ROWS = 100
_BLOCK = 512  # series at a time: few enough for the cache, enough to make calling LightGBM cheap
_MOST_LEVELS = (
    256  # a static attribute with more of them names single series, which would be learned by heart
)


class TooLittleData(ForecastError):
    """There are too few observed days to learn a model from."""


class ForeignModel(ForecastError):
    """A stored model has parts that this release does not know, or lacks some that it needs."""


@dataclass(frozen=True, slots=True)
class GlobalSettings(Checked):
    """How to learn.

    ``huber_alpha``: an error of more than so many levels of the series counts as an outlier; ``train_days``:
    only target days this close before the cutoff are learned from; ``max_rows``: and at most so many of them.
    Raises ``BadSetting`` for a value out of its bounds.
    """

    learner: str = choice("lightgbm", "lightgbm", "xgboost")
    objective: str = choice("huber", "huber", "l2")
    n_estimators: int = whole(60, 1, 10_000)
    num_leaves: int = whole(31, 2, 1_024)
    max_depth: int = whole(20, 1, 20)
    learning_rate: float = number(0.15, 0.001, 1)
    min_data_in_leaf: int = whole(50, 1)
    max_bin: int = whole(63, 2, 255)
    feature_fraction: float = share(0.5)
    huber_alpha: float = number(2.0, 1e-3, 1e6)
    max_rows: int = whole(500_000, MIN_ROWS)
    # Three years hold two of every holiday that moves.
    train_days: int = whole(1095, 1)
    seed: int = whole(42, 0, 2**31 - 1)


@dataclass(frozen=True, slots=True, eq=False)
class GlobalModel:
    """A learned model: the learner's own ``text``, and the tables needed to build its features again.

    ``roles`` tells how each known column is used, ``static_levels`` the code of each level seen in training;
    ``rows`` is how many rows were learned from.
    """

    text: str
    features: tuple[str, ...]
    roles: Mapping[str, Role]
    static_levels: Mapping[str, Mapping[str, int]]
    rows: int
    cutoff: int
    horizon: int
    window: int | None
    settings: GlobalSettings

    def digest(self) -> str:
        """32 hexadecimal characters over the model and its tables."""
        return blake2b(self.to_json().encode(), digest_size=16).hexdigest()

    def to_json(self) -> str:
        """Text that ``from_json`` reads back."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The inverse of ``to_json``: the model read back forecasts the same bytes.

        Raises ``ForeignModel`` for one that another release wrote with other parts.
        """
        parts: dict[str, Any] = json.loads(text)
        try:
            settings = GlobalSettings(**parts.pop("settings"))
            return cls(features=tuple(parts.pop("features")), settings=settings, **parts)
        except (KeyError, TypeError) as error:
            raise ForeignModel(
                f"a stored model is of another release: {error}",
                remedy="evaluate its dataset with --force; a registered version still forecasts in MLflow, "
                "with the code that it brings",
            ) from error


def fit(
    panel: Panel,
    cutoff: int,
    horizon: int,
    settings: GlobalSettings,
    *,
    window: int | None = None,
    threads: int,
    gathering: AbstractContextManager[object] | None = None,
) -> GlobalModel:
    """Learn from the first ``cutoff`` days of all series how to forecast the ``horizon`` days after them.

    ``horizon`` includes the gap, if there is one; with ``window`` only so many days before the cutoff are
    read, in learning and in forecasting. Flags and numbers are learned from as far as their plans reach, a
    column that keeps its last value as it was. The number of ``threads`` changes no byte of the model;
    ``gathering`` is held while rows are gathered, in which several fits would only be in each other's
    way.
    Raises ``TooLittleData`` below 100 rows to learn from, and ``BadSetting``.
    """
    check_whole("cutoff", cutoff, 1, panel.days)
    check_whole("horizon", horizon, 1, DAY.year)
    check_whole("threads", threads, 1)
    if window is not None:
        check_whole("window", window, 1)
    begin = _begin(cutoff, settings.train_days + horizon + _lookback(panel), window)
    roles = {name: panel.role(name) for name in sorted(panel.known)}
    levels = {
        name: levels_of(texts) for name, texts in sorted(panel.static.items()) if name not in ORIGINAL_IDS
    }
    levels = {name: table for name, table in levels.items() if 1 < len(table) <= _MOST_LEVELS}
    # A price that is kept is one that a model can answer; that a flag is off where nobody knows is none.
    reach = {name: days for name, days in panel.reach.items() if not keeps(panel.role(name))}
    view = View(replace(panel, reach=reach), begin, cutoff, horizon, roles, levels)
    targets = Targets(begin, max(begin, cutoff - settings.train_days), cutoff, horizon)
    with gathering or nullcontext():
        sampled = sample(panel, targets, max_rows=settings.max_rows, seed=settings.seed)
        training_rows = learn_from(view, sampled)
    rows = len(training_rows.shares)
    if rows < MIN_ROWS:
        raise TooLittleData(
            f"{rows:,} rows to learn from before {panel.frequency.name} {cutoff}, at least {MIN_ROWS:,} are "
            "needed",
            remedy="use candidates that need no training until more sales are observed",
        )
    text = train(view.names(), training_rows, settings, threads)
    return GlobalModel(text, view.names(), roles, levels, rows, cutoff, horizon, window, settings)


def predict(
    model: GlobalModel,
    panel: Panel,
    rows: Ints | None = None,
    *,
    threads: int,
    origin: int | None = None,
    horizon: int | None = None,
) -> Forecasts:
    """Forecast the days after ``origin`` for all series or for ``rows``: (series, horizon), units.

    ``origin`` is a number of visible days, the model's cutoff unless given; ``horizon`` is the model's unless
    given, and what lies beyond the model's is forecast by what it learned of its last day.

    Never negative; NaN only for a series without any observed day before the origin (within the window, if
    the model has one). What is forecast for one series does not depend on the others. Columns known ahead
    count as unknown where they end.
    Raises ``UnknownName`` when the panel lacks a column the model was trained with.
    """
    check_whole("threads", threads, 1)
    origin = model.cutoff if origin is None else origin
    horizon = model.horizon if horizon is None else horizon
    check_whole("days of the panel", panel.days, origin)
    check_whole("horizon", horizon, 1, DAY.year)
    for name in sorted((model.roles.keys() - panel.known) | (model.static_levels.keys() - panel.static)):
        raise UnknownName(f"the panel has no column {name!r}", remedy="add it, or train a model without it")
    shares = booster(model.settings.learner, model.text, threads)
    rows = np.arange(len(panel.series)) if rows is None else rows
    begin = _begin(origin, _lookback(panel), model.window)
    view = View(panel, begin, origin, horizon, model.roles, model.static_levels)
    out = np.empty((len(rows), horizon), np.float32)
    for first in range(0, len(rows), _BLOCK):
        part = rows[first : first + _BLOCK]
        out[first : first + _BLOCK] = _forecast(shares, view, part)
        _fill_silent(
            out[first : first + _BLOCK],
            panel,
            part,
            begin=_begin(origin, origin, model.window),
            origin=origin,
        )
    return out


def origin_rows(
    model: GlobalModel, panel: Panel, origin: int, step: int = 1
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Feature rows (series, features) of the day ``step`` after ``origin``, and levels (series,) in units."""
    begin = _begin(origin, _lookback(panel), model.window)
    view = View(panel, begin, origin, step, model.roles, model.static_levels)
    block = view.block(np.arange(len(panel.series)))
    every = np.arange(len(panel.series))
    origins = np.full(len(every), origin - view.begin)
    rows = matrix(block, every, origins, np.full((len(every), 1), step))
    return rows, np.maximum(block.level(every, origins), 0)


def _forecast(shares: Predict, view: View, rows: Ints) -> NDArray[np.float64]:
    """Forecast (rows, horizon), NaN for series of which nothing was observed for a year."""
    block = view.block(rows)
    every = np.arange(len(rows))
    origins = np.full(len(rows), view.cutoff - view.begin)
    steps = np.tile(np.arange(1, view.horizon + 1), (len(rows), 1))
    ahead = shares(matrix(block, every, origins, steps)).reshape(steps.shape)
    # Returns can make a level negative.
    return np.maximum(ahead, 0) * np.maximum(block.level(every, origins), 0)[:, None]


def _fill_silent(out: Forecasts, panel: Panel, rows: Ints, *, begin: int, origin: int) -> None:
    """Forecast what a series sold on average before, when no feature looks back far enough to see it."""
    for row in np.flatnonzero(np.isnan(out[:, 0])):
        units = panel.units[rows[row], begin:origin]
        seen = units[~np.isnan(units)]
        if seen.size:
            out[row] = max(seen.mean(dtype=np.float64), 0)


def _lookback(panel: Panel) -> int:
    return RHYTHMS[panel.frequency.name].lookback


def _begin(cutoff: int, reach: int, window: int | None) -> int:
    return max(0, cutoff - (reach if window is None else min(reach, window)))
