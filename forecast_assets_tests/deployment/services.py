"""The services of a deployment as processes of this machine, on loopback.

Belongs here: starting, killing and stopping them, and the PostgreSQL server they share.
Does not belong here: tests.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import sqlalchemy as sa

from forecast_assets.stores import cluster
from forecast_assets_tests.dagit import free_port, until

ROOT = Path(__file__).parents[2]
CANARY = "canary-8f31c7"  # part of every secret; it may be found nowhere
OWNER, WORKER = "forecast_owner", "forecast_run"
LOCATION = "forecast_assets.definitions"
# The wheel's server speaks no TLS, so that of the system is needed.
PROGRAMS = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
needs_postgres = pytest.mark.skipif(
    PROGRAMS is None or not (PROGRAMS / "initdb").exists(),
    reason="no PostgreSQL server on this machine (apt-get install postgresql)",
)


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server that accepts nothing but TLS with a password."""

    folder: Path
    port: int
    process: subprocess.Popen

    def url(self, role: str, **options: str) -> sa.URL:
        """The address as the administrator would give it to ``role``."""
        secure = {"sslmode": "verify-full", "sslrootcert": str(self.folder / "server.crt"), **options}
        return sa.URL.create(
            "postgresql", role, f"{role}-{CANARY}", "127.0.0.1", self.port, "forecast", secure
        )


@contextmanager
def postgres_with_tls() -> Iterator[Server]:
    assert PROGRAMS
    folder = Path(tempfile.mkdtemp(prefix="fa-", dir="/tmp"))
    account = cluster._system_account() if os.geteuid() == 0 else None
    whose: dict[str, Any] = {"user": account.pw_uid, "group": account.pw_gid} if account else {}
    if account:
        os.chown(folder, account.pw_uid, account.pw_gid)
    data, port = folder / "data", free_port()

    def run(*command: object) -> None:
        subprocess.run([str(part) for part in command], check=True, capture_output=True, cwd=folder, **whose)

    run(PROGRAMS / "initdb", "-D", data, "-U", "admin", "--auth=trust", "--encoding=UTF8", "--locale=C")
    name = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    key = ("-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", data / "server.key")
    run("openssl", "req", "-x509", *key, *name, "-out", folder / "server.crt")
    # The administrator sits on the machine; everybody else comes over TLS.
    (data / "pg_hba.conf").write_text("local all admin trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n")
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": folder,
        "ssl": "on",
        "ssl_cert_file": folder / "server.crt",
        "fsync": "off",
        "log_statement": "ddl",
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [PROGRAMS / "postgres", "-D", data, *options], stdout=log, stderr=log, cwd=folder, **whose
        )
    server = Server(folder, port, process)
    try:
        administer(server, "postgres", "create database forecast")
        for role, file in ((OWNER, "owner"), (WORKER, "run"), ("mlflow", "mlflow")):
            (folder / f"{file}_password").write_text(f"{role}-{CANARY}")
        address = {"PGHOST": str(folder), "PGPORT": str(port), "SECRETS": str(folder)}
        subprocess.run(
            ["sh", str(ROOT / "deploy" / "postgres" / "roles.sh")],
            env={**os.environ, **address, "POSTGRES_USER": "admin", "POSTGRES_DB": "forecast"},
            check=True,
        )
        yield server
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(60)
        shutil.rmtree(folder)


def administrator(server: Server, database: str) -> psycopg2.extensions.connection:
    """A connection that may do everything; whoever asks closes it."""
    return psycopg2.connect(host=str(server.folder), port=server.port, user="admin", dbname=database)


def administer(server: Server, database: str, statement: str) -> None:
    def connect() -> object:
        with suppress(psycopg2.OperationalError):
            return administrator(server, database)
        return None

    connection = until("the database server answers", connect)
    assert isinstance(connection, psycopg2.extensions.connection)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


@dataclass
class Services:
    """Processes that share one home; whatever still runs at the end is stopped."""

    home: Path
    environment: dict[str, str]
    running: dict[str, subprocess.Popen] = field(default_factory=dict)

    def start(self, name: str, *arguments: object, module: str = "dagster") -> subprocess.Popen:
        with (self.home / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *(str(part) for part in arguments)],
                env=self.environment,
                cwd=self.home,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.running[name] = process
        return process

    @contextmanager
    def here(self, **changes: str) -> Iterator[None]:
        """Let this process see what the services see."""
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith(("FORECAST", "DAGSTER"))]:
                patch.delenv(name)
            for name, value in {**self.environment, **changes}.items():
                patch.setenv(name, value)
            patch.chdir(self.home)
            yield

    def kill(self, name: str) -> None:
        """Take a service and all that it started away, as a machine that loses its power does."""
        process = self.running.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)

    def stop(self) -> None:
        for process in self.running.values():
            process.terminate()
        for name in list(self.running):
            with suppress(subprocess.TimeoutExpired):
                self.running[name].wait(30)
            self.kill(name)

    def log(self) -> str:
        return "\n".join(file.read_text(errors="replace") for file in sorted(self.home.glob("*.log")))


def environment(home: Path, **variables: str) -> dict[str, str]:
    """What a service sees: nothing of ours, loopback only, quiet."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FORECAST", "DAGSTER"))}
    return {
        **kept,
        "DAGSTER_HOME": str(home),
        "FORECAST_HOME": str(home / ".forecast"),
        "FORECAST_PROCESSES": "1",
        "FORECAST_SOURCES": str(home),
        "FORECAST_DETAILED_SERIES": "0",
        "PYTHONPATH": str(ROOT),
        **variables,
    }


def instance_settings(home: Path, source: Path) -> None:
    """Copy an instance's settings, with a monitor and a queue that look every second."""
    text = source.read_text().replace("poll_interval_seconds: 30", "poll_interval_seconds: 1")
    assert text != source.read_text()
    (home / "dagster.yaml").write_text(text)
