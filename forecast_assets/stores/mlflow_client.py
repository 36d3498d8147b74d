"""A client of MLflow, opened when it is first needed, whose failures are told in sentences.

Belongs here: opening it, and sorting what MLflow raises into outages, refusals and absences.
Does not belong here: what is asked of it (``registry``).
"""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from forecast_assets.errors import BadSetting, Outage
from forecast_assets.stores.mlflow_backend import upgrade

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

_REFUSED = {"UNAUTHENTICATED", "PERMISSION_DENIED", "CUSTOMER_UNAUTHORIZED"}
_ABSENT = {"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND", "ENDPOINT_NOT_FOUND"}
_OUT = {"TEMPORARILY_UNAVAILABLE", "INTERNAL_ERROR", "REQUEST_LIMIT_EXCEEDED", "DEADLINE_EXCEEDED", "ABORTED"}
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
_LOGIN = re.compile(r"//[^/@\s]*@")


class Connection:
    """The way to MLflow at one URI, which may hold a password and is never shown."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._place = _LOGIN.sub("//", uri)

    @cached_property
    def failure(self) -> "type[MlflowException]":
        """What MLflow raises."""
        from mlflow.exceptions import MlflowException  # noqa: PLC0415 - seconds that only who needs it waits

        return MlflowException

    @cached_property
    def client(self) -> "MlflowClient":
        """MLflow's own client; its database is brought up to the installed release if it must be."""
        with self.translating_errors("open"):
            try:
                return self._opened()
            except self.failure as error:
                if "out-of-date" not in str(error):
                    raise
                upgrade()
                return self._opened()

    @cached_property
    def models(self) -> Any:  # noqa: ANN401 - MLflow has not typed it
        """The part of the client that writes models.

        The client itself reads a model with all its versions before each write, to rule out that it is a
        prompt; that is two thirds of what moving an alias costs.
        """
        from mlflow.tracking._model_registry.client import ModelRegistryClient  # noqa: PLC0415 - as above

        self.client  # noqa: B018 - opened first, since that brings the tables up to date
        return ModelRegistryClient(self._uri, self._uri)

    def _opened(self) -> "MlflowClient":
        from mlflow import MlflowClient  # noqa: PLC0415 - seconds that only who needs it waits

        client = MlflowClient(self._uri, registry_uri=self._uri)
        client.search_registered_models(max_results=1)
        return client

    def is_absent(self, error: "MlflowException") -> bool:
        """Whether MLflow says that something is not there."""
        return error.error_code in _ABSENT

    @contextmanager
    def translating_errors(self, what: str) -> Iterator[None]:
        """Raise ``Outage`` for what MLflow or the way to it is to blame for, ``BadSetting`` for a login."""
        try:
            yield
        except self.failure as error:
            if error.error_code in _REFUSED:
                raise BadSetting(
                    f"MLflow at {self._place} refuses to {what}: its login is wrong or may not do this",
                    remedy="set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
                ) from None
            if error.error_code not in _OUT:
                raise
            raise self._outage(what, error) from None
        except OSError as error:
            raise self._outage(what, error) from error

    def _outage(self, what: str, error: Exception) -> Outage:
        reason = _LOGIN.sub("//", str(error).strip().partition("\n")[0])
        usual = "check that it runs and that MLFLOW_TRACKING_URI is right, then launch again"
        files = "check free space and rights where models are kept (by default the lake), then launch again"
        disk = isinstance(error, OSError) and error.errno in _DISK
        return Outage(
            f"MLflow at {self._place} cannot {what}: {reason[:500]}", remedy=files if disk else usual
        )
