"""The whole chain for a dataset, as Dagster runs in this process.

Belongs here: deciding which runs are needed, executing them, telling what came out.
Does not belong here: options (``evaluate``) and the work (``backtests.evaluation``).
"""

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import dagster as dg

from forecast_assets.backtests.evaluation import Plan, plan
from forecast_assets.cli import closing
from forecast_assets.cli.console import SAY
from forecast_assets.cli.home import open_instance
from forecast_assets.cli.interrupts import cancelled_by_key
from forecast_assets.cli.running import current, execute, range_tags
from forecast_assets.datasets import building, definition
from forecast_assets.datasets.kept_panels import panels_kept
from forecast_assets.datasets.membership import check_dataset
from forecast_assets.datasets.series_names import keys_of
from forecast_assets.errors import BadSetting
from forecast_assets.evaluation_settings import revised
from forecast_assets.forecasts.service import ForecastRequest, stale_forecasts
from forecast_assets.global_models import fold_models, production
from forecast_assets.launches.evaluation import EVALUATION, LAUNCH_TAG, plan_of
from forecast_assets.launches.lifecycle import follow
from forecast_assets.settings import settings
from forecast_assets.stores import Stores
from forecast_assets.stores.opening import open_stores
from forecast_assets.stores.registry import open_registry

_LOOK_SECONDS = 0.5


def run(
    dataset: str,
    series: list[str] | None,
    changes: Mapping[str, object],
    *,
    force: bool,
    accept: bool = False,
) -> int:
    """Evaluate and tell; return how many series broke. Raises ``ForecastError`` when nothing can be done.

    With ``accept``, sales that look like a mistake of their sender are taken.

    Another evaluation of the dataset is waited for, and what it did is not done again.
    """
    instance, stores = open_instance(), open_stores()
    series = None if series is None else keys_of(stores, series)
    check_dataset(dataset, series or ())
    tags = {LAUNCH_TAG: str(uuid.uuid4())}
    recorded = plan_of(dataset, series, changes)
    outcome = None
    with (
        cancelled_by_key(current(instance, tags[LAUNCH_TAG], [tags[LAUNCH_TAG]])),
        panels_kept(),
        _alone(stores, dataset),
        follow(EVALUATION, stores, recorded, tags[LAUNCH_TAG], registry=open_registry) as launch,
    ):
        work = _evaluate(instance, stores, dataset, series, changes, force=force, accept=accept, tags=tags)
        launch.check()
        ahead = {name: changes[name] for name in ("horizon", "gap") if changes.get(name) is not None}
        broken = _forecast(instance, stores, dataset, series, ahead, force=force, tags=tags)
        outcome = closing.summarize(stores, work)
        launch.note(sentence=next(closing.lines(outcome)), broken=outcome.broken + broken)
    if outcome is None:
        raise BadSetting(
            f"the evaluation of {dataset} was cancelled",
            remedy=f"run `forecast-assets evaluate {dataset}` again: what is stored is reused",
        )
    for line in closing.lines(outcome):
        SAY.print(line, markup=False)
    return outcome.broken + broken


@contextmanager
def _alone(stores: Stores, dataset: str) -> Iterator[None]:
    """Wait until no other command evaluates the dataset."""
    with stores.warehouse.locks() as locks:
        if not locks.take("evaluation", dataset):
            SAY.print(f"another evaluation of {dataset} is running; waiting for its end", markup=False)
            while not locks.take("evaluation", dataset):
                time.sleep(_LOOK_SECONDS)
        yield


def _evaluate(
    instance: dg.DagsterInstance,
    stores: Stores,
    dataset: str,
    series: list[str] | None,
    changes: Mapping[str, object],
    *,
    force: bool,
    accept: bool,
    tags: Mapping[str, str],
) -> Plan:
    """Load the dataset if it changed, backtest what is stale and choose its champions."""
    if force or not _is_current(stores, definition.load(stores, dataset), changes):
        config = {
            "global_forecasts": {"config": {**changes, "force": force}},
            "sales": {"config": {"accept": accept, "force": force}},
            "panel": {"config": {"force": force}},
        }
        execute(instance, "build_dataset", {"ops": config}, partition_key=dataset, tags=tags)
    else:
        SAY.print(f"{dataset}: sales, panel and global models are unchanged", markup=False)
    work = plan(stores, dataset, series, changes=changes, force=force)
    keys = work.due
    if not keys:
        SAY.print(f"nothing to do: all {len(work.panel.series):,} series are unchanged")
        return work
    for cost in work.costs():
        SAY.print(f"  {cost}", markup=False)
    _launched(instance, _EVALUATION, dataset, keys, {**changes, "force": force}, tags=tags)
    return work


def _is_current(stores: Stores, dataset: definition.Dataset, changes: Mapping[str, object]) -> bool:
    changed = revised(dataset.options.evaluation, changes)
    return building.is_current(dataset) and fold_models.is_current(stores, dataset, changed)


def _forecast(
    instance: dg.DagsterInstance,
    stores: Stores,
    dataset: str,
    series: list[str] | None,
    ahead: Mapping[str, Any],
    *,
    force: bool,
    tags: Mapping[str, str],
) -> int:
    """Fit the production models that are needed and forecast the series; return how many broke.

    ``ahead`` holds the horizon and the gap of this evaluation where they are not the dataset's own.
    """
    request = ForecastRequest(horizon=ahead.get("horizon"), gap=ahead.get("gap"))
    looking = definition.load(stores, dataset).looking(horizon=request.horizon, gap=request.gap)
    if force or not production.is_current(stores, looking):
        ops = {"production_models": {"config": {**ahead, "force": force}}}
        execute(instance, "fit_production_models", {"ops": ops}, partition_key=dataset, tags=tags)
    stale = stale_forecasts(stores, dataset, series, request=request, force=force)
    if not stale:
        SAY.print("all forecasts are unchanged")
        return 0
    _launched(instance, _FORECASTS, dataset, stale, {**ahead, "force": force}, tags=tags)
    return len(stale_forecasts(stores, dataset, stale, request=request, force=False))


class _Stage(NamedTuple):
    """The job for a range of neighbours with its step, and the one for scattered series with its op."""

    ranged: tuple[str, str]
    scattered: tuple[str, str]


_EVALUATION = _Stage(("evaluate_series", "evaluate"), ("evaluate_changed", "evaluate_stale_series"))
_FORECASTS = _Stage(("forecast_series", "forecast"), ("forecast_changed", "forecast_stale_series"))


def _launched(
    instance: dg.DagsterInstance,
    stage: _Stage,
    dataset: str,
    keys: list[str],
    config: Mapping[str, object],
    *,
    tags: Mapping[str, str],
) -> None:
    """Launch as few runs as the settings allow: ranges of neighbours, else one run for all."""
    registered = instance.get_dynamic_partitions("series")
    place = {key: n for n, key in enumerate(registered)}
    first, last = place[keys[0]], place[keys[-1]]
    if registered[first : last + 1] != keys:
        job, op = stage.scattered
        ops = {op: {"config": {**config, "dataset": dataset, "series": keys}}}
        _settled(instance, job, {"ops": ops}, tags)
        return
    job, step = stage.ranged
    size = settings().series_per_run or len(keys)
    for start in range(0, len(keys), size):
        part = keys[start : start + size]
        own = {**tags, **range_tags(part[0], part[-1])}
        _settled(instance, job, {"ops": {step: {"config": dict(config)}}}, own)


def _settled(
    instance: dg.DagsterInstance, job: str, config: dict[str, object], tags: Mapping[str, str]
) -> None:
    try:
        execute(instance, job, config, tags=tags)
    except dg.Failure as failure:  # broken series: the others are stored, and the summary names them
        SAY.print(str(failure.description), markup=False)
