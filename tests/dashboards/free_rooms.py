"""Which rooms are free, reckoned from the simulator's people; nothing of the backend is used."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from butlr_grafana.simulator.world import Floor, Room
from tests.dashboards.people import View, by_doors, has_sensor, seats
from tests.support import PEOPLE

Row = dict[str, Any]
ASKED, EMPTY = 10, 5
"""Butlr is asked for so many minutes; a room is free when nobody was there in so many of the newest."""


def expected(view: View) -> list[Row]:
    """The rows of `free-rooms`: free, occupied, unknown; within each the smallest first."""
    rows = [_row(view, floor, room) for floor in view.floors for room in view.rooms(floor)]
    least, kind = int(view.params.get("least_capacity", "0")), view.params.get("type", "All")
    fitting = [row for row in rows if not least or (row["capacity"] or 0) >= least]
    of_kind = [row for row in fitting if kind == "All" or row["type"] == kind]
    order = ["free", "occupied", "unknown"]
    return sorted(of_kind, key=lambda row: (order.index(row["state"]), row["capacity"] or 10_000))


def _row(view: View, floor: Floor, room: Room) -> Row:
    # Butlr's newest minute is one behind.
    end_s = view.now_s // 60 * 60 - 60
    counts = [people_in(floor, room, end_s - 60 * back) for back in reversed(range(ASKED))]
    since_s = _silent_since_s(floor, room, view.now_s)
    known = since_s is None and None not in counts
    reported = [count or 0 for count in counts]
    state = "unknown" if not known else "occupied" if any(reported[-EMPTY:]) else "free"
    is_free = state == "free"
    empty = next((back for back, count in enumerate(reversed(reported)) if count), ASKED)
    return {
        "state": state,
        "room_id": room.id,
        "room": room.name,
        "space": floor.id,
        "floor": floor.name,
        "building": _building(floor),
        "timezone": floor.timezone,
        "type": None if room.type_in_butlr == "Untagged" else room.type_in_butlr,
        "capacity": seats(room),
        "tags": ",".join(room.tags),
        "people": reported[-1] if known else None,
        "free_since": (end_s - 60 * empty) * 1000 if is_free else None,
        "free_for_s": 60 * empty if is_free else None,
        "free_exact": int(empty < ASKED) if is_free else None,
        "free_for": _free_for(empty) if is_free else _left(empty) if known else "",
        "reason": "" if known else _reason(floor, since_s),
        "unknown_since": None if since_s is None else (since_s - 1) * 1000,
        "as_of": view.now_s * 1000,
        "complete": 1,
        "source": "asked",
    }


def people_in(floor: Floor, room: Room, end_s: int) -> int | None:
    """In the minute that ends then: what the sensors see, or who came through the doors since midnight if
    these are more.
    """
    counts = []
    if has_sensor(floor, room):
        counts.append(int(PEOPLE.occupancy(floor.id, floor.rooms.index(room), end_s - 60, end_s)[0]))
    midnight = datetime.fromtimestamp(end_s - 60, ZoneInfo(floor.timezone)).replace(
        hour=0, minute=0, second=0
    )
    inside = by_doors(floor, room, int(midnight.timestamp()), end_s)
    counts += [] if inside is None else [inside]
    return max(counts, default=None)


def _free_for(minutes: int) -> str:
    return f"{minutes} min" if minutes < ASKED else f"at least {minutes} min"


def _left(minutes: int) -> str:
    """Of a room that is not free, for how long nobody has been in it."""
    return f"not yet: nobody for {minutes} min" if minutes else ""


def _reason(floor: Floor, since_s: int | None) -> str:
    if since_s is None:
        return "no sensor counts its people"
    heard = datetime.fromtimestamp(since_s - 1, ZoneInfo(floor.timezone))
    return f"its sensors are offline since {heard.day} {heard:%b %H:%M}"


def _silent_since_s(floor: Floor, room: Room, now_s: int) -> int | None:
    """Since when the sensors that see into the room are offline, where all are."""
    seeing = [s for s in floor.sensors if s.room_id == room.id and s.mode == "presence" and not s.is_virtual]
    since = [PEOPLE.silent_since(sensor.id, now_s) for sensor in seeing]
    return None if not since or None in since else max(filter(None, since))


def _building(floor: Floor) -> str:
    office = PEOPLE.office
    return next(b.name for site in office.sites for b in site.buildings if floor in b.floors)
