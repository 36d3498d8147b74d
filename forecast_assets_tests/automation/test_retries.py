"""A retry that Dagster promised and lost: asked for once more, then told as a failure."""

import datetime as dt
from collections.abc import Iterator

import dagster as dg
import pytest

from forecast_assets.automation.incident_detection import WILL_RETRY, look_at_runs
from forecast_assets.automation.sensors.retries import ASKED_AGAIN, recover, recover_lost_retries
from forecast_assets.dagster_internals import run_factory
from forecast_assets.dagster_internals.failed_steps import Why, why_failed
from forecast_assets.dagster_internals.run_launcher import process_tags
from forecast_assets.failures import refusals_final
from forecast_assets_tests.scenario import Place, many

MINUTE = dt.timedelta(minutes=1)
NIGHT = dt.datetime.now(dt.UTC) - 600 * MINUTE
HERE = "forecast_assets.definitions"


@pytest.fixture
def instance(place: Place) -> Iterator[dg.DagsterInstance]:
    """The place's instance, as one that retries a failed run once."""
    with (place.folder / "dagster.yaml").open("a") as settings:
        settings.write("\nrun_retries:\n  enabled: true\n  max_retries: 1\n")
    with dg.DagsterInstance.from_config(str(place.folder)) as instance:
        yield instance


def failed(instance: dg.DagsterInstance, **tags: str) -> dg.DagsterRun:
    """A run whose process was killed; ``tags`` of Dagster, or of ours with our prefix."""
    dagster_tags = {name if "/" in name else f"dagster/{name}": value for name, value in tags.items()}
    run = instance.create_run_for_job(
        evaluate_something, tags={"dagster/code_location": HERE, **dagster_tags}
    )
    instance.report_run_failed(run, "its process is gone")
    return again(instance, run)


@dg.job
def evaluate_something() -> None:
    pass


def again(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRun:
    current_run = instance.get_run_by_id(run.run_id)
    assert current_run
    return current_run


def failures(instance: dg.DagsterInstance, run: dg.DagsterRun) -> int:
    return len(instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE))


def after(minutes: int) -> dt.datetime:
    return dt.datetime.now(dt.UTC) + minutes * MINUTE


def test_a_retry_that_does_not_come_is_asked_for_once_and_then_given_up(instance):
    run = failed(instance)
    assert run.tags[WILL_RETRY] == "true"
    assert recover(instance, NIGHT, after(1), HERE) == {}, "it may still come"
    assert recover(instance, NIGHT, after(3), HERE) == {"asked for again": 1}
    current_run = again(instance, run)
    assert (failures(instance, run), current_run.tags[WILL_RETRY]) == (2, "true")
    assert recover(instance, NIGHT, after(1), HERE) == {}
    assert recover(instance, NIGHT, after(3), HERE) == {"given up": 1}
    assert again(instance, run).tags[WILL_RETRY] == "false"
    assert recover(instance, NIGHT, after(9), HERE) == {}
    assert failures(instance, run) == 2


def test_a_retry_that_the_daemon_gave_up_is_asked_for_once(instance):
    run = failed(instance)
    # What the daemon leaves behind when no code server answers.
    instance.report_engine_event("Failed to retry run", run)
    instance.add_run_tags(run.run_id, {WILL_RETRY: "false"})
    assert recover(instance, NIGHT, after(3), HERE) == {"asked for again": 1}
    assert again(instance, run).tags[WILL_RETRY] == "true"
    instance.add_run_tags(run.run_id, {WILL_RETRY: "false"})
    assert recover(instance, NIGHT, after(3), HERE) == {}, "lost twice, and told by then"


def test_runs_that_changed_before_the_last_look_are_not_read_again(instance):
    failed(instance)
    assert recover(instance, after(1), after(3), HERE) == {}


def test_a_run_that_was_retried_or_need_not_be_is_left_alone(instance):
    retried, final = failed(instance, auto_retry_run_id="another"), failed(instance, max_retries="0")
    assert recover(instance, NIGHT, after(3), HERE) == {}
    assert [failures(instance, run) for run in (retried, final)] == [1, 1]


def test_a_run_that_somebody_waits_for_is_never_executed_a_second_time(instance, place):
    place.prepare("many", many(2))
    config = {"ops": {"work_off_batch": {"config": {"dataset": "many", "scope": "top_revenue"}}}}
    run = run_factory.create(instance, "batch", config, tags=process_tags())
    with pytest.raises(dg.Failure, match="top_n"):
        run_factory.execute(instance, run)
    assert again(instance, run).tags[WILL_RETRY] == "false"
    assert recover(instance, NIGHT, after(3), HERE) == {}


def test_what_failed_before_anybody_watched_is_left_alone(instance):
    failed(instance)
    context = dg.build_sensor_context(instance)
    first = recover_lost_retries(context)
    assert "asked for again" not in str(first)


def test_a_run_of_another_code_location_is_left_to_its_own_sensor(instance):
    failed(instance, code_location="elsewhere")
    assert recover(instance, NIGHT, after(3), HERE) == {}
    assert recover(instance, NIGHT, after(3), "elsewhere") == {"asked for again": 1}


def test_a_retry_of_a_run_that_was_asked_for_may_be_asked_for_itself(instance):
    run = failed(instance, max_retries="2")
    recover(instance, NIGHT, after(3), HERE)
    instance.add_run_tags(run.run_id, {"dagster/auto_retry_run_id": "another"})
    second = failed(instance, **{ASKED_AGAIN: run.run_id})
    assert recover(instance, NIGHT, after(3), HERE) == {"asked for again": 1}
    assert failures(instance, second) == 2


@dg.op(retry_policy=dg.RetryPolicy(max_retries=1))
def lose_the_network() -> None:
    with refusals_final():
        raise TimeoutError("nobody there")


@dg.op
def divide() -> None:
    with refusals_final():
        raise ZeroDivisionError("units by no days")


@pytest.mark.parametrize(
    ("op", "why"),
    [
        (
            lose_the_network,
            Why(
                "a service on the network did not answer (TimeoutError: nobody there)",
                "check that it is reachable from here, then launch again",
                "Outage",
            ),
        ),
        (divide, Why("ZeroDivisionError: units by no days", "open the run and read its failed step")),
    ],
    ids=["outage", "defect"],
)
def test_why_a_run_failed_is_said_in_the_words_of_what_its_step_raised(instance, place, op, why):
    job = dg.GraphDefinition("nightly", node_defs=[op]).to_job()
    run = job.execute_in_process(instance=instance, raise_on_error=False)
    assert why_failed(place.stores, run.run_id) == why


def test_a_run_that_is_given_up_becomes_an_incident(instance, place):
    def incidents() -> list[str]:
        look_at_runs(instance, place.stores, after(-5), after(0))
        return [row["what"] for row in place.table("incident")]

    failed(instance)
    assert incidents() == [], "a run that will be retried is not over"
    recover(instance, NIGHT, after(3), HERE)
    recover(instance, NIGHT, after(3), HERE)
    assert incidents() == ["evaluate_something failed: its process ended without a word"]
