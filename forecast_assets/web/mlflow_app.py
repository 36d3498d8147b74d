"""MLflow's web application behind the guard, for ``mlflow server --app-name``.

Belongs here: the applications that setup.py names as entry points.
Does not belong here: starting the server (``stores.mlflow_server``), the rules (``guard``).
"""

import os

from mlflow.server.constants import ARTIFACT_ROOT_ENV_VAR
from mlflow.server.fastapi_app import app as mlflow_app
from starlette.types import ASGIApp

from forecast_assets.web.guard import Allowed, Guard, mlflow_rules


def guarded() -> ASGIApp:
    """MLflow's pages without a login, for one machine."""
    return Guard(mlflow_app, _rules())


def guarded_login() -> ASGIApp:
    """MLflow's pages behind its own login, for a deployment."""
    from mlflow.server.auth import create_app  # noqa: PLC0415 - needs flask-wtf, which only a deployment has

    return Guard(create_app(), _rules())


def _rules() -> Allowed:
    return mlflow_rules(os.environ.get(ARTIFACT_ROOT_ENV_VAR, "").rstrip("/"))
