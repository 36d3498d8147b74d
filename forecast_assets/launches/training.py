"""Training chosen candidates for production: they may see every day there is.

Belongs here: learning from a whole panel, forecasting what comes after it, and keeping both.
Does not belong here: choosing candidates, and anything that publishes them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256

import numpy as np
import pyarrow as pa

from forecast_assets.datasets.building import read_panel
from forecast_assets.datasets.definition import Dataset
from forecast_assets.errors import BadSetting
from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.forecasting.core.arrays import Floats
from forecast_assets.forecasting.core.candidates.catalogue import candidate, is_blend, slug
from forecast_assets.forecasting.core.global_model import GlobalModel
from forecast_assets.forecasting.core.outlook import Models, Outlook, needed, outlook, weights_of
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.global_models.fitting import TrainingDays, fit_or_load, recipe
from forecast_assets.global_models.pooling import read_pool
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores, paths


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained candidate: ``path`` holds model and forecast, ``artifact_hash`` is SHA-256 over both.

    ``left_out`` says why series have no forecast.
    """

    candidate: str
    path: str | None
    artifact_hash: str
    series: int
    left_out: Mapping[str, str]


def learn(
    stores: Stores, dataset: Dataset, panel: Panel, settings: EvaluationSettings, labels: Sequence[str]
) -> Models:
    """Fit the global candidates that ``labels`` need on the whole panel, or say why one cannot be fitted.

    Launches that learn the same from the same days share one model. The weights of blends are the pool's.
    """
    pool = read_pool(stores, dataset, settings)
    weights = {name: one for name, one in (pool.blends if pool else {}).items() if name in labels}
    if not (names := needed(labels)):
        return weights
    days = TrainingDays.of(panel, settings.plan())
    steps = dataset.plan_steps(settings.gap + settings.horizon)
    models = {
        label: fit_or_load(
            stores,
            paths.BATCH.path(dataset.name, "models"),
            recipe(label, steps),
            label,
            panel.days,
            identity=(panel.start, settings.plan(), days.contents.tolist()),
            days=lambda: days,
        )
        for label in names
    }
    return {**models, **weights}


def ahead(panel: Panel, settings: EvaluationSettings, label: str, models: Models) -> Outlook:
    """Forecast the horizon after the panel, and after the gap, for all its series."""
    plan = settings.plan()
    prediction = outlook(
        panel,
        [label] * len(panel.series),
        models,
        plan.gap + plan.horizon,
        window=plan.window(),
        threads=environment().processes,
    )
    return Outlook(prediction.units[:, plan.gap :], prediction.failures, prediction.assumptions)


def first_day(panel: Panel, settings: EvaluationSettings) -> str:
    """The first day that ``ahead`` forecasts."""
    return str(panel.date(panel.days + settings.gap))


def described(panel: Panel, settings: EvaluationSettings, label: str, models: Models) -> bytes:
    """A trained candidate as JSON: all that its forecasts are made from, beside the panel."""
    parts = {slug(name): models[name] for name in needed([label])}
    description = {
        "candidate": label,
        "first_day": first_day(panel, settings),
        "parameters": asdict(candidate(label)),
        "models": {
            name: model.to_json() if isinstance(model, GlobalModel) else str(model)
            for name, model in parts.items()
        },
        "weights": weights_of(label, models).to_json() if is_blend(label) else None,
    }
    return json.dumps(description, sort_keys=True).encode()


def forecast_table(series: Sequence[str], units: Floats) -> pa.Table:
    """Forecasts (n, h) as they are kept."""
    days = pa.FixedSizeListArray.from_arrays(pa.array(units.ravel()), units.shape[1])
    return pa.table({"series": pa.array(series, pa.string()), "units": days})


def train(
    stores: Stores,
    dataset: Dataset,
    settings: EvaluationSettings,
    label: str,
    keys: list[str],
    *,
    folder: str | None,
) -> Trained:
    """Fit ``label`` on all days up to the anchor and forecast the horizon after it for the series ``keys``.

    Model and forecast are kept in ``folder`` of the lake, if there is one. Raises ``BadSetting`` when no
    series gets a forecast; one without is left out, with its reason.
    """
    panel = read_panel(stores, dataset)
    models = learn(stores, dataset, panel, settings, [label])
    own = panel.take(np.flatnonzero(np.isin(panel.series, keys)))
    forecast = ahead(own, settings, label, models)
    left_out = {str(own.series[at]): why for at, why in forecast.failures.items()}
    good = np.array([at for at in range(len(own.series)) if at not in forecast.failures], np.int64)
    if not len(good):
        raise BadSetting(
            f"{label} has a forecast for no series, first {min(left_out)}: {left_out[min(left_out)]}",
            remedy="choose other series or another candidate",
        )
    units, model = forecast.units[good], described(panel, settings, label, models)
    if folder is not None:
        table = forecast_table(own.series[good].tolist(), units)
        stores.lake.write_table(f"{folder}/forecasts.parquet", table)
        stores.lake.write_bytes(f"{folder}/model.json", model)
    return Trained(label, folder, sha256(model + units.tobytes()).hexdigest(), len(good), left_out)
