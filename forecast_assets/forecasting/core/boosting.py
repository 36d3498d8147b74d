"""Gradient-boosted trees by the libraries that grow them fastest.

Belongs here: training on rows, predicting rows, models as the library's own text.
Does not belong here: what a row means (``features``), and scaling back to units (``global_model``).

Whatever the number of threads, the same rows give the same text and the same text the same numbers.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.core.lightgbm_library import lightgbm_library

if TYPE_CHECKING:
    from forecast_assets.forecasting.core.global_model import GlobalSettings
    from forecast_assets.forecasting.core.global_rows import TrainingRows

_BY_ROW = "[force_col_wise: 0]\n[force_row_wise: 1]\n"
_BY_COLUMN = "[force_col_wise: 1]\n[force_row_wise: 0]\n"
Predict = Callable[[NDArray[np.float32]], NDArray[np.float64]]


def train(columns: tuple[str, ...], rows: "TrainingRows", settings: "GlobalSettings", threads: int) -> str:
    """Return a model as text. Raises ``BadSetting`` when the learner is not installed."""
    return (_xgboost if settings.learner == "xgboost" else _lightgbm)(columns, rows, settings, threads)


def booster(learner: str, text: str, threads: int) -> Predict:
    """Return the function from feature rows (rows, features) to shares of the level (rows,)."""
    model = _read(learner, text, threads)
    if learner == "xgboost":
        return lambda rows: np.asarray(model.inplace_predict(rows), np.float64)
    return lambda rows: np.asarray(model.predict(rows, num_threads=threads), np.float64)


def contributions(learner: str, text: str, rows: NDArray[np.float32], threads: int) -> NDArray[np.float64]:
    """SHAP values (rows, features + 1) of feature rows; the last column is what is expected of any row."""
    model = _read(learner, text, threads)
    if learner == "xgboost":
        data = xgboost_library().DMatrix(rows, nthread=threads)
        return np.asarray(model.predict(data, pred_contribs=True), np.float64)
    return np.asarray(model.predict(rows, pred_contrib=True, num_threads=threads), np.float64)


def gains(learner: str, text: str, features: int) -> NDArray[np.float64]:
    """What splits on each feature (features,) gained in all, as shares of the whole."""
    model = _read(learner, text, threads=1)
    if learner == "xgboost":
        scores = model.get_score(importance_type="total_gain")
        gain = np.array([scores.get(f"f{at}", 0.0) for at in range(features)], np.float64)
    else:
        gain = np.asarray(model.feature_importance("gain"), np.float64)
    return gain / max(float(gain.sum()), np.finfo(np.float64).tiny)


def _read(learner: str, text: str, threads: int) -> Any:  # noqa: ANN401 - a model of either library
    if learner == "xgboost":
        model = xgboost_library().Booster({"nthread": threads})
        model.load_model(bytearray(text.encode()))
        return model
    return lightgbm_library().Booster(model_str=text)


def _lightgbm(
    columns: tuple[str, ...], rows: "TrainingRows", settings: "GlobalSettings", threads: int
) -> str:
    """LightGBM's model text, without what it says of threads and of how they share the work."""
    lightgbm = lightgbm_library()
    parameters = {
        "objective": settings.objective,
        "alpha": settings.huber_alpha,
        "num_leaves": settings.num_leaves,
        "max_depth": settings.max_depth,
        "learning_rate": settings.learning_rate,
        "min_data_in_leaf": settings.min_data_in_leaf,
        "max_bin": settings.max_bin,
        "bin_construct_sample_cnt": 50_000,
        "feature_fraction": settings.feature_fraction,
        "seed": settings.seed,
        # Histograms by row are an eighth faster. One thread adds up every bin in the order of the rows either
        # way; by several, histograms by row would depend on their number in spite of "deterministic".
        "deterministic": True,
        "force_col_wise": threads > 1,
        "force_row_wise": threads == 1,
        "num_threads": threads,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(
        rows.features,
        rows.shares,
        weight=rows.levels,
        # LightGBM refuses some characters in names, and a column may be called anything: numbers only.
        categorical_feature=[at for at, name in enumerate(columns) if name.startswith("static.")],
        params=parameters,
    )
    text: str = lightgbm.train(parameters, data, settings.n_estimators).model_to_string()
    return re.sub(r"\[num_threads: \d+\]\n", "", text.replace(_BY_ROW, _BY_COLUMN))


def _xgboost(
    _columns: tuple[str, ...], rows: "TrainingRows", settings: "GlobalSettings", threads: int
) -> str:
    library = xgboost_library()
    parameters = {
        "objective": "reg:pseudohubererror" if settings.objective == "huber" else "reg:squarederror",
        "huber_slope": settings.huber_alpha,
        "max_depth": settings.max_depth,
        "learning_rate": settings.learning_rate,
        "max_bin": settings.max_bin,
        "colsample_bytree": settings.feature_fraction,
        "tree_method": "hist",
        "seed": settings.seed,
        "nthread": threads,
        "verbosity": 0,
    }
    # Weights of mean 1: the library's regularisation is stated in them.
    weight = rows.levels / rows.levels.mean()
    data = library.QuantileDMatrix(
        rows.features, rows.shares, weight=weight, max_bin=settings.max_bin, nthread=threads
    )
    model = library.train(parameters, data, settings.n_estimators)
    text: str = model.save_raw("json").decode()
    return text


def xgboost_library() -> Any:  # noqa: ANN401 - a module
    """XGBoost, where it is installed; raises ``BadSetting`` elsewhere."""
    try:
        import xgboost  # noqa: PLC0415 - optional, and takes seconds to import
    except ImportError:
        raise BadSetting(
            "candidate xgboost needs the package xgboost-cpu, which is not installed",
            remedy="pip install xgboost-cpu (it comes with forecast-assets), or leave the candidate out",
        ) from None
    return xgboost
