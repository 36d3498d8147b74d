"""Training a chosen candidate for production: it may see every day up to the dataset's anchor.

Belongs here: fitting one candidate on all there is, and keeping its model and its first forecast.
Does not belong here: choosing it, and anything that publishes it.
"""

import json
from dataclasses import asdict, dataclass
from hashlib import sha256

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecast_assets.backtests.settings import EvaluationSettings
from forecast_assets.datasets.building import read_panel
from forecast_assets.datasets.definition import Dataset
from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.candidates.catalogue import (
    candidate,
    ensemble,
    is_global,
    learner,
    local,
    slug,
)
from forecast_assets.forecasting.global_model import fit, predict
from forecast_assets.forecasting.panel import Panel
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained candidate: ``path`` holds model and forecast, ``artifact_hash`` is SHA-256 over both."""

    candidate: str
    path: str
    artifact_hash: str
    series: int


def train(
    stores: Stores,
    dataset: Dataset,
    settings: EvaluationSettings,
    label: str,
    keys: list[str],
    *,
    folder: str,
) -> Trained:
    """Fit ``label`` on all days up to the anchor and forecast the horizon after it for the series ``keys``.

    Raises ``BadSetting`` when a series gets no forecast.
    """
    panel = read_panel(stores, dataset)
    rows = np.flatnonzero(np.isin(panel.series, keys))
    models: dict[str, str] = {}
    forecast = _forecast(panel, rows, settings, label, models)
    if not np.isfinite(forecast).all():
        lost = panel.series[rows[~np.isfinite(forecast).all(axis=1)]]
        raise BadSetting(
            f"{label} has no forecast for {len(lost)} series, first {lost[0]}",
            remedy="leave these series out, or choose another candidate",
        )
    table = pa.table(
        {
            "series": pa.array(panel.series[rows].tolist(), pa.string()),
            "units": pa.FixedSizeListArray.from_arrays(pa.array(forecast.ravel()), settings.horizon),
        }
    )
    first = np.datetime64(panel.start, "D") + panel.days + settings.gap
    described = {
        "candidate": label,
        "first_day": str(first),
        "parameters": _parameters(label),
        "models": models,
    }
    model = json.dumps(described, sort_keys=True).encode()
    stores.lake.write_table(f"{folder}/forecasts.parquet", table)
    stores.lake.write_bytes(f"{folder}/model.json", model)
    digest = sha256(model + forecast.tobytes()).hexdigest()
    return Trained(label, folder, digest, len(rows))


def _parameters(label: str) -> dict[str, object]:
    return asdict(candidate(label))


def _forecast(
    panel: Panel,
    rows: NDArray[np.int64],
    settings: EvaluationSettings,
    label: str,
    models: dict[str, str],
) -> NDArray[np.float32]:
    """Forecasts (n, horizon) of some series; the texts of global models are added to ``models``."""
    plan = settings.plan()
    ahead = plan.gap + plan.horizon
    if (mean := ensemble(label)) is not None:
        members = {name: _forecast(panel, rows, settings, name, models)[:, None] for name in mean.of()}
        return np.asarray(mean.mean(members)[:, 0], np.float32)
    if is_global(label):
        model = fit(
            panel,
            panel.days,
            ahead,
            learner(label).settings(),
            window=plan.window(),
            threads=environment().processes,
        )
        models[slug(label)] = model.to_json()
        return predict(model, panel, rows, threads=environment().processes)[:, plan.gap :]
    made = local(label).predict(panel.take(rows), np.array([panel.days]), ahead, plan.window())
    return np.asarray(made, np.float32)[:, 0, plan.gap :]
