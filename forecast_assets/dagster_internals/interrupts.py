"""A termination as a question instead of an interruption.

Belongs here: letting work end at a point of its own choice.
Does not belong here: what has to be put in order before it ends.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dagster._utils.interrupts import capture_interrupts, check_captured_interrupt


@contextmanager
def terminations() -> Iterator[Callable[[], bool]]:
    """Answer a question: was this run asked to end? However often it is asked, the block goes on."""
    with capture_interrupts():
        yield check_captured_interrupt
