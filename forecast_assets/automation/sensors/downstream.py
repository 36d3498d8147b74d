"""Sensors that follow results: forecasts and drift after an evaluation, requests after drift.

Belongs here: sensors that look at what evaluations and drift left in the warehouse.
Does not belong here: sensors that look at sources and panels (``triggers``).

They are off until somebody turns them on. Requests for retraining change nothing by themselves: a person
launches the job ``retrain``.
"""

import datetime as dt
from collections import Counter
from hashlib import blake2b

import dagster as dg

from forecast_assets.automation.decorators import sensor
from forecast_assets.automation.incidents import Sighting, record, resolve
from forecast_assets.automation.sensors.triggers import EVERY_MINUTE, OFF, answered, counted, remembered
from forecast_assets.dagster_internals.own_location import launchpad
from forecast_assets.dagster_internals.run_subjects import DATASET_TAG, going_on
from forecast_assets.errors import listed
from forecast_assets.launches.retraining import request
from forecast_assets.reports.jobs import follow_evaluation, refresh_operations, watch_dataset
from forecast_assets.settings import settings
from forecast_assets.stores.resource import StoresResource
from forecast_assets.stores.rows.evaluations import EvaluatedDatasetsRow

_EVERY_HOUR = 3600


@sensor(
    jobs=[follow_evaluation, watch_dataset, refresh_operations],
    minimum_interval_seconds=EVERY_MINUTE,
    default_status=OFF,
)
def follow_evaluations(context: dg.SensorEvaluationContext, stores: StoresResource) -> dg.SensorResult:
    """Forecast and judge drift after an evaluation; then look at the dataset, then sum up the system.

    Each stage waits for the runs of the one before, and is requested once for each new state.
    """
    before, going = remembered(context.cursor), going_on(context.instance)
    after: dict[str, str] = {}
    requests: list[dg.RunRequest] = []
    words: Counter[str] = Counter()
    for row in stores.open().warehouse.rows(EvaluatedDatasetsRow):
        name, mark = row["dataset"], str(row["mark"])
        stage, _, done = before.get(name, "").partition(":")
        after[name] = before.get(name, "")
        if going[name]:
            words["waiting for a run of theirs"] += 1
        elif done != mark:
            words["newly evaluated"] += 1
            after[name] = f"followed:{mark}"
            requests.append(_following(name, mark))
        elif stage == "followed":
            words["newly forecast"] += 1
            after[name] = f"watched:{mark}"
            requests.append(_request(watch_dataset.name, name, mark, partition=name))
        elif stage == "watched":
            words["newly watched"] += 1
            after[name] = f"summed up:{mark}"
            requests.append(_request(refresh_operations.name, name, mark))
        else:
            words["up to date"] += 1
    return answered(requests, f"{sum(words.values()):,} evaluated datasets: {counted(words)}", after, context)


def _following(name: str, mark: str) -> dg.RunRequest:
    config = {"config": {"dataset": name}}
    ops = {"renew_forecasts": config, "judge_dataset": config}
    return _request(follow_evaluation.name, name, mark, config={"ops": ops})


def _request(
    job: str,
    dataset: str,
    mark: str,
    *,
    partition: str | None = None,
    config: dict[str, object] | None = None,
) -> dg.RunRequest:
    key = blake2b(f"{job}:{dataset}:{mark}".encode(), digest_size=16).hexdigest()
    tags = {DATASET_TAG: dataset}
    return dg.RunRequest(
        run_key=key, job_name=job, partition_key=partition, run_config=config or {}, tags=tags
    )


@sensor(minimum_interval_seconds=_EVERY_HOUR, default_status=OFF)
def request_retraining(context: dg.SensorEvaluationContext, stores: StoresResource) -> dg.SensorResult:
    """Ask for the retraining of degrading series, within a budget per day and a cool-down per series.

    It asks only: the request stands in the retraining queue and in the digest until somebody launches the
    job retrain with ``requested``.
    """
    now, configuration = dt.datetime.now(dt.UTC), settings()
    series, sentence = request(
        stores.open(),
        budget=configuration.retrain_budget,
        cool_down_days=configuration.retrain_cool_down_days,
        now=now,
    )
    context.log.info("%s", sentence)
    if series:
        retraining = Sighting(
            event=f"retraining:{now.isoformat()}",
            key="retraining",
            kind="retraining requested",
            severity="warning",
            what=f"retraining of {len(series):,} degrading series is requested: {listed(series)}",
            next_step="look at retraining_queue, then launch job retrain with requested",
            link=launchpad("retrain"),
            at=now,
        )
        record(stores.open(), [retraining])
        resolve(stores.open(), {retraining.key: now})  # a request needs telling, not mending
    return dg.SensorResult(skip_reason=sentence)
