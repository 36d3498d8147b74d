"""Batches that are cancelled, terminated, killed, tried again, or compete with each other."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from forecast_assets.dagster_internals import run_factory
from forecast_assets.errors import BadSetting, ForecastError
from forecast_assets.launches import lifecycle, records, retries, runs, scoring_context
from forecast_assets.launches.batch import priorities, scoring
from forecast_assets.launches.batch.config import BatchConfig
from forecast_assets.launches.batch.request import validate
from forecast_assets.launches.batch.run import BATCH
from forecast_assets.launches.kinds import KINDS
from forecast_assets.launches.model import LOCK, Launch
from forecast_assets.stores.registry import open_registry
from forecast_assets_tests.launches.conftest import again, items_of, launch_of, newest_launch, run
from forecast_assets_tests.scenario import Place, many
from forecast_assets_tests.stores.members import until

ALL: dict[str, Any] = {"dataset": "many", "scope": "all", "candidates": ["naive"], "max_parallel": 1}
DOOMED = """
import json, os, signal, sys
import dagster as dg
from forecast_assets.dagster_internals import run_factory
from forecast_assets.launches import scoring_context
from forecast_assets.launches.batch import scoring

real, calls = scoring_context.score_rows, []

def doomed(*arguments):
    calls.append(1)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments)

scoring.score_rows = doomed
with dg.DagsterInstance.get() as instance:
    run = run_factory.create(instance, "batch", json.loads(sys.argv[1]))
    print(run.run_id, flush=True)
    run_factory.execute(instance, run)
"""


def states(place: Place, batch_id: str) -> Counter:
    return Counter(item["status"] for item in items_of(place, batch_id) if not item["tried_again"])


@pytest.fixture
def at_group(monkeypatch) -> Iterator[Callable]:
    """Do something while a group is being scored: ``at_group(2, action)``."""
    real, calls = scoring_context.score_rows, []

    def install(number: int, action: Callable[[], object]) -> None:
        def scored(*arguments):
            calls.append(1)
            if len(calls) == number:
                action()
            return real(*arguments)

        monkeypatch.setattr(scoring, "score_rows", scored)

    yield install
    assert calls


def work_off(place: Place, config: BatchConfig, batch_id: str) -> Launch:
    return lifecycle.run(
        BATCH, place.stores, config, launch_id=batch_id, run_id=batch_id, registry=open_registry
    )


def opened(place: Place, batch_id: str, **config) -> Launch:
    """A batch on record that somebody has in hand."""
    plan = validate(place.stores, BatchConfig(**{**ALL, **config}))
    records.create(place.stores, "batch", plan, launch_id=batch_id, run_id=batch_id)
    return retries.start_or_resume(place.stores, batch_id, run_id=batch_id)


def test_two_pickers_never_take_the_same_item_and_leave_none(shopped):
    launch = opened(shopped, "two-pickers", candidates=["naive", "ets", "tsb"])
    both, taken = threading.Barrier(2), list[int]()

    def pick() -> None:
        both.wait(30)
        while items := records.claim(shopped.stores, launch, 1):
            taken.extend(item.item_id for item in items)

    pickers = [threading.Thread(target=pick) for _ in range(2)]
    for picker in pickers:
        picker.start()
    for picker in pickers:
        picker.join()
    assert sorted(taken) == [item["item_id"] for item in items_of(shopped, "two-pickers")]
    assert len(taken) == 36


def test_items_are_picked_by_band_then_age_and_a_changed_one_overtakes(shopped):
    launch = opened(shopped, "banded")
    ids = [item["item_id"] for item in items_of(shopped, "banded")]
    assert [item.item_id for item in records.claim(shopped.stores, launch, 2)] == ids[:2]
    assert priorities.reprioritise(shopped.stores, "banded", 2, items=ids[8:10], by="Ann") == 2
    assert priorities.reprioritise(shopped.stores, "banded", 2, items=ids[9:10], by="Bob") == 0, (
        "it has it already"
    )
    assert priorities.reprioritise(shopped.stores, "banded", -1, items=ids[2:3], by="Ann") == 1
    assert [item.item_id for item in records.claim(shopped.stores, launch, 5)] == ids[8:10], (
        "one band at once"
    )
    assert [item.item_id for item in records.claim(shopped.stores, launch, 99)] == [*ids[3:8], *ids[10:]]
    assert [item.item_id for item in records.claim(shopped.stores, launch, 99)] == ids[2:3]
    (audit,) = items_of(shopped, "banded")[8]["priority_history"]
    assert {name: audit[name] for name in ("from", "to", "source", "by")} == {
        "from": 0,
        "to": 2,
        "source": "user",
        "by": "Ann",
    }
    with pytest.raises(BadSetting, match="do not wait in this batch"):
        priorities.reprioritise(shopped.stores, "banded", 0, items=ids[:1], by="Ann")


def test_items_that_wait_long_rise_by_one_band_up_to_urgent(shopped):
    opened(shopped, "aged", default_child_priority=1)
    assert records.age(shopped.stores, "aged", 30) == 0
    with shopped.stores.warehouse.transaction() as connection:
        connection.exec_driver_sql("update launch_item set created_at = created_at - interval '31 minutes'")
    assert records.age(shopped.stores, "aged", 30) == 12
    assert records.age(shopped.stores, "aged", 30) == 0, "they are urgent, and have just risen"
    (audit,) = items_of(shopped, "aged")[0]["priority_history"]
    assert (audit["from"], audit["to"], audit["source"]) == (1, 2, "aging")


@pytest.mark.parametrize("group", [1, 2])
def test_a_cancelled_batch_keeps_what_is_done_and_begins_nothing_more(shopped, at_group, group):
    at_group(group, lambda: records.cancel(shopped.stores, newest_launch(shopped)))
    done = run(shopped, "batch", **ALL)
    assert done.outcome == "partial"
    assert shopped.instance.get_run_by_id(done.run_id).status.value == "CANCELED"
    row = launch_of(shopped, done.run_id)
    assert states(shopped, done.run_id) == {"completed": 3 * group, "cancelled": 12 - 3 * group}
    assert (row.running, row.cancelled) == (0, 12 - 3 * group)
    with pytest.raises(BadSetting, match="has no failed item"):
        retries.check_retry(BATCH.name, shopped.stores, done.run_id, None)


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)


def terminated_and_heard(place: Place) -> None:
    terminate()
    until(lambda: records.is_cancelled(place.stores, newest_launch(place)))


def test_a_termination_asked_for_twice_settles_once(shopped, at_group):
    at_group(1, lambda: terminated_and_heard(shopped))
    done = run(shopped, "batch", **ALL)
    assert shopped.instance.get_run_by_id(done.run_id).status.value == "CANCELED"
    assert states(shopped, done.run_id) == {"completed": 3, "cancelled": 9}
    assert launch_of(shopped, done.run_id).status == done.outcome == "partial"


def test_a_termination_during_the_last_item_leaves_it_completed(shopped, at_group):
    at_group(4, lambda: terminated_and_heard(shopped))
    done = run(shopped, "batch", **ALL)
    assert done.outcome == "completed"
    assert states(shopped, done.run_id) == {"completed": 12}


def test_a_computation_that_never_ends_is_given_up_after_the_drain(shopped, at_group, monkeypatch):
    monkeypatch.setenv("FORECAST_DRAIN_SECONDS", "1")
    stuck, over = threading.Event(), threading.Event()

    def never() -> None:
        terminate()
        stuck.wait(60)
        over.set()

    at_group(2, never)
    done = run(shopped, "batch", **ALL)
    assert done.outcome == "partial"
    settled = states(shopped, done.run_id)
    assert settled == {"completed": 3, "cancelled": 9}
    stuck.set()
    for thread in threading.enumerate():
        if thread.name.startswith("batch-"):
            thread.join(30)
    assert over.is_set()
    assert states(shopped, done.run_id) == settled, "what comes later changes nothing"


def test_a_group_that_raises_fails_alone(shopped, at_group):
    at_group(2, lambda: 1 / 0)
    done = run(shopped, "batch", **ALL)
    assert states(shopped, done.run_id) == {"completed": 9, "failed": 3}
    assert {item["error_type"] for item in items_of(shopped, done.run_id)} == {None, "ZeroDivisionError"}


@pytest.mark.parametrize("at_once", [1, 2])
def test_at_most_as_many_items_run_as_max_parallel_says(shopped, monkeypatch, at_once):
    real, running = scoring_context.score_rows, []

    def noted(*arguments):
        counts = launch_of(shopped, f"at-once-{at_once}").counts
        running.append((counts["running"], sum(counts[name] for name in ("pending", "running", "completed"))))
        return real(*arguments)

    monkeypatch.setattr(scoring, "score_rows", noted)
    config = BatchConfig(**{**ALL, "candidates": ["naive", "ets"], "max_parallel": at_once})
    assert work_off(shopped, config, f"at-once-{at_once}").completed == 24
    assert len(running) > 1, "several groups of several items"
    assert {total for _, total in running} == {24}
    assert {1} <= {count for count, _ in running} <= set(range(1, at_once + 1))


def test_two_batches_share_the_places_of_one_pool(shopped, monkeypatch):
    monkeypatch.setenv("FORECAST_BATCH_MAX_PARALLEL", "2")
    real, inside, most, mutex = scoring_context.score_rows, [], [], threading.Lock()

    def counted(*arguments):
        with mutex:
            inside.append(1)
            most.append(len(inside))
        try:
            return real(*arguments)
        finally:
            with mutex:
                inside.pop()

    monkeypatch.setattr(scoring, "score_rows", counted)
    ended = []

    def launch(name: str) -> None:
        config = BatchConfig(**{**ALL, "max_parallel": 4})
        ended.append(work_off(shopped, config, name).status)

    threads = [threading.Thread(target=launch, args=(name,)) for name in ("pool-1", "pool-2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == ["completed", "completed"]
    assert max(most) <= 2


def test_a_batch_whose_process_is_killed_can_be_tried_again_and_ends_as_an_undisturbed_one(shopped):
    config = {"ops": {"work_off_batch": {"config": ALL}}}
    killed = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DOOMED, json.dumps(config)],
        env={**os.environ, "DAGSTER_HOME": str(shopped.folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    batch_id = killed.stdout.split()[0]
    assert states(shopped, batch_id) == {"completed": 3, "running": 1, "pending": 8}
    second = again(shopped, batch_id)
    undisturbed = run(shopped, "batch", **ALL)

    def rows(of: str) -> list:
        newest = [item for item in items_of(shopped, of) if not item["tried_again"]]
        return sorted(
            (item["series"], item["candidate"], item["status"], str(item["metrics"])) for item in newest
        )

    assert rows(batch_id) == rows(undisturbed.run_id)
    row = launch_of(shopped, batch_id)
    assert (row.status, row.run_id, row.total) == ("completed", second, 12)
    assert row.result["summary"]["attempts_used"] == 13
    orphans = [item for item in items_of(shopped, batch_id) if item["tried_again"]]
    assert {item["error_type"] for item in orphans} == {"ProcessEnded"}
    assert {shopped.instance.get_run_by_id(r).tags["forecast/outcome"] for r in (batch_id, second)} == {
        "completed"
    }


def test_a_dead_batch_is_settled_once_and_a_living_one_is_left_alone(shopped):
    records.claim(shopped.stores, opened(shopped, "dead"), 2)
    with shopped.stores.warehouse.locks() as locks:
        locks.take(LOCK, "dead")
        assert not lifecycle.settle_orphan(KINDS, shopped.stores, "dead")
        with pytest.raises(BadSetting, match="being worked on by another process"):
            work_off(shopped, BatchConfig(**ALL), "dead")
    assert lifecycle.settle_orphan(KINDS, shopped.stores, "dead")
    assert states(shopped, "dead") == {"failed": 12}
    assert not lifecycle.settle_orphan(KINDS, shopped.stores, "dead")


def test_failed_items_are_tried_again_and_succeed_once_their_sales_arrive(place):
    place.prepare("many", many(8))
    pair = {"dataset": "many", "scope": "manual", "stores": ["S0"], "products": ["P000", "P002", "P007"]}
    first = run(place, "batch", **pair, candidates=["naive"])
    assert first.outcome == "partial"
    place.write("many", many(12))
    assert place.build("many").success
    again(place, first.run_id)
    *_, arrived, tried = items_of(place, first.run_id)
    assert (arrived["attempts"], arrived["parent_item_id"], arrived["status"]) == (2, 2, "completed")
    assert (tried["attempts"], tried["parent_item_id"], tried["status"]) == (2, 3, "failed")
    with pytest.raises(BadSetting, match="items 7 are not failed ones"):
        retries.check_retry(BATCH.name, place.stores, first.run_id, [7])
    again(place, first.run_id, **{"forecast/retry_items": "[5]"})
    with pytest.raises(BadSetting, match="items 6 were tried 3 times already"):
        retries.check_retry(BATCH.name, place.stores, first.run_id, None)
    assert launch_of(place, first.run_id).status == "partial"


def test_what_may_not_be_tried_again_says_why(shopped):
    opened(shopped, "running")
    with pytest.raises(ForecastError, match="is running"):
        retries.check_retry(BATCH.name, shopped.stores, "running", None)
    records.cancel(shopped.stores, "running")
    lifecycle.settle(
        BATCH, shopped.stores, "running", pending=lifecycle.CANCELLED, running=lifecycle.CANCELLED
    )
    with pytest.raises(ForecastError, match="was cancelled"):
        retries.check_retry(BATCH.name, shopped.stores, "running", None)
    with pytest.raises(ForecastError, match="501 items are named"):
        retries.check_retry(BATCH.name, shopped.stores, run(shopped, "batch", **ALL).run_id, list(range(501)))


def test_a_run_that_still_waits_is_ended_before_it_leaves_a_trace_and_can_be_tried_again(shopped):
    config = {"ops": {"work_off_batch": {"config": ALL}}}
    waiting = run_factory.create(shopped.instance, "batch", config)
    run_factory.queue(shopped.instance, waiting)
    queued = shopped.instance.get_run_by_id(waiting.run_id)
    assert queued.status.value == "QUEUED"
    run_factory.ask_to_end(shopped.instance, queued)
    assert shopped.instance.get_run_by_id(waiting.run_id).status.value == "CANCELED"
    assert records.find(shopped.stores, waiting.run_id) is None
    with pytest.raises(BadSetting, match="ended before it had items"):
        runs.retried(shopped.stores, shopped.instance, waiting.run_id, [1])
    second = runs.retried(shopped.stores, shopped.instance, waiting.run_id, None)
    run_factory.execute(shopped.instance, second, raise_on_error=False)
    assert launch_of(shopped, waiting.run_id).status == "completed"
