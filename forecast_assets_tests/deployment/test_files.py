"""The files under deploy/ are what their schemas allow, agree with each other and with the code."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
import jsonschema
import psycopg2
import pytest
import sqlalchemy as sa
import typer.main
import yaml
from dagster._cli import create_dagster_cli
from dagster._daemon.cli import create_dagster_daemon_cli

from forecast_assets.cli.app import app
from forecast_assets.settings import Settings
from forecast_assets.stores import cluster
from forecast_assets_tests.dagit import free_port, until
from forecast_assets_tests.deployment.services import PROGRAMS as POSTGRES
from forecast_assets_tests.deployment.services import needs_postgres

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
VALUES = yaml.safe_load((DEPLOY / "kubernetes" / "values.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PODS = [
    VALUES["dagsterWebserver"],
    VALUES["dagsterDaemon"],
    *VALUES["dagster-user-deployments"]["deployments"],
]
SETTINGS = {f"FORECAST_{name.upper()}" for name in Settings.model_fields}
PROGRAMS: dict[str, Any] = {
    "dagster": create_dagster_cli(),
    "dagster-daemon": create_dagster_daemon_cli(),
    "forecast-assets": typer.main.get_command(app),
}


@pytest.mark.parametrize(("name", "document"), [("compose", COMPOSE), ("values", VALUES)])
def test_a_file_is_what_its_schema_allows(name, document):
    schema = json.loads((Path(__file__).parent / "schemas" / f"{name}.json").read_text())
    errors = jsonschema.Draft202012Validator(schema).iter_errors(document)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda compose: compose["services"]["web"].update(ports=["3000:3000"]), "does not match"),
        (lambda compose: compose["services"]["web"].update(user="root"), "should not be valid"),
        (lambda compose: compose["services"]["web"].update(privileged=True), "unexpected"),
        (lambda compose: compose["services"]["web"].pop("read_only"), "required"),
        (lambda compose: compose["secrets"]["run_password"].update(environment="PASSWORD"), "unexpected"),
    ],
)
def test_the_schema_notices_what_must_not_happen(change, message):
    schema = json.loads((Path(__file__).parent / "schemas" / "compose.json").read_text())
    spoiled = json.loads(json.dumps(COMPOSE))
    change(spoiled)
    assert message in str(
        [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(spoiled)]
    )


def test_everything_that_is_named_exists():
    for name, service in SERVICES.items():
        assert set(service.get("depends_on", {})) <= set(SERVICES), name
        assert set(service["networks"]) <= set(COMPOSE["networks"]), name
        assert secrets_of(service) <= set(COMPOSE["secrets"]), name
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in COMPOSE["volumes"] or (DEPLOY / source).exists(), volume
    assert set().union(*map(secrets_of, SERVICES.values())) == set(COMPOSE["secrets"]), "none is left over"


def secrets_of(service: dict[str, Any]) -> set[str]:
    return {one if isinstance(one, str) else one["source"] for one in service.get("secrets", [])}


def test_every_service_that_stays_is_watched():
    assert {name for name, service in SERVICES.items() if "healthcheck" not in service} == {"prepare"}


def test_no_secret_is_passed_by_environment_or_command():
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            secret = re.search("PASSWORD|SECRET|TOKEN|DATABASE_URL|BROKER|KEY", variable)
            assert not secret or variable.endswith("_FILE"), f"{name}: {variable}"
            assert not secret or value.startswith("/run/secrets/"), f"{name}: {variable}"
    for pod in PODS:
        assert not [one for one in pod["env"] if re.search("PASSWORD|SECRET|TOKEN|DATABASE_URL", one["name"])]


def test_settings_that_are_set_exist():
    variables = {name for service in SERVICES.values() for name in service.get("environment", {})}
    variables |= {one["name"] for pod in PODS for one in pod["env"]}
    ours = {name.removesuffix("_FILE") for name in variables if name.startswith("FORECAST_")}
    assert ours - {"FORECAST_NAMESPACE"} <= SETTINGS


@pytest.mark.parametrize("service", sorted(set(SERVICES) - {"postgres"}))
def test_commands_and_their_options_exist(service):
    words = SERVICES[service]["command"]
    if words[0] == "sh":
        (line,) = re.findall("exec (mlflow server .*)", words[2])
        words = shlex.split(line)
    if words[0] not in PROGRAMS:
        assert words[0] in {"redis-server", "celery", "mlflow"}
        return
    check_words(words)


@pytest.mark.parametrize("service", ["code", "daemon"])
def test_health_checks_exist(service):
    check_words(SERVICES[service]["healthcheck"]["test"][1:])


def check_words(words: list[str]) -> None:
    command, rest = PROGRAMS[words[0]], words[1:]
    while hasattr(command, "commands"):  # Typer's groups are not Click's
        command = command.commands[rest.pop(0)]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in rest if word.startswith("-")} <= options


def test_secrets_are_made_once_and_kept(tmp_path):
    folder = tmp_path / "secrets"

    def make() -> dict[str, str]:
        subprocess.run([DEPLOY / "make-secrets", folder], check=True, capture_output=True)
        return {file.name: file.read_text() for file in folder.iterdir()}

    secrets = make()
    assert make() == secrets
    assert set(COMPOSE["secrets"]) <= set(secrets)
    assert (folder.stat().st_mode & 0o077) == 0
    assert secrets["run_password"] in secrets["database_url"]
    words = [secrets[name] for name in secrets if name.endswith("password")]
    assert len(set(words)) == len(words)
    for name in ("owner_url", "database_url", "mlflow_url"):
        tls = sa.make_url(secrets[name]).query
        assert tls == {"sslmode": "verify-full", "sslrootcert": "/run/secrets/postgres_certificate"}, name
    assert all(len(word) == 48 for word in words)


@needs_postgres
def test_the_addresses_that_are_made_reach_the_server_that_is_started_and_nothing_else_does():
    """The server of the compose file as a process: its script, its rules, its certificate, its addresses."""
    folder = Path(tempfile.mkdtemp(prefix="fa-", dir="/tmp"))
    subprocess.run([DEPLOY / "make-secrets", folder], check=True, capture_output=True)
    shutil.copy(DEPLOY / "postgres" / "pg_hba.conf", folder)
    account = cluster._system_account() if os.geteuid() == 0 else None
    whose: dict[str, Any] = {"user": account.pw_uid, "group": account.pw_gid} if account else {}
    if account:
        for path in (folder, *folder.iterdir()):
            os.chown(path, account.pw_uid, account.pw_gid)
    data, port = folder / "data", free_port()
    assert POSTGRES
    make: list[Any] = [POSTGRES / "initdb", "-D", data, "-U", "admin", "--auth=trust"]
    subprocess.run(make, check=True, capture_output=True, **whose)
    # What the image calls docker-entrypoint.sh starts the server once its roles are there.
    entry = folder / "docker-entrypoint.sh"
    place = f"-D {data} -c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    entry.write_text(f'#!/bin/sh\nshift\nexec {POSTGRES}/postgres {place} "$@"\n')
    entry.chmod(0o755)
    started = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "SECRETS": str(folder),
        "KEY": str(folder / "key"),
        "HBA": str(folder / "pg_hba.conf"),
    }
    server = subprocess.Popen(
        ["sh", DEPLOY / "postgres" / "start.sh"], env=started, stderr=subprocess.DEVNULL, **whose
    )
    try:
        admin = {"host": str(folder), "port": port, "user": "admin"}
        until("the server answers", lambda: connects(dbname="postgres", **admin))
        roles = {
            "PGHOST": str(folder),
            "PGPORT": str(port),
            "POSTGRES_USER": "admin",
            "POSTGRES_DB": "postgres",
        }
        subprocess.run(
            ["sh", DEPLOY / "postgres" / "roles.sh"],
            env=os.environ | roles | {"SECRETS": str(folder)},
            check=True,
        )
        url = sa.make_url((folder / "mlflow_url").read_text())
        here = {
            "hostaddr": "127.0.0.1",  # where `postgres` is inside of the network
            "host": url.host,
            "port": port,
            "user": url.username,
            "password": url.password,
            "dbname": url.database,
            "sslmode": url.query["sslmode"],
            "sslrootcert": str(folder / "postgres_certificate"),
        }
        assert connects(**here)
        assert not connects(**here | {"sslmode": "disable"}), "nobody comes in without TLS"
        assert not connects(**here | {"host": "database"}), "no server of another name is believed"
        assert not connects(**here | {"sslrootcert": "/etc/ssl/certs/ca-certificates.crt"})
        assert not connects(**here | {"password": "wrong"})
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait(60)
        shutil.rmtree(folder)


def connects(**place: Any) -> bool:
    try:
        psycopg2.connect(connect_timeout=5, **place).close()
    except psycopg2.OperationalError:
        return False
    return True


@pytest.mark.parametrize("file", ["dagster.yaml", "kubernetes/dagster.yaml"])
def test_instances_differ_from_that_of_the_checkout_by_their_launcher_only(file):
    ours, theirs = (yaml.safe_load(path.read_text()) for path in (ROOT / "dagster.yaml", DEPLOY / file))
    for name in ("run_launcher", "concurrency", "compute_logs"):
        ours.pop(name, None)
        theirs.pop(name, None)
    assert ours == theirs


def test_the_instance_of_workers_is_one_that_dagster_accepts(place, monkeypatch):
    monkeypatch.setenv("FORECAST_CELERY_BROKER", "redis://:canary-5b1@127.0.0.1:1/0")
    (place.folder / "dagster.yaml").write_text((DEPLOY / "dagster.yaml").read_text())
    with dg.DagsterInstance.from_config(str(place.folder)) as instance:
        assert instance.run_launcher.supports_check_run_worker_health
        assert type(instance.run_launcher).__name__ == "WatchedCeleryRunLauncher"
        assert "canary-5b1" not in str(instance.get_ref().to_dict())
        assert "canary-5b1" not in instance.info_str()


def test_versions_agree():
    written = [
        path.read_text() for path in (*DEPLOY.rglob("*"), *(ROOT / ".github").rglob("*")) if path.is_file()
    ]
    tags = {tag for text in written for tag in re.findall(r"\bforecast-assets:(\d[\w.]*)", text)}
    assert tags | {pod["image"]["tag"] for pod in PODS} == {version("forecast-assets")}
    chart = re.search(r"--version (\S+)", (DEPLOY / "kubernetes" / "values.yaml").read_text())
    locked = re.search(r"^dagster==(\S+)", (ROOT / "requirements" / "base.txt").read_text(), re.MULTILINE)
    assert chart is not None
    assert locked is not None
    assert chart[1] == locked[1]


def test_nothing_but_what_the_image_needs_goes_to_its_builder():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[1] == "*"
    context_files = {line[1:] for line in lines if line.startswith("!")}
    copied = set(re.findall(r"^COPY (?!--from)(\S+)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE))
    assert copied <= context_files | {"."}
    assert all((ROOT / name).exists() for name in context_files)
    assert "deploy/secrets" in lines
    assert re.search(r"^USER 10001:10001$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert os.access(DEPLOY / "make-secrets", os.X_OK)
