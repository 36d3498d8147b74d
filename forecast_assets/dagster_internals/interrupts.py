"""A termination as a question instead of an interruption.

Belongs here: letting work end at a point of its own choice.
Does not belong here: what has to be put in order before it ends.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.execution.context.compute import current_execution_context
from dagster._utils.interrupts import capture_interrupts, check_captured_interrupt

# What Dagster raises in a step whose process is told to end.
Interrupted = DagsterExecutionInterruptedError
ENDING = {dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED}


def is_cancelled() -> bool:
    """Return whether somebody cancels the run of the step that is being executed here."""
    context = current_execution_context.get()
    if context is None:
        return False
    run = context.instance.get_run_by_id(context.run.run_id)
    return run is not None and run.status in ENDING


def current_step() -> str | None:
    """Return the name of the op or asset that is being executed here."""
    context = current_execution_context.get()
    return None if context is None else str(context.op_execution_context.op_def.name)


@contextmanager
def terminations() -> Iterator[Callable[[], bool]]:
    """Return a question: was this run asked to end? However often it is asked, the block goes on."""
    with capture_interrupts():
        yield check_captured_interrupt
