"""Production models: the global candidates learned from all days up to a dataset's anchor.

Belongs here: which global models forecasts need, when they are fitted again, storing and reading them.
Does not belong here: the models of past cutoffs (``fold_models``), forecasting with them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b

import polars as pl
import pyarrow as pa

from forecast_assets.datasets.building import read_panel
from forecast_assets.datasets.definition import Dataset
from forecast_assets.forecasting.core.candidates.catalogue import slug
from forecast_assets.forecasting.core.global_model import GlobalModel
from forecast_assets.forecasting.core.outlook import Models, needed
from forecast_assets.forecasting.core.pool import Pool
from forecast_assets.global_models.fitting import TrainingDays, fit_or_reuse, recipe
from forecast_assets.global_models.look_alikes import LOOK_ALIKE
from forecast_assets.global_models.pooling import fallbacks, newest_pool
from forecast_assets.global_models.store import load_models, write_model
from forecast_assets.stores import Stores, paths
from forecast_assets.stores.rows.evaluations import ChampionLabelsRow, ProductionModelsRow
from forecast_assets.stores.warehouse import Row


@dataclass(frozen=True, slots=True)
class Fitted:
    """What happened to one production model; ``changed`` is the share of changed training days."""

    candidate: str
    action: str
    changed: float
    failure: str | None


def build(
    stores: Stores, dataset: Dataset, *, run_id: str, force: bool = False, also: Sequence[str] = ()
) -> list[Fitted]:
    """Fit the global candidates that current champions, series without one and the labels ``also`` need.

    A model is kept while at most FORECAST_GLOBAL_REFIT_SHARE of its training days lie in series that changed
    since, and anchor and recipe are the same.
    """
    labels = needed([*_labels(stores, dataset), *also])
    if not labels:
        return []
    panel = read_panel(stores, dataset)
    days = TrainingDays.of(panel, dataset.options.evaluation.plan())
    stored = {
        row["candidate"]: row for row in stores.warehouse.rows(ProductionModelsRow, dataset=dataset.name)
    }
    fitted = []
    for label in labels:
        before = None if force else stored.get(label)
        learned = None if before is None else _learned(stores, dataset, days, before)
        outcome = fit_or_reuse(
            days, label, [panel.days], learned=learned, stored=partial(_stored, stores, before)
        )
        if before is not None and outcome.is_reused:
            row: Row = {
                "digest": before["digest"],
                "path": before["path"],
                "failure": before["failure"],
                "run_id": before["run_id"],
            }
        else:
            row = {**_saved(stores, dataset, days, label, outcome.models, run_id=run_id), "run_id": run_id}
        _record(stores, dataset, label, row)
        failure = outcome.models if isinstance(outcome.models, str) else None
        action = "reused" if outcome.is_reused else "fitted"
        fitted.append(Fitted(label, action, outcome.changed, failure))
    return fitted


def is_current(stores: Stores, dataset: Dataset) -> bool:
    """Whether every global candidate that forecasts need was looked after for the current snapshot."""
    snapshot = dataset.built()
    rows = stores.warehouse.rows(ProductionModelsRow, dataset=dataset.name)
    same = {
        row["candidate"]
        for row in rows
        if (row["snapshot"], row["recipe"]) == (snapshot.hash, _recipe(dataset, row["candidate"]))
    }
    return same.issuperset(_labels(stores, dataset))


def _recipe(dataset: Dataset, label: str) -> str:
    plan = dataset.options.evaluation.plan()
    ahead = plan.gap + plan.horizon
    return recipe(label, {**dataset.plan_steps(ahead), "": ahead})


def _labels(stores: Stores, dataset: Dataset) -> list[str]:
    """Global candidates that current champions and series without one need."""
    chosen = [row["champion"] for row in stores.warehouse.rows(ChampionLabelsRow, dataset=dataset.name)]
    return needed([*chosen, *fallbacks(dataset)[:1]])


def _learned(
    stores: Stores, dataset: Dataset, days: TrainingDays, before: ProductionModelsRow
) -> dict[str, str] | None:
    """Content hash by series that the stored model learned; nothing where another one must be fitted."""
    same = (dataset.options.anchor_day(dataset.built().last_day), _recipe(dataset, before["candidate"]))
    if (before["anchor_day"], before["recipe"]) != same:
        return None
    if before["path"] is None:  # what could not be learned from the same snapshot cannot be learned now
        return days.by_series() if before["snapshot"] == dataset.built().hash else None
    table = stores.lake.read_table(f"{before['path']}/learned.parquet")
    return dict(zip(table["series"].to_pylist(), table["content"].to_pylist(), strict=True))


def _stored(stores: Stores, row: ProductionModelsRow | None) -> list[GlobalModel] | str:
    """The model of a row, or why it has none."""
    if row is None or row["path"] is None:
        return str(row and row["failure"])
    return load_models(stores, f"{row['path']}/models")


def _saved(
    stores: Stores,
    dataset: Dataset,
    days: TrainingDays,
    label: str,
    models: list[GlobalModel] | str,
    *,
    run_id: str,
) -> Row:
    if isinstance(models, str):
        return {"digest": None, "path": None, "failure": models}
    (model,) = models
    path = paths.GLOBAL.path(dataset.name, run_id, f"{slug(label)}-production")
    write_model(stores, f"{path}/models", days.panel.days, model)
    learned = days.by_series()
    table = pa.table({"series": list(learned), "content": list(learned.values())})
    stores.lake.write_table(f"{path}/learned.parquet", table)
    return {"digest": model.digest(), "path": path, "failure": None}


def _record(stores: Stores, dataset: Dataset, label: str, row: Row) -> None:
    snapshot = dataset.built()
    whole = {
        "dataset": dataset.name,
        "candidate": label,
        "snapshot": snapshot.hash,
        "anchor_day": dataset.options.anchor_day(snapshot.last_day),
        "recipe": _recipe(dataset, label),
        **row,
    }
    frame = pl.DataFrame({name: pl.Series(name, [value]) for name, value in whole.items()})
    with stores.warehouse.transaction() as connection:
        stores.warehouse.replace(connection, "production_model", frame, keys=["dataset", "candidate"])


@dataclass(frozen=True, slots=True, eq=False)
class Production:
    """The production models of a dataset by label, or why there is none; ``digests`` tell them apart."""

    models: Models
    digests: Mapping[str, str]
    pool: Pool | None = None

    def identity(self, label: str | None) -> str:
        """Equal as long as the same models make the forecasts of a candidate."""
        names = needed([label] if label else [])
        # What other candidates of a pool do to claims changes no forecast of this one.
        own = self.pool and replace(self.pool.only([label or LOOK_ALIKE, LOOK_ALIKE]), wapes={})
        pool = own.digest if own else "-"
        return ",".join([*(f"{name}:{self.digests.get(name, '-')}" for name in names), pool])


def read(stores: Stores, dataset: Dataset) -> Production:
    """Read the production models of a dataset."""
    rows = stores.warehouse.rows(ProductionModelsRow, dataset=dataset.name)
    models: dict[str, GlobalModel | str] = {}
    for row in rows:
        stored = _stored(stores, row)
        models[row["candidate"]] = stored if isinstance(stored, str) else stored[0]
    digests = {row["candidate"]: str(row["digest"] or _mark(row)) for row in rows}
    pool = newest_pool(stores, dataset)
    return Production({**models, **(pool.blends if pool else {})}, digests, pool)


def _mark(row: ProductionModelsRow) -> str:
    return blake2b(str(row["failure"]).encode(), digest_size=4).hexdigest()
