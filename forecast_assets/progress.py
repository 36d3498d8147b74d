"""How far the work of this process is, for whoever shows it.

Belongs here: the two things that work says while it goes on: which step begins, and how much of it is done.
Does not belong here: showing it (``cli.progress``).
"""

import logging

# Records have the attribute ``step``, or ``done`` and ``total``.
PROGRESS = logging.getLogger("forecast_assets.progress")


def begin(step: str) -> None:
    """Say that a step of a run begins."""
    PROGRESS.info("%s", step, extra={"step": step})


def advance(done: int, total: int) -> None:
    """Say how much of the current step is done."""
    PROGRESS.info("%d of %d", done, total, extra={"done": done, "total": total})
