"""Dagit behind the guard, with or without the rest of a system of one machine around it.

Belongs here: serving Dagit in this process, and starting code server and daemon beside it.
Does not belong here: what a browser may send (``web.guard``), which port is free (``web.ports``).
"""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

import dagster as dg
import uvicorn
import yaml
from dagster._cli.proxy_server_manager import ProxyServerManager
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget, WorkspaceFileTarget, WorkspaceLoadTarget
from dagster._grpc import server as grpc_server
from dagster._serdes import serialize_value
from dagster._utils.log import configure_loggers
from dagster_graphql.implementation.utils import ErrorCapture
from dagster_graphql.schema.errors import GraphenePythonError
from dagster_shared.error import SerializableErrorInfo
from dagster_shared.ipc import get_ipc_shutdown_pipe, open_ipc_subprocess, send_ipc_shutdown_message
from dagster_webserver.version import __version__
from dagster_webserver.webserver import DagsterWebserver
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from forecast_assets.dagster_internals.own_location import MODULE
from forecast_assets.errors import ForecastError, Outage
from forecast_assets.settings import page_file, settings
from forecast_assets.web.guard import Guard, dagit_rules

_LOGGER = logging.getLogger("dagster-webserver")
# What `dagster-webserver` sets by default.
_STATEMENT_MILLISECONDS, _POOL_RECYCLE_SECONDS, _POOL_OVERFLOW, _POLL_MILLISECONDS = 15_000, 3_600, 20, 2_000
# A person waits for the end: an open page and the daemon's threads may take so long.
_SECONDS_TO_END, _SECONDS_OF_PAGES = 3, 1
_SHOWN: Callable[[SerializableErrorInfo], GraphenePythonError] = GraphenePythonError
_SANDBOX = "sandbox allow-scripts allow-downloads allow-popups allow-popups-to-escape-sandbox"


# A terminal sends its key to a whole group: services that are loading would answer with a traceback each.
_APART = partial(open_ipc_subprocess, process_group=0)


class GuardedWebserver(DagsterWebserver):
    """Dagster's web server whose every request passes the guard first."""

    def build_middleware(self) -> list[Middleware]:
        """Put the guard before everything else."""
        return [Middleware(Guard, rules=dagit_rules()), *super().build_middleware()]

    def build_static_routes(self) -> list[BaseRoute]:
        """Add the reports of datasets, which no page that came by http may open as files."""
        others: Callable[[], list[BaseRoute]] = super().build_static_routes
        return [Route("/reports/{dataset}.html", report_page), *others()]

    async def download_notebook(self, request: Request) -> Response:  # noqa: ARG002 - as Dagster calls it
        """Refuse: Dagster would show any notebook of the machine, with its scripts, as a page of its own."""
        return PlainTextResponse("no asset here is a notebook\n", 404)


def error_of(raised: tuple[type[BaseException], BaseException, TracebackType]) -> GraphenePythonError:
    """Return what Dagit shows of an error: a refusal as sentence and remedy, any other with its stack."""
    _, error, _ = raised
    if isinstance(error, ForecastError):
        return _SHOWN(SerializableErrorInfo(str(error), [], type(error).__name__))
    return ErrorCapture.default_on_exception(raised)


def report_page(request: Request) -> Response:
    """Return the report of a dataset, or 404 where this machine has none."""
    dataset = request.path_params["dataset"]
    file = page_file(settings().home, dataset)
    if not file.is_file():
        return PlainTextResponse(f"there is no report of {dataset!r} here: materialize it\n", 404)
    # An origin of its own: whatever stands in a report has no say in Dagit.
    return FileResponse(file, headers={"Content-Security-Policy": _SANDBOX})


def code_location(workspace: Path | None) -> WorkspaceLoadTarget:
    """The code locations of a workspace file; our own module, served by this machine, without one."""
    if workspace is not None:
        return WorkspaceFileTarget([str(workspace)])
    return ModuleTarget(MODULE, attribute=None, working_directory=str(Path.cwd()), location_name=None)


def serve_dagit(
    instance: dg.DagsterInstance,
    workspace: WorkspaceLoadTarget,
    listening: socket.socket,
    *,
    read_only: bool,
    path_prefix: str = "",
    daemon: subprocess.Popen[bytes] | None = None,
) -> None:
    """Serve Dagit on a socket until interrupted. Raises ``Outage`` when ``daemon`` ends before."""
    setattr(ErrorCapture, "on_exception", staticmethod(error_of))  # noqa: B010 - a hook
    instance.optimize_for_webserver(_STATEMENT_MILLISECONDS, _POOL_RECYCLE_SECONDS, _POOL_OVERFLOW)
    with WorkspaceProcessContext(
        instance, workspace, version=__version__, read_only=read_only, code_server_log_level="WARNING"
    ) as context:
        app = GuardedWebserver(context, path_prefix, _POLL_MILLISECONDS).create_asgi_app()
        server = uvicorn.Server(
            uvicorn.Config(
                app, log_level="warning", timeout_graceful_shutdown=_SECONDS_OF_PAGES, server_header=False
            )
        )
        if daemon is not None:
            threading.Thread(target=_end_with, args=(daemon, server), daemon=True).start()
        # uvicorn raises the signal that ended it once more.
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listening])
    if daemon is not None and daemon.poll() is not None:
        raise Outage(
            f"the daemon ended with exit code {daemon.returncode}", remedy="read its lines above, start again"
        )


def serve_everything(
    instance: dg.DagsterInstance, listening: socket.socket, beside: list[subprocess.Popen[bytes]]
) -> None:
    """Serve Dagit with a code server and a daemon beside it, as ``dagster dev`` does, until interrupted.

    The daemon is added to ``beside`` when it is there.
    """
    # Dagster's pages speak of a development deployment and hold no missing daemon against it.
    os.environ["DAGSTER_IS_DEV_CLI"] = "1"
    with (
        ProxyServerManager(instance, code_location(None), code_server_log_level="WARNING") as servers,
        TemporaryDirectory() as folder,
    ):
        workspace = Path(folder) / "workspace.yaml"
        workspace.write_text(yaml.dump({"load_from": servers.get_code_server_specs()}), encoding="utf-8")
        with _daemon(instance, workspace) as daemon:
            beside.append(daemon)
            serve_dagit(instance, code_location(workspace), listening, read_only=False, daemon=daemon)


def announce(address: str) -> None:
    """Let Dagster's services write to the terminal, begin with where Dagit is, and end in order."""
    configure_loggers(formatter="colored", log_level="INFO")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    setattr(grpc_server, open_ipc_subprocess.__name__, _APART)
    _LOGGER.info("Serving Dagit on %s in process %d", address, os.getpid())


@contextmanager
def _daemon(instance: dg.DagsterInstance, workspace: Path) -> Iterator[subprocess.Popen[bytes]]:
    reading, writing = get_ipc_shutdown_pipe()
    command = [sys.executable, "-m", "dagster._daemon", "run", "--log-level", "info"]
    command += ["--shutdown-pipe", str(reading), "--instance-ref", serialize_value(instance.get_ref())]
    daemon = _APART([*command, "--workspace", str(workspace)], pass_fds=[reading])
    try:
        yield daemon
    finally:
        send_ipc_shutdown_message(writing)
        try:
            daemon.wait(timeout=_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


def _end_with(daemon: subprocess.Popen[bytes], server: uvicorn.Server) -> None:
    daemon.wait()
    server.should_exit = True
