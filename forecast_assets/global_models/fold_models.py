"""Global models: one per dataset and cutoff, whose forecasts the backtests of all series read.

Belongs here: when a global model is fitted again, storing and reading its forecasts.
Does not belong here: the model (``forecasting.global_model``).
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forecast_assets.datasets.building import read_panel
from forecast_assets.datasets.definition import Dataset
from forecast_assets.errors import BadSetting
from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.forecasting.core.backtest import Forecasts
from forecast_assets.forecasting.core.candidates.catalogue import is_global, learner, slug
from forecast_assets.forecasting.core.global_model import GlobalModel, TooLittleData, fit, predict
from forecast_assets.forecasting.core.panel import Panel
from forecast_assets.forecasting.version import code_version
from forecast_assets.global_models.store import (
    StoredForecast,
    load_models,
    read_forecasts,
    read_stored,
    write_forecasts,
)
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores
from forecast_assets.stores.warehouse import Row


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """Forecasts of the global candidates for the series of one panel, or the reason there are none."""

    forecasts: Mapping[str, Forecasts | str]
    fits: Mapping[str, str]

    def identity(self) -> str:
        """Equal as long as the same fits made the forecasts."""
        return ",".join(f"{name}:{fit}" for name, fit in sorted(self.fits.items()))

    def of(self, rows: NDArray[np.int64]) -> dict[str, Forecasts | str]:
        """The forecasts of some rows of the panel."""
        return {name: made if isinstance(made, str) else made[rows] for name, made in self.forecasts.items()}


@dataclass(frozen=True, slots=True)
class Fitted:
    """What happened to one global candidate: ``changed`` is the share of training days that changed."""

    candidate: str
    action: str
    changed: float
    training_rows: int
    failure: str
    path: str


def read(stores: Stores, dataset: Dataset, settings: EvaluationSettings, panel: Panel) -> Given:
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
            fits[name] = "missing"
            continue
        fits[name] = str(row["fit_id"])
        forecasts[name] = (
            str(row["failure"]) if row["failure"] else read_forecasts(stores, str(row["path"]), panel)
        )
    return Given(forecasts, fits)


def is_current(stores: Stores, dataset: Dataset, settings: EvaluationSettings) -> bool:
    """Whether every global candidate has forecasts for ``settings`` and the current snapshot."""
    wanted = filter(is_global, settings.candidates)
    return all(_fitting(stores, dataset, settings, name) is not None for name in wanted)


def _fitting(stores: Stores, dataset: Dataset, settings: EvaluationSettings, name: str) -> Row | None:
    snapshot = dataset.built()
    row = _row(stores, dataset.name, name, settings)
    known = row is not None and (row["snapshot"], row["anchor_day"], row["recipe"]) == (
        snapshot.hash,
        dataset.options.anchor_day(snapshot.last_day),
        recipe(name, dataset.plan_steps(settings.gap + settings.horizon)),
    )
    return row if known else None


def _row(stores: Stores, dataset: str, name: str, settings: EvaluationSettings) -> Row | None:
    return stores.warehouse.row(
        "global_forecast", dataset=dataset, candidate=name, settings_hash=settings.fold_hash()
    )


def build(
    stores: Stores, dataset: Dataset, settings: EvaluationSettings, *, run_id: str, force: bool = False
) -> list[Fitted]:
    """Fit the global candidates of a dataset, or renew only the forecasts of changed series.

    A fit is kept while the share of training days in series that changed since it was made is at most
    FORECAST_GLOBAL_REFIT_SHARE; the anchor, the folds, the settings and the code must be the same.
    """
    panel = read_panel(stores, dataset)
    job = _Job(
        stores=stores,
        dataset=dataset,
        settings=settings,
        panel=panel,
        contents=np.array(panel.content_hashes(with_future=False)),
        cutoffs=settings.plan().cutoffs(panel.days),
        run_id=run_id,
    )
    return [job.done(name, force=force) for name in filter(is_global, settings.candidates)]


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """Everything that the global candidates of one run share."""

    stores: Stores
    dataset: Dataset
    settings: EvaluationSettings
    panel: Panel
    contents: NDArray[np.str_]
    cutoffs: NDArray[np.int64]
    run_id: str

    @property
    def anchor(self) -> dt.date:
        return self.dataset.options.anchor_day(self.dataset.built().last_day)

    def done(self, candidate: str, *, force: bool) -> Fitted:
        before = None if force else self.before(candidate)
        stored = {} if before is None else read_stored(self.stores, str(before["path"]), [*self.known()])
        changed = self.differing({key: known.content for key, known in stored.items()})
        learned = {key: known.learned for key, known in stored.items()}
        observed = (~np.isnan(self.panel.units)).sum(axis=1)
        share = float(observed[self.differing(learned)].sum() / max(int(observed.sum()), 1))
        if before is not None and not changed.any():
            self.record(candidate, {**before, "snapshot": self.dataset.built().hash})
            return Fitted(candidate, "reused", share, 0, str(before["failure"] or ""), str(before["path"]))
        if before is not None and share <= environment().global_refit_share:
            action, models = "renewed for changed series", load_models(self.stores, str(before["model_path"]))
            row = {"fit_id": before["fit_id"], "model_path": before["model_path"], "failure": None}
        else:
            action, changed, learned = "fitted", np.ones_like(changed), self.known()
            models, failure = self.fitted(candidate)
            row = self.saved(candidate, models, failure)
        forecasts = self.forecasts(models, changed, stored)
        path = f"global/{self.dataset.name}/{self.run_id}/{slug(candidate)}"
        self.write(path, forecasts, learned)
        self.record(candidate, {**row, "path": path})
        rows = sum(model.rows for model in models)
        return Fitted(candidate, action, share, rows, str(row["failure"] or ""), path)

    def recipe(self, candidate: str) -> str:
        return recipe(candidate, self.dataset.plan_steps(self.settings.gap + self.settings.horizon))

    def known(self) -> dict[str, str]:
        """Content hash by series key."""
        return dict(zip(self.panel.series.tolist(), self.contents.tolist(), strict=True))

    def differing(self, before: Mapping[str, str]) -> NDArray[np.bool_]:
        """Which series (n,) are not what they were ``before``."""
        return np.array([before.get(key) != content for key, content in self.known().items()])

    def before(self, candidate: str) -> Row | None:
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

    def fitted(self, candidate: str) -> tuple[list[GlobalModel], str | None]:
        plan, settings = self.settings.plan(), learner(candidate).settings()
        try:
            return [
                fit(
                    self.panel,
                    int(cutoff),
                    plan.gap + plan.horizon,
                    settings,
                    window=plan.window(),
                    threads=environment().processes,
                )
                for cutoff in self.cutoffs
            ], None
        except (TooLittleData, BadSetting) as error:
            return [], error.problem

    def saved(self, candidate: str, models: list[GlobalModel], failure: str | None) -> Row:
        path = f"global/{self.dataset.name}/{self.run_id}/{slug(candidate)}-models"
        for cutoff, model in zip(self.cutoffs, models, strict=not failure):
            self.stores.lake.write_bytes(f"{path}/{cutoff:06d}.json", model.to_json().encode())
        digest = blake2b("".join(model.digest() for model in models).encode(), digest_size=8).hexdigest()
        return {"fit_id": digest, "model_path": path, "failure": failure}

    def forecasts(
        self,
        models: list[GlobalModel],
        changed: NDArray[np.bool_],
        stored: Mapping[str, StoredForecast],
    ) -> Forecasts:
        """Forecasts (n, k, horizon): made for the ``changed`` series, copied for the others."""
        plan = self.settings.plan()
        out = np.full((len(self.panel.series), len(self.cutoffs), plan.horizon), np.nan, np.float32)
        for row in np.flatnonzero(~changed):
            out[row] = stored[str(self.panel.series[row])].forecast
        rows = np.flatnonzero(changed)
        for fold, model in enumerate(models):
            ahead = predict(model, self.panel, rows, threads=environment().processes)
            out[rows, fold] = ahead[:, plan.gap :]
        return out

    def write(self, path: str, forecasts: Forecasts, learned: Mapping[str, str]) -> None:
        was = [learned.get(key, "") for key in self.panel.series.tolist()]
        write_forecasts(self.stores, path, self.panel.series, forecasts, contents=self.contents, learned=was)

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


def recipe(candidate: str, plan_steps: Mapping[str, int]) -> str:
    """Equal as long as code and settings would learn the same from the same days; 16 hex characters.

    ``plan_steps``: columns that are not known over the whole horizon, and for how many days they are.
    """
    text = f"{code_version()}{learner(candidate).settings()!r}{dict(plan_steps) or ''}"
    return blake2b(text.encode(), digest_size=8).hexdigest()


def models(stores: Stores, dataset: Dataset, settings: EvaluationSettings) -> dict[str, list[GlobalModel]]:
    """The current models of every global candidate that could be fitted, one per cutoff."""
    rows = {
        name: _fitting(stores, dataset, settings, name) for name in filter(is_global, settings.candidates)
    }
    return {
        name: load_models(stores, str(row["model_path"]))
        for name, row in rows.items()
        if row is not None and not row["failure"]
    }
