"""Alerts: telling people of incidents, once, and of warnings once a day.

Belongs here: which incidents make one message, its words, and the outbox that survives a dead messenger.
Does not belong here: noticing incidents (``incident_detection``), reaching a messenger (``alert_channels``).
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from forecast_assets.automation.alert_channels import Messenger
from forecast_assets.settings import Settings
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.operations import (
    DueAlertsRow,
    HoldAlertRow,
    IncidentRow,
    LastDigestRow,
    UnmentionedIncidentsRow,
    UnnotifiedIncidentsRow,
)

_MOST_LISTED = 10
_GIVEN_UP = dt.timedelta(days=1)
_REMEMBERED = dt.timedelta(days=60)
_LONGEST_WAIT = 60


@dataclass(frozen=True, slots=True)
class AlertCounts:
    """What one round did: messages ``queued``, ``sent``, ``failed`` with reasons, and still ``waiting``."""

    queued: int
    sent: int
    failed: tuple[str, ...]
    waiting: int

    def __str__(self) -> str:
        sentence = f"{self.queued} messages written, {self.sent} sent, {self.waiting} wait for another try"
        return sentence + "".join(f"; {reason}" for reason in self.failed)


def deliver(
    stores: Stores, messengers: Mapping[str, Messenger], configuration: Settings, now: dt.datetime
) -> AlertCounts:
    """Write a message about new errors, a digest when one is due, and hand over what is in the outbox.

    A message is stored with the mark on its incidents in one transaction, so that no incident is told
    twice; a messenger that does not answer is tried again for a day.
    """
    queued = _queue_errors(stores, list(messengers), now) + _queue_digest(
        stores, list(messengers), configuration, now
    )
    failed: list[str] = []
    sent = waiting = 0
    for row in stores.warehouse.rows(DueAlertsRow, now=now, oldest=now - _GIVEN_UP):
        failure = _hand_over(stores, messengers, row["id"], now) if row["due"] else "waits"
        sent += failure is None
        waiting += failure is not None
        if failure is not None and row["due"]:
            failed.append(failure)
    return AlertCounts(queued, sent, tuple(failed), waiting)


def _queue_errors(stores: Stores, channels: list[str], now: dt.datetime) -> int:
    with stores.warehouse.transaction() as connection:
        rows = stores.warehouse.rows_in(connection, UnnotifiedIncidentsRow, severity="error")
        if not rows:
            return 0
        return _queue(
            stores, connection, channels, rows, (_subject(rows), _body(rows)), now=now, digest=False
        )


def _queue_digest(stores: Stores, channels: list[str], configuration: Settings, now: dt.datetime) -> int:
    due = _digest_due(stores, configuration, now)
    if due is None:
        return 0
    stores.warehouse.execute("forget_sightings", before=now - _REMEMBERED)
    with stores.warehouse.transaction() as connection:
        rows = stores.warehouse.rows_in(connection, UnmentionedIncidentsRow, due=due)
        if not rows:
            return 0
        warnings = sum(row["severity"] == "warning" for row in rows)
        subject = f"Daily digest: {_count(warnings, 'warning')}, {_count(len(rows) - warnings, 'error')}"
        return _queue(stores, connection, channels, rows, (subject, _body(rows)), now=now, digest=True)


def _digest_due(stores: Stores, configuration: Settings, now: dt.datetime) -> dt.datetime | None:
    """The newest moment for a digest, unless there was one since."""
    local = now.astimezone(ZoneInfo(configuration.time_zone))
    due = local.replace(hour=configuration.digest_hour, minute=0, second=0, microsecond=0)
    if due > local:
        due -= dt.timedelta(days=1)
    row = stores.warehouse.row(LastDigestRow)
    last = row["made_at"] if row else None
    return None if isinstance(last, dt.datetime) and last >= due else due


def _queue(
    stores: Stores,
    connection: sa.Connection,
    channels: list[str],
    rows: Sequence[IncidentRow],
    text: tuple[str, str],
    *,
    now: dt.datetime,
    digest: bool,
) -> int:
    subject, body = text
    ids = [row["id"] for row in rows]
    stores.warehouse.execute("incidents_notified", connection, incidents=ids, now=now)
    return stores.warehouse.execute(
        "queue_alert",
        connection,
        channels=channels,
        subject=subject,
        body=body,
        is_digest=digest,
        incidents=ids,
        now=now,
    )


def _hand_over(
    stores: Stores, messengers: Mapping[str, Messenger], alert: int, now: dt.datetime
) -> str | None:
    """Send one message, unless somebody else is at it; return why it was not sent."""
    with stores.warehouse.transaction() as connection:
        rows = stores.warehouse.rows_in(connection, HoldAlertRow, id=alert)
        if not rows:
            return None
        (row,) = rows
        messenger = messengers.get(row["channel"])
        failure = (
            "it is no longer set up" if messenger is None else messenger.send(row["subject"], row["body"])
        )
        wait = min(2 ** row["attempts"], _LONGEST_WAIT)
        stores.warehouse.execute(
            "alert_tried",
            connection,
            id=alert,
            now=now,
            next_try_at=now + dt.timedelta(minutes=wait),
            failure=failure,
        )
    return None if failure is None else f"{row['channel']}: {failure}"


def _subject(rows: Sequence[IncidentRow]) -> str:
    if len(rows) == 1:
        return str(rows[0]["what"])
    kinds = Counter(row["kind"] for row in rows)
    return f"{len(rows):,} incidents: " + ", ".join(f"{times} {kind}" for kind, times in kinds.most_common())


def _body(rows: Sequence[IncidentRow]) -> str:
    paragraphs = [_paragraph(row) for row in rows[:_MOST_LISTED]]
    if len(rows) > _MOST_LISTED:
        paragraphs.append(f"... and {len(rows) - _MOST_LISTED:,} more, see the asset ops_summary")
    return "\n\n".join(paragraphs)


def _paragraph(row: IncidentRow) -> str:
    times = f" ({row['times']:,} times)" if row["times"] != 1 else ""
    over = " - has recovered" if row["resolved_at"] is not None else ""
    return f"{row['what']}{times}{over}\n-> {row['next_step']}\n{row['link']}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
