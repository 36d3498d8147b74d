"""``forecast-assets dev|web|mlflow``: pages for people, behind the guard.

Belongs here: where they are served, and what stands beside them.
Does not belong here: serving them (``dagster_internals.web_server``, ``stores.mlflow_server``).
"""

from pathlib import Path
from typing import Annotated

import typer

from forecast_assets.cli.home import find_home, open_instance
from forecast_assets.cli.interrupts import serving
from forecast_assets.settings import settings
from forecast_assets.stores.mlflow_server import serve
from forecast_assets.web.ports import remember_address, take_port

_HERE = "127.0.0.1"
Port = Annotated[int, typer.Option("--port", "-p", min=1, max=65535, help="Port to listen on.")]


def dev(port: Port = 3000) -> None:
    """Serve Dagit on 127.0.0.1 with its daemon until interrupted."""
    from forecast_assets.dagster_internals import web_server

    with take_port(_HERE, port) as listening, open_instance() as instance:
        address = f"http://{_HERE}:{port}"
        remember_address(settings().home, "dagit", address)
        web_server.announce(address)
        with serving() as beside:
            web_server.serve_everything(instance, listening, beside)


def web(
    port: Port = 3000,
    host: Annotated[str, typer.Option("--host", "-h", help="Address to listen on.")] = _HERE,
    workspace: Annotated[
        Path | None, typer.Option("--workspace", "-w", exists=True, help="A workspace.yaml; ours if unset.")
    ] = None,
    path_prefix: Annotated[str, typer.Option("--path-prefix", "-l", help="First part of every path.")] = "",
    read_only: Annotated[bool, typer.Option("--read-only", help="Refuse every change.")] = False,  # noqa: FBT002
) -> None:
    """Serve Dagit alone, for a deployment whose daemon and code server run elsewhere."""
    from forecast_assets.dagster_internals import web_server

    with take_port(host, port) as listening, open_instance() as instance:
        web_server.announce(f"http://{host}:{port}{path_prefix}")
        with serving():
            web_server.serve_dagit(
                instance,
                web_server.code_location(workspace),
                listening,
                read_only=read_only,
                path_prefix=path_prefix,
            )


def mlflow(port: Port = 5000) -> None:
    """Serve MLflow's pages on 127.0.0.1 until interrupted."""
    find_home()
    take_port(_HERE, port).close()
    remember_address(settings().home, "mlflow", f"http://{_HERE}:{port}")
    with serving() as beside:
        raise SystemExit(serve(port, beside))
