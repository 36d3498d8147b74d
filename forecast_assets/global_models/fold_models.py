"""Global models: one per dataset and cutoff, whose forecasts the backtests of all series read.

Belongs here: when a global model is fitted again, storing and reading its forecasts.
Does not belong here: the model (``core.global_model``).
"""

import datetime as dt
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forecast_assets.datasets.building import read_panel
from forecast_assets.datasets.definition import Dataset
from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.forecasting.core.arrays import Forecasts
from forecast_assets.forecasting.core.backtest import forecasts_of
from forecast_assets.forecasting.core.candidates.catalogue import is_global, slug
from forecast_assets.forecasting.core.global_model import GlobalModel, predict
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.forecasting.core.pool import Pool
from forecast_assets.global_models.fitting import TrainingDays, fit_or_reuse, recipe
from forecast_assets.global_models.pool_learning import PoolInputs
from forecast_assets.global_models.pooling import POOL, begun_early, build_pool, is_newest, read_pool
from forecast_assets.global_models.store import (
    GlobalForecast,
    load_models,
    read_forecasts,
    read_stored,
    write_forecasts,
    write_model,
)
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores, paths
from forecast_assets.stores.rows.evaluations import GlobalForecastRow
from forecast_assets.stores.warehouse import Row

_MISSING = "missing"


@dataclass(frozen=True, slots=True, eq=False)
class GlobalForecasts:
    """Forecasts of the global candidates for the series of one panel, or the reason there are none."""

    forecasts: Mapping[str, Forecasts | str]
    fits: Mapping[str, str]
    pool: Pool | None = None

    def identity(self) -> str:
        """Equal as long as the same fits made the forecasts."""
        pool = self.pool.digest if self.pool else "none"
        return ",".join([*(f"{name}:{fit}" for name, fit in sorted(self.fits.items())), pool])

    def missing(self) -> list[str]:
        """The candidates that nobody has fitted for these folds and the newest snapshot."""
        return sorted(name for name, fit in self.fits.items() if fit == _MISSING)

    def of(self, rows: NDArray[np.int64]) -> dict[str, Forecasts | str]:
        """The forecasts of some rows of the panel."""
        return forecasts_of(self.forecasts, rows)


@dataclass(frozen=True, slots=True)
class Fitted:
    """What happened to one global candidate: ``changed`` is the share of training days that changed."""

    candidate: str
    action: str
    changed: float
    training_rows: int
    failure: str
    path: str


def read(stores: Stores, dataset: Dataset, settings: EvaluationSettings, panel: Panel) -> GlobalForecasts:
    """Read the forecasts that fit ``settings`` and the current snapshot."""
    forecasts: dict[str, Forecasts | str] = {}
    fits: dict[str, str] = {}
    for name in filter(is_global, settings.candidates):
        row = _fitting(stores, dataset, settings, name)
        if row is None:
            forecasts[name] = (
                f"no forecasts of {name} for these folds and the newest snapshot; "
                f"materialize global_forecasts of partition {dataset.name} with the same configuration"
            )
            fits[name] = _MISSING
            continue
        fits[name] = row["fit_id"]
        forecasts[name] = row["failure"] or read_forecasts(stores, row["path"], panel)
    return GlobalForecasts(forecasts, fits, read_pool(stores, dataset, settings))


def is_current(
    stores: Stores, dataset: Dataset, settings: EvaluationSettings, *, publishes: bool = True
) -> bool:
    """Whether every global candidate has forecasts for ``settings`` and the current snapshot.

    Work that ``publishes`` also needs its pool to be the one that forecasts are made by.
    """
    labels = filter(is_global, settings.candidates)
    fitted = all(_fitting(stores, dataset, settings, name) is not None for name in labels)
    has_pool = fitted and read_pool(stores, dataset, settings) is not None
    return has_pool and (not publishes or is_newest(stores, dataset, settings))


def _fitting(
    stores: Stores, dataset: Dataset, settings: EvaluationSettings, name: str
) -> GlobalForecastRow | None:
    snapshot = dataset.built()
    row = _row(stores, dataset.name, name, settings)
    is_current = row is not None and (row["snapshot"], row["anchor_day"], row["recipe"]) == (
        snapshot.hash,
        dataset.options.anchor_day(snapshot.last_day),
        recipe(name, dataset.plan_steps(settings.gap + settings.horizon)),
    )
    return row if is_current else None


def _row(stores: Stores, dataset: str, name: str, settings: EvaluationSettings) -> GlobalForecastRow | None:
    return stores.warehouse.row(
        GlobalForecastRow, dataset=dataset, candidate=name, settings_hash=settings.fold_hash()
    )


def build(
    stores: Stores,
    dataset: Dataset,
    settings: EvaluationSettings,
    *,
    run_id: str,
    force: bool = False,
    publishes: bool = True,
) -> list[Fitted]:
    """Fit the global candidates of a dataset, or renew only the forecasts of changed series.

    Only the pool of work that ``publishes`` changes what forecasts of the dataset are made by.

    A fit is kept while the share of training days in series that changed since it was made is at most
    FORECAST_GLOBAL_REFIT_SHARE; the anchor, the folds, the settings and the code must be the same.
    """
    panel = read_panel(stores, dataset)
    job = _Job(
        stores=stores,
        dataset=dataset,
        settings=settings,
        days=TrainingDays.of(panel, settings.plan()),
        cutoffs=settings.plan().cutoffs(panel.days, panel.frequency),
        run_id=run_id,
    )
    labels = list(filter(is_global, settings.candidates))

    def forecasts() -> Mapping[str, Forecasts | str]:
        return read(stores, dataset, settings, panel).forecasts

    inputs = PoolInputs(panel, job.days.contents, job.cutoffs, forecasts)
    with begun_early(stores, dataset, settings, inputs, turn=job.days.gathered, force=force) as early:
        fitted = [job.fit_or_reuse(name, force=force) for name in labels]
        rows = {name: _fitting(stores, dataset, settings, name) for name in labels}
        fits = {name: _MISSING if row is None else str(row["fit_id"]) for name, row in rows.items()}
        pooled = build_pool(
            stores,
            dataset,
            settings,
            replace(inputs, fits=json.dumps(fits)),
            run_id=run_id,
            early=early,
            force=force,
            publishes=publishes,
        )
    return [*fitted, Fitted(POOL, pooled, 0.0, 0, "", "")]


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """Everything that the global candidates of one run share."""

    stores: Stores
    dataset: Dataset
    settings: EvaluationSettings
    days: TrainingDays
    cutoffs: NDArray[np.int64]
    run_id: str

    @property
    def anchor(self) -> dt.date:
        return self.dataset.options.anchor_day(self.dataset.built().last_day)

    def fit_or_reuse(self, candidate: str, *, force: bool) -> Fitted:
        before = None if force else self.before(candidate)
        keys = self.days.panel.series.tolist()
        stored = {} if before is None else read_stored(self.stores, before["path"], keys)
        changed = self.days.differing({key: one.content for key, one in stored.items()})
        learned = {key: one.learned for key, one in stored.items()}
        if before is not None and not changed.any():
            self.record(candidate, {**before, "snapshot": self.dataset.built().hash})
            share = self.days.changed(learned)
            return Fitted(candidate, "reused", share, 0, "", before["path"])
        outcome = fit_or_reuse(
            self.days,
            candidate,
            self.cutoffs.tolist(),
            learned=None if before is None else learned,
            stored=lambda: load_models(self.stores, "" if before is None else before["model_path"]),
        )
        failure = outcome.models if isinstance(outcome.models, str) else None
        models = [] if isinstance(outcome.models, str) else outcome.models
        if before is not None and outcome.is_reused:
            action = "renewed for changed series"
            row: Row = {"fit_id": before["fit_id"], "model_path": before["model_path"], "failure": None}
        else:
            action, changed, learned = "fitted", np.ones_like(changed), self.days.by_series()
            row = self.saved(candidate, models, failure)
        forecasts = self.forecasts(models, changed, stored)
        path = paths.GLOBAL.path(self.dataset.name, self.run_id, slug(candidate))
        self.write(path, forecasts, learned)
        self.record(candidate, {**row, "path": path})
        rows = sum(model.rows for model in models)
        return Fitted(candidate, action, outcome.changed, rows, failure or "", path)

    def recipe(self, candidate: str) -> str:
        return recipe(candidate, self.dataset.plan_steps(self.settings.gap + self.settings.horizon))

    def before(self, candidate: str) -> GlobalForecastRow | None:
        """The stored fit, where anchor, folds, settings and code are the same and it succeeded."""
        row = _row(self.stores, self.dataset.name, candidate, self.settings)
        if (
            row is None
            or row["failure"]
            or row["anchor_day"] != self.anchor
            or row["recipe"] != self.recipe(candidate)
        ):
            return None
        return row

    def saved(self, candidate: str, models: list[GlobalModel], failure: str | None) -> Row:
        path = paths.GLOBAL.path(self.dataset.name, self.run_id, f"{slug(candidate)}-models")
        for cutoff, model in zip(self.cutoffs.tolist(), models, strict=not failure):
            write_model(self.stores, path, cutoff, model)
        digest = blake2b("".join(model.digest() for model in models).encode(), digest_size=8).hexdigest()
        return {"fit_id": digest, "model_path": path, "failure": failure}

    def forecasts(
        self,
        models: list[GlobalModel],
        changed: NDArray[np.bool_],
        stored: Mapping[str, GlobalForecast],
    ) -> Forecasts:
        """Forecasts (n, k, horizon): made for the ``changed`` series, copied for the others."""
        plan, panel = self.days.plan, self.days.panel
        out = np.full((len(panel.series), len(self.cutoffs), plan.horizon), np.nan, np.float32)
        for row in np.flatnonzero(~changed):
            out[row] = stored[str(panel.series[row])].forecast
        rows = np.flatnonzero(changed)
        # Rows of one model are made while trees of another are asked.
        threads = environment().processes
        with ThreadPoolExecutor(threads) as pool:
            for fold, ahead in enumerate(pool.map(lambda one: predict(one, panel, rows, threads=1), models)):
                out[rows, fold] = ahead[:, plan.gap :]
        return out

    def write(self, path: str, forecasts: Forecasts, learned: Mapping[str, str]) -> None:
        series = self.days.panel.series
        was = [learned.get(key, "") for key in series.tolist()]
        write_forecasts(self.stores, path, series, forecasts, contents=self.days.contents, learned=was)

    def record(self, candidate: str, row: Row) -> None:
        whole = {
            "dataset": self.dataset.name,
            "candidate": candidate,
            "settings_hash": self.settings.fold_hash(),
            "snapshot": self.dataset.built().hash,
            "anchor_day": self.anchor,
            "recipe": self.recipe(candidate),
            "run_id": self.run_id,
            **row,
        }
        frame = pl.DataFrame({name: [value] for name, value in whole.items()})
        with self.stores.warehouse.transaction() as connection:
            self.stores.warehouse.replace(
                connection, "global_forecast", frame, keys=["dataset", "candidate", "settings_hash"]
            )


def models(stores: Stores, dataset: Dataset, settings: EvaluationSettings) -> dict[str, list[GlobalModel]]:
    """The current models of every global candidate that could be fitted, one per cutoff."""
    rows = {
        name: _fitting(stores, dataset, settings, name) for name in filter(is_global, settings.candidates)
    }
    return {
        name: load_models(stores, row["model_path"])
        for name, row in rows.items()
        if row is not None and not row["failure"]
    }
