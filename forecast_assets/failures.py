"""How a run fails: an outage is tried again, a refusal is final and says what to do.

Belongs here: the retry policy of all steps, and the one sentence that Dagit and the command line share.
Does not belong here: the errors themselves (``errors``).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from forecast_assets.dagster_internals.interrupts import Interrupted, is_cancelled
from forecast_assets.error_translation import Defect, told_of, translated
from forecast_assets.errors import ForecastError, Outage

RETRY = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)


@contextmanager
def refusals_final() -> Iterator[None]:
    """Turn an expected error into a failure that is not retried; an outage is raised, so that it is.

    Faults of network, database and machine are outages, in words; the original is their cause. The step of
    a run that somebody cancels is not tried again, either.
    """
    try:
        yield
    except dg.Failure:
        raise
    except Interrupted as interruption:
        if is_cancelled():
            raise dg.Failure("the run was cancelled", allow_retries=False) from interruption
        raise
    except Exception as raised:
        error = translated(raised)
        if isinstance(error, Outage):
            raise error from error.__cause__
        if isinstance(error, Defect):
            raise  # its own trace says more than any sentence
        raise dg.Failure(
            f"{error.problem}\n  -> {error.remedy}",
            metadata={name: text for name, text in told_of(error).items() if text is not None},
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
