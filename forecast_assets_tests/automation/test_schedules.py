"""What happens by the clock: once for each day and dataset, in the time zone of the settings."""

import datetime as dt
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.definitions.partitions.context import partition_loading_context

from forecast_assets.definitions import defs
from forecast_assets.settings import settings
from forecast_assets_tests.scenario import Place, many

SCHEDULES = ("daily_refresh", "weekly_full_evaluation")


def tick(place: Place, name: str, due: dt.datetime):
    """One tick of a schedule at a moment."""
    schedule = defs.resolve_schedule_def(name)
    with (
        dg.build_schedule_context(
            instance=place.instance,
            scheduled_execution_time=due,
            resources={"stores": place.resource},
            repository_def=defs.get_repository_def(),
        ) as context,
        partition_loading_context(dynamic_partitions_store=place.instance),
    ):
        return schedule.evaluate_tick(context)


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_of_no_datasets_says_so(place, name):
    assert tick(place, name, now()).skip_message.startswith("there are 0 datasets")


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_missed_tick_is_left_to_the_newest_one(place, name):
    place.add("many", many(2))
    skipped = tick(place, name, now() - dt.timedelta(days=3)).skip_message
    assert skipped.endswith("was missed by 3 days; the newest tick serves for all")


def test_every_dataset_is_refreshed_once_a_day_and_evaluated_whole_once_a_week(place):
    for name in ("many", "more"):
        place.prepare(name, many(2))
    place.add("tour", many(2), automatic=False)
    for name in SCHEDULES:
        first, again = tick(place, name, now()).run_requests, tick(place, name, now()).run_requests
        assert len({request.run_key for request in first}) == 2
        assert [request.run_key for request in first] == [request.run_key for request in again]
        assert {request.tags["forecast/dataset"] for request in first} == {"many", "more"}
    (request, _) = tick(place, "weekly_full_evaluation", now()).run_requests
    result = defs.resolve_job_def("evaluate_changed").execute_in_process(
        instance=place.instance, run_config=request.run_config, tags=request.tags
    )
    assert result.success
    assert {row["outcome"] for row in place.table("evaluation")} == {"scored"}


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_hour_is_the_planners_and_outside_of_what_a_change_of_clocks_skips(name):
    schedule = defs.resolve_schedule_def(name)
    assert schedule.execution_timezone == settings().time_zone
    berlin = ZoneInfo("Europe/Berlin")
    hour = int(str(schedule.cron_schedule).split()[1])
    for day in (dt.date(2026, 3, 29), dt.date(2026, 10, 25)):
        due = dt.datetime.combine(day, dt.time(hour, 30), berlin)
        assert due.astimezone(dt.UTC).astimezone(berlin) == due, "it exists"
        assert due.replace(fold=1) == due.replace(fold=0), "and once only"


@pytest.mark.parametrize("name", SCHEDULES)
def test_nothing_that_starts_runs_is_on_unless_somebody_turns_it_on(name):
    assert defs.resolve_schedule_def(name).default_status == dg.DefaultScheduleStatus.STOPPED
