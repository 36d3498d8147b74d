"""The pool of a dataset: what the folds of many series say together, learned once per anchor.

Belongs here: when a pool is learned again, storing and reading it.
Does not belong here: how it is learned (``pool_learning``) and what (``forecasting.core.pool``).
"""

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from hashlib import blake2b
from threading import Event

import polars as pl

from forecast_assets.datasets.definition import Dataset
from forecast_assets.evaluation_settings import EvaluationSettings
from forecast_assets.forecasting.core.candidates.catalogue import is_global
from forecast_assets.forecasting.core.pool import Pool
from forecast_assets.forecasting.version import code_version
from forecast_assets.global_models.pool_learning import EarlyPool, PoolInputs, learn
from forecast_assets.settings import settings as environment
from forecast_assets.stores import Stores, paths
from forecast_assets.stores.rows.evaluations import ChampionLabelsRow, GlobalForecastRow, NewestPoolsRow
from forecast_assets.stores.warehouse import Row

# Beside the global candidates, under a name that no candidate has.
POOL = "pool"


def read_pool(stores: Stores, dataset: Dataset, settings: EvaluationSettings) -> Pool | None:
    """Return the current pool for ``settings`` and the newest snapshot, if there is one."""
    row = _row(stores, dataset, settings)
    snapshot = dataset.built()
    if row is None or (row["snapshot"], row["anchor_day"], row["recipe"]) != (
        snapshot.hash,
        dataset.options.anchor_day(snapshot.last_day),
        _recipe(settings),
    ):
        return None
    return _load(stores, row)[0]


def newest_pool(stores: Stores, dataset: Dataset) -> Pool | None:
    """Return the pool that an evaluation used last, with whatever folds; forecasts are made by it.

    Champions that it knows nothing of, since they were no candidates of that evaluation, are added as the
    newest pool that does knows them, and so is what forecasts series without a champion.
    """
    rows = stores.warehouse.rows(NewestPoolsRow, dataset=dataset.name)
    if not rows:
        return None
    newest = _load(stores, rows[0])[0]
    champions = {row["champion"] for row in stores.warehouse.rows(ChampionLabelsRow, dataset=dataset.name)}
    champions.update(fallbacks(dataset)[:1])
    errors, blends = dict(newest.errors), dict(newest.blends)
    for row in rows[1:]:
        missing = champions - errors.keys() - newest.reasons.keys()
        if not missing:
            break
        older = _load(stores, row)[0]
        errors |= {label: older.errors[label] for label in sorted(missing & older.errors.keys())}
        blends |= {label: older.blends[label] for label in sorted(missing & older.blends.keys())}
    return newest if errors.keys() == newest.errors.keys() else replace(newest, errors=errors, blends=blends)


def is_newest(stores: Stores, dataset: Dataset, settings: EvaluationSettings) -> bool:
    """Whether the pool of ``settings`` is the one that an evaluation used last."""
    newest = next(iter(stores.warehouse.rows(NewestPoolsRow, dataset=dataset.name)), None)
    return (
        newest is not None
        and newest["used_at"] is not None
        and newest["settings_hash"] == settings.pool_hash()
    )


def fallbacks(dataset: Dataset) -> list[str]:
    """Global candidates that forecast series without a champion, the preferred one first."""
    evaluation = dataset.options.evaluation
    labels = [label for label in evaluation.candidates if is_global(label)]
    return sorted(labels, key=lambda label: label != evaluation.default_model)


def build_pool(
    stores: Stores,
    dataset: Dataset,
    settings: EvaluationSettings,
    inputs: PoolInputs,
    *,
    run_id: str,
    early: EarlyPool | None = None,
    force: bool = False,
    publishes: bool = True,
) -> str:
    """Learn the pool of a dataset, or keep the one there is; return what was done.

    ``early`` is one that was begun before the fits were known.
    Where the work ``publishes``, forecasts are made by it from now on. It is kept while anchor, code,
    settings and fits of global candidates are the same and at most FORECAST_GLOBAL_REFIT_SHARE of the pooled
    series changed.
    """
    rows, contents = inputs.sampled()
    before = _row(stores, dataset, settings)
    used_at = before and before["used_at"]
    if (
        before is not None
        and not force
        and _is_kept(stores, dataset, settings, inputs, before=before, contents=contents)
    ):
        if publishes and not is_newest(stores, dataset, settings):
            used_at = dt.datetime.now(dt.UTC)
        _record(stores, dataset, settings, {**before, "snapshot": dataset.built().hash, "used_at": used_at})
        return "reused"
    pool = early.finished(inputs.forecasts()) if early else learn(settings, inputs, rows)
    path = paths.GLOBAL.path(dataset.name, run_id, f"{POOL}-{settings.pool_hash()}.json.gz")
    content = json.dumps({"pool": pool.text, "learned": contents, "fits": inputs.fits})
    stores.lake.write_text(path, content)
    used_at = dt.datetime.now(dt.UTC) if publishes else used_at
    row: Row = {"fit_id": pool.digest, "path": path, "run_id": run_id, "used_at": used_at}
    _record(stores, dataset, settings, row)
    return "learned"


def _is_kept(
    stores: Stores,
    dataset: Dataset,
    settings: EvaluationSettings,
    inputs: PoolInputs,
    *,
    before: GlobalForecastRow,
    contents: Mapping[str, str],
) -> bool:
    if _is_outdated(stores, dataset, settings, before, contents):
        return False
    return _load(stores, before)[2] == inputs.fits


def _is_outdated(
    stores: Stores,
    dataset: Dataset,
    settings: EvaluationSettings,
    before: GlobalForecastRow,
    contents: Mapping[str, str],
) -> bool:
    """Whether a pool is learned again whatever the fits of global candidates are."""
    anchor = dataset.options.anchor_day(dataset.built().last_day)
    if (before["anchor_day"], before["recipe"]) != (anchor, _recipe(settings)):
        return True
    learned = _load(stores, before)[1]
    changed = sum(learned.get(key) != content for key, content in contents.items())
    return changed > environment().global_refit_share * max(len(contents), 1)


@contextmanager
def begun_early(
    stores: Stores,
    dataset: Dataset,
    settings: EvaluationSettings,
    inputs: PoolInputs,
    *,
    turn: Event,
    force: bool,
) -> Iterator[EarlyPool | None]:
    """Learn the pool from ``turn`` on, while global candidates are fitted, where it is sure to be learned."""
    rows, contents = inputs.sampled()
    before = _row(stores, dataset, settings)
    if before is not None and not force and not _is_outdated(stores, dataset, settings, before, contents):
        yield None
        return
    early = EarlyPool(settings, inputs, rows, turn)
    try:
        yield early
    finally:
        early.end()


def _recipe(settings: EvaluationSettings) -> str:
    return blake2b(f"{code_version()}{settings.pool_hash()}".encode(), digest_size=8).hexdigest()


def _row(stores: Stores, dataset: Dataset, settings: EvaluationSettings) -> GlobalForecastRow | None:
    return stores.warehouse.row(
        GlobalForecastRow, dataset=dataset.name, candidate=POOL, settings_hash=settings.pool_hash()
    )


def _load(stores: Stores, row: GlobalForecastRow) -> tuple[Pool, Mapping[str, str], str]:
    return _parsed(stores.lake.read_text(row["path"]))


@lru_cache(maxsize=4)
def _parsed(content: str) -> tuple[Pool, Mapping[str, str], str]:
    """Return what ``build_pool`` wrote, once for every process that asks for the same text."""
    parts = json.loads(content)
    return Pool.from_json(parts["pool"]), parts["learned"], parts["fits"]


def _record(stores: Stores, dataset: Dataset, settings: EvaluationSettings, row: Row) -> None:
    snapshot = dataset.built()
    anchor = dataset.options.anchor_day(snapshot.last_day)
    whole = {
        "dataset": dataset.name,
        "candidate": POOL,
        "settings_hash": settings.pool_hash(),
        "snapshot": snapshot.hash,
        "anchor_day": anchor,
        "recipe": _recipe(settings),
        "model_path": row["path"],
        "failure": None,
        **row,
    }
    frame = pl.DataFrame({name: [value] for name, value in whole.items()})
    with stores.warehouse.transaction() as connection:
        stores.warehouse.replace(
            connection, "global_forecast", frame, keys=["dataset", "candidate", "settings_hash"]
        )
