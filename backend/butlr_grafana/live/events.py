"""The body of a webhook request → events. Never raises: an event that cannot be used is a `Refused` with a
reason.

The forms are those of Butlr's pages on real-time occupancy. An event is `{"id", "type", "timestamp",
"version", "metadata", "data"}`; `timestamp` is UTC milliseconds of sensing; `data` is a number of people for
`*_OCCUPANCY` and `*_OCCUPANCY_1MIN`, `{"in", "out"}` for `TRAFFIC`. Only events of version 1 are read: the
meaning of other versions is not known.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

Level = Literal["floor", "room", "zone"]
EventOutcome = Literal[
    "stored",
    "replaced",
    "repeated",
    "late",
    "future",
    "foreign",
    "full",
    "unused",
    "no_value",
    "unknown_type",
    "unknown_version",
    "malformed",
]
"""What became of an event.

`stored`, `replaced` (the minute had another value), `repeated` (the same once more): used. `late` (its minute
has settled), `future` (more than a minute ahead), `foreign` (no floor, room, zone or sensor of ours), `full`
(no room for more), `unused` (a type that nothing here needs), `no_value` (Butlr does not know the number),
`unknown_type`, `unknown_version`, `malformed`: passed over.
"""

USED: frozenset[EventOutcome] = frozenset({"stored", "replaced", "repeated"})

LEVELS: tuple[Level, ...] = ("floor", "room", "zone")

PEOPLE_TYPES: Mapping[str, tuple[Level, bool]] = {
    f"{level.upper()}_OCCUPANCY{ending}": (level, bool(ending))
    for level in LEVELS
    for ending in ("", "_1MIN", "_1M")
}
"""Event types with a number of people: of what, and whether it is the one by the minute. Butlr's pages write
`_1MIN`, its changelog `_1M`."""

TRAFFIC = "TRAFFIC"
UNUSED_TYPES = frozenset({"DETECTIONS", "PIR_MOTION", "PIR_NO_MOTION", "SENSOR_HEALTH", "HIVE_HEALTH"})
KNOWN_TYPES = frozenset(PEOPLE_TYPES) | UNUSED_TYPES | {TRAFFIC}

LARGEST_COUNT = 100_000
"""People or movements in an event; more are nobody's."""

LATEST_MS = 4_102_444_800_000
"""2100-01-01: a later time is no time."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_MAC = re.compile(r"[A-Za-z0-9:-]{0,64}")
_VERSION = re.compile(r"v?1(\.\d{1,9}){0,3}")
LONGEST_EVENT_ID = 256


@dataclass(frozen=True, slots=True)
class PeopleEvent:
    """So many people on a floor, or in a room or zone, in the minute of `at_ms`."""

    type: str
    level: Level
    asset_id: str
    floor_id: str
    by_minute: bool
    at_ms: int
    people: float


@dataclass(frozen=True, slots=True)
class TrafficEvent:
    """People through a door, at `at_ms`. `identity` is the same for a repeated event, and for no other."""

    type: str
    floor_id: str
    room_id: str
    sensor_id: str
    mac: str
    at_ms: int
    entered: int
    left: int
    identity: str


@dataclass(frozen=True, slots=True)
class Refused:
    """What is passed over, and why. `type`: one that is known, else `other`."""

    reason: EventOutcome
    type: str = "other"


Event = PeopleEvent | TrafficEvent


def decode(body: bytes) -> list[Event | Refused]:
    """The events of a body: one object, or a list of them."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return [Refused("malformed")]
    return [event_of(one) for one in _each(document)]


def _each(document: object) -> Iterator[object]:
    if isinstance(document, list):
        yield from document
    else:
        yield document


def event_of(document: object) -> Event | Refused:
    """One event, or why it is none that can be used."""
    if not isinstance(document, dict):
        return Refused("malformed")
    type_ = document.get("type")
    if not isinstance(type_, str) or type_ not in KNOWN_TYPES:
        return Refused("unknown_type")
    version = document.get("version")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        return Refused("unknown_version", type_)
    if type_ in UNUSED_TYPES:
        return Refused("unused", type_)
    at_ms, places = _instant_ms(document.get("timestamp")), document.get("metadata")
    if at_ms is None or not isinstance(places, dict):
        return Refused("malformed", type_)
    if type_ == TRAFFIC:
        return _traffic(document, places, at_ms)
    return _people(type_, document, places, at_ms)


def _people(
    type_: str, document: Mapping[str, Any], places: Mapping[str, Any], at_ms: int
) -> PeopleEvent | Refused:
    level, by_minute = PEOPLE_TYPES[type_]
    floor_id = _id(places, "floor_id") or _id(places, "space_id")
    asset_id = floor_id if level == "floor" else _id(places, f"{level}_id")
    if "data" in document and document["data"] is None:
        return Refused("no_value", type_)
    people = _count(document.get("data"))
    if not asset_id or people is None:
        return Refused("malformed", type_)
    return PeopleEvent(type_, level, asset_id, floor_id, by_minute, at_ms, people)


def _traffic(document: Mapping[str, Any], places: Mapping[str, Any], at_ms: int) -> TrafficEvent | Refused:
    data = document.get("data")
    counts = data if isinstance(data, dict) else {}
    entered, left = _count(counts.get("in")), _count(counts.get("out"))
    sensor_id, mac = _id(places, "sensor_id"), _mac(places)
    if entered is None or left is None or entered % 1 or left % 1 or not (sensor_id or mac):
        return Refused("malformed", TRAFFIC)
    event_id = document.get("id")
    named = isinstance(event_id, str) and 0 < len(event_id) <= LONGEST_EVENT_ID
    identity = f"id {event_id}" if named else f"of {sensor_id} {mac} {at_ms}"
    return TrafficEvent(
        TRAFFIC,
        _id(places, "floor_id"),
        _id(places, "room_id"),
        sensor_id,
        mac,
        at_ms,
        int(entered),
        int(left),
        identity,
    )


def _instant_ms(raw: object) -> int | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
        return None
    return int(raw) if 0 < raw < LATEST_MS else None


def _count(raw: object) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
        return None
    return float(raw) if 0 <= raw <= LARGEST_COUNT else None


def _id(places: Mapping[str, Any], key: str) -> str:
    raw = places.get(key)
    return raw if isinstance(raw, str) and _ID.fullmatch(raw) else ""


def _mac(places: Mapping[str, Any]) -> str:
    raw = places.get("mac_address")
    return raw.lower() if isinstance(raw, str) and _MAC.fullmatch(raw) else ""
