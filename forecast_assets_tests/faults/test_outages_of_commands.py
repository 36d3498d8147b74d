"""An outage ends a command with exit code 3 and one sentence, wherever it strikes."""

import errno
import io
import os
import socket
import sys

import dagster as dg
import psutil
import pytest
from typer.testing import CliRunner

from forecast_assets.cli.app import app
from forecast_assets.cli.console import writing
from forecast_assets.cli.doctor import PROBES, examine
from forecast_assets.cli.refusals import errors_on_console
from forecast_assets.dagster_internals.run_launcher import PROCESS_TAG
from forecast_assets.errors import Outage
from forecast_assets.failures import refusals_final, refusals_raised
from forecast_assets_tests.upgrades.conftest import home_0_1

__all__ = ["home_0_1"]
AT_ONCE = dg.RetryPolicy(max_retries=1, delay=0)


@dg.op(retry_policy=AT_ONCE)
def write_to_a_full_disk() -> None:
    with refusals_final():
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise Outage("the lake cannot store a.parquet: no space", remedy="free space") from full


@dg.op(retry_policy=AT_ONCE)
def write_to_a_read_only_folder() -> None:
    with refusals_final():
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "/lake/a.parquet")


@pytest.mark.parametrize(
    ("op", "problem"),
    [
        (write_to_a_full_disk, "the lake cannot store a.parquet: no space"),
        (write_to_a_read_only_folder, "Read-only file system"),
    ],
    ids=["full", "read-only"],
)
def test_a_run_that_meets_an_outage_until_it_is_given_up_raises_it(op, problem):
    job = dg.GraphDefinition("outage", node_defs=[op]).to_job()
    run = "11111111-2222-3333-4444-555555555555"
    with dg.DagsterInstance.ephemeral() as instance:
        with pytest.raises(Outage) as raised, refusals_raised(instance, run):
            job.execute_in_process(instance=instance, run_id=run)
        assert problem in raised.value.problem
        assert raised.value.remedy
        assert "\n" not in raised.value.problem


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), TimeoutError("late")])
def test_what_a_machine_or_network_is_to_blame_for_ends_a_command_with_3(error, monkeypatch):
    output = io.StringIO()
    monkeypatch.setattr(sys, "stderr", output)
    with pytest.raises(SystemExit) as left, errors_on_console():
        raise error
    assert left.value.code == 3
    assert "Outage: " in output.getvalue()


def test_a_defect_keeps_its_trace():
    with pytest.raises(ZeroDivisionError), errors_on_console():
        raise ZeroDivisionError


@pytest.mark.usefixtures("home_0_1")
@pytest.mark.parametrize("place", ["missing/x.csv", "taken/x.json", "missing/x.parquet"])
def test_a_file_that_cannot_be_written_is_an_outage_before_anything_is_written(tmp_path, place):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(Outage, match="there is no folder") as refused:
        CliRunner().invoke(
            app, ["export", "champions", "shop", "--output", str(tmp_path / place)], catch_exceptions=False
        )
    assert "make the folder" in refused.value.remedy


def test_a_file_whose_name_its_disk_refuses_is_an_outage_that_names_it(tmp_path):
    output = tmp_path / f"{'x' * 300}.csv"
    with pytest.raises(Outage, match="File name too long") as refused, writing(output):
        output.write_text("never")
    assert "name another file" in refused.value.remedy


def test_a_run_whose_process_was_killed_is_told_by_doctor(home_0_1):
    assert "WatchedRunLauncher" in (home_0_1.folder / "dagster.yaml").read_text()
    vanished = f"{socket.gethostname()} {2**22 - 1} {psutil.boot_time()}"
    with dg.DagsterInstance.get() as instance:
        instance.create_run_for_job(
            dg.GraphDefinition("idle", node_defs=[write_to_a_full_disk]).to_job(),
            status=dg.DagsterRunStatus.STARTED,
            tags={PROCESS_TAG: vanished},
        )
    (finding,) = examine({"runs": PROBES["runs"]})
    assert not finding.healthy
    assert f"process {2**22 - 1}, which executed it, is gone" in str(finding)
