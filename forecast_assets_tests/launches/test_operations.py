"""The operations overview: health, queue, summary, report, live accuracy, quality and retraining."""

import csv
import datetime as dt
import io
from collections.abc import Callable, Iterator
from dataclasses import replace

import dagster as dg
import polars as pl
import pytest

from forecast_assets.automation.incident_detection import look_at_runs
from forecast_assets.automation.incidents import Sighting, record
from forecast_assets.cli.export import Report, export
from forecast_assets.datasets.monitoring import data_quality
from forecast_assets.drift.accuracy_assets import forecast_accuracy
from forecast_assets.drift.calibration_checks import distributions_hold
from forecast_assets.drift.detection import judge
from forecast_assets.drift.model_health import health, queue
from forecast_assets.errors import BadSetting
from forecast_assets.forecasts.service import make_forecasts
from forecast_assets.launches import records
from forecast_assets.launches.kinds import batch, retrain
from forecast_assets.launches.retraining import request
from forecast_assets.reports import incident_report as report
from forecast_assets.reports.operations import Summary, summarize
from forecast_assets.reports.operations_assets import (
    incident_report,
    model_health,
    ops_summary,
    retraining_queue,
)
from forecast_assets.stores.resource import RegistryResource
from forecast_assets.stores.rows.forecasts import OutdatedForecastsRow
from forecast_assets_tests.automation.night import Night
from forecast_assets_tests.dagit import unbroken
from forecast_assets_tests.scenario import DAYS, START, Place, many

NOW = dt.datetime(2026, 4, 1, 12, tzinfo=dt.UTC)
WRONG = "many__S1__P003"
COUNT = 8
FOLLOW, REQUEST = "follow_evaluations", "request_retraining"


def grown(days: int, extra: int = 0) -> pl.DataFrame:
    """The shop after some days; in the last ``extra`` ones a series sells ten times as much."""
    frame = many(COUNT, days)
    first = START + dt.timedelta(days=days - extra)
    sudden = (pl.col("product_id") == "P003") & (pl.col("date") >= first)
    return frame.with_columns(units=pl.col("units") * pl.when(sudden).then(10).otherwise(1))


@pytest.fixture(scope="module")
def evaluated(open_place: Callable, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Forecast, then four days came in which one series sold ten times as much; evaluated again."""
    with open_place(tmp_path_factory.mktemp("evaluated")) as place, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORECAST_DETAILED_SERIES", "0")  # no pictures
        place.prepare("many", grown(DAYS))
        assert place.evaluate_changed("many").success
        keys = sorted(row["series"] for row in place.table("series"))
        assert all(one.outcome == "forecast" for one in make_forecasts(place.stores, keys, run_id="first"))
        place.write("many", grown(DAYS + 4, extra=4))
        assert place.build("many").success
        assert place.evaluate_changed("many").success
        list(judge(place.stores, keys, run_id="drift"))
        yield place


def materialize(place: Place, *assets: dg.AssetsDefinition, partition: str | None = "many") -> dict:
    """What each of the assets says, in one run."""
    run = dg.materialize(
        list(assets),
        instance=place.instance,
        resources={"stores": place.resource, "registry": RegistryResource()},
        partition_key=partition,
    )
    assert run.success
    return {
        event.materialization.asset_key.path[-1]: event.materialization.metadata
        for event in run.get_asset_materialization_events()
    }


def rows(value) -> list[dict]:
    return [dict(record.data) for record in value.records]


def test_forecasts_are_scored_when_their_days_have_come(evaluated):
    metadata = materialize(evaluated, forecast_accuracy, data_quality)
    accuracy = metadata["forecast_accuracy"]
    assert (accuracy["forecasts_scored"].value, accuracy["series_scored"].value) == (COUNT, COUNT)
    assert [row["lead"] for row in rows(accuracy["by_lead"])] == ["all", "h_1_7"]
    assert rows(accuracy["worse_than_promised"])[0]["series"] == WRONG
    stored = {(row["series"], row["bucket"]): row for row in evaluated.table("forecast_accuracy")}
    assert stored[WRONG, "all"]["sample_size"] == 4
    assert stored[WRONG, "all"]["first_day"] == START + dt.timedelta(days=DAYS)
    assert stored[WRONG, "all"]["bias"] > 0, "too low a forecast is a positive bias"
    # Nothing else of the shop is strange, but it is years old.
    quality = metadata["data_quality"]
    assert quality["stale_input"].value
    assert {row["series"] for row in rows(quality["findings"]) if row["suspicion"].endswith("spike")} == {
        WRONG
    }
    since = {row["series"]: row["since"] for row in evaluated.table("quality_finding")}
    materialize(evaluated, data_quality)
    assert {row["series"]: row["since"] for row in evaluated.table("quality_finding")} == since


def test_live_intervals_and_stock_are_checked_and_too_few_weeks_are_said(evaluated):
    run = dg.materialize(
        [forecast_accuracy, distributions_hold],
        instance=evaluated.instance,
        resources={"stores": evaluated.resource},
        partition_key="many",
    )
    (checked,) = run.get_asset_check_evaluations()
    assert checked.passed
    assert checked.severity == dg.AssetCheckSeverity.WARN
    promises = {row["promise"]: row for row in rows(checked.metadata["promises"].value)}
    coverage = promises["coverage of 80 %"]
    assert (coverage["level"], coverage["holds"]) == (0.8, None)
    assert "too few weeks to tell" in str(checked.description)
    assert "service of the stock: no day of any forecast has come yet" in str(checked.description)
    assert "by chance" in str(checked.metadata["false_alarms"].value)


def test_health_and_queue_show_the_worst_first_with_the_next_step(evaluated):
    metadata = materialize(evaluated, model_health, retraining_queue)
    for name, table in (("model_health", "health"), ("retraining_queue", "queue")):
        # A key of 24 characters takes ten more: 82 have room.
        assert unbroken(metadata[name][table]) <= 72, "more runs off the right edge at 1400 pixels"
    health = rows(metadata["model_health"]["health"])
    assert len(health) == COUNT
    assert health[0]["series"] == WRONG
    assert (
        metadata["model_health"]["needs_attention"].value
        == sum(row["next_step"] != "none" for row in health)
        == 1
    )
    assert health[0]["next_step"].startswith("compare its last evaluations")
    page = f"/assets/drift?view=partitions&partition={WRONG}"
    assert metadata["model_health"]["links"].value.startswith(f"[{WRONG}]({page})")
    queue = rows(metadata["retraining_queue"]["queue"])
    scores = [row["priority_score"] for row in queue]
    assert scores == sorted(scores, reverse=True)
    assert queue[0]["series"] == WRONG
    assert metadata["retraining_queue"]["total_evaluated"].value == COUNT


def test_an_empty_system_is_all_zeros_and_nothing_is_wrong(place):
    metadata = materialize(place, ops_summary, incident_report, partition=None)
    assert rows(metadata["ops_summary"]["needs_attention"]) == []
    assert metadata["ops_summary"]["latest_sales_date"].value == "none"
    assert "success_rate" not in metadata["ops_summary"]
    text = metadata["incident_report"]["report"].value
    assert text.count("Nothing to show.") == 3
    assert place.files("reports") == [f"reports/incident-report.{ending}" for ending in ("csv", "html", "md")]


@pytest.fixture(scope="module")
def summary(evaluated: Place) -> Summary:
    """A moment with an incident whose text is hostile, and a forecast of an older champion."""
    sighting = Sighting("e", "k", "failed check", "warning", "=cmd()|<b>bad</b>\nline", "look", "/x", NOW)
    record(evaluated.stores, [sighting])
    with evaluated.stores.warehouse.transaction() as connection:
        connection.exec_driver_sql(f"update forecast set candidate = 'other' where series = '{WRONG}'")  # noqa: S608
    return summarize(evaluated.stores, None, NOW)


def test_the_summary_counts_runs_evaluations_and_forecasts_in_use(summary):
    assert summary.runs == {"success": COUNT, "unusable": 0, "failed": 0}
    assert summary.success_rate == 100
    assert summary.jobs["completed"] > 0
    assert summary.newest_sales == START + dt.timedelta(days=DAYS + 3)
    assert {one.kind for one in summary.attention} == {"incident", "outdated_forecast"}
    assert [row["series"] for row in summary.outdated] == [WRONG]
    assert (summary.live, summary.stale) == ([], []), "nothing was ever promoted"


@pytest.mark.parametrize(
    ("counts", "rate"),
    [((4, 2, 0), "100.0 %"), ((2, 1, 2), "50.0 %"), ((0, 3, 0), "-"), ((0, 1, 1), "0.0 %")],
)
def test_the_success_rate_counts_failures_and_no_verdicts_about_histories(summary, counts, rate):
    runs = dict(zip(("success", "unusable", "failed"), counts, strict=True))
    text = report.as_markdown(replace(summary, runs=runs))
    assert f"| Run success rate | {rate} |" in text
    assert f"| Series that cannot be scored | {counts[1]} |" in text


def test_a_summary_of_one_dataset_names_its_own_faults_only_and_says_why(evaluated):
    from_others = {"grain": "other", "gaps": "many", "clock": None}
    record(
        evaluated.stores,
        [
            Sighting(what, what, "failed check", "warning", what, "look", "/x", NOW, dataset)
            for what, dataset in from_others.items()
        ],
    )
    for dataset in ("many", "other"):
        config = {"dataset": dataset, "scope": "top_revenue"}
        batch.execute_in_process(
            instance=evaluated.instance,
            resources={"stores": evaluated.resource, "registry": RegistryResource()},
            run_config={"ops": {"work_off_batch": {"config": config}}},
            raise_on_error=False,
        )
    own = summarize(evaluated.stores, "many", NOW)
    assert {one.detail for one in own.attention if one.kind == "incident"} >= {"gaps", "clock"}
    assert "grain" not in {one.detail for one in own.attention}
    (failed,) = [one for one in own.attention if one.kind == "failed_job"]
    assert (failed.detail, failed.next_step) == ("scope top_revenue does not say top_n", "give top_n")
    everything = summarize(evaluated.stores, None, NOW)
    assert len([one for one in everything.attention if one.kind == "failed_job"]) == 2
    assert "grain" in {one.detail for one in everything.attention}
    start, end = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1), dt.datetime.now(dt.UTC)
    assert look_at_runs(evaluated.instance, evaluated.stores, start, end).failed == 0, (
        "they were refused to a person"
    )
    assert batch.execute_in_process(
        instance=evaluated.instance,
        resources={"stores": evaluated.resource, "registry": RegistryResource()},
        run_config={
            "ops": {
                "work_off_batch": {"config": {"dataset": "many", "scope": "all", "candidates": ["naive"]}}
            }
        },
    ).success
    mended = summarize(evaluated.stores, "many", NOW)
    assert [one.label for one in mended.attention if one.kind == "failed_job"] == []


def test_the_summary_does_not_count_the_run_that_asks(evaluated):
    jobs = materialize(evaluated, ops_summary, partition=None)["ops_summary"]["jobs"]
    assert "0 running" in jobs.value


def test_a_forecast_of_a_series_without_a_champion_is_not_out_of_date(evaluated):
    with evaluated.stores.warehouse.transaction() as connection, connection.begin_nested() as passing:
        connection.exec_driver_sql(
            "update champion set champion = null where series = 'many__S0__P000';"
            "update forecast set fallback = candidate where series = 'many__S0__P000'"
        )
        outdated = evaluated.stores.warehouse.rows_in(connection, OutdatedForecastsRow, dataset="many")
        passing.rollback()
    assert "many__S0__P000" not in {row["series"] for row in outdated}


def test_the_report_is_deterministic_in_three_forms_and_disarms_what_it_repeats(summary):
    text, page, listed = report.as_markdown(summary), report.as_page(summary), report.as_table(summary)
    again = (report.as_markdown(summary), report.as_page(summary), report.as_table(summary))
    assert again == (text, page, listed)
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert [heading.split(" (")[0] for heading in headings] == [
        *("## System Health", "## KPIs", "## Data Freshness", "## Needs Attention"),
        *("## Model Health - Drift", "## Top Retraining Candidates"),
    ]
    assert "=cmd()\\|&lt;b&gt;bad&lt;/b&gt; line" in text
    assert "<b>bad" not in page
    assert "://" not in page.replace("http://127.0.0.1:3000", "")
    parsed = list(csv.DictReader(io.StringIO(listed)))
    assert list(parsed[0]) == ["Type", "Entity", "Item", "Detail", "When"]
    assert "'=cmd()|<b>bad</b> line" in {row["Detail"] for row in parsed}


def test_every_list_of_the_overview_can_be_exported_the_worst_first(evaluated, tmp_path):
    materialize(evaluated, forecast_accuracy, data_quality)
    lists = {
        Report.DRIFT: "units_at_risk",
        Report.FORECAST_ACCURACY: "backtest_wape",
        Report.MODEL_HEALTH: "next_step",
        Report.RETRAINING_QUEUE: "priority_score",
        Report.DATA_QUALITY: "action",
    }
    for what, column in lists.items():
        export(what, "many", output=tmp_path / "list.csv")
        listed = list(csv.DictReader(io.StringIO((tmp_path / "list.csv").read_text())))
        assert listed[0]["series"] == WRONG, what
        assert column in listed[0]


def test_the_report_is_exported_as_its_file_ends(evaluated, tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(evaluated.folder))
    for ending, first in (("csv", "Type,Entity"), ("md", "# Incident"), ("html", "<!doctype html>")):
        export(Report.INCIDENT_REPORT, "many", output=tmp_path / f"report.{ending}")
        assert (tmp_path / f"report.{ending}").read_text().startswith(first)
    with pytest.raises(BadSetting, match=r"end the file in \.csv"):
        export(Report.INCIDENT_REPORT, "many", output=tmp_path / "report.pdf")


def retrained(place: Place, **config) -> dg.ExecuteInProcessResult:
    return retrain.execute_in_process(
        instance=place.instance,
        resources={"stores": place.resource, "registry": RegistryResource()},
        run_config={"ops": {"retrain_series": {"config": {"dataset": "many", **config}}}},
        raise_on_error=False,
    )


def test_forecasts_then_the_overview_then_the_report_follow_an_evaluation_once(evaluated):
    night = Night(evaluated)
    requested = []
    for _ in range(3):
        cursor = night.cursors.get(FOLLOW)
        (run_request,) = night.look(FOLLOW).run_requests or ()
        (again,) = night.look(FOLLOW, cursor=cursor).run_requests or ()
        assert again.run_key == run_request.run_key
        requested.append((run_request.job_name, run_request.partition_key))
    assert requested == [
        *(("follow_evaluation", None), ("watch_dataset", "many"), ("refresh_operations", None)),
    ]
    assert night.said(FOLLOW) == "1 evaluated datasets: 1 up to date"


def test_a_sensor_requests_the_rest_tells_of_it_and_says_with_numbers_when_nothing_is_left(evaluated):
    with evaluated.stores.warehouse.transaction() as connection:
        connection.exec_driver_sql("update drift set verdict = 'degrading', drift_direction = 'degrading'")
    night = Night(evaluated)
    assert f"{COUNT} degrading by both rules, 0 cooling down, {COUNT} requested" in night.said(REQUEST)
    (news,) = [row for row in evaluated.table("incident") if row["kind"] == "retraining requested"]
    assert news["what"].startswith(f"retraining of {COUNT} degrading series is requested: {WRONG}")
    assert f"{COUNT} cooling down, 0 requested" in night.said(REQUEST)
    with evaluated.stores.warehouse.transaction() as connection:
        connection.exec_driver_sql("truncate retrain_request")


def test_what_was_learned_ages_from_the_last_day_of_its_period(evaluated):
    change, today = 'update dataset set options = options || \'{"frequency": "%s"}\'', dt.date(2030, 1, 1)
    ages = {}
    for period in ("week", "month", "day"):
        with evaluated.stores.warehouse.transaction() as connection:
            connection.exec_driver_sql(change % period)
        ages[period] = queue(evaluated.stores, "many", today)[0]["staleness_days"]
        assert {row["staleness_days"] for row in health(evaluated.stores, "many", today)} >= {ages[period]}
    learned = today - dt.timedelta(days=ages["day"])
    assert ages["week"] == ages["day"] - 6
    assert (today - dt.timedelta(days=ages["month"] - 1)).day == 1
    assert (today - dt.timedelta(days=ages["month"])).month == learned.month


def test_retraining_is_requested_within_budget_and_cool_down_and_done_by_hand_only(evaluated):
    with evaluated.stores.warehouse.transaction() as connection:
        connection.exec_driver_sql("update drift set verdict = 'degrading', drift_direction = 'degrading'")
    now = dt.datetime.now(dt.UTC)
    requested_series, sentence = request(evaluated.stores, budget=3, cool_down_days=14, now=now)
    assert (len(requested_series), requested_series[0]) == (3, WRONG)
    assert sentence.startswith(
        f"{COUNT} degrading by both rules, 0 cooling down, 3 requested, {COUNT - 3} beyond"
    )
    assert request(evaluated.stores, budget=3, cool_down_days=14, now=now)[0] == []
    before = {row["series"]: row["run_id"] for row in evaluated.table("evaluation")}

    refused = retrained(evaluated, requested=True, confirm="yes")
    assert not refused.success
    assert {row["series"]: row["run_id"] for row in evaluated.table("evaluation")} == before

    done = retrained(evaluated, requested=True, confirm="retrain many")
    assert done.success
    after = {row["series"]: row["run_id"] for row in evaluated.table("evaluation")}
    assert {key for key in after if after[key] != before[key]} == set(requested_series)
    current = {row["series"]: row["run_id"] for row in evaluated.table("forecast") if row["is_current"]}
    assert {key for key, run in current.items() if run == done.run_id} == set(requested_series)
    launch = records.read(evaluated.stores, done.run_id)
    assert (launch.kind, launch.status, launch.completed, launch.total) == ("retrain", "completed", 3, 3)
    (worst,) = [one for one in records.tries(evaluated.stores, done.run_id) if one.series == WRONG]
    assert worst.outputs is not None
    assert (worst.outputs["outcome"], worst.outputs["wape"] is None) == ("scored", False)


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"series": ["many__S9__P9"]}, "many has no series many__S9__P9"),
        ({}, "no series is chosen"),
        ({"requested": True}, "no series is chosen"),
    ],
)
def test_a_retraining_of_nothing_or_of_strangers_is_refused(evaluated, config, problem):
    refused = retrained(evaluated, confirm="retrain many", **config)
    assert not refused.success
    (event,) = [event for event in refused.all_events if event.is_step_failure]
    failure = event.step_failure_data.user_failure_data
    assert failure is not None
    assert (failure.description or "").startswith(problem)
