"""Incidents: one row for each thing that is wrong, however often it is seen.

Belongs here: recording what was seen, closing what has recovered, keeping secrets out of the texts.
Does not belong here: noticing it (``incident_detection``) and telling people (``alerts``).
"""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from forecast_assets.safe_texts import safe
from forecast_assets.settings import settings
from forecast_assets.stores import Stores
from forecast_assets.stores.rows.operations import RecordIncidentsRow

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Sighting:
    """Something wrong, seen once.

    ``event`` names what was seen: the same event counts once, however often it is looked at. ``key`` names
    what it is about: all its sightings are one incident until it is resolved. ``what`` happened, which
    ``next_step`` helps, and the path of Dagit where the evidence is (``link``). ``dataset`` is whose it is,
    ``None`` for what concerns all of them.
    """

    event: str
    key: str
    kind: str
    severity: Severity
    what: str
    next_step: str
    link: str
    at: dt.datetime
    dataset: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """How many sightings were new, and how many incidents they opened."""

    sightings: int
    opened: int


def record(stores: Stores, sightings: Sequence[Sighting]) -> Recorded:
    """Record sightings; the first one about something opens an incident, the others count."""
    if not sightings:
        return Recorded(0, 0)
    rows = [
        {
            **asdict(sighting),
            "what": safe(sighting.what),
            "next_step": safe(sighting.next_step),
            "link": settings().dagit_pages + sighting.link,
        }
        for sighting in sightings
    ]
    row = stores.warehouse.row(RecordIncidentsRow, sightings=json.dumps(rows, default=str))
    return Recorded(row["sightings"], row["opened"]) if row else Recorded(0, 0)


def resolve(stores: Stores, recovered: dict[str, dt.datetime]) -> int:
    """Close the incidents about these keys that were last seen before they recovered; return how many."""
    if not recovered:
        return 0
    texts = json.dumps(recovered, default=str)
    return stores.warehouse.execute("resolve_incidents", recovered=texts)
