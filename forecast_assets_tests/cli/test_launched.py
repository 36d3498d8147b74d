"""What scripts launch, watch, cancel and try again."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from forecast_assets.bookkeeping import launching
from forecast_assets.portfolio.batch import store
from forecast_assets.portfolio.batch.config import BatchConfig
from forecast_assets.portfolio.batch.request import checked
from forecast_assets.portfolio.sensors import settle_failed_runs
from forecast_assets.stores.resource import StoresResource
from forecast_assets_tests.portfolio.conftest import items_of
from forecast_assets_tests.scenario import Place, shop

COLUMNS = (
    "Item ID,Store ID,Product ID,Model,Status,Attempts,Child Job ID,Child Run ID,Error,Started,Completed,"
    "Duration (ms)"
)
PAIRS = ("shop", "--scope", "manual", "--stores", "A", "--products", "P1, P9", "--candidates", "naive")


@pytest.fixture
def home(cli: Callable, tmp_path: Path) -> Iterator[Place]:  # noqa: ARG001 - it makes the home
    """The home of the command line with the shop in it."""
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        place = Place(StoresResource(), instance, tmp_path)
        place.prepare("shop", shop())
        yield place


def test_a_batch_is_launched_watched_exported_and_tried_again(cli, home, tmp_path):
    done = cli("submit", "batch", *PAIRS, "--wait")
    run_id = done.out.strip()
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


def test_a_batch_waits_for_the_daemon_and_can_be_cancelled_before(cli, home):
    run_id = cli("submit", "batch", *PAIRS, "--priority", "2").out.strip()
    (row,) = cli("status", run_id, "--format", "json").rows
    assert row["status"] == "queued"
    run = home.instance.get_run_by_id(run_id)
    assert run is not None
    assert run.tags["dagster/priority"] == "2"
    assert cli("cancel", run_id).code == 0
    (row,) = cli("status", run_id, "--format", "json").rows
    assert row["status"] == "cancelled"
    assert not home.table("batch")


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
        run = launching.create(home.instance, "batch", {"ops": {"work_off_batch": {"config": config}}})
        store.create(home.stores, checked(home.stores, BatchConfig(**config)), batch_id=run.run_id)
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
        assert store.read(home.stores, run.run_id)["status"] == "failed"
