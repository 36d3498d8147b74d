"""How a run fails: an outage is tried again, a refusal is final and says what to do.

Belongs here: the retry policy of all steps, and the one sentence that Dagit and the command line share.
Does not belong here: the errors themselves (``errors``).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from forecast_assets.errors import ForecastError, Outage

RETRY = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)


@contextmanager
def refusals_final() -> Iterator[None]:
    """Turn an expected error into a failure that is not retried; an ``Outage`` passes, so that it is."""
    try:
        yield
    except Outage:
        raise
    except ForecastError as error:
        raise dg.Failure(
            f"{error.problem}\n  -> {error.remedy}",
            metadata={"problem": error.problem, "remedy": error.remedy, "code": type(error).__name__},
            allow_retries=False,
        ) from error


@contextmanager
def refusals_raised() -> Iterator[None]:
    """Raise the expected error behind a failed run again, where there is one: the way back."""
    try:
        yield
    except dg.Failure as failure:
        if isinstance(failure.__cause__, ForecastError):
            raise failure.__cause__ from None
        raise
