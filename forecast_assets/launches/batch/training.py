"""Making models and forecasts for a group of batch items at once: the operations ``train`` and ``predict``.

Belongs here: what every item makes, where it is kept, and which items cannot be made.
Does not belong here: learning and forecasting (``training``), scoring (``scoring``), records.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from forecast_assets.datasets.building import read_panel
from forecast_assets.forecasting.core.candidates.catalogue import slug
from forecast_assets.forecasting.core.outlook import Models, totals
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.launches import training
from forecast_assets.launches.batch.request import BatchSpec
from forecast_assets.launches.batch.scoring import UNKNOWN
from forecast_assets.launches.model import Item, ItemResult
from forecast_assets.launches.window import within
from forecast_assets.stores import Stores, paths

PREDICT = "predict"


@dataclass(frozen=True, slots=True, eq=False)
class TrainingContext:
    """What all items are made from: the series' days, and the models that several series share."""

    panel: Panel
    row: dict[str, int]
    models: Models
    paths: dict[str, str]


def prepare_training(stores: Stores, spec: BatchSpec) -> TrainingContext:
    """Read the days, learn what is learned from all series, and keep each trained candidate.

    ``predict`` goes on from the newest day, ``train`` from the anchor, up to which candidates were judged.
    """
    labels = spec.settings.candidates
    panel = within(read_panel(stores, spec.dataset, newest=spec.operation == PREDICT), spec.window)
    models = training.learn(stores, spec.dataset, panel, spec.settings, labels)
    paths = {}
    for label in labels if spec.operation != PREDICT else ():
        paths[label] = f"{_folder(spec)}/{slug(label)}.json"
        stores.lake.write_bytes(paths[label], training.described(panel, spec.settings, label, models))
    return TrainingContext(panel, {str(key): n for n, key in enumerate(panel.series)}, models, paths)


def _folder(spec: BatchSpec) -> str:
    return paths.BATCH.path(spec.dataset.name, spec.batch_id, spec.run_id)


def make(
    stores: Stores, spec: BatchSpec, context: TrainingContext, items: Sequence[Item]
) -> list[ItemResult]:
    """Make items, one pass of the engine and one file per candidate among them."""
    by_label: dict[str, list[Item]] = {}
    for item in items:
        by_label.setdefault(item.candidate, []).append(item)
    return [
        result for label, members in by_label.items() for result in _of(stores, spec, context, label, members)
    ]


def _of(
    stores: Stores, spec: BatchSpec, context: TrainingContext, label: str, items: Sequence[Item]
) -> Iterator[ItemResult]:
    columns = sorted(
        (item for item in items if item.series in context.row), key=lambda item: context.row[item.series]
    )
    for item in items:
        if item.series not in context.row:
            yield ItemResult(item.item_id, None, UNKNOWN, "NoSales")
    own = context.panel.take(np.array([context.row[item.series] for item in columns], np.int64))
    forecasts = training.ahead(own, spec.settings, label, context.models)
    for at, why in forecasts.failures.items():
        yield ItemResult(columns[at].item_id, None, why, "NoForecast")
    good = np.array([at for at in range(len(columns)) if at not in forecasts.failures], np.int64)
    if not len(good):
        return
    path = f"{_folder(spec)}/{slug(label)}-{columns[good[0]].item_id}.parquet"
    units = forecasts.units[good]
    stores.lake.write_table(path, training.forecast_table(own.series[good].tolist(), units))
    sums = totals(units)
    begun = training.first_day(own, spec.settings)
    common = {"forecasts": path, "first_day": begun, "horizon": units.shape[1]}
    if spec.operation != PREDICT:
        common["model"] = context.paths[label]
    for place, at in enumerate(good.tolist()):
        record = {"total": float(sums.total[place]), "sha256": sha256(units[place].tobytes()).hexdigest()}
        yield ItemResult(columns[at].item_id, None, outputs={**common, **record})
