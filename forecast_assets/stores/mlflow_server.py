"""MLflow's pages for people, on this machine only.

Belongs here: starting MLflow's own server over our store, addresses of its pages.
Does not belong here: what is registered (``registry``), and any server of a deployment.
"""

import os
import re
import signal
import subprocess
import sys
from urllib.parse import quote

from forecast_assets.settings import settings
from forecast_assets.stores.mlflow_backend import artifacts_url, tracking_uri


def version_page(name: str, number: int) -> str:
    """Address of a version's page in MLflow."""
    return f"{settings().mlflow_pages}/#/models/{quote(name)}/versions/{number}"


def run_page(experiment: str, run_id: str) -> str:
    """Address of a run's page in MLflow."""
    return f"{settings().mlflow_pages}/#/experiments/{experiment}/runs/{run_id}"


def serve(port: int, beside: list[subprocess.Popen[bytes]]) -> int:
    """Run MLflow's server, which is added to ``beside``, until it is interrupted; return its exit code.

    This process stays, because it is the one that uses the embedded database.
    """
    root = artifacts_url() or ""
    environment = os.environ | {
        # A command line would show the password to everybody on the machine.
        "MLFLOW_BACKEND_STORE_URI": tracking_uri(),
        "MLFLOW_DEFAULT_ARTIFACT_ROOT": root,
        # A version that lies anywhere else would let its reader see what this server's account may read.
        "MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX": rf"^(?:runs:/|models:/|{re.escape(root)}/)",
        # Seven more processes for work that nothing here asks for.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    environment.pop("MLFLOW_TRACKING_URI", None)
    # One worker: two or more add 45 ms to every request.
    place = ("--host", "127.0.0.1", "--port", str(port), "--workers", "1")
    # Files are read and written where they lie; served, everybody who sees the pages could write some.
    options = ("--app-name", "forecast-assets", "--no-serve-artifacts", *place)
    command = [sys.executable, "-m", "mlflow", "server", *options]
    # In a group of its own: a terminal's key would reach it while it loads, and it answers with a traceback.
    with subprocess.Popen(command, env=environment, process_group=0) as server:  # noqa: S603 - fixed words
        beside.append(server)
        signal.signal(signal.SIGTERM, lambda *_: server.terminate())
        try:
            return server.wait()
        except KeyboardInterrupt:
            server.terminate()
            server.wait()
            raise
