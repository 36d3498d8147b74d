"""``forecast-assets mlflow``: look at models in MLflow's own pages.

Belongs here: the option that says where.
Does not belong here: starting the server (``stores.mlflow_server``).
"""

import socket
from typing import Annotated

import typer

from forecast_assets.cli.home import find_home
from forecast_assets.cli.interrupts import left_to_command
from forecast_assets.errors import BadSetting
from forecast_assets.stores.mlflow_server import serve


def check_port(port: int) -> None:
    """Raise ``BadSetting`` for a port of this machine that is in use."""
    with socket.socket() as probe:
        # As servers do: a port that was closed a moment ago is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise BadSetting(
                f"port {port} of 127.0.0.1 cannot be used ({error.strerror})",
                remedy=f"end what uses it, or choose another one: --port {port + 1}",
            ) from error


def mlflow(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 5000,
) -> None:
    """Serve MLflow's pages on 127.0.0.1 until interrupted."""
    check_port(port)
    find_home()
    with left_to_command():
        raise SystemExit(serve(port))
