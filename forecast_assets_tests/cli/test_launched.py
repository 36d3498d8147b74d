"""What scripts launch, watch, cancel and try again."""

import json
from typing import Any

import dagster as dg
import pytest

from forecast_assets import series_reports
from forecast_assets.backtests import results
from forecast_assets.cli.running import current
from forecast_assets.dagster_internals import run_factory
from forecast_assets.launches import records
from forecast_assets.launches.batch.config import BatchConfig
from forecast_assets.launches.batch.request import validate
from forecast_assets.launches.sensors import settle_failed_runs
from forecast_assets_tests.launches.conftest import items_of
from forecast_assets_tests.scenario import HEALTHY

COLUMNS = (
    "Item ID,Store ID,Product ID,Model,Status,Attempts,Child Job ID,Child Run ID,Error,Started,Completed,"
    "Duration (ms)"
)
PAIRS = ("shop", "--scope", "manual", "--stores", "B", "--products", "P1, P2", "--candidates", "naive")


def test_a_batch_is_launched_watched_exported_and_tried_again(cli, home, tmp_path):
    done = cli("submit", "batch", *PAIRS, "--wait")
    run_id = done.out.strip()
    assert "INFO" not in done.err, "who waits reads how it ended, not a log"
    assert f"batch {run_id} partial:" in done.err
    assert done.code == 1, "one of the two pairs was never sold"
    (row,) = cli("status", run_id, "--format", "json").rows
    assert (row["kind"], row["status"], row["progress"]["failed"]) == ("batch", "partial", 1)
    assert [row["run_id"] for row in cli("status", "--format", "json").rows] == [run_id]
    assert "1 completed, 1 failed of 2" in cli("status").out
    cli("export", "batch-items", run_id, "--output", str(tmp_path))
    (exported,) = tmp_path.glob(f"batch-{run_id}-items-*.csv")
    lines = exported.read_bytes().decode().split("\r\n")
    assert lines[0] == COLUMNS
    assert len(lines) == 1 + 2 + 1
    ended = cli("cancel", run_id)
    assert (ended.code, "has ended: partial" in ended.err) == (2, True)
    again = cli("retry", run_id, "--item", "2", "--wait")
    assert again.code == 1
    assert items_of(home, run_id)[-1]["attempts"] == 2
    assert "are not failed ones" in cli("retry", run_id, "--item", "1").err


def test_series_that_a_scope_would_not_look_at_are_refused(cli, home):
    for words, stranger in (
        (("--stores", "B"), "stores"),
        (("--scope", "demo", "--series", HEALTHY), "series"),
        (("--scope", "top_revenue", "--top-n", "2", "--region", "north"), "region"),
    ):
        refused = cli("submit", "batch", "shop", *words, "--candidates", "naive", "--wait")
        assert (refused.code, f"does not look at {stranger}" in refused.err) == (2, True), refused.err
    assert not home.instance.get_runs()


def test_champions_of_a_batch_are_marked_and_waiting_items_hurried_from_the_command_line(cli, home):
    run_id = cli("submit", "batch", *PAIRS, "--wait").out.strip()
    dry = cli("batch", "promote", run_id, "--format", "json")
    assert (dry.code, dry.rows[0]["winner_run_id"]) == (0, run_id)
    assert '--confirm "promote 1 champions"' in dry.err
    assert not any(item["is_champion"] for item in items_of(home, run_id))
    sure = ("--apply", "--confirm", "promote 1 champions", "--approved-by", "ann")
    assert cli("batch", "promote", run_id, "--apply", "--confirm", "yes").code == 2
    assert "applied" in cli("batch", "promote", run_id, *sure).err
    assert "nothing to change" in cli("batch", "promote", run_id, *sure).err
    assert [item["is_champion"] for item in items_of(home, run_id)] == [True, False]
    assert cli("batch", "prioritise", run_id, "--priority", "2").code == 2, "nothing waits any more"
    config: dict[str, Any] = {"dataset": "shop", "scope": "demo", "candidates": ["naive"]}
    plan = validate(home.stores, BatchConfig(**config))
    records.create(home.stores, "batch", plan, launch_id="waiting", run_id="waiting")
    hurried = cli("batch", "prioritise", "waiting", "--priority", "2", "--requested-by", "ann")
    assert (hurried.code, "5 items are urgent now" in hurried.err) == (0, True)


def test_a_batch_waits_for_the_daemon_and_can_be_cancelled_before(cli, home):
    run_id = cli("submit", "batch", *PAIRS, "--priority", "2").out.strip()
    listed = cli("status", "--format", "json").rows
    (row,) = cli("status", run_id, "--format", "json").rows
    assert (row["kind"], row["dataset"], row["status"]) == ("batch", "shop", "queued")
    assert row in listed, "what waits has no record, and is listed all the same"
    run = home.instance.get_run_by_id(run_id)
    assert run is not None
    assert run.tags["dagster/priority"] == "2"
    assert cli("cancel", run_id).code == 0
    (row,) = cli("status", run_id, "--format", "json").rows
    assert row["status"] == "cancelled"
    assert not home.table("launch")


def test_what_cannot_be_launched_is_refused_at_once_and_leaves_no_run(cli, home):
    refused = cli("submit", "batch", "shop", "--scope", "top_revenue")
    assert (refused.code, refused.out) == (2, "")
    assert "scope top_revenue does not say top_n\n  -> give top_n" in refused.err
    assert cli("submit", "batch", "shop", "--priority", "3").code == 2
    assert cli("submit", "batch", "shop", "--candidates", "naiv").code == 2
    assert cli("status", "nothing").code == 2
    assert not home.instance.get_runs()


def test_the_record_of_a_dead_process_is_settled_by_the_sensor_and_by_whoever_asks(cli, home):
    config: dict[str, Any] = {"dataset": "shop", "scope": "demo", "candidates": ["naive"]}
    for ask in (False, True):
        run = run_factory.create(home.instance, "batch", {"ops": {"work_off_batch": {"config": config}}})
        plan = validate(home.stores, BatchConfig(**config))
        records.create(home.stores, "batch", plan, launch_id=run.run_id, run_id=run.run_id)
        home.instance.report_run_failed(run)
        if ask:
            (row,) = cli("status", run.run_id, "--format", "json").rows
            assert row["status"] == "failed"
            continue
        context = dg.build_run_status_sensor_context(
            sensor_name="settle_failed_runs",
            dagster_instance=home.instance,
            dagster_run=run,
            dagster_event=home.instance.all_logs(run.run_id)[-1].dagster_event,
        )
        settle_failed_runs(context, stores=home.resource)
        assert records.read(home.stores, run.run_id).status == "failed"


def test_ctrl_c_settles_what_a_run_works_on_where_its_process_ends_at_once(home):
    config: dict[str, Any] = {"dataset": "shop", "scope": "demo", "candidates": ["naive"]}
    run = run_factory.create(home.instance, "batch", {"ops": {"work_off_batch": {"config": config}}})
    plan = validate(home.stores, BatchConfig(**config))
    records.create(home.stores, "batch", plan, launch_id=run.run_id, run_id=run.run_id)
    interrupted = current(home.instance, run.run_id, [run.run_id, "of no record"])
    interrupted.end()
    interrupted.settle()
    ended = home.instance.get_run_by_id(run.run_id)
    assert ended.status == dg.DagsterRunStatus.CANCELED
    assert records.read(home.stores, run.run_id).status == "cancelled"


@pytest.mark.usefixtures("registry_beside")
def test_a_showcase_is_kept_restored_replayed_compared_and_forgotten(cli, home):
    options = ("demo_minimal", "--stores", "1", "--products", "2", "--keep", "tour")
    done = cli("submit", "showcase", *options, "--wait")
    assert done.code == 0
    (row,) = cli("workspace", "list", "--format", "json").rows
    assert (row["name"], row["status"]) == ("tour", "completed")
    handle = row["workspace_id"]
    assert handle == done.out.strip().replace("-", "")
    restored = json.loads(cli("workspace", "restore", handle).out)["ops"]["run_showcase"]["config"]
    assert (restored["preset"], restored["workspace_name"]) == ("demo_minimal", "tour")
    unconfirmed = cli("workspace", "replay", handle)
    assert (unconfirmed.code, unconfirmed.out) == (2, "")
    assert "sent is what was recorded" in unconfirmed.err
    assert cli("workspace", "replay", handle, "--yes", "--wait").code == 0
    first, second = cli("workspace", "list", "--format", "json").rows
    assert first["replayed_from"] == second["workspace_id"] == handle
    comparison = cli("workspace", "compare", handle, first["workspace_id"])
    assert comparison.out == "nothing differs\n"
    assert "backtest" in cli("workspace", "show", handle).out
    assert cli("workspace", "pin", handle).code == 0
    assert cli("workspace", "annotate", handle, "--tag", "autumn", "--tag", "demo").code == 0
    assert cli("workspace", "annotate", handle).code == 2
    assert 'pinned: true\ntags: ["autumn", "demo"]\n' in cli("workspace", "show", handle).err
    (pinned,) = cli("workspace", "list", "--tag", "autumn", "--tag", "demo", "--format", "json").rows
    assert (pinned["workspace_id"], pinned["pinned"]) == (handle, True)
    assert cli("workspace", "pin", handle, "--undo").code == 0
    assert cli("workspace", "delete", handle).code == 2
    assert cli("workspace", "delete", handle, "--yes").code == 0
    assert cli("workspace", "archive", first["workspace_id"]).code == 0
    assert cli("workspace", "list", "--format", "json").rows == []
    kinds = {row["kind"] for row in cli("status", "--format", "json").rows}
    assert kinds == {"showcase"}
    assert home.table("workspace")


def test_a_comparison_and_a_pipeline_are_launched_and_told(cli, home):
    assert cli("submit", "compare", HEALTHY, "--candidates", "naive,ses", "--wait").code == 0
    planned = cli(
        "submit", "pipeline", "shop", "--requested-by", "ann", "--sweep", "smoothing_sweep", "--wait"
    )
    assert planned.code == 0
    status = cli("status", planned.out.strip())
    assert "dry run: true" in status.out
    assert "next: launch it with dry_run false" in status.err
    assert {row["kind"] for row in cli("status", "--format", "json").rows} == {"compare", "pipeline"}
    again = cli("retry", planned.out.strip(), "--wait")
    assert f"pipeline {again.out.strip()} stopped: dry run" in again.err, "a record and a word of its own"
    assert cli("submit", "pipeline", "shop", "--requested-by", "ann").code == 2
    assert cli("submit", "compare", "shop__A__P99").code == 2
    assert len(home.instance.get_runs()) == 3


def test_an_evaluation_is_on_record_without_items_and_leads_to_its_runs(cli, home):
    assert cli("evaluate", "shop").code == 0
    (row,) = cli("status", "--format", "json").rows
    assert (row["kind"], row["dataset"], row["status"]) == ("evaluate", "shop", "completed")
    assert "scored" in row["what"]
    tagged = home.instance.get_runs(dg.RunsFilter(tags={"forecast/launch": row["run_id"]}))
    assert "evaluate_series" in {run.job_name for run in tagged}
    (same,) = cli("status", row["run_id"], "--format", "json").rows
    assert same["run_id"] == row["run_id"]
    again = cli("retry", row["run_id"])
    assert (again.code, "run `forecast-assets evaluate shop` again" in again.err) == (2, True)
    assert "has ended: completed" in cli("cancel", row["run_id"]).err
    assert not records.tries(home.stores, row["run_id"])


def test_a_cancelled_evaluation_ends_before_its_next_step(cli, home, monkeypatch):
    def cancelled(*_: Any, **__: Any) -> Any:
        (launch,) = records.listed(home.stores)
        records.cancel(home.stores, launch.launch_id)

    monkeypatch.setattr("forecast_assets.cli.evaluation._evaluate", cancelled)
    ended = cli("evaluate", "shop")
    assert (ended.code, "the evaluation of shop was cancelled" in ended.err) == (2, True)
    assert cli("status", "--format", "json").rows[0]["status"] == "cancelled"


def test_a_cancelled_evaluation_ends_within_its_step_and_keeps_what_is_stored(cli, home, monkeypatch):
    stored = results.store

    def cancel_and_store(*arguments: Any, **named: Any) -> Any:
        (run,) = home.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        run_factory.ask_to_end(home.instance, run)
        (launch,) = records.listed(home.stores)
        records.cancel(home.stores, launch.launch_id)
        return stored(*arguments, **named)

    monkeypatch.setattr(series_reports, "_LOOK_SECONDS", 0)
    monkeypatch.setattr(results, "store", cancel_and_store)
    ended = cli("evaluate", "shop")
    assert (ended.code, "the evaluation of shop was cancelled" in ended.err) == (2, True)
    assert cli("status", "--format", "json").rows[0]["status"] == "cancelled"
    assert home.table("evaluation")
    (reported,) = home.instance.get_materialized_partitions(dg.AssetKey("champion"))
    assert reported in {row["series"] for row in home.table("evaluation")}
    assert not home.table("forecast")


def test_an_evaluation_that_is_refused_is_on_record_as_failed_with_the_reason(cli, home):
    (home.folder / "shop.csv").unlink()
    assert cli("evaluate", "shop", "--force").code == 2
    (row,) = cli("status", "--format", "json").rows
    assert row["status"] == "failed"
    error = records.read(home.stores, row["run_id"]).error
    assert error is not None
    assert "shop.csv" in error["problem"]
