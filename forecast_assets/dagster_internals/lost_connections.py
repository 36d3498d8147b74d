"""Writes of Dagster's storage whose connection is lost on the way.

Belongs here: doing such a write once more.
Does not belong here: what is written, and outages that last.
"""

from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

Result = TypeVar("Result")


def written(write: Callable[[], Result]) -> Result:
    """Return what ``write`` returns, called once more over another connection where the first is lost.

    An event may stand in the log twice then; a run that did all of its work would fail without it.
    """
    try:
        return write()
    except sa.exc.DBAPIError as error:
        if not error.connection_invalidated:
            raise
        return write()
