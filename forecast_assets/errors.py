"""Errors a planner can act on. Every error names the offender and the remedy.

Belongs here: the one family of expected failures, shared by Dagit, the command line and the notebooks.
Does not belong here: how an error is shown.
"""

from collections.abc import Sequence

SHOWN_OFFENDERS = 20


class ForecastError(Exception):
    """Base of all expected failures; anything else that surfaces is a defect of ours.

    ``problem`` says what is wrong and where, ``remedy`` what to do about it.
    """

    def __init__(self, problem: str, *, remedy: str) -> None:
        super().__init__(f"{problem}\n  -> {remedy}")
        self.problem = problem
        self.remedy = remedy


class BadKey(ForecastError):
    """A dataset, store or product id cannot be part of a partition key."""


class BadSales(ForecastError):
    """Sales data break a rule; nothing of them was stored."""


class BadSetting(ForecastError):
    """A setting, an option or a configuration value is out of its bounds."""


class UnknownName(ForecastError):
    """A dataset, series or run was named that does not exist."""


class TooMany(ForecastError):
    """A budget is used up for now; the remedy says when it is not any more."""


class Outage(ForecastError):
    """A service we need (database, lake) does not answer; nobody's data are at fault."""


# A person who asked for what cannot be done has read why; nothing is out of order.
REFUSALS = frozenset(error.__name__ for error in (BadKey, BadSetting, TooMany, UnknownName))


def listed(offenders: Sequence[str], total: int | None = None) -> str:
    """Name the first offenders and say how many there are in all."""
    count = len(offenders) if total is None else total
    examples = ", ".join(offenders[:SHOWN_OFFENDERS])
    return (
        examples
        if count <= SHOWN_OFFENDERS
        else f"{examples} and {count - SHOWN_OFFENDERS:,} more ({count:,} in all)"
    )
