"""Production models: the global candidates learned from all days up to a dataset's anchor.

Belongs here: which global models forecasts need, when they are fitted again, storing and reading them.
Does not belong here: the models of past cutoffs (``backtests.global_forecasts``), forecasting with them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import polars as pl
import pyarrow as pa

from forecast_assets.datasets.building import read_panel
from forecast_assets.datasets.definition import Dataset
from forecast_assets.errors import BadSetting
from forecast_assets.forecasting.core.candidates.catalogue import is_global, learner, slug
from forecast_assets.forecasting.core.global_model import GlobalModel, TooLittleData, fit
from forecast_assets.forecasting.core.outlook import needed
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.global_models.fold_models import recipe
from forecast_assets.global_models.store import load_models
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores
from forecast_assets.stores.warehouse import Row

Models = Mapping[str, GlobalModel | str]


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
    contents = dict(zip(panel.series.tolist(), panel.content_hashes(with_future=False), strict=True))
    known = {
        row["candidate"]: row for row in stores.warehouse.rows("production_models", dataset=dataset.name)
    }
    made = []
    for label in labels:
        before = None if force else known.get(label)
        share = 1.0 if before is None else _changed(stores, dataset, panel, contents, before)
        if before is not None and share <= environment().global_refit_share:
            kept = {name: before[name] for name in ("digest", "path", "failure", "run_id")}
            _record(stores, dataset, label, kept)
            made.append(Fitted(label, "reused", share, before["failure"]))  # type: ignore[arg-type]  # text
            continue
        row = _fitted(stores, dataset, panel, contents, label, run_id=run_id)
        _record(stores, dataset, label, {**row, "run_id": run_id})
        made.append(Fitted(label, "fitted", share, row["failure"]))  # type: ignore[arg-type]  # text
    return made


def is_current(stores: Stores, dataset: Dataset) -> bool:
    """Whether every global candidate that forecasts need was looked after for the current snapshot."""
    snapshot = dataset.built()
    rows = stores.warehouse.rows("production_models", dataset=dataset.name)
    same = {
        row["candidate"]
        for row in rows
        if (row["snapshot"], row["recipe"]) == (snapshot.hash, _recipe(dataset, str(row["candidate"])))
    }
    return same.issuperset(_labels(stores, dataset))


def _recipe(dataset: Dataset, label: str) -> str:
    plan = dataset.options.evaluation.plan()
    return recipe(label, dataset.plan_steps(plan.gap + plan.horizon))


def _labels(stores: Stores, dataset: Dataset) -> list[str]:
    """Global candidates that current champions and series without one need."""
    chosen = [str(row["champion"]) for row in stores.warehouse.rows("champion_labels", dataset=dataset.name)]
    return needed([*chosen, *fallbacks(dataset)[:1]])


def fallbacks(dataset: Dataset) -> list[str]:
    """Global candidates that forecast series without a champion, the preferred one first."""
    evaluation = dataset.options.evaluation
    found = [label for label in evaluation.candidates if is_global(label)]
    return sorted(found, key=lambda label: label != evaluation.default_model)


def _changed(
    stores: Stores,
    dataset: Dataset,
    panel: Panel,
    contents: Mapping[str, str],
    before: Row,
) -> float:
    """Share of training days in series that are not what the stored model learned from."""
    same = (dataset.options.anchor_day(dataset.built().last_day), _recipe(dataset, str(before["candidate"])))
    if (before["anchor_day"], before["recipe"]) != same:
        return 1.0
    if before["path"] is None:
        return float(before["snapshot"] != dataset.built().hash)
    table = stores.lake.read_table(f"{before['path']}/learned.parquet")
    learned = dict(zip(table["series"].to_pylist(), table["content"].to_pylist(), strict=True))
    differs = np.array([learned.get(key) != content for key, content in contents.items()], dtype=bool)
    observed = (~np.isnan(panel.units)).sum(axis=1)
    return float(observed[differs].sum() / max(int(observed.sum()), 1))


def _fitted(
    stores: Stores, dataset: Dataset, panel: Panel, contents: Mapping[str, str], label: str, *, run_id: str
) -> Row:
    plan = dataset.options.evaluation.plan()
    try:
        model = fit(
            panel,
            panel.days,
            plan.gap + plan.horizon,
            learner(label).settings(),
            window=plan.window(),
            threads=environment().processes,
        )
    except (TooLittleData, BadSetting) as error:
        return {"digest": None, "path": None, "failure": error.problem}
    path = f"global/{dataset.name}/{run_id}/{slug(label)}-production"
    stores.lake.write_bytes(f"{path}/models/production.json", model.to_json().encode())
    learned = pa.table({"series": list(contents), "content": list(contents.values())})
    stores.lake.write_table(f"{path}/learned.parquet", learned)
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

    def identity(self, label: str | None) -> str:
        """Equal as long as the same models make the forecasts of a candidate."""
        return ",".join(f"{name}:{self.digests.get(name, '-')}" for name in needed([label] if label else []))


def read(stores: Stores, dataset: Dataset) -> Production:
    """Read the production models of a dataset."""
    rows = stores.warehouse.rows("production_models", dataset=dataset.name)
    models: dict[str, GlobalModel | str] = {}
    for row in rows:
        if row["path"] is None:
            models[str(row["candidate"])] = str(row["failure"])
        else:
            (models[str(row["candidate"])],) = load_models(stores, f"{row['path']}/models")
    digests = {str(row["candidate"]): str(row["digest"] or _mark(row)) for row in rows}
    return Production(models, digests)


def _mark(row: Row) -> str:
    return blake2b(str(row["failure"]).encode(), digest_size=4).hexdigest()
