"""How a run fails: an outage is tried again, a refusal is final and says what to do.

Belongs here: the retry policy of all steps, and the one sentence that Dagit and the command line share.
Does not belong here: the errors themselves (``errors``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Why:
    """Why a run failed, and what to do; ``code`` is the class of an expected error."""

    problem: str
    remedy: str
    code: str | None = None


def why_failed(instance: dg.DagsterInstance, run_id: str) -> Why:
    """Return why a run failed: in our own words where a step gave them."""
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE, limit=1).records
    event = records[0].event_log_entry.dagster_event if records else None
    if event is None:
        return Why(
            "its process ended without a word",
            "launch it again; look at the machine's memory if it recurs",
        )
    failure, own = event.step_failure_data, event.step_failure_data.user_failure_data
    text = (own.description if own else None) or failure.error_display_string or "no reason was recorded"
    problem, _, remedy = text.partition("\n  -> ")
    code = own.metadata.get("code") if own else None
    return Why(
        problem.strip().partition("\n")[0],
        remedy.strip() or "open the run and read its failed step",
        None if code is None else str(code.value),
    )
