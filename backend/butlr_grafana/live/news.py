"""What one replica sends to the others about pushes, as JSON values, and how it changes their minutes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from butlr_grafana.live.events import Event, PeopleEvent, TrafficEvent
from butlr_grafana.live.minutes import LiveMinutes
from butlr_grafana.live.silence import Gap
from butlr_grafana.live.values import STREAMS
from butlr_grafana.model.time import MINUTE_S

News = list[Any]


def of_event(event: Event) -> News:
    if isinstance(event, PeopleEvent):
        return [
            "people",
            event.type,
            event.level,
            event.asset_id,
            event.floor_id,
            event.by_minute,
            event.at_ms,
            event.people,
        ]
    return [
        "traffic",
        event.type,
        event.floor_id,
        event.room_id,
        event.sensor_id,
        event.mac,
        event.at_ms,
        event.entered,
        event.left,
        event.identity,
    ]


def of_people(people: Mapping[str, Mapping[int, float | None]]) -> list[News]:
    """What reporting said, an asset each."""
    return [
        ["reported", asset, [[at_s, count] for at_s, count in values.items()]]
        for asset, values in people.items()
    ]


def of_doors(doors: Mapping[str, Mapping[int, tuple[float, float]]]) -> list[News]:
    return [
        ["doors", sensor, [[at_s, *moved] for at_s, moved in values.items()]]
        for sensor, values in doors.items()
    ]


def of_filled(stream: str, gap: Gap) -> News:
    return ["filled", stream, gap.start_s, gap.end_s]


def apply(news: object, at_s: float, live: LiveMinutes, *, own: bool) -> bool:
    """Stores what another replica sent; `False` for an unknown entry, for example of another version.

    This replica already has its own entries, except for people, for which the order decides.
    """
    try:
        return _applied(news, at_s, live, own=own)
    except (ValueError, TypeError, OverflowError):
        return False


def _applied(news: Any, at_s: float, live: LiveMinutes, *, own: bool) -> bool:
    kind, *fields = news
    if not math.isfinite(at_s):
        return False
    if kind == "people":
        live.note(PeopleEvent(*fields), arrived_s=at_s, elsewhere=True)
    elif kind not in ("traffic", "reported", "doors", "filled"):
        return False
    elif own:
        return True
    elif kind == "traffic":
        live.note(TrafficEvent(*fields), arrived_s=at_s, elsewhere=True)
    elif kind == "reported":
        asset, values = fields
        live.set_people(asset, {int(start_s): count for start_s, count in values})
    elif kind == "doors":
        sensor, values = fields
        live.set_movements(sensor, {int(start_s): (entered, left) for start_s, entered, left in values})
    else:
        stream, start_s, end_s = fields
        if stream not in STREAMS or not 0 < (end_s - start_s) // MINUTE_S < 10_000:
            return False
        live.set_filled(stream, Gap(start_s, end_s))
    return True
