"""How a run fails: an outage is tried again, a refusal is final and says what to do.

Belongs here: the retry policy of all steps, and the one sentence that Dagit and the command line share.
Does not belong here: the errors themselves (``errors``).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from forecast_assets.dagster_internals.interrupts import Interrupted, current_step, is_cancelled
from forecast_assets.error_translation import InternalError, error_payload, to_forecast_error
from forecast_assets.errors import ForecastError, Outage
from forecast_assets.progress import begin

RETRY = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)


@contextmanager
def refusals_final() -> Iterator[None]:
    """Turn an expected error into a failure that is not retried; an outage is raised, so that it is.

    Faults of network, database and machine are outages, in words; the original is their cause. The step of
    a run that somebody cancels is not tried again, either.
    """
    if (step := current_step()) is not None:
        begin(step)
    try:
        yield
    except dg.Failure:
        raise
    except Interrupted as interruption:
        if is_cancelled():
            raise dg.Failure("the run was cancelled", allow_retries=False) from interruption
        raise
    except Exception as raised:
        error = to_forecast_error(raised)
        if isinstance(error, Outage):
            raise error from error.__cause__
        if isinstance(error, InternalError):
            raise  # its own trace says more than any sentence
        raise dg.Failure(
            f"{error.problem}\n  -> {error.remedy}",
            metadata={name: text for name, text in error_payload(error).items() if text is not None},
            allow_retries=False,
        ) from error


@contextmanager
def refusals_raised(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Raise the expected error behind a failed run again, where there is one: the way back."""
    try:
        yield
    except dg.Failure as failure:
        if isinstance(failure.__cause__, ForecastError):
            raise failure.__cause__ from None
        raise
    except Exception as error:
        outage = _outage_behind(instance, run_id)
        if outage is None:
            raise
        raise outage from error


def _outage_behind(instance: dg.DagsterInstance, run_id: str) -> Outage | None:
    """The outage for which a step was given up in the end; Dagster keeps its text alone."""
    kind = dg.DagsterEventType.STEP_FAILURE
    for record in instance.get_records_for_run(run_id, of_type=kind).records:
        event = record.event_log_entry.dagster_event
        error = event.step_failure_data.error if event else None
        while error is not None:
            if error.cls_name == Outage.__name__:
                problem, _, remedy = error.message.partition(": ")[2].partition("\n  -> ")
                return Outage(problem.strip(), remedy=remedy.strip())
            error = error.cause
    return None
