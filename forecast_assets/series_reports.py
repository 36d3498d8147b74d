"""How a run reports many series: each good one by itself, the broken ones together in one failure.

Belongs here: counting outcomes, handing materializations on, naming what broke.
Does not belong here: what a materialization shows (each stage's display), and the events themselves.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

import dagster as dg

from forecast_assets.dagster_internals.interrupts import Interrupted, is_cancelled
from forecast_assets.dagster_internals.partition_reporting import report_materializations
from forecast_assets.errors import listed
from forecast_assets.failures import refusals_final

BROKEN = "broken"
_NAMED_IN_METADATA = 100
_LOOK_SECONDS = 1


class SeriesOutcome(Protocol):
    """What came out for one series, in one word and in one sentence."""

    @property
    def series(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def sentence(self) -> str: ...


Outcome = TypeVar("Outcome", bound=SeriesOutcome)


def report_series(
    context: dg.AssetExecutionContext | dg.OpExecutionContext,
    outcomes: Iterable[Outcome],
    materializations: Callable[[Outcome], Iterable[dg.AssetMaterialization]],
) -> None:
    """Report every good series as it comes, log the counts and name the broken series in one failure.

    Raises ``dagster.Failure`` (no retry) for refused input and when series broke; an outage is raised as it
    is, so that the retry policy acts. A run that somebody cancels ends after the series that is stored.
    """
    broken: dict[str, str] = {}
    counts: Counter[str] = Counter()

    def good() -> Iterator[dg.AssetMaterialization]:
        look_again = time.monotonic() + _LOOK_SECONDS
        for outcome in outcomes:
            counts[outcome.outcome] += 1
            counts["reused"] += getattr(outcome, "reused", False)
            if outcome.outcome == BROKEN:
                broken[outcome.series] = outcome.sentence
            else:
                yield from materializations(outcome)
            if time.monotonic() > look_again:
                look_again = time.monotonic() + _LOOK_SECONDS
                if is_cancelled():
                    raise Interrupted

    with refusals_final():
        report_materializations(context, good())
    context.log.info("%s", ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())))
    if broken:
        raise dg.Failure(
            f"{len(broken):,} of {counts.total() - counts['reused']:,} series broke; the others are stored: "
            f"{listed(sorted(broken))}",
            metadata={"broken": dg.MetadataValue.json(dict(list(broken.items())[:_NAMED_IN_METADATA]))},
            allow_retries=False,
        )
