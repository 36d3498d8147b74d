"""Events as text, a thousand neighbours at the price of a few.

Belongs here: composing what Dagster's own serialization would, from the pieces that neighbours share.
Does not belong here: storing the text (``storage``).
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from json.encoder import encode_basestring_ascii
from typing import Any

from dagster import (
    AssetMaterialization,
    EventLogEntry,
    FloatMetadataValue,
    IntMetadataValue,
    TextMetadataValue,
)
from dagster._core.events import AssetMaterializationPlannedData, StepMaterializationData
from dagster._serdes import serialize_value

# What no event contains, so that a serialized event can be cut there.
_SUBJECT = "<the subject of this event>"
_TIME = -0.123456789
_HOLES = re.compile(re.escape(f'"{_SUBJECT}"') + "|" + re.escape(str(_TIME)))
_PARTITION = "<the partition of this event>"
_PLAIN = (TextMetadataValue, FloatMetadataValue, IntMetadataValue)
# What JSON's own encoder calls for these types after it has looked for them.
_TEXTS: Mapping[type, Callable[[Any], str]] = {
    str: encode_basestring_ascii,
    float: float.__repr__,
    int: int.__repr__,
}

Shape = tuple[object, ...]


class EventTexts:
    """Serializes events; of neighbours that differ only in time and subject, just the difference.

    A batch describes one step: without this, the same 1,500 characters are composed a thousand times,
    and that is most of what a large run costs. What it makes of the first neighbour is compared with
    Dagster's own serialization, which takes over where the two differ.
    """

    def __init__(self) -> None:
        # By message: a step that reports two assets by turns alternates between two frames.
        self._frames: dict[str | None, tuple[EventLogEntry, Sequence[str]]] = {}
        self._shapes: dict[Shape, Sequence[str]] = {}

    def __call__(self, event: EventLogEntry) -> str:
        frame, subject = _hollowed(event)
        message = event.get_dagster_event().message
        shape, parts = self._frames.get(message, (None, ()))
        if frame != shape:
            parts = _HOLES.split(serialize_value(frame))
            whole = serialize_value(event)
            self._frames[message] = frame, parts if self._filled(parts, event, subject) == whole else ()
            return whole
        return self._filled(parts, event, subject) or serialize_value(event)

    def _filled(self, parts: Sequence[str], event: EventLogEntry, subject: Any) -> str:  # noqa: ANN401
        if len(parts) != 3:  # noqa: PLR2004 - around two holes
            return ""
        return f"{parts[0]}{self._subject(subject)}{parts[1]}{event.timestamp!r}{parts[2]}"

    def _subject(self, subject: Any) -> str:  # noqa: ANN401 - whatever an event is about
        if not isinstance(subject, StepMaterializationData) or subject.asset_lineage:
            return serialize_value(subject)
        materialization = subject.materialization
        shape = _shape(materialization)
        if shape is None:
            return serialize_value(subject)
        if shape not in self._shapes:
            parts = _cut(materialization)
            same = _joined(parts, materialization) == serialize_value(subject)
            self._shapes[shape] = parts if same else ()
        return _joined(self._shapes[shape], materialization) or serialize_value(subject)


def _hollowed(event: EventLogEntry) -> tuple[EventLogEntry, Any]:
    """Split an event into what its neighbours share, and its subject."""
    dagster_event = event.get_dagster_event()
    data = dagster_event.event_specific_data
    shared: Any
    subject: Any
    if isinstance(data, AssetMaterializationPlannedData):
        shared, subject = data._replace(partition=_SUBJECT), data.partition
    else:
        shared, subject = _SUBJECT, data
    return event._replace(
        timestamp=_TIME, dagster_event=dagster_event._replace(event_specific_data=shared)
    ), subject


def _shape(materialization: AssetMaterialization) -> Shape | None:
    """What materializations that differ only in partition and plain values share; none for others."""
    plain = all(
        type(value) in _PLAIN and _is_sayable(value.value) for value in materialization.metadata.values()
    )
    if materialization.partition is None or materialization.tags or materialization.description or not plain:
        return None
    return (
        materialization.asset_key,
        *((name, type(value)) for name, value in materialization.metadata.items()),
    )


def _is_sayable(value: object) -> bool:
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))


def _mark(value: object, place: int) -> str | float | int:
    """A value of the same type that occurs nowhere else."""
    if isinstance(value, str):
        return f"<text number {place}>"
    return -1234567.5 - place if isinstance(value, float) else -1234567890 - place


def _cut(materialization: AssetMaterialization) -> list[str]:
    """The text around partition and values of a materialization."""
    marks = {
        name: _mark(value.value, place)
        for place, (name, value) in enumerate(materialization.metadata.items())
    }
    marked = AssetMaterialization(materialization.asset_key, metadata=marks, partition=_PARTITION)
    rest, parts = serialize_value(StepMaterializationData(marked)), []
    for mark in (*marks.values(), _PARTITION):
        part, _, rest = rest.partition(json.dumps(mark))
        parts.append(part)
    return [*parts, rest]


def _joined(parts: Sequence[str], materialization: AssetMaterialization) -> str:
    if not parts:
        return ""
    values = [value.value for value in materialization.metadata.values()]
    texts = [_TEXTS.get(type(value), json.dumps)(value) for value in (*values, materialization.partition)]
    pieces = zip(parts, texts, strict=False)
    return "".join([*(text for pair in pieces for text in pair), parts[-1]])
