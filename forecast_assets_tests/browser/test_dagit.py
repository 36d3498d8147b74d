"""Dagit as a planner uses it: real daemon, real web server, real browser."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from forecast_assets_tests import pictures
from forecast_assets_tests.browser.attacks import MUTATION, hostile_page, status
from forecast_assets_tests.dagit import PATIENCE, Dagit, free_port, until

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
# Set FORECAST_SCREENSHOTS=docs/images to renew the pictures of the README.
PICTURES = os.environ.get("FORECAST_SCREENSHOTS")
FIRST, LAST = "bakery__bakery_21__p101", "bakery__bakery_28__p110"
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine (apt-get install chromium)"
)


@pytest.fixture(scope="module")
def dagit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dagit]:
    home = tmp_path_factory.mktemp("dagit")
    shutil.copy(ROOT / "dagster.yaml", home)
    environment = environment_of(home)
    demo = [sys.executable, "-m", "forecast_assets", "demo"]
    subprocess.run(demo, env=environment, check=True, cwd=home, capture_output=True)
    port = free_port()
    with (home / "said").open("wb") as said:
        server = subprocess.Popen(
            [sys.executable, "-m", "forecast_assets", "dev", "--port", str(port)],
            env=environment,
            cwd=home,
            stdout=said,
            stderr=said,
        )
    started = Dagit(port, home)
    try:
        until("the web server answers", started.answers)
        yield started
    finally:
        server.send_signal(signal.SIGINT)
        code = server.wait(timeout=60)
    printed = (home / "said").read_text()
    assert (code, printed.count("\nCtrl-C: no page is served any more")) == (130, 1), printed
    assert "KeyboardInterrupt" not in printed


def environment_of(home: Path) -> dict[str, str]:
    """The environment of the processes of an embedded system in ``home``."""
    environment = {**os.environ, "DAGSTER_HOME": str(home), "PYTHONWARNINGS": "default"}
    for name in ("FORECAST_HOME", "FORECAST_DATABASE_URL", "FORECAST_DAGIT_URL", "MLFLOW_TRACKING_URI"):
        environment.pop(name, None)
    return environment


@pytest.fixture(scope="module")
def page(dagit):
    from playwright.sync_api import sync_playwright

    switches = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    # As somebody who owns a domain can: names that lead to this machine.
    switches += ["--host-resolver-rules=MAP *.example 127.0.0.1"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=switches)
        page = browser.new_page(viewport={"width": 1400, "height": 950}, base_url=dagit.url)
        page.set_default_timeout(PATIENCE * 1000)
        yield page
        browser.close()


def picture(page, name: str) -> None:
    if PICTURES:
        pictures.take(page, name, ROOT / PICTURES)
        return
    stored = pictures.stored()[name]["words"]
    try:
        until(f"page of {name}.png", lambda: pictures.words_of(page) == stored, patience=30)
    except AssertionError:  # a page that still loads says so for a while
        seen = pictures.words_of(page)
        assert seen == stored, f"{name}.png is stale: run this file with FORECAST_SCREENSHOTS=docs/images"


def test_partition_of_a_series_shows_leaderboard_plot_and_explanation(page):
    page.goto(f"/assets/backtest?view=partitions&partition={FIRST}")
    page.get_by_role("cell", name="seasonal_naive", exact=True).first.wait_for()
    picture(page, "backtest")
    page.get_by_text("[Show Markdown]").click()
    image = page.locator("img[src^='data:image/png;base64,']")
    image.wait_for()
    assert image.evaluate("picture => picture.naturalWidth") > 400
    picture(page, "folds")
    page.goto(f"/assets/champion?view=partitions&partition={FIRST}")
    page.get_by_text("Bias is actual minus forecast").wait_for()
    picture(page, "champion")


def test_partition_of_a_dataset_shows_counts_availability_and_quality(page):
    page.goto("/assets/panel?view=partitions&partition=bakery")
    page.get_by_text("series_ready").wait_for()
    page.get_by_role("cell", name="zero sale days", exact=True).wait_for()


def test_backfill_of_a_range_turns_green_and_says_who_ran_it(dagit, page):
    keys = [key for key in partitions(dagit) if FIRST <= key <= LAST]
    launched = dagit.ask(
        """mutation Launch($params: LaunchBackfillParams!) {
             launchPartitionBackfill(backfillParams: $params) {
               __typename ... on LaunchBackfillSuccess { backfillId }
               ... on PythonError { message }
             }
           }""",
        params={
            "assetSelection": [{"path": ["backtest"]}, {"path": ["champion"]}],
            "partitionNames": keys,
            "runConfigData": {"ops": {"evaluate": {"config": {"force": True}}}},
        },
    )["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    runs = until("the backfill ends", lambda: ended(dagit, launched["backfillId"]))
    assert runs == ["SUCCESS"], "neighbours belong into one run"
    page.goto(f"/assets/champion?view=partitions&partition={LAST}")
    page.get_by_text("Materialized (36)").wait_for()
    page.goto("/runs")
    page.get_by_text("Success").first.wait_for()


def partitions(dagit: Dagit) -> list[str]:
    answer = dagit.ask(
        """query { assetNodeOrError(assetKey: {path: ["backtest"]}) {
             ... on AssetNode { partitionKeys } } }"""
    )
    return answer["assetNodeOrError"]["partitionKeys"]


def ended(dagit: Dagit, backfill: str) -> list[str] | None:
    answer = dagit.ask(
        """query($id: String!) { partitionBackfillOrError(backfillId: $id) {
             ... on PartitionBackfill { status runs { status } } } }""",
        id=backfill,
    )["partitionBackfillOrError"]
    if answer["status"] in {"REQUESTED", "COMPLETING"}:
        return None
    return [run["status"] for run in answer["runs"]]


def test_a_sensor_that_is_turned_on_makes_the_daemon_work(dagit, page):
    selector = {
        "repositoryLocationName": "forecast_assets.definitions",
        "repositoryName": "__repository__",
        "sensorName": "follow_evaluations",
    }
    dagit.ask(
        """mutation Start($selector: SensorSelector!) {
             startSensor(sensorSelector: $selector) { __typename ... on PythonError { message } } }""",
        selector=selector,
    )
    until("the daemon has run what the sensor asked for", lambda: finished(dagit, "follow_evaluation"))
    assert finished(dagit, "follow_evaluation") == ["SUCCESS"], "the same evaluation is followed once"
    page.goto(f"/assets/drift?view=partitions&partition={FIRST}")
    page.get_by_text("drift_direction").first.wait_for()


def finished(dagit: Dagit, job: str) -> list[str]:
    answer = dagit.ask(
        """query($job: String!) { runsOrError(filter: {pipelineName: $job}) {
             ... on Runs { results { status } } } }""",
        job=job,
    )
    statuses = [run["status"] for run in answer["runsOrError"]["results"]]
    return statuses if statuses and set(statuses) <= {"SUCCESS", "FAILURE", "CANCELED"} else []


def test_launchpad_explains_every_field(dagit, page):
    page.goto("/locations/forecast_assets.definitions/jobs/evaluate_changed/playground")
    page.get_by_text("dataset", exact=True).first.click()
    page.get_by_text("(newest)").first.wait_for()
    page.get_by_text("No errors").first.wait_for()
    page.get_by_text("Name of the dataset whose changed series are evaluated").first.wait_for()
    picture(page, "launchpad")
    fields = dagit.ask(
        """query { runConfigSchemaOrError(selector: {pipelineName: "evaluate_changed",
             repositoryName: "__repository__", repositoryLocationName: "forecast_assets.definitions"}) {
             ... on RunConfigSchema { allConfigTypes { ... on CompositeConfigType {
               fields { name description } } } } } }"""
    )["runConfigSchemaOrError"]["allConfigTypes"]
    ours = {"candidates", "horizon", "n_splits", "gap", "min_train", "step", "strategy", "force", "dataset"}
    description_by_field = {
        f["name"]: f["description"] for t in fields for f in t.get("fields", []) if f["name"] in ours
    }
    assert set(description_by_field) == ours
    assert all(description_by_field.values())


def test_graph_shows_the_chain_in_groups(page):
    page.goto("/assets/champion?view=lineage&lineageScope=upstream&lineageDepth=5")
    for asset in ("sales", "panel", "global_forecasts", "backtest"):
        page.get_by_text(asset, exact=True).first.wait_for()
    page.wait_for_load_state("networkidle")
    picture(page, "lineage")


EVIL = "<img src=x onerror='window.evil = 1'><script>window.evil = 1</script>[a](javascript:window.evil=1)"
HOSTILE = f"""
import dagster as dg
from forecast_assets.rendering.markdown import markdown

evil = {EVIL!r}
metadata = {{
    "cells": dg.MetadataValue.md(markdown([{{"id": evil}}], ["id"])),
    "unescaped": dg.MetadataValue.md(f"first words\\n\\n{{evil}}\\n\\nlast words"),
}}
with dg.DagsterInstance.get() as instance:
    event = dg.AssetMaterialization("sales", partition="bakery", metadata=metadata)
    instance.report_runless_asset_event(event)
"""


def test_no_script_of_a_name_runs_in_dagits_markdown(dagit, page):
    words = [sys.executable, "-c", HOSTILE]
    subprocess.run(words, env=environment_of(dagit.home), check=True, cwd=dagit.home, capture_output=True)
    page.goto("/assets/sales?view=partitions&partition=bakery")
    page.get_by_text("last words").wait_for()
    page.get_by_role("cell", name=EVIL, exact=True).wait_for()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.evil") is None
    assert page.locator("a[href*='evil'], [onerror]").count() == 0
    scripts = page.locator("script").all_text_contents()
    assert not any("evil" in script for script in scripts)


def datasets(dagit: Dagit) -> list[str]:
    answer = dagit.ask(
        """query { assetNodeOrError(assetKey: {path: ["panel"]}) { ... on AssetNode { partitionKeys } } }"""
    )
    return answer["assetNodeOrError"]["partitionKeys"]


def test_a_hostile_page_in_the_operators_browser_changes_nothing(dagit, page):
    assert dagit.ask(MUTATION.substitute(key="own"))["addDynamicPartition"]["__typename"].endswith("Success")
    assert datasets(dagit) == ["bakery", "own"], "what the page tries works from where it may come"
    with hostile_page(dagit.url, "planted") as port:
        page.goto(f"http://cats.example:{port}/")
        page.wait_for_function("document.title != 'Cat pictures'")
        assert page.title() == "refused"
        page.goto(f"http://localhost:{port}/")
        page.wait_for_function("document.title != 'Cat pictures'")
        assert page.title() == "refused"
    assert datasets(dagit) == ["bakery", "own"]


def test_a_name_that_was_let_point_here_shows_nothing(dagit, page):
    answer = page.goto(dagit.url.replace("127.0.0.1", "rebound.example"))
    assert answer.status == 403
    assert page.get_by_text("Host is none of this server's names").count() == 1


def test_links_lead_to_the_port_that_is_served(dagit):
    program = "from forecast_assets.settings import settings; print(settings().dagit_pages)"
    words = [sys.executable, "-c", program]
    done = subprocess.run(
        words, env=environment_of(dagit.home), check=True, cwd="/", capture_output=True, text=True
    )
    assert done.stdout.strip() == dagit.url


def test_mlflows_pages_are_guarded_alike(dagit):
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    create = ("POST", "/api/2.0/mlflow/experiments/create", '{"name": "planted"}')
    search = ("POST", "/api/2.0/mlflow/experiments/search", '{"max_results": 10}')
    command = [sys.executable, "-m", "forecast_assets", "mlflow", "--port", str(port)]
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(
        command, env=environment_of(dagit.home), cwd=dagit.home, stdout=quiet, stderr=quiet
    )
    try:
        until("MLflow answers", lambda: listens(port) and status(address, "GET", "/health") == 200)
        json = {"Content_Type": "application/json"}
        for origin in ("http://cats.example", "http://localhost:8888", "null"):
            assert status(address, *create, Origin=origin, **json) == 403
        assert status(address, *create, Host=f"10.rebound.example:{port}", **json) == 403
        assert status(address, "GET", "/", Host=f"rebound.example:{port}") == 403
        embedded = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "image"}
        reading = "/ajax-api/2.0/mlflow/experiments/get?experiment_id=0"
        assert status(address, "GET", reading, **embedded) == 403
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13"}
        upgrade |= {"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==", "Origin": "http://cats.example"}
        assert status(address, "GET", "/", **upgrade) == 403
        assert status(address, *search, Origin=address, **json) == 200
        assert status(address, *create, **json) == 200, "what a page may not, a program may"
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=60) == 130


def listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
