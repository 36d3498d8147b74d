"""One LightGBM model for all series at one cutoff.

Belongs here: its settings, learning, forecasting, and the model as text.
Does not belong here: what a row knows (``features``), which rows are learned from (``sampling``), cutoffs and
folds, and where models are kept.

Every step of the horizon is forecast directly from what is known at the origin: no forecast is fed back. Each
series is learned in units of its own level and weighted by it.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from forecast_assets.errors import BadSetting, ForecastError, UnknownName
from forecast_assets.forecasting.bounds import check_share, check_whole
from forecast_assets.forecasting.features import LOOKBACK, YEAR, Kind, kind_of, matrix
from forecast_assets.forecasting.global_rows import Lesson, View, learn_from, levels_of
from forecast_assets.forecasting.panel import Panel
from forecast_assets.forecasting.sampling import Targets, sample

if TYPE_CHECKING:
    from lightgbm import Booster

Ints = NDArray[np.int64]
Forecasts = NDArray[np.float32]

MIN_ROWS = 100
_BLOCK = 512  # series at a time: few enough for the cache, enough to make calling LightGBM cheap
_MOST_LEVELS = (
    256  # a static attribute with more of them names single series, which would be learned by heart
)


class TooLittleData(ForecastError):
    """There are too few observed days to learn a model from."""


@dataclass(frozen=True, slots=True)
class GlobalSettings:
    """How to learn.

    ``huber_alpha``: an error of more than so many levels of the series counts as an outlier; ``train_days``:
    only target days this close before the cutoff are learned from; ``max_rows``: and at most so many of them.
    Raises ``BadSetting`` for a value out of its bounds.
    """

    n_estimators: int = 60
    num_leaves: int = 31
    learning_rate: float = 0.15
    min_data_in_leaf: int = 50
    max_bin: int = 63
    feature_fraction: float = 0.5
    huber_alpha: float = 2.0
    max_rows: int = 500_000
    train_days: int = 365
    seed: int = 42

    def __post_init__(self) -> None:
        check_whole("n_estimators", self.n_estimators, 1, 10_000)
        check_whole("num_leaves", self.num_leaves, 2, 1_024)
        check_share("learning_rate", self.learning_rate)
        check_whole("min_data_in_leaf", self.min_data_in_leaf, 1)
        check_whole("max_bin", self.max_bin, 2, 255)
        check_share("feature_fraction", self.feature_fraction)
        if not 0 < self.huber_alpha < math.inf:
            raise BadSetting(
                f"huber_alpha is {self.huber_alpha!r}", remedy="set huber_alpha to a number above 0"
            )
        check_whole("max_rows", self.max_rows, MIN_ROWS)
        check_whole("train_days", self.train_days, 1)
        check_whole("seed", self.seed, 0, 2**31 - 1)


@dataclass(frozen=True, slots=True, eq=False)
class GlobalModel:
    """A learned model: LightGBM's own ``text``, and the tables needed to build its features again.

    ``kinds`` tells how each known column is used, ``static_levels`` the code of each level seen in training;
    ``rows`` is how many rows were learned from.
    """

    text: str
    features: tuple[str, ...]
    kinds: Mapping[str, Kind]
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
        """The inverse of ``to_json``: the model read back forecasts the same bytes."""
        parts: dict[str, Any] = json.loads(text)
        settings = GlobalSettings(**parts.pop("settings"))
        return cls(features=tuple(parts.pop("features")), settings=settings, **parts)


def fit(
    panel: Panel,
    cutoff: int,
    horizon: int,
    settings: GlobalSettings,
    *,
    window: int | None = None,
    threads: int,
) -> GlobalModel:
    """Learn from the first ``cutoff`` days of all series how to forecast the ``horizon`` days after them.

    ``horizon`` includes the gap, if there is one; with ``window`` only so many days before the cutoff are
    read, in learning and in forecasting. The number of ``threads`` changes no byte of the model.
    Raises ``TooLittleData`` below 100 rows to learn from, and ``BadSetting``.
    """
    check_whole("cutoff", cutoff, 1, panel.days)
    check_whole("horizon", horizon, 1, YEAR)
    check_whole("threads", threads, 1)
    if window is not None:
        check_whole("window", window, 1)
    begin = _begin(cutoff, settings.train_days + horizon + LOOKBACK, window)
    kinds = {name: kind_of(column[:, begin:cutoff]) for name, column in sorted(panel.known.items())}
    levels = {name: levels_of(texts) for name, texts in sorted(panel.static.items())}
    levels = {name: table for name, table in levels.items() if 1 < len(table) <= _MOST_LEVELS}
    view = View(panel, begin, cutoff, horizon, kinds, levels)
    targets = Targets(begin, max(begin, cutoff - settings.train_days), cutoff, horizon)
    lesson = learn_from(view, sample(panel, targets, max_rows=settings.max_rows, seed=settings.seed))
    rows = len(lesson.shares)
    if rows < MIN_ROWS:
        raise TooLittleData(
            f"{rows} rows to learn from before day {cutoff}, at least {MIN_ROWS} are needed",
            remedy="use candidates that need no training until more days are observed",
        )
    text = _train(view.names(), lesson, settings, threads)
    return GlobalModel(text, view.names(), kinds, levels, rows, cutoff, horizon, window, settings)


def predict(model: GlobalModel, panel: Panel, rows: Ints | None = None, *, threads: int) -> Forecasts:
    """Forecast the days after the model's cutoff for all series or for ``rows``: (series, horizon), units.

    Never negative; NaN only for a series without any observed day before the cutoff (within the window, if
    the model has one). What is forecast for one series does not depend on the others. Columns known ahead
    count as unknown where they end.
    Raises ``UnknownName`` when the panel lacks a column the model was trained with.
    """
    from lightgbm import Booster  # noqa: PLC0415 - takes seconds to import

    check_whole("threads", threads, 1)
    check_whole("days of the panel", panel.days, model.cutoff)
    for name in sorted((model.kinds.keys() - panel.known) | (model.static_levels.keys() - panel.static)):
        raise UnknownName(f"the panel has no column {name!r}", remedy="add it, or train a model without it")
    booster = Booster(model_str=model.text)
    rows = np.arange(len(panel.series)) if rows is None else rows
    begin = _begin(model.cutoff, LOOKBACK, model.window)
    view = View(panel, begin, model.cutoff, model.horizon, model.kinds, model.static_levels)
    out = np.empty((len(rows), model.horizon), np.float32)
    for first in range(0, len(rows), _BLOCK):
        part = rows[first : first + _BLOCK]
        out[first : first + _BLOCK] = _forecast(booster, view, part, threads)
        _fill_silent(out[first : first + _BLOCK], model, panel, part)
    return out


def _forecast(booster: "Booster", view: View, rows: Ints, threads: int) -> NDArray[np.float64]:
    """Forecast (rows, horizon), NaN for series of which nothing was observed for a year."""
    block = view.block(rows)
    every = np.arange(len(rows))
    origins = np.full(len(rows), view.cutoff - view.begin)
    steps = np.tile(np.arange(1, view.horizon + 1), (len(rows), 1))
    shares = np.asarray(
        booster.predict(matrix(block, every, origins, steps), num_threads=threads), np.float64
    )
    # Returns can make a level negative.
    return np.maximum(shares.reshape(steps.shape), 0) * np.maximum(block.level(every, origins), 0)[:, None]


def _fill_silent(out: Forecasts, model: GlobalModel, panel: Panel, rows: Ints) -> None:
    """Forecast what a series sold on average before, when no feature looks back far enough to see it."""
    begin = _begin(model.cutoff, model.cutoff, model.window)
    for row in np.flatnonzero(np.isnan(out[:, 0])):
        units = panel.units[rows[row], begin : model.cutoff]
        seen = units[~np.isnan(units)]
        if seen.size:
            out[row] = max(seen.mean(dtype=np.float64), 0)


def _train(columns: tuple[str, ...], lesson: Lesson, settings: GlobalSettings, threads: int) -> str:
    """Answer LightGBM's model text, without the one line that names the number of threads."""
    import lightgbm  # noqa: PLC0415 - takes seconds to import

    parameters = {
        "objective": "huber",
        "alpha": settings.huber_alpha,
        "num_leaves": settings.num_leaves,
        "learning_rate": settings.learning_rate,
        "min_data_in_leaf": settings.min_data_in_leaf,
        "max_bin": settings.max_bin,
        "bin_construct_sample_cnt": 50_000,
        "feature_fraction": settings.feature_fraction,
        "seed": settings.seed,
        # Histograms by row would depend on the number of threads in spite of "deterministic".
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": threads,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(
        lesson.features,
        lesson.shares,
        weight=lesson.levels,
        # LightGBM refuses some characters in names, and a column may be called anything: numbers only.
        categorical_feature=[at for at, name in enumerate(columns) if name.startswith("static.")],
        params=parameters,
    )
    text: str = lightgbm.train(parameters, data, settings.n_estimators).model_to_string()
    return re.sub(r"\[num_threads: \d+\]\n", "", text)


def _begin(cutoff: int, reach: int, window: int | None) -> int:
    return max(0, cutoff - (reach if window is None else min(reach, window)))
