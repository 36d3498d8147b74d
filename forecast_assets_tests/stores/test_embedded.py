"""The embedded server survives whatever happens to it and to its users."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from forecast_assets.errors import BadSetting, Outage
from forecast_assets.settings import Settings
from forecast_assets.stores import cluster, embedded
from forecast_assets.stores.database import connected
from forecast_assets.stores.home import private_home
from forecast_assets.stores.opening import open_lake
from forecast_assets.stores.paths import DOCTOR
from forecast_assets_tests.stores.members import Member, postmaster, servers_below, short_home, until


@pytest.fixture
def home() -> Iterator[Path]:
    with short_home() as folder:
        yield folder


@pytest.fixture(scope="module")
def lived_in() -> Iterator[Path]:
    """A home whose server has run and kept a row."""
    with short_home() as folder:
        member = Member(folder)
        assert member.keep("kept") == "done"
        assert member.leave() == 0
        yield folder


@pytest.fixture
def old_home(home: Path, lived_in: Path) -> Path:
    """A copy of it under another name, stopped."""
    subprocess.run(["cp", "-a", lived_in, home], check=True)
    return home


@pytest.fixture
def join(home: Path) -> Iterator[Callable[..., Member]]:
    """Start a process that uses ``home``; it is gone when the test ends."""
    with ExitStack() as stack:

        def start(where: Path = home, **options) -> Member:
            member = Member(where, **options)
            stack.callback(member.leave)
            stack.callback(member.process.kill)
            return member

        yield start


def test_three_first_users_at_once_get_one_server_that_stays_until_the_last_one_left(home, join):
    members = [join() for _ in range(3)]
    for member in members:
        member.tell("select pg_postmaster_start_time()")
    assert len({member.answer() for member in members}) == 1
    assert [member.keep(name) for member, name in zip(members, "abc", strict=True)] == ["done"] * 3

    members[0].die(signal.SIGKILL)
    members[1].die(signal.SIGTERM)
    assert members[2].kept() == "a b c"
    assert members[2].leave() == 0
    assert not servers_below(home)


def test_a_server_without_users_waits_for_the_next_one(old_home, join):
    first = join()
    assert first.kept() == "kept"
    pid = postmaster(old_home).pid
    first.die(signal.SIGKILL)

    second = join()
    assert second.kept() == "kept"
    assert postmaster(old_home).pid == pid
    second.leave()
    assert not servers_below(old_home)


def test_a_killed_server_is_started_by_whoever_asks_next(old_home, join):
    daemon, other = join(), join()
    assert daemon.keep("daemon") == other.keep("other") == "done"
    for _ in range(2):
        postmaster(old_home).kill()
        assert daemon.kept() == "daemon kept other"
    assert other.kept() == "daemon kept other"


def test_a_first_start_killed_while_making_the_server_is_begun_anew(home, join):
    first = join().tell("select 1")
    until(lambda: list(home.glob("postgres.new-*/base")))
    first.die(signal.SIGKILL)
    # What the killed process had started may go on writing while the next one begins.
    assert join().keep("kept") == "done"


def test_a_pid_file_that_names_a_stranger_is_not_believed(old_home, join):
    first = join()
    assert first.kept() == "kept"
    folder = old_home / "postgres"
    left_behind = folder / "postmaster.pid"
    lines = left_behind.read_text().splitlines()
    owner = folder.stat().st_uid
    first.leave()

    # The same account: PostgreSQL alone would take the sleeper for its server.
    sleeper = subprocess.Popen(["sleep", "600"], user=owner if os.geteuid() == 0 else None)
    try:
        for file in (left_behind, folder / ".s.PGSQL.5432.lock"):
            file.write_text("\n".join([str(sleeper.pid), *lines[1:], ""]))
            os.chown(file, owner, -1)
        assert join().kept() == "kept"
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()


@pytest.mark.parametrize("name", ["near", "far" * 40, "My Sales, 'new' \"Ü\" $HOME %s #1"])
def test_a_home_moved_elsewhere_keeps_its_rows(old_home, join, name):
    assert join(old_home.rename(old_home.parent / name)).kept() == "kept"


@pytest.mark.parametrize("name", ["near", "far" * 40])
def test_a_home_moved_under_a_running_server_keeps_its_rows(old_home, join, name):
    first = join()
    assert first.keep("new") == "done"
    first.die(signal.SIGKILL)
    moved = old_home.rename(old_home.parent / name)
    second = join(moved)
    assert second.kept() == "kept new"
    assert second.ask("checkpoint") == "done"


def test_a_first_start_is_possible_under_any_name(home, join):
    assert join(home / ("deep" * 40) / "My Sales, 'new' \"Ü\" $HOME %s #1").keep("kept") == "done"


def test_a_socket_that_was_cleaned_away_is_made_again(old_home, join):
    far = old_home.rename(old_home.parent / ("far" * 40))
    first = join(far)
    assert first.kept() == "kept"
    socket = cluster.socket_folder(far / "postgres") / ".s.PGSQL.5432"
    assert not socket.is_relative_to(far)
    socket.unlink()
    assert first.kept() == "kept"


@pytest.mark.usefixtures("old_home")
def test_variables_of_the_environment_do_not_lead_elsewhere(join):
    misleading = {"PGPORT": "1", "PGHOST": "example.com", "PGUSER": "nobody", "PGOPTIONS": "-c nonsense=1"}
    assert join(env={**misleading, "LC_ALL": "xx_XX", "TMPDIR": "/nowhere"}).kept() == "kept"


_FAMILY = """
import multiprocessing, os, sys
from forecast_assets.stores.database import connected, database_url

def born(_=None):
    with connected(database_url()) as connection:
        return connection.exec_driver_sql("select pg_postmaster_start_time()").scalar()

if __name__ == "__main__":
    before = born()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(born, [0]) == [before]
    child = os.fork()
    if child == 0:
        assert born() == before
        sys.exit()  # with exit handlers, unlike the children of multiprocessing
    assert os.waitpid(child, 0)[1] == 0
    assert born() == before
"""


def test_children_leave_the_server_to_their_parents(old_home, tmp_path):
    program = tmp_path / "family.py"
    program.write_text(_FAMILY)
    environment = {**os.environ, "FORECAST_HOME": str(old_home)}
    subprocess.run([sys.executable, program], env=environment, check=True)
    assert not servers_below(old_home)


@pytest.fixture
def nobody() -> dict[str, Any]:
    """How to start a process of another account, with an interpreter that it may run."""
    if os.geteuid() != 0:
        pytest.skip("every other test here is about an ordinary user already")
    account = pwd.getpwnam("nobody")
    account_options: dict[str, Any] = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    version = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        with suppress(OSError):
            if subprocess.run([python, "-c", version], **account_options, check=False).returncode == 0:
                return {**account_options, "python": python, "env": {"PYTHONPATH": os.pathsep.join(sys.path)}}
    pytest.skip("no interpreter that every account may run")


def test_root_is_refused_in_the_home_of_an_ordinary_user(home, join, nobody):
    home.mkdir()
    home.parent.chmod(0o711)
    os.chown(home, nobody["user"], nobody["group"])
    first = join(**nobody)
    assert first.keep("kept") == "done"
    assert (home / "postgres").owner() == "nobody"
    with pytest.raises(BadSetting, match="belongs to nobody, and root would leave files") as refused:
        embedded.join(home)
    assert "run the command as nobody" in refused.value.remedy
    with pytest.raises(BadSetting, match="belongs to nobody"):
        open_lake(Settings(home=home))  # as doctor does, without the database
    assert {path.owner() for path in home.rglob("*") if "postgres" not in path.parts} == {"nobody"}


def test_a_home_is_closed_to_others_and_nothing_above_it_is_changed(home, join):
    home.parent.chmod(0o700)
    assert join().keep("kept") == "done"
    assert home.parent.stat().st_mode & 0o777 == 0o700
    assert home.stat().st_mode & 0o777 == (home / "lake").stat().st_mode & 0o777 == 0o700
    assert (home / "postgres").stat().st_mode & 0o777 == 0o700


def test_the_lake_of_a_home_without_a_database_is_closed_to_others(home):
    open_lake(Settings(home=home)).write_bytes(DOCTOR.path("a"), b"b")
    assert home.stat().st_mode & 0o777 == (home / "lake").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_holds_other_things_keeps_its_mode_as_a_home(home):
    home.mkdir(mode=0o755)
    home.chmod(0o755)
    private_home(home)
    assert home.stat().st_mode & 0o777 == 0o755
    assert (home / "lake").stat().st_mode & 0o777 == 0o700


def test_root_is_told_when_its_server_cannot_enter_the_programs(home, tmp_path, monkeypatch):
    if os.geteuid() != 0:
        pytest.skip("an ordinary user's server is the user")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    shutil.copytree(cluster.binaries().parent, closed / "pg", symlinks=True)
    monkeypatch.setattr(cluster, "binaries", lambda: closed / "pg" / "bin")
    home.mkdir(parents=True)
    with pytest.raises(BadSetting, match="the account pgserver cannot enter"):
        cluster.create(home / "postgres")
    assert closed.stat().st_mode & 0o777 == 0o700


def test_a_server_of_root_is_refused_to_others_with_a_remedy(old_home, join, nobody):
    old_home.parent.chmod(0o711)
    assert join().kept() == "kept"
    refused = join(**nobody, stderr=subprocess.PIPE).tell("select 1")
    assert "let FORECAST_HOME name a folder of your own" in refused.process.communicate()[1]


@pytest.mark.parametrize("name", ["near", "far" * 40])
def test_other_accounts_cannot_reach_the_server(old_home, name):
    moved = old_home.rename(old_home.parent / name)
    cluster.start(moved / "postgres")
    assert cluster.socket_folder(moved / "postgres").stat().st_mode & 0o077 == 0


def check_nobody_asks(home: Path, sockets: Path, reason: str) -> None:
    """Pose as the server of ``home`` by a socket below ``sockets``: it is refused, and nobody connects."""
    with socket.socket(socket.AF_UNIX) as poser:
        poser.bind(str(sockets / ".s.PGSQL.5432"))
        poser.listen()
        poser.setblocking(False)  # noqa: FBT003
        with pytest.raises(Outage, match=reason), connected(embedded.join(home)):
            pass
        with pytest.raises(BlockingIOError):
            poser.accept()


def test_nobody_connects_to_a_socket_in_a_folder_of_somebody_else(old_home, nobody):
    far = old_home.rename(old_home.parent / ("far" * 40))
    sockets = cluster.socket_folder(far / "postgres")
    sockets.mkdir()
    os.chown(sockets, nobody["user"], -1)
    try:
        check_nobody_asks(far, sockets, "belongs to somebody else")
    finally:
        shutil.rmtree(sockets)
        embedded._leave(far, os.getpid())


def test_a_server_that_somebody_else_put_into_an_open_home_is_not_asked(old_home, nobody):
    embedded.stop(old_home)
    (old_home / "postgres").rename(old_home / "taken")
    old_home.chmod(0o777)
    posing = old_home / "postgres"
    posing.mkdir()
    os.chown(posing, nobody["user"], -1)
    try:
        check_nobody_asks(old_home, posing, "belongs to nobody")
    finally:
        embedded._leave(old_home, os.getpid())


def test_a_socket_folder_of_somebody_else_is_refused(old_home):
    far = old_home.rename(old_home.parent / ("far" * 40))
    sockets = cluster.socket_folder(far / "postgres")
    sockets.symlink_to(old_home.parent)
    try:
        with pytest.raises(Outage, match="somebody else"):
            cluster.start(far / "postgres")
    finally:
        sockets.unlink()


def test_a_server_is_stopped_once_and_started_again_by_its_users(old_home, join):
    assert not embedded.stop(old_home)
    member = join()
    assert member.kept() == "kept"
    assert embedded.stop(old_home)
    assert not embedded.stop(old_home)
    assert member.kept() == "kept"


def test_a_home_that_was_deleted_under_its_users_is_made_anew(old_home):
    with connected(embedded.join(old_home)) as connection:
        assert connection.exec_driver_sql("select name from forecast.dataset").scalar() == "kept"
    embedded.stop(old_home)
    shutil.rmtree(old_home)
    url = embedded.join(old_home)
    with connected(url) as connection:
        assert connection.exec_driver_sql("select to_regclass('forecast.dataset')").scalar() is None
    embedded._leave(old_home, os.getpid())
    assert not servers_below(old_home)


def test_a_home_that_cannot_be_a_folder_is_an_outage_with_a_remedy(home):
    home.write_text("not a folder")
    with pytest.raises(Outage) as refused:
        embedded.join(home)
    assert str(home) in refused.value.problem
    assert "FORECAST_HOME" in refused.value.remedy


def test_damaged_data_are_told_in_the_words_of_postgresql(old_home):
    (old_home / "postgres" / "global" / "pg_control").unlink()
    with pytest.raises(Outage, match="could not find the database system") as refused:
        cluster.start(old_home / "postgres")
    assert "log" in refused.value.remedy
