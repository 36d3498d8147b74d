"""``forecast-assets mlflow``: look at models in MLflow's own pages.

Belongs here: the option that says where.
Does not belong here: starting the server (``stores.mlflow_server``).
"""

from typing import Annotated

import typer

from forecast_assets.cli.home import find_home
from forecast_assets.cli.interrupts import left_to_command
from forecast_assets.stores.mlflow_server import serve


def mlflow(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 5000,
) -> None:
    """Serve MLflow's pages on 127.0.0.1 until interrupted."""
    find_home()
    with left_to_command():
        raise SystemExit(serve(port))
