"""A real pooler between us and PostgreSQL: one that shares sessions is refused, one that does not is used."""

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from forecast_assets.cli.doctor import PROBES, examine
from forecast_assets.errors import BadSetting
from forecast_assets.stores.database import database_url
from forecast_assets.stores.opening import open_stores
from forecast_assets_tests.stores.members import until

PGBOUNCER = shutil.which("pgbouncer")
pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed")


@contextmanager
def pooled(server: sa.URL, folder: Path, mode: str, ignored: str) -> Iterator[str]:
    """The URL of a database through PgBouncer."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / f"{mode}.ini"
    config.write_text(
        f"[databases]\n* = host={server.query['host']} port={server.port or 5432} user=postgres\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        f"pool_mode = {mode}\ndefault_pool_size = 5\nignore_startup_parameters = {ignored}\n"
    )
    config.chmod(0o644)
    assert PGBOUNCER is not None
    owner = (
        Path(str(server.query["host"])).stat().st_uid
    )  # it refuses to be root, and has to reach the socket
    account: dict[str, Any] = {"user": owner} if os.geteuid() == 0 else {}
    with (
        config.open() as text,
        subprocess.Popen([PGBOUNCER, "-q", "/dev/stdin"], stdin=text, **account) as process,
    ):
        try:
            until(lambda: _listens(port) or process.poll() is not None)
            yield f"postgresql://postgres@127.0.0.1:{port}/{server.database}"
        finally:
            process.kill()


def _listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def through(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str, str], None]]:
    """Let FORECAST_DATABASE_URL lead through a pooler of this mode that ignores these parameters."""
    with ExitStack() as stack:

        def lead(mode: str, ignored: str = "options,extra_float_digits") -> None:
            url = stack.enter_context(pooled(sa.make_url(database_url), tmp_path, mode, ignored))
            monkeypatch.setenv("FORECAST_DATABASE_URL", url)
            monkeypatch.setenv("FORECAST_HOME", str(tmp_path))

        yield lead


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_pooler_that_shares_sessions_is_refused_by_every_writer_and_by_doctor(mode, through):
    through(mode)
    for opened in (database_url, open_stores):
        with pytest.raises(BadSetting, match="a pooler lies between here and PostgreSQL") as refused:
            opened()
        assert "name the server itself" in refused.value.remedy
    (finding,) = examine({"database": PROBES["database"]})
    assert not finding.healthy


def test_a_pooler_that_drops_the_search_path_is_refused_whatever_its_mode(through):
    through("session")
    with pytest.raises(BadSetting, match="drops the search path of a session"):
        database_url()


def test_a_pooler_that_refuses_the_search_path_is_told(through):
    through("session", "extra_float_digits")
    with pytest.raises(BadSetting, match="refuses the search path of a session"):
        database_url()
