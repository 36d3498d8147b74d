"""A real MLflow server that is slow, broken, locked, forgetful or gone, behind a proxy that makes it so."""

import http.client
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast
from uuid import uuid4

import pytest
import sqlalchemy as sa

from forecast_assets.errors import BadSetting, Outage
from forecast_assets.registry.promotion import Decision, Move, carry_out
from forecast_assets.stores import backup, restoring
from forecast_assets.stores.database import connected, during_restore
from forecast_assets.stores.model_versions import NewVersion
from forecast_assets.stores.registry import Registry
from forecast_assets.stores.rows.registry import AuditRow
from forecast_assets_tests.registry.conftest import registered_place

__all__ = ["registered_place"]
ANN = Decision("run", "promoted", "ann")


class Proxy(ThreadingHTTPServer):
    """Passes requests on to a server, or does ``harm`` to those that ``hits``."""

    daemon_threads = True

    def __init__(self, server: int) -> None:
        self.behind, self.released = server, threading.Event()
        self.heal()
        super().__init__(("127.0.0.1", 0), Passing)

    def heal(self) -> None:
        self.harm, self.hits, self.left = "", "", 0

    def hurt(self, harm: str, hits: str = "", times: int = 1000) -> None:
        self.harm, self.hits, self.left = harm, hits, times

    def due(self, path: str) -> str:
        if not self.harm or self.hits not in path or not self.left:
            return ""
        self.left -= 1
        return self.harm

    @property
    def uri(self) -> str:
        return f"http://user:secret@127.0.0.1:{self.server_port}"


class Passing(BaseHTTPRequestHandler):
    server: Proxy

    def do_GET(self) -> None:
        harm = self.server.due(self.path)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if harm == "slow":  # longer than anybody waits
            self.server.released.wait(60)
        if harm in {"500", "401"}:
            return self.answer(int(harm), b"no")
        answer = 503, b"no server"
        way = http.client.HTTPConnection("127.0.0.1", self.server.behind, timeout=30)
        with closing(way), suppress(OSError):
            way.request(self.command, self.path, body, {"Content-Type": "application/json"})
            response = way.getresponse()
            answer = response.status, response.read()
        if harm == "lost":
            answer = 503, b"lost"
        return self.answer(*answer)

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass

    do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - names that the server looks for


@pytest.fixture(scope="module")
def serving(registered_place) -> Iterator[subprocess.Popen]:
    """MLflow's server as ``forecast-assets mlflow`` starts it; waits for the line that says it is there."""
    place = registered_place
    environment = os.environ | {"DAGSTER_HOME": str(place.folder)}
    command = [sys.executable, "-m", "forecast_assets", "mlflow", "--port", str(free_port())]
    with subprocess.Popen(
        command, env=environment, cwd=place.folder, stderr=subprocess.PIPE, text=True
    ) as server:
        lines = []
        for line in server.stderr or ():
            lines.append(line)
            if "startup complete" in line:
                break
        else:
            pytest.fail("".join(lines))
        reader = threading.Thread(target=lambda: list(server.stderr or ()), daemon=True)
        reader.start()
        yield server
        server.send_signal(signal.SIGCONT)
        server.terminate()
        reader.join(timeout=60)  # else the pipe is closed under it


def free_port() -> int:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as taken:
        return taken.server_port


@pytest.fixture(scope="module")
def proxy(serving) -> Iterator[Proxy]:
    with pytest.MonkeyPatch.context() as patch, Proxy(int(cast("list[str]", serving.args)[-1])) as server:
        patch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
        patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        patch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.released.set()
        server.shutdown()


@pytest.fixture(scope="module")
def opened(proxy) -> Registry:
    registry = Registry(proxy.uri)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")  # its first answer takes as long as its imports
        registry.aliases(["shop__A__P1"])
    return registry


@pytest.fixture
def registry(opened, proxy) -> Registry:
    proxy.heal()
    return opened


@pytest.fixture
def series(registry) -> str:
    """A series with two versions of which the first is live."""
    key = f"shop__A__{uuid4().hex[:8]}"
    for recipe in "12":
        registry.add_versions([version(key, recipe)])
    registry.move_alias(key, "champion", 1)
    return key


def version(key: str, recipe: str) -> NewVersion:
    return NewVersion(key, recipe, "0" * 32, "bundle", {}, {})


def test_an_error_that_passes_is_not_noticed(registry, proxy, series):
    proxy.hurt("500", times=1)
    assert registry.aliases([series]) == {series: {"champion": 1}}


def test_a_version_whose_answer_was_lost_is_found_again(registry, proxy, series):
    proxy.hurt("lost", "model-versions/create", times=1)
    assert registry.add_versions([version(series, "3")]) == {series: 3}
    proxy.heal()
    assert registry.add_versions([version(series, "3")]) == {series: 3}


@pytest.mark.parametrize("harm", ["500", "slow", "lost"])
def test_a_server_that_does_not_answer_is_an_outage_without_a_secret(registry, proxy, series, harm):
    proxy.hurt(harm)
    with pytest.raises(Outage, match="MLflow at http://127") as outage:
        registry.move_alias(series, "champion", 2)
    assert "secret" not in str(outage.value)


def test_a_wrong_login_is_a_setting_and_not_tried_again(registry, proxy, series):
    proxy.hurt("401")
    with pytest.raises(BadSetting, match="login is wrong") as refusal:
        registry.move_alias(series, "champion", 2)
    assert "MLFLOW_TRACKING_PASSWORD" in refusal.value.remedy
    assert proxy.left == 1000 - 1


def test_a_promotion_that_meets_an_outage_is_completed_by_the_next(registry, proxy, series, registered_place):
    stores = registered_place.stores
    proxy.hurt("500", "registered-models/alias")
    with pytest.raises(Outage):
        tuple(carry_out(stores, registry, ANN, [Move(series, 1, 2)]))
    proxy.heal()
    assert registry.aliases([series])[series]["champion"] == 1, "the old champion stays"
    (moved,) = carry_out(stores, registry, ANN, [Move(series, 1, 2)])
    assert moved.outcome == "applied"
    decided = stores.warehouse.rows(AuditRow, dataset="shop", series=[series])
    assert [(row["action"], row["state"]) for row in decided][-1] == ("promoted", "applied")


def test_a_deleted_experiment_says_how_to_restore_it(registry):
    experiment = registry.experiment("gone")
    registry._client.delete_experiment(experiment)
    with pytest.raises(BadSetting, match="was deleted") as refusal:
        registry.experiment("gone")
    assert f"--experiment-id {experiment}" in refusal.value.remedy


VERSION_ROW = """
    insert into forecast.model_version (series, version, dataset, recipe, candidate, is_override, snapshot,
        content, first_day, last_day, feature_frame, policy, settings, code_version, anchor_day, run_id,
        experiment, mlflow_run, path, artifact_sha256)
    values (:series, 1, 'shop', 'r', 'ets', false, 's', 'c', '2026-01-01', '2026-02-01', 1, 'lowest_error',
        '{}', 'v', '2026-02-01', 'run', '1', 'm', 'p', 'h')
"""


def test_a_backup_notes_the_aliases_of_a_server_and_a_restore_only_says_what_differs(
    registry, proxy, registered_place, tmp_path, monkeypatch
):
    series = "shop__S__backup"
    for recipe in ("old", "new"):
        registry.add_versions([NewVersion(series, recipe, "0" * 32, "bundle", {}, {})])
    registry.move_alias(series, "champion", 1)
    url = sa.make_url(os.environ["FORECAST_DATABASE_URL"])
    with connected(url) as connection:
        connection.execute(sa.text(VERSION_ROW), {"series": series})
    monkeypatch.setenv("MLFLOW_TRACKING_URI", proxy.uri)
    lake = registered_place.stores.lake
    manifest = backup.back_up(url, lake, tmp_path / "backup")
    assert manifest.mlflow == "server"
    assert manifest.aliases == {series: {"champion": 1}}
    registry.move_alias(series, "champion", 2)
    registered_place.stores.warehouse.dispose()
    with during_restore():
        restored = restoring.restore(url, lake, tmp_path / "backup")
        (difference,) = restoring.differences(url, restored)
    assert difference == f"{series}: {{'champion': 1}} in the backup, {{'champion': 2}} in MLflow"
    assert registry.aliases([series]) == {series: {"champion": 2}}, "nothing is changed there"


def test_a_server_that_is_gone_is_an_outage(registry, series, serving):
    serving.terminate()
    serving.wait()
    with pytest.raises(Outage):
        registry.aliases([series])
