"""What Dagster knows and does not tell: results of checks, and ticks of sensors and schedules that failed.

Belongs here: reading both from the instance, since a moment.
Does not belong here: what is made of them (``automation``).
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorType, TickStatus

# A check evaluates one partition at a time; more in a minute would be a flood by itself.
_MOST = 500


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One evaluation of a check; ``partition`` is empty for an asset without partitions."""

    asset: str
    check: str
    partition: str
    passed: bool
    is_warning: bool
    description: str
    run_id: str
    at: dt.datetime


def check_results(
    instance: dg.DagsterInstance, checks: Iterable[dg.AssetCheckKey], since: dt.datetime
) -> Iterator[CheckResult]:
    """Yield the results of ``checks`` since a moment, the newest of each first."""
    for key in checks:
        for record in instance.event_log_storage.get_asset_check_execution_history(key, limit=_MOST):
            if record.create_timestamp < since.timestamp():
                break
            event = record.event.dagster_event if record.event else None
            if (
                record.event is None
                or event is None
                or event.event_type != dg.DagsterEventType.ASSET_CHECK_EVALUATION
            ):
                continue  # only planned so far
            evaluation = event.asset_check_evaluation_data
            yield CheckResult(
                asset=key.asset_key.to_user_string(),
                check=key.name,
                partition=record.partition or "",
                passed=evaluation.passed,
                is_warning=evaluation.severity == dg.AssetCheckSeverity.WARN,
                description=evaluation.description or "",
                run_id=record.run_id,
                at=_moment(record.event.timestamp),
            )


@dataclass(frozen=True, slots=True)
class Tick:
    """One look of a sensor or schedule; ``error`` is its first line when it failed."""

    kind: str
    name: str
    id: int
    error: str | None
    at: dt.datetime


def ticks(instance: dg.DagsterInstance, since: dt.datetime) -> Iterator[Tick]:
    """Yield the ticks of every sensor and schedule that failed since a moment, and its newest good one."""
    for state in instance.all_instigator_state():
        # Skipped is what a good tick without work is called.
        for statuses, most in (([TickStatus.FAILURE], _MOST), ([TickStatus.SUCCESS, TickStatus.SKIPPED], 1)):
            records = instance.get_ticks(
                state.instigator_origin_id,
                state.selector_id,
                after=since.timestamp(),
                limit=most,
                statuses=statuses,
            )
            for tick in records:
                yield Tick(
                    kind="schedule" if state.instigator_type == InstigatorType.SCHEDULE else "sensor",
                    name=state.instigator_name,
                    id=tick.tick_id,
                    error=_first_line(tick.error.message) if tick.error else None,
                    at=_moment(tick.timestamp),
                )


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def _moment(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
