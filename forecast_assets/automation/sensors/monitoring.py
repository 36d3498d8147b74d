"""Sensors that only look and tell: they start no run and change nothing.

Belongs here: the sensors that watch runs, checks and ticks, and the one that sends alerts.
Does not belong here: what they look for (``incident_detection``) and send (``alerts``); requesting runs.

They are on unless somebody turns them off: a failure that nobody hears of is the expensive one.
"""

import datetime as dt
import logging

import dagster as dg

from forecast_assets.automation import incident_detection
from forecast_assets.automation.alert_channels import Messenger, messengers
from forecast_assets.automation.alerts import deliver
from forecast_assets.automation.decorators import sensor
from forecast_assets.settings import settings
from forecast_assets.stores.resource import StoresResource

ON = dg.DefaultSensorStatus.RUNNING
EVERY_MINUTE = 60
# Events are stored a moment after they happened, and not in order: look twice, an event counts once.
_OVERLAP = dt.timedelta(minutes=10)
_FIRST_LOOK = dt.timedelta(days=1)


def since(cursor: str | None, now: dt.datetime) -> dt.datetime:
    """Where to start looking: a little before the last look; a day back when that is not known."""
    try:
        last = dt.datetime.fromisoformat(cursor or "")
    except ValueError:
        return now - _FIRST_LOOK
    # A clock that was set back must not blind us until it has caught up.
    return min(last if last.tzinfo else last.replace(tzinfo=dt.UTC), now) - _OVERLAP


def _result(counts: incident_detection.LookCounts, what: str, start: dt.datetime) -> dg.SensorResult:
    sentence = f"{what} since {start:%Y-%m-%d %H:%M:%S} UTC: {counts}"
    return dg.SensorResult(skip_reason=sentence, cursor=counts.until.isoformat())


@sensor(minimum_interval_seconds=EVERY_MINUTE, default_status=ON)
def watch_runs(context: dg.SensorEvaluationContext, stores: StoresResource) -> dg.SensorResult:
    """Open an incident for every job that fails on a dataset; close it when the job succeeds again."""
    now = dt.datetime.now(dt.UTC)
    start = since(context.cursor, now)
    return _result(
        incident_detection.look_at_runs(context.instance, stores.open(), start, now), "runs", start
    )


@sensor(minimum_interval_seconds=EVERY_MINUTE, default_status=ON)
def watch_checks(context: dg.SensorEvaluationContext, stores: StoresResource) -> dg.SensorResult:
    """Open an incident for every check that fails or warns; close it when the check passes again."""
    now = dt.datetime.now(dt.UTC)
    start = since(context.cursor, now)
    checks = sorted(_repository(context).asset_graph.asset_check_keys)
    seen = incident_detection.look_at_checks(stores.open(), context.instance, checks, start, now)
    return _result(seen, f"results of {len(checks):,} checks", start)


def _repository(context: dg.SensorEvaluationContext) -> dg.RepositoryDefinition:
    if context.repository_def is None:
        raise dg.DagsterInvariantViolationError("a sensor of checks needs the code location")
    return context.repository_def


@sensor(minimum_interval_seconds=EVERY_MINUTE, default_status=ON)
def watch_ticks(context: dg.SensorEvaluationContext, stores: StoresResource) -> dg.SensorResult:
    """Open an incident for every sensor or schedule whose tick failed; close it when it works again."""
    now = dt.datetime.now(dt.UTC)
    start = since(context.cursor, now)
    return _result(
        incident_detection.look_at_ticks(context.instance, stores.open(), start, now), "ticks", start
    )


class _Log:
    """The messenger of those who have set up no other."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log

    def send(self, subject: str, body: str) -> str | None:
        self._log.warning("%s\n%s", subject, body)
        return None


@sensor(minimum_interval_seconds=EVERY_MINUTE, default_status=ON)
def send_alerts(context: dg.SensorEvaluationContext, stores: StoresResource) -> dg.SensorResult:
    """Tell new incidents and, once a day, the digest of warnings; by webhook and e-mail, else in the log."""
    channels: dict[str, Messenger] = messengers(settings()) or {"log": _Log(context.log)}
    summary = deliver(stores.open(), channels, settings(), dt.datetime.now(dt.UTC))
    return dg.SensorResult(skip_reason=f"{summary} by {', '.join(channels)}")
