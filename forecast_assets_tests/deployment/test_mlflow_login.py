"""MLflow behind its own login, as the deployment runs it: who may read, who may move aliases."""

import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from forecast_assets.errors import BadSetting
from forecast_assets.registry.registration import register
from forecast_assets.stores.registry import Registry
from forecast_assets_tests.conftest import fresh_database
from forecast_assets_tests.dagit import free_port, until
from forecast_assets_tests.deployment.services import CANARY, ROOT
from forecast_assets_tests.scenario import QUICK, many

pytestmark = pytest.mark.deployment
ADMIN, PLANNER = f"admin-{CANARY}", f"planner-{CANARY}"
KEY = "many__S0__P000"


@contextmanager
def server(folder: Path, database: str) -> Iterator[str]:
    """MLflow with the settings of the deployment, on a port of its own; answers its address."""
    settings = (ROOT / "deploy" / "mlflow-auth.ini").read_text()
    (folder / "auth.ini").write_text(settings.replace("/users/", f"{folder}/"))
    port = free_port()
    environment = os.environ | {
        "MLFLOW_BACKEND_STORE_URI": database,
        "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"),
        "MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": f"key-{CANARY}",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    place = ("--host", "127.0.0.1", "--port", str(port), "--workers", "1")
    files = ("--artifacts-destination", str(folder / "artifacts"), "--serve-artifacts")
    command = [sys.executable, "-m", "mlflow", "server", "--app-name", "forecast-assets-login"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, *place, *files], env=environment, cwd=folder, stdout=log, stderr=log
        )
    try:
        until("MLflow answers", lambda: healthy(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


def healthy(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
            return True
    except (URLError, OSError):
        return False


def create_user(address: str, name: str, password: str) -> None:
    """What the administrator does on MLflow's page of users."""
    login = b64encode(f"admin:{ADMIN}".encode()).decode()
    body = json.dumps({"username": name, "password": password}).encode()
    headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
    request = Request(f"{address}/api/2.0/mlflow/users/create", body, headers)  # noqa: S310 - loopback
    with urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
        assert json.load(answer)["user"]["username"] == name


def log_in(patch: pytest.MonkeyPatch, name: str, password: str) -> None:
    patch.setenv("MLFLOW_TRACKING_USERNAME", name)
    patch.setenv("MLFLOW_TRACKING_PASSWORD", password)


def test_nobody_without_a_login_users_read_and_only_the_administrator_moves_aliases(
    place, postgres_url, migrated_mlflow, tmp_path_factory, monkeypatch
):
    folder = tmp_path_factory.mktemp("mlflow")
    place.prepare("many", many(4), evaluation=QUICK)
    assert place.evaluate(KEY).success
    with fresh_database(postgres_url, migrated_mlflow) as database, server(folder, database) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        with pytest.raises(BadSetting) as refused:
            Registry(address).aliases([KEY])
        assert "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in refused.value.remedy

        log_in(monkeypatch, "admin", ADMIN)
        (done,) = register(place.stores, Registry(address), [KEY], run_id="login")
        assert done.outcome == "registered"
        create_user(address, "planner", PLANNER)
        log_in(monkeypatch, "planner", PLANNER)
        reader = Registry(address)
        assert reader.aliases([KEY]) == {KEY: {"challenger": 1}}
        with pytest.raises(BadSetting, match="refuses to move an alias"):
            reader.move_alias(KEY, "champion", 1)
        assert reader.aliases([KEY]) == {KEY: {"challenger": 1}}
    assert CANARY not in (folder / "log").read_text()
