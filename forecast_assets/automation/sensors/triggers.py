"""Sensors that start work: a changed source is loaded, a built dataset evaluated.

Belongs here: the sensors that request runs, with their cursors and their reasons to do nothing.
Does not belong here: the runs, and sensors that only tell (``monitoring``).

They are off until somebody turns them on: runs cost processor time, and a planner may want to look first.
A request carries the content it answers as its run key, so that Dagster itself refuses to answer twice.
"""

import datetime as dt
import json
from collections import Counter
from collections.abc import Mapping
from hashlib import blake2b

import dagster as dg

from forecast_assets.automation import source_changes
from forecast_assets.automation.decorators import sensor
from forecast_assets.automation.incidents import Sighting, record, resolve
from forecast_assets.backtests.jobs import build_dataset, evaluate_changed
from forecast_assets.dagster_internals.run_subjects import DATASET_TAG, going_on
from forecast_assets.datasets import definition
from forecast_assets.datasets.membership import series_of
from forecast_assets.partitions import register_series
from forecast_assets.stores import Stores
from forecast_assets.stores.resource import StoresResource
from forecast_assets.stores.rows.datasets import DatasetStatesRow

OFF = dg.DefaultSensorStatus.STOPPED
EVERY_MINUTE = 60


def remembered(cursor: str | None) -> dict[str, str]:
    """What the last tick remembered; nothing when that is lost or was written by another version."""
    try:
        state = json.loads(cursor or "{}")
    except ValueError:
        return {}
    if not isinstance(state, dict):
        return {}
    return {str(name): mark for name, mark in state.items() if isinstance(mark, str)}


def answered(
    requests: list[dg.RunRequest], reason: str, cursor: Mapping[str, str], context: dg.SensorEvaluationContext
) -> dg.SensorResult:
    """The requests of a tick, or why there are none; the numbers stand in the log either way."""
    context.log.info("%s", reason)
    text = json.dumps(cursor, sort_keys=True)
    if requests:
        return dg.SensorResult(run_requests=requests, cursor=text)
    return dg.SensorResult(skip_reason=reason, cursor=text)


def counted(counts: Mapping[str, int]) -> str:
    """``3 unchanged, 1 settling``, the zeros left out."""
    return ", ".join(f"{number:,} {word}" for word, number in counts.items() if number) or "nothing"


@sensor(job=build_dataset, minimum_interval_seconds=EVERY_MINUTE, default_status=OFF)
def load_changed_sources(context: dg.SensorEvaluationContext, stores: StoresResource) -> dg.SensorResult:
    """Load a dataset whose source holds other sales than the newest snapshot.

    Files count by content; a file still being written is waited for until two looks find it the same. Of a
    query only rows, newest day and total are compared: smaller corrections are found by the daily refresh.
    """
    before, now = remembered(context.cursor), dt.datetime.now(dt.UTC)
    looks = [source_changes.look(stores.open(), name, before) for name in definition.automatic(stores.open())]
    broken = [source_changes.unreadable(look, now) for look in looks if look.state == "unreadable"]
    record(stores.open(), broken)
    resolve(stores.open(), {f"source:{look.dataset}": now for look in looks if look.state != "unreadable"})
    requests = [
        dg.RunRequest(
            run_key=f"load:{look.dataset}:{look.mark}",
            partition_key=look.dataset,
            tags={DATASET_TAG: look.dataset},
        )
        for look in looks
        if look.state == "changed"
    ]
    reason = f"sources of {len(looks):,} datasets: {counted(Counter(look.state for look in looks))}"
    return answered(requests, reason, {look.dataset: look.mark for look in looks}, context)


@sensor(job=evaluate_changed, minimum_interval_seconds=EVERY_MINUTE, default_status=OFF)
def evaluate_built_datasets(context: dg.SensorEvaluationContext, stores: StoresResource) -> dg.SensorResult:
    """Evaluate what has changed in a dataset with a new panel; record the end of series that left it.

    Also catches up with series that were never evaluated, whatever the reason.
    """
    before, going = remembered(context.cursor), going_on(context.instance)
    after: dict[str, str] = {}
    requests: list[dg.RunRequest] = []
    words: Counter[str] = Counter()
    for state in stores.open().warehouse.rows(DatasetStatesRow):
        name, mark = state["dataset"], f"{state['snapshot']}:{state['options']}"
        if going[name]:
            words["waiting for a run of theirs"] += 1
            after[name] = before.get(name, "")
            continue
        after[name] = mark
        if before.get(name) != mark:
            _take_note(context.instance, stores.open(), state)
            words["newly built"] += 1
            requests.append(evaluation_request(name, f"evaluate:{name}:{mark}"))
        elif state["unsettled"]:
            words["with series to catch up with"] += 1
            requests.append(evaluation_request(name, f"evaluate:{name}:{mark}:{state['unsettled']}"))
        else:
            words["up to date"] += 1
    return answered(requests, f"{sum(words.values()):,} datasets: {counted(words)}", after, context)


def evaluation_request(dataset: str, run_key: str, **config: object) -> dg.RunRequest:
    """Ask for an evaluation of what has changed in a dataset; of the same ``run_key`` once only."""
    ops = {"evaluate_stale_series": {"config": {"dataset": dataset, **config}}}
    # What keeps two requests apart may be longer than a tag allows.
    key = blake2b(run_key.encode(), digest_size=16).hexdigest()
    return dg.RunRequest(run_key=key, run_config={"ops": ops}, tags={DATASET_TAG: dataset})


def _take_note(instance: dg.DagsterInstance, stores: Stores, state: DatasetStatesRow) -> None:
    """Give every series a partition, and tell of those that came and went."""
    name = state["dataset"]
    register_series(instance, series_of(stores, name))
    new, gone = state["new"], state["gone"]
    if not gone and new in {0, state["delivered"]}:
        return
    now = dt.datetime.now(dt.UTC)
    news = Sighting(
        event=f"series:{name}:{state['snapshot']}",
        key=f"series:{name}",
        kind="news of the assortment",
        severity="warning",
        what=f"{name}: {new:,} new series, {gone:,} no longer delivered",
        next_step="compare with the assortment; see `forecast-assets export availability`",
        link=f"/assets/panel?view=partitions&partition={name}",
        at=now,
        dataset=name,
    )
    record(stores, [news])
    resolve(stores, {news.key: now})  # news need telling, not mending
