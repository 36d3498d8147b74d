"""The code location of this package, as the daemon and the web server know it.

Belongs here: its name and its origin, by which Dagit lists a run on the pages of jobs and of the overview,
and the pages of its jobs.
Does not belong here: creating runs (``run_factory``).
"""

import sys

from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

# The name that workspace.yaml gives the code location: the daemon looks it up by this.
MODULE = "forecast_assets.definitions"
LABEL = f"{SINGLETON_REPOSITORY_NAME}@{MODULE}"


def target() -> LoadableTargetOrigin:
    """Return how a process loads the definitions."""
    return LoadableTargetOrigin(executable_path=sys.executable, module_name=MODULE)


def job_origin(job: str) -> RemoteJobOrigin:
    """Return the origin that ``job`` has in the workspace of the daemon."""
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target(), MODULE)
    return RemoteJobOrigin(RemoteRepositoryOrigin(location, SINGLETON_REPOSITORY_NAME), job)


def launchpad(job: str) -> str:
    """Return the path of the Launchpad of a job; without its code location Dagit shows the list of jobs."""
    return f"/locations/{MODULE}/jobs/{job}/playground"
