"""The steps of a showcase, each a function of what the steps before it made.

Belongs here: what every step does, and the sentence it reports.
Does not belong here: their order and what a failure means (``work``).
"""

import dagster as dg
import numpy as np

from forecast_assets.backtests.assets import BACKTEST, CHAMPION
from forecast_assets.backtests.display import brief
from forecast_assets.backtests.evaluation import evaluate
from forecast_assets.backtests.fold_store import read_folds
from forecast_assets.datasets import building, definition
from forecast_assets.datasets.assets import today
from forecast_assets.datasets.definition import DatasetOptions
from forecast_assets.datasets.presets.catalogue import PRESETS, Preset
from forecast_assets.datasets.sources import PresetSource
from forecast_assets.errors import BadSetting, UnknownName
from forecast_assets.forecasting.core.metrics import aggregate, fold_metrics
from forecast_assets.forecasts.service import make_forecasts
from forecast_assets.forecasts.store import read_forecast
from forecast_assets.global_models import fold_models, production
from forecast_assets.keys import SeriesKey
from forecast_assets.launches.batch import work as batches
from forecast_assets.launches.batch.config import BatchConfig, ScopeKind
from forecast_assets.launches.comparison import work as comparisons
from forecast_assets.launches.comparison.config import CompareConfig
from forecast_assets.launches.showcase.context import Bench, Result, Told
from forecast_assets.launches.worker_pool import Watch

_CLOSE = 1e-9
_BATCH, _COMPARISON = "-batch", "-compare"
# Endings of the ids of what a showcase makes beside its own record.
PARTS = (_BATCH, _COMPARISON)


def batch_id(run_id: str) -> str:
    """The id of the batch inside of a showcase's run."""
    return f"{run_id}{_BATCH}"


def comparison_id(run_id: str) -> str:
    """The id of the comparison inside of a showcase's run."""
    return f"{run_id}{_COMPARISON}"


def precheck(bench: Bench) -> Told:
    """Do the stores answer?"""
    names = definition.names(bench.stores)
    bench.stores.lake.list("sales")
    return Told("pass", f"warehouse and lake answer; {len(names)} datasets")


def reset(bench: Bench) -> Told:
    """Delete what an earlier showcase of the same data made."""
    if not bench.config.reset:
        return Told("skip", "nothing is to be deleted")
    if bench.plan.dataset not in definition.names(bench.stores):
        return Told("skip", f"there is no dataset {bench.plan.dataset}")
    _forget(bench)
    return Told("pass", f"deleted dataset {bench.plan.dataset}")


def _forget(bench: Bench) -> None:
    name = bench.plan.dataset
    _check_own(bench)
    keys = [str(row["series"]) for row in bench.stores.warehouse.rows("series_of", dataset=name)]
    definition.remove(bench.stores, name)
    bench.hands.forget(name, keys)


def _check_own(bench: Bench) -> None:
    source, wanted = bench.dataset().source, bench.plan.source
    own = isinstance(source, PresetSource) and (source.preset, source.seed) == (wanted.preset, wanted.seed)
    if not own:
        raise BadSetting(
            f"dataset {bench.plan.dataset!r} is not one that a showcase made",
            remedy="remove or rename it, or choose another seed",
        )


def seed(bench: Bench) -> Told:
    """Generate the sales of the preset, unless they are there."""
    name, source = bench.plan.dataset, bench.plan.source
    there = name in definition.names(bench.stores)
    if bench.config.skip_seed and not there:
        raise UnknownName(f"there is no dataset {name!r} to use", remedy="leave skip_seed out")
    if there:
        _check_own(bench)
    options = DatasetOptions(evaluation=bench.plan.settings)
    if there and (bench.config.skip_seed or bench.dataset().source == source):
        told = Told("skip", f"dataset {name} has these sales already")
    else:
        if there:  # generated on another day: its window ended then
            _forget(bench)
        loaded = building.add_dataset(bench.stores, name, source, options, today())
        told = Told("pass", f"{loaded.snapshot.row_count:,} rows of {loaded.snapshot.series_count} series")
    bench.hands.add_dataset(name)
    bench.made["dataset"] = name
    return told


def status(bench: Bench) -> Told:
    """Find the window and the pair that is shown."""
    built = building.build_panel(
        bench.stores, bench.plan.dataset, run_id=bench.run_id, register=bench.hands.register
    )
    snapshot = built.snapshot
    bench.series = built.availability["series"].to_list()
    bench.known |= {"date_start": snapshot.first_day, "date_end": snapshot.last_day}
    bench.made["snapshot"] = snapshot.hash
    first = SeriesKey.parse(bench.series[0])
    wanted = SeriesKey(
        bench.plan.dataset, bench.config.store_id or first.store, bench.config.product_id or first.product
    )
    found = str(wanted) in bench.series
    bench.focus = wanted if found else first
    bench.known |= {"store_id": bench.focus.store, "product_id": bench.focus.product}
    place = f"{snapshot.first_day} to {snapshot.last_day}, shown is {bench.focus}"
    return Told("pass", place) if found else Told("warn", f"{wanted} is not sold here: {place}")


def features(bench: Bench) -> Told:
    """Judge whether the history is enough."""
    states = {str(row["state"]): int(str(row["series"])) for row in _states(bench)}
    told = ", ".join(f"{count} {name}" for name, count in sorted(states.items()))
    usable = states.get("ready", 0) + states.get("limited", 0)
    return Told(
        "pass" if usable else "fail",
        f"series: {told}; of it with five folds its card says: {_expected(bench)}",
    )


def _states(bench: Bench) -> list[dict[str, object]]:
    return bench.stores.warehouse.rows("availability_states", dataset=bench.plan.dataset)


def _expected(bench: Bench) -> str:
    return PRESETS[bench.plan.source.preset].expected


def train(bench: Bench) -> Told:
    """Fit the global candidates; the others have nothing to fit before they forecast."""
    fits = fold_models.build(bench.stores, bench.dataset(), bench.plan.settings, run_id=bench.run_id)
    bench.made["train_model_types"] = list(bench.plan.settings.candidates)
    bad = [fit.candidate for fit in fits if fit.failure]
    if bad:
        return Told("warn", f"could not be fitted: {', '.join(bad)}")
    return Told("pass", f"{len(fits)} global models fitted, the other candidates learn as they forecast")


def backtest(bench: Bench) -> Told:
    """Score every candidate of every series and choose champions."""
    outcomes = list(
        evaluate(
            bench.stores,
            bench.series,
            run_id=bench.run_id,
            changes=bench.plan.settings.model_dump(exclude={"policy"}),
        )
    )
    bench.hands.book(
        dg.AssetMaterialization(key, partition=one.series, metadata=brief(one)[key.path[-1]])
        for one in outcomes
        if one.outcome != "broken"
        for key in (BACKTEST, CHAMPION)
    )
    chosen = [one for one in outcomes if one.champion is not None]
    shown = next((one for one in chosen if one.series == str(bench.pair())), None) or next(iter(chosen), None)
    if shown is None:
        excused = bench.plan.source.preset is Preset.sparse
        return Told("warn" if excused else "fail", "no series has a champion: no finite WAPE anywhere")
    bench.focus = SeriesKey.parse(shown.series)
    bench.known["result_summary"] = {"winner_model_type": shown.champion, "winner_wape": shown.wape}
    bench.known |= {"store_id": bench.focus.store, "product_id": bench.focus.product}
    bench.made["winning_run_id"] = shown.run_id
    without = len(outcomes) - len(chosen)
    told = f"{len(chosen)} of {len(outcomes)} series have a champion; {shown.series}: {shown.sentence}"
    return Told("warn" if without and bench.plan.source.preset is Preset.sparse else "pass", told)


def forecast(bench: Bench) -> Told:
    """Forecast every series with its champion."""
    production.build(bench.stores, bench.dataset(), run_id=bench.run_id)
    made = list(make_forecasts(bench.stores, bench.series, run_id=bench.run_id))
    good = [one for one in made if one.outcome == "forecast"]
    stored = read_forecast(bench.stores, str(bench.pair()))
    if stored is None:
        return Told("warn", f"{len(good)} series are forecast; {bench.pair()} is not")
    path = bench.stores.warehouse.row(
        "current_forecasts", dataset=bench.plan.dataset, series=[str(bench.pair())]
    )
    bench.made["artifact_paths"] = [str(path["path"])] if path and path.get("path") else []
    return Told("pass", f"{len(good)} of {len(made)} series are forecast")


def compare(bench: Bench) -> Told:
    """Compare all candidates on the pair that is shown."""
    config = CompareConfig(series=str(bench.pair()), candidates=list(bench.plan.settings.candidates))
    row = comparisons.run(
        bench.stores, config, run_id=comparison_id(bench.run_id), watch=_watch(bench), fitted=lambda _: None
    )
    bench.made["comparison_id"] = comparison_id(bench.run_id)
    told = f"winner {row['winner']}" if row["winner"] else str(row["error"])
    return Told("pass" if row["status"] == "completed" else "warn", told)


def batch(bench: Bench) -> Told:
    """Work off a batch of three stores, two products and three candidates."""
    keys = [SeriesKey.parse(key) for key in bench.series]
    stores, products = (sorted({getattr(key, part) for key in keys}) for part in ("store", "product"))
    config = BatchConfig(
        dataset=bench.plan.dataset,
        scope=ScopeKind["manual"],
        stores=stores[:3],
        products=products[:2],
        candidates=["naive", "seasonal_naive", "moving_average"],
    )
    row = batches.run(
        bench.stores,
        config,
        batch_id=batch_id(bench.run_id),
        run_id=bench.run_id,
        items=None,
        watch=_watch(bench),
        fitted=lambda _: None,
    )
    bench.made["batch_id"] = batch_id(bench.run_id)
    results: dict[str, Result] = {"completed": "pass", "partial": "warn"}
    told = f"{row['completed_items']} of {row['total_items']} items completed"
    return Told(results.get(str(row["status"]), "fail"), told)


def _watch(bench: Bench) -> Watch:
    return Watch(asked_to_end=bench.hands.stop, tell=bench.hands.tell)


def verify(bench: Bench) -> Told:
    """Compute the champion's WAPE again from the stored folds."""
    summary = bench.known.get("result_summary")
    folds = None if summary is None else read_folds(bench.stores, str(bench.pair()))
    if summary is None or folds is None or summary["winner_wape"] is None:
        return Told("skip", "there is no champion to verify")
    actual = np.where(folds.counted[:, None], folds.actual, np.nan)[None]
    made = folds.forecasts[summary["winner_model_type"]][None, None]
    again = float(aggregate(fold_metrics(actual, made).wape, folds.counted[None])[0, 0])
    if abs(again - summary["winner_wape"]) > _CLOSE * max(1.0, again):
        return Told("fail", f"stored WAPE {summary['winner_wape']}, computed again {again}")
    return Told("pass", f"WAPE {again:.2f} % computed again from the stored folds is the stored one")


def knowledge(_bench: Bench) -> Told:
    """Steps that talk to a language model."""
    return Told("skip", "no language model is part of this installation")
