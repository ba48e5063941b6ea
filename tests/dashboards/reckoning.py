"""What each target's frames must hold, reckoned from the simulator's people.

A check takes the frames of one query of a panel and the look that they answer, and yields a field's name,
its values as found and as they must be. A test compares them, and sees that no field of a panel is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import shapely

from butlr_grafana.simulator.world import Floor, Room
from tests.dashboards import device_reckoning
from tests.dashboards.free_rooms import expected as expected_free_rooms
from tests.dashboards.people import (
    HOUR_S,
    View,
    area_in_butlr_m2,
    by_doors,
    crossings,
    finest,
    has_door,
    has_sensor,
    in_room,
    inside,
    occupied_s,
    parts_inside,
    people_hourly,
    seats,
    shape,
)
from tests.support import PEOPLE, Cells, added, cells_of

Json = dict[str, Any]
Row = dict[str, Any]
Compared = Iterator[tuple[str, Any, Any]]
"""A field, what was found, what it must be."""

NOT_DRAWN = "Butlr has no outline of it, so no part of the heat map can be assigned to it"
WAS_OFFLINE = "its sensors were offline"
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def columns(frame: Json) -> dict[str, list[Any]]:
    return {field["name"]: field["values"] for field in frame["fields"]}


def rows(frames: list[Json]) -> list[Row]:
    [frame] = frames
    named = columns(frame)
    return [dict(zip(named, values, strict=True)) for values in zip(*named.values(), strict=True)]


def by_field(found: Iterable[Row], expected: Iterable[Row]) -> Compared:
    """Tables, column by column of those that are expected; rows are in the same order."""
    found, expected = list(found), list(expected)
    for name in expected[0]:
        yield name, [row[name] for row in found], [row[name] for row in expected]


def in_order_of(found: list[Row], key: tuple[str, ...], expected: list[Row]) -> list[Row]:
    """The expected rows in the order of those found; each is there once."""
    place = {tuple(row[name] for name in key): k for k, row in enumerate(found)}
    assert len(place) == len(found) == len(expected)
    return sorted(expected, key=lambda row: place[tuple(row[name] for name in key)])


# --- maps -------------------------------------------------------------------------------------------------


def heatmap(frames: list[Json], view: View) -> Compared:
    [frame], [floor] = frames, view.floors
    chosen = view.params.get("resolution", "auto")
    metres = finest(floor) if chosen == "auto" else float(chosen)
    cells = shown_cells(view, floor, metres)
    normalize, hours = view.params.get("normalize", "none"), len(view.hours(floor))
    name, divisor = {
        "none": ("detections", 1),
        "hour": ("detections_per_hour", hours),
        "max": ("normalized", max(cells.values())),
    }[normalize]
    expected = {name: {cell: n / divisor for cell, n in cells.items()}}
    if view.in_people and normalize != "max":
        people = {cell: view.people(floor, n / hours / metres**2) for cell, n in cells.items()}
        expected = {"people_per_m2": people, **expected}
    assert frame["meta"]["custom"]["resolution"] == metres
    x, y, *fields = frame["fields"]
    if frame["meta"].get("type") == "heatmap-cells":  # the panel draws the first value
        assert [field["name"] for field in fields] == list(expected)
    elif "people_per_m2" in expected:
        expected["person_hours"] = {cell: view.people(floor, n) for cell, n in cells.items()}
    assert {field["name"] for field in fields} == expected.keys()
    for value in fields:
        found = cells_of({"fields": [x, y, value]})
        for name in ("x", "y", value["name"]):
            yield name, found, expected[value["name"]]


def shown_cells(view: View, floor: Floor, metres: float) -> Cells:
    """The cells whose centre lies in a room asked for, or on its edge."""
    cells = view.cells(floor, metres)
    if view.chosen is None:
        return cells
    area = shapely.union_all([shape(room) for room in view.rooms(floor) if room.polygon])
    return {cell: n for cell, n in cells.items() if shapely.intersects_xy(area, *cell)}


def heatmap_summary(frames: list[Json], view: View) -> Compared:
    [row], [floor] = rows(frames), view.floors
    metres = finest(floor)
    cells = shown_cells(view, floor, metres)
    area = "area_in_use_ft2" if view.in_feet else "area_in_use_m2"
    assert cells[round(row["peak_x"], 3), round(row["peak_y"], 3)] == row["peak"]
    expected: Row = {
        "total_detections": sum(cells.values()),
        "peak": max(cells.values()),
        area: len(cells) * metres**2 * view.area_unit,
        "hours": len(view.hours(floor)),
        "complete": 1,
        "person_hours": view.people(floor, sum(cells.values())),
        # The last hour had not settled: it was asked for when the question was.
        "as_of": view.now_s * 1000,
    }
    yield from by_field([row], [expected])


def heat(view: View, floor: Floor) -> list[Row]:
    """A row a room asked for and, of all of them, what is outside: detections, and those of an hour in which
    they could be seen.
    """
    metres = finest(floor)
    cells = view.cells(floor, metres)
    found = [_room_heat(view, floor, room, cells, metres) for room in view.rooms(floor)]
    if view.chosen is None:
        rest = sum(cells.values()) - inside(
            cells, metres, shapely.union_all([shape(r) for r in floor.rooms if r.polygon])
        )
        per_hour = rest / len(view.hours(floor))
        found.append(_heat("outside", "outside any room", detections=rest, per_hour=per_hour))
    whole = view.detections(floor)
    for row in found:
        row["space"], row["floor"] = floor.id, floor.name
        row["share"] = None if row["detections"] is None else row["detections"] / whole
    return found


def _room_heat(view: View, floor: Floor, room: Room, cells: Cells, metres: float) -> Row:
    if not room.polygon:
        return _heat(room.id, room.name, NOT_DRAWN)
    detections = in_room(cells, metres, floor, room)
    if has_sensor(floor, room):
        hours, reason = len(view.hours_seen(floor, room)), WAS_OFFLINE
    else:
        # Nothing counts its people; another sensor may see them all the same.
        seen = bool((parts_inside(cells, metres, shape(room)) > 0.5).any())
        hours, reason = len(view.hours(floor)) if seen else 0, "no sensor covers it"
    if not hours:
        return _heat(room.id, room.name, reason)
    m2 = area_in_butlr_m2(floor, room)
    return _heat(room.id, room.name, detections=detections, per_hour=detections / hours, m2=m2)


def _heat(
    zone_id: str,
    zone: str,
    reason: str = "",
    *,
    detections: float | None = None,
    per_hour: float | None = None,
    m2: float | None = None,
) -> Row:
    return {
        "zone_id": zone_id,
        "zone": zone,
        "has_data": int(detections is not None),
        "detections": detections,
        "per_hour": per_hour,
        "area_m2": m2,
        "reason": reason,
    }


def hot_zones(frames: list[Json], view: View) -> Compared:
    expected = [row for floor in view.floors for row in _hot_rows(view, floor)]
    per_area, people, area = (
        ("per_ft2_hour", "people_per_ft2", "area_ft2")
        if view.in_feet
        else ("per_m2_hour", "people_per_m2", "area_m2")
    )
    for row in expected:
        m2, floor = row.pop("area_m2"), PEOPLE.office.by_id[row["space"]]
        row[area] = None if m2 is None else m2 * view.area_unit
        row["building"] = _building_of(floor)
        row[per_area] = None if m2 is None else row["per_hour"] / row[area]
        row[people] = view.people(floor, row[per_area])
        row["person_hours"] = view.people(floor, row["detections"])
    heat = people if view.in_people else per_area
    order = [_hotness(view, row, heat) for row in expected]
    known = [row[heat] for row in expected if row[heat] is not None]
    limit = np.percentile(known, 95)
    for row, own in zip(expected, order, strict=True):
        row["rank"] = 1 + sum(other < own for other in order)
        row["hot"] = int(bool(row[heat]) and row[heat] >= limit)
    found = rows(frames)
    yield from by_field(found, in_order_of(found, ("space", "zone_id"), expected))


def _hot_rows(view: View, floor: Floor) -> list[Row]:
    if view.params.get("level") != "floor":
        return heat(view, floor)
    if view.as_one:
        return [_as_one(view, floor)]
    whole = view.detections(floor)
    per_hour = whole / len(view.hours(floor))
    row = _heat(floor.id, floor.name, detections=whole, per_hour=per_hour, m2=area_in_butlr_m2(floor, floor))
    return [{**row, "space": floor.id, "floor": floor.name, "share": 1.0}]


def _as_one(view: View, floor: Floor) -> Row:
    """The rooms chosen, added up; those that are never known are left out."""
    rows = [row for row in heat(view, floor) if row["reason"] not in (NOT_DRAWN, "no sensor covers it")]
    reason = "; ".join(row["reason"] for row in rows if row["reason"])
    added = {
        name: None if reason else sum(row[name] for row in rows)
        for name in ("detections", "per_hour", "share", "area_m2")
    }
    row = {"zone_id": floor.id, "zone": view.name(floor), "has_data": int(not reason), "reason": reason}
    return {**row, **added, "space": floor.id, "floor": floor.name}


def _hotness(view: View, row: Row, heat: str) -> tuple[int, float]:
    """Hottest first; equals are equal however they were added up."""
    if row[heat] is not None:
        return 0, -round(row[heat], 9)
    per_hour = row["per_hour"]
    if view.in_people:
        per_hour = view.people(PEOPLE.office.by_id[row["space"]], per_hour)
    return (2, 0.0) if per_hour is None else (1, -round(per_hour, 9))


def playback(frames: list[Json], view: View) -> Compared:
    """A row a window and cell with a detection; windows are the floor's days, each as far as it counts."""
    [floor] = view.floors
    # Of more than two days `auto` is days.
    assert view.params["every"] in ("1d", "auto")
    zone, metres = ZoneInfo(floor.timezone), finest(floor)
    by_day: dict[int, Cells] = {}
    for t in view.hours(floor):
        midnight = datetime.fromtimestamp(t, zone).replace(hour=0, minute=0)
        start_ms = 1000 * max(int(midnight.timestamp()), view.start_s)
        cells = shown_cells(replace(view, start_s=t, end_s=t + HOUR_S), floor, metres)
        by_day[start_ms] = added(by_day.get(start_ms, {}), cells)
    expected = {(start, *cell): n for start, cells in by_day.items() for cell, n in cells.items()}
    lengths: dict[int, int] = {}
    for t in view.hours(floor):
        midnight = datetime.fromtimestamp(t, zone).replace(hour=0, minute=0)
        start_ms = 1000 * max(int(midnight.timestamp()), view.start_s)
        lengths[start_ms] = lengths.get(start_ms, 0) + 1
    found = {(row["time"], row["x"], row["y"]): row["detections"] for row in rows(frames)}
    yield "detections", found, expected
    if view.in_people:
        people = {
            (start, *cell): view.people(floor, n / lengths[start] / metres**2)
            for start, cells in by_day.items()
            for cell, n in cells.items()
        }
        found = {(row["time"], row["x"], row["y"]): row["people_per_m2"] for row in rows(frames)}
        yield "people_per_m2", found, people


def compare(frames: list[Json], view: View) -> Compared:
    """Against the period before; relative to the fullest cell of either, changes to the largest."""
    [frame], [floor] = frames, view.floors
    assert view.params["baseline"] == "previous"
    metres = finest(floor)

    def per_hour(detections: float) -> float:
        people = view.people(floor, detections / metres**2) if view.in_people else None
        return detections if people is None else people

    now, then = (
        {cell: per_hour(n / len(side.hours(floor))) for cell, n in shown_cells(side, floor, metres).items()}
        for side in (view, view.before())
    )
    change = {cell: now.get(cell, 0) - then.get(cell, 0) for cell in now | then}
    fullest, largest = 1.0, 1.0
    if view.params.get("normalize") == "max":
        fullest, largest = max(*now.values(), *then.values()), max(map(abs, change.values()))
    reported = {
        (round(row["x"], 3), round(row["y"], 3)): row for row in rows([frame]) if row["current"] is not None
    }
    expected = {
        "current": {cell: now.get(cell, 0) / fullest for cell in change},
        "baseline": {cell: then.get(cell, 0) / fullest for cell in change},
        "change": {cell: value / largest for cell, value in change.items()},
        "change_pct": {c: 100 * v / then[c] if c in then else None for c, v in change.items()},
    }
    for name, values in expected.items():
        found = {cell: row[name] for cell, row in reported.items()}
        yield name, found, values
    for axis in ("x", "y"):
        yield axis, set(reported), set(change)


def compare_zones(frames: list[Json], view: View) -> Compared:
    [floor] = view.floors
    assert view.params["baseline"] == "previous"
    of_rooms = view.params["level"] == "room"
    now, then = (heat(side, floor) if of_rooms else _hot_rows(side, floor) for side in (view, view.before()))
    if view.in_people:
        for row in [*now, *then]:
            row["per_hour"] = view.people(floor, row["per_hour"])
    expected = [_change(a, b) | _periods(view, floor) for a, b in zip(now, then, strict=True)]
    found = rows(frames)
    sizes = [abs(row["change"]) for row in found if row["change"] is not None]
    assert sizes == sorted(sizes, reverse=True)
    yield from by_field(found, in_order_of(found, ("zone_id",), expected))


def _periods(view: View, floor: Floor) -> Row:
    """The dates of both periods, on the floors' own clock if they share one, and the hours that count."""
    zones = {one.timezone for one in view.floors}
    timezone = zones.pop() if len(zones) == 1 else "UTC"
    before = view.before()
    return {
        "now_dates": _dates(view, timezone),
        "then_dates": _dates(before, timezone),
        "timezone": timezone,
        "now_hours": len(view.hours(floor)),
        "then_hours": len(before.hours(floor)),
    }


def _dates(view: View, timezone: str) -> str:
    zone = ZoneInfo(timezone)
    start, end = (datetime.fromtimestamp(at_s, zone) for at_s in (view.start_s, view.end_s))
    return f"{start.day} {start:%b %Y %H:%M} to {end.day} {end:%b %Y %H:%M}"


def _change(now: Row, then: Row) -> Row:
    row = {name: now[name] for name in ("zone_id", "zone", "space", "floor")}
    row["reason"] = now["reason"] or then["reason"]
    row["has_data"] = int(not row["reason"])
    if row["reason"]:
        return row | dict.fromkeys(("current", "baseline", "change", "change_pct", "share_change"))
    a, b = now["per_hour"], then["per_hour"]
    return row | {
        "current": a,
        "baseline": b,
        "change": a - b,
        "change_pct": 100 * (a - b) / b if b else None,
        "share_change": now["share"] - then["share"],
    }


# --- people -----------------------------------------------------------------------------------------------


def occupancy_now(frames: list[Json], view: View) -> Compared:
    """By the newest minute that Butlr knows: what the sensors see, or who came through the doors since
    midnight."""
    by_room = view.params.get("level") != "floor"
    expected = []
    for floor in view.floors:
        for room in view.rooms(floor) if by_room else [None]:
            if view.as_one:
                expected.append(_there_together(view, floor))
                continue
            people, most = _there(view, floor, room), seats(room or floor)
            since_s = _silent_since_s(view, floor, room)
            expected.append(
                {
                    "space": floor.id,
                    "floor": floor.name,
                    **({"room_id": room.id, "room": room.name} if room else {}),
                    "people": people,
                    "capacity": most,
                    "share": None if people is None or most is None else people / most,
                    "has_data": int(people is not None),
                    "reason": _why_not_there(floor, room, people, since_s),
                    # A sensor is heard last the second before it fails.
                    "unknown_since": None if since_s is None else (since_s - 1) * 1000,
                    "as_of": view.now_s * 1000,
                }
            )
    yield from by_field(rows(frames), expected)


def _there_together(view: View, floor: Floor) -> Row:
    """The rooms chosen, of those that anything counts."""
    counted = [room for room in view.rooms(floor) if has_sensor(floor, room) or has_door(floor, room)]
    people = [_there(view, floor, room) for room in counted]
    since = [_silent_since_s(view, floor, room) for room in counted]
    places = [seats(room) for room in counted]
    there = None if None in people else sum(filter(None, people))
    most = None if None in places else sum(filter(None, places))
    # The sum is not known since the first of them was not.
    silent = min(filter(None, since), default=None)
    reasons = [
        (r.name, _why_not_there(floor, r, p, s)) for r, p, s in zip(counted, people, since, strict=True)
    ]
    return {
        "space": floor.id,
        "floor": floor.name,
        "people": there,
        "capacity": most,
        "share": None if there is None or most is None else there / most,
        "has_data": int(there is not None),
        "reason": "; ".join(f"{name}: {why}" for name, why in reasons if why),
        "unknown_since": None if silent is None else (silent - 1) * 1000,
        "as_of": view.now_s * 1000,
    }


def _there(view: View, floor: Floor, room: Room | None) -> int | None:
    # Butlr's newest minute is one behind.
    minute = view.now_s // 60 * 60 - 60
    midnight = datetime.fromtimestamp(minute, ZoneInfo(floor.timezone)).replace(hour=0, minute=0)
    if _silent_since_s(view, floor, room) is not None:
        return None  # whatever its doors say
    counts = []
    if room is None or has_sensor(floor, room):
        people = people_hourly(floor, room, [minute - HOUR_S])[0, -1]
        counts.append(int(people))
    inside_now = by_doors(floor, room, int(midnight.timestamp()), minute)
    return max([*counts, *([] if inside_now is None else [inside_now])], default=None)


def _silent_since_s(view: View, floor: Floor, room: Room | None) -> int | None:
    """Since when the sensor that sees into a room is offline, where it is."""
    if room is None:
        return None
    seeing = [s for s in floor.sensors if s.room_id == room.id and s.mode == "presence" and not s.is_virtual]
    since = [PEOPLE.silent_since(sensor.id, view.now_s) for sensor in seeing]
    return None if not since or None in since else max(filter(None, since))


def _why_not_there(floor: Floor, room: Room | None, people: int | None, since_s: int | None) -> str:
    if since_s is not None:
        heard = datetime.fromtimestamp(since_s - 1, ZoneInfo(floor.timezone))
        return f"its sensors are offline since {heard.day} {heard:%b %H:%M}"
    return "no sensor counts its people" if people is None else ""


def windows(view: View, floor: Floor) -> list[tuple[int, list[tuple[int, int]]]]:
    """Hours, or days by the floor's clock, from the one in which the look begins: when each begins, and its
    pieces that count. The last day ends with the last full minute.
    """
    if (every := view.params.get("every", "1h")) == "1h":
        return [
            (t, [(t, t + HOUR_S)] if view.counts(floor, t) else [])
            for t in range(view.start_s, view.end_s, HOUR_S)
        ]
    assert every == "1d"
    until = view.now_s // 60 * 60
    day = datetime.fromtimestamp(view.start_s, ZoneInfo(floor.timezone)).replace(hour=0)
    found = []
    while day.timestamp() < until:
        start_s, end_s = (int((day + timedelta(days=n)).timestamp()) for n in (0, 1))
        hours = [t for t in range(start_s, min(end_s, until), HOUR_S) if view.counts(floor, t)]
        found.append((start_s, [(t, min(t + HOUR_S, until)) for t in hours]))
        day += timedelta(days=1)
    return found


def series(
    frames: list[Json],
    view: View,
    value_of: Callable[[Floor, Room | None, str, int, int], float | None],
    counts: Callable[[Floor, Room], bool] = has_sensor,
) -> Compared:
    """Every asset's windows: the sum of what is known of their pieces, or nothing. `counts`: whether anything
    tells of a room.
    """
    by_room = view.params.get("level") != "floor"
    assets = [
        (floor, room)
        for floor in view.floors
        for room in (view.rooms(floor) if by_room else [None])
        if room is None or has_sensor(floor, room)
    ]
    assert len(frames) == len(assets)
    for frame, (floor, room) in zip(frames, assets, strict=True):
        labels, values = frame["fields"][1]["labels"], columns(frame)
        assert labels["space"] == floor.id
        assert labels.get("room_id") == (room.id if room else None)
        spans = windows(view, floor)
        yield "time", values.pop("time"), [start_s * 1000 for start_s, _ in spans]
        for name, own in values.items():
            own_rooms = [r for r in view.rooms(floor) if counts(floor, r)] if view.as_one else [room]
            known = [
                [_sum([value_of(floor, one, name, *piece) for one in own_rooms]) for piece in pieces]
                for _, pieces in spans
            ]
            reported = [[v for v in piece if v is not None] for piece in known]
            yield name, own, [sum(piece) if piece else None for piece in reported]


def _sum(values: list[float | None]) -> float | None:
    """Of rooms together nothing is known where one of them is not."""
    return None if None in values else float(sum(v for v in values if v is not None))


def occupancy(frames: list[Json], view: View) -> Compared:
    assert view.params.get("every", "1h") == "1h"
    assert "statistic" not in view.params

    def mean(floor: Floor, room: Room | None, name: str, start_s: int, end_s: int) -> float | None:
        if room is not None and PEOPLE.offline(room.id, start_s, end_s):
            return None
        return float(people_hourly(floor, room, [start_s]).mean())

    yield from series(frames, view, mean)


def traffic(frames: list[Json], view: View) -> Compared:
    assert view.params["level"] == "floor"

    def through(floor: Floor, room: Room | None, name: str, start_s: int, end_s: int) -> float:
        return crossings(floor, room, {"in": 1, "out": -1}[name], start_s, end_s)

    yield from series(frames, view, through, has_door)


def presence(frames: list[Json], view: View) -> Compared:
    def seconds(floor: Floor, room: Room | None, name: str, start_s: int, end_s: int) -> float | None:
        assert room is not None
        # Butlr's newest minute is one behind.
        end_s = min(end_s, view.now_s // 60 * 60 - 60)
        return None if PEOPLE.offline(room.id, start_s, end_s) else occupied_s(floor, room, start_s, end_s)

    yield from series(frames, view, seconds)


WEEK_S, WEEKS_OF_HISTORY = 7 * 86_400, 4


def floors_now(frames: list[Json], view: View) -> Compared:
    """People as `occupancy-now` has them, beside the same minutes of the four whole weeks before."""
    expected = []
    for floor in view.floors:
        people, most, usual = _there(view, floor, None), seats(floor), _usual(view, floor)
        expected.append(
            {
                "space": floor.id,
                "floor": floor.name,
                "building": _building_of(floor),
                "people": people,
                "capacity": most,
                "share": None if people is None or most is None else people / most,
                "usual": usual,
                "excess": None if people is None else people - usual,
                "has_data": 1,
                "reason": "",
            }
        )
    yield from by_field(rows(frames), expected)


def _building_of(floor: Floor) -> str:
    [name] = [building.name for _, building in PEOPLE.office.buildings if floor in building.floors]
    return name


def people_together(frames: list[Json], view: View) -> Compared:
    """Of a building's floors, or of those of a tag: people in the newest minute, and in the fullest hour."""
    hours = list(range(view.start_s, view.end_s, HOUR_S))
    expected = []
    for name, floors in _groups(view):
        there = [_there(view, floor, None) for floor in floors]
        together = np.sum([people_hourly(floor, None, hours).mean(axis=1) for floor in floors], axis=0)
        people, most = sum(filter(None, there)), sum(seats(floor) or 0 for floor in floors)
        expected.append(
            {
                **name,
                "people": people,
                "floors": len(floors),
                "floors_now": len(floors),
                "capacity": most,
                "share": people / most,
                "peak": float(together.max()),
                "peak_at": hours[int(together.argmax())] * 1000,
                "peak_local": local(hours[int(together.argmax())], floors),
                "peak_floors": len(floors),
                "peak_share": float(together.max()) / most,
                "has_data": 1,
                "reason": "",
            }
        )
    yield from by_field(rows(frames), expected)


def local(instant_s: int, floors: Sequence[Floor]) -> str:
    """On the floors' clock, or by UTC where they have several."""
    zones = {floor.timezone for floor in floors}
    moment = datetime.fromtimestamp(instant_s, ZoneInfo(*zones) if len(zones) == 1 else UTC)
    return f"{moment:%a} {moment.day} {moment:%b %H:%M}" + (" UTC" if len(zones) > 1 else "")


def _groups(view: View) -> Iterator[tuple[Row, list[Floor]]]:
    if view.params["by"] == "tag":
        for tag in sorted({tag for floor in view.floors for tag in floor.tags}):
            yield {"tag": tag}, [floor for floor in view.floors if tag in floor.tags]
        return
    for site, building in PEOPLE.office.buildings:
        named = {"building_id": building.id, "building": building.name, "site": site.name}
        yield named, list(building.floors)


def _usual(view: View, floor: Floor) -> float:
    """The mean of the hours in which the last ten known minutes lie, each by its share of them, over the
    weeks from Monday to Monday that were over a day ago.
    """
    end_s, zone = view.now_s // 60 * 60 - 60, ZoneInfo(floor.timezone)
    yesterday = datetime.fromtimestamp(view.now_s - 86_400, zone).replace(hour=0, minute=0, second=0)
    monday_s = int((yesterday - timedelta(days=yesterday.weekday())).timestamp())
    total = 0.0
    for minute_s in range(end_s - 600, end_s, 60):
        hour_s = minute_s // HOUR_S * HOUR_S
        back = -(-(hour_s + HOUR_S - monday_s) // WEEK_S)
        earlier = [hour_s - (back + week) * WEEK_S for week in range(WEEKS_OF_HISTORY)]
        total += float(np.mean([people_hourly(floor, None, [t]).mean() for t in earlier]))
    return total / 10


def compare_utilization(frames: list[Json], view: View) -> Compared:
    expected = [_use_change(view, floor, room) for floor in view.floors for room in view.rooms(floor)]
    known = [row for row in expected if row["in_use_share"] is not None]
    underused, share = sum(row["underused"] for row in known), 100 * float(view.params["underused"])
    for row in expected:
        row["underused_rooms"] = f"{underused} of {len(known)} (below {share:g} % of the hours)"
    if view.params.get("only") == "underused":
        expected = [row for row in expected if row["underused"]]
    found = rows(frames)
    ordered = in_order_of(found, ("space", "room_id"), expected)
    sizes = [abs(row["mean_change"]) for row in ordered if row["mean_change"] is not None]
    assert sizes == pytest.approx(sorted(sizes, reverse=True))
    assert all(row["mean_change"] is None for row in ordered[len(sizes) :])
    yield from by_field(found, ordered)
    ranks = [row["rank"] for row in found]
    if view.params.get("only") == "underused":
        yield "rank", ranks, sorted(set(ranks))
    else:
        yield "rank", ranks, list(range(1, len(found) + 1))


def _use_change(view: View, floor: Floor, room: Room) -> Row:
    now, then = (_in_use(one, floor, room) for one in (view, view.before()))
    silent = WAS_OFFLINE if has_sensor(floor, room) else "no sensor counts its people"
    reason = silent if now is None else "" if then is not None else f"in the earlier period {silent}"
    both = now is not None and then is not None
    return {
        "space": floor.id,
        "floor": floor.name,
        "room_id": room.id,
        "room": room.name,
        "building": _building_of(floor),
        "type": None if room.type_in_butlr == "Untagged" else room.type_in_butlr,
        "capacity": seats(room),
        "has_data": int(both),
        "reason": reason,
        "mean": now and now[0],
        "mean_before": then and then[0],
        "mean_change": now[0] - then[0] if now and then else None,
        "in_use_share": now and now[1],
        "in_use_share_before": then and then[1],
        "in_use_change": now[1] - then[1] if now and then else None,
        "underused": int(now is not None and now[1] < float(view.params["underused"])),
        **_periods(view, floor),
    }


def _in_use(view: View, floor: Floor, room: Room) -> tuple[float, float] | None:
    """Mean people, and the share of the hours in which somebody was there; `None`: not known."""
    hours = view.hours_seen(floor, room)
    if not hours:
        return None
    in_use_s = sum(occupied_s(floor, room, t, t + HOUR_S) for t in hours)
    return float(people_hourly(floor, room, hours).mean()), in_use_s / (HOUR_S * len(hours))


def utilization(frames: list[Json], view: View) -> Compared:
    expected = [row for floor in view.floors for row in _uses(view, floor)]
    best_first = sorted(
        expected,
        key=lambda row: (not row["has_data"], row["utilization"] is None, -(row["utilization"] or 0)),
    )
    for rank, row in enumerate(best_first, start=1):
        row["rank"] = rank
    if view.params.get("only") == "underused":
        best_first = [row for row in best_first if row["underused"]]
    yield from by_field(rows(frames), best_first)


def _uses(view: View, floor: Floor) -> Iterator[Row]:
    per_hour = {row["zone_id"]: row for row in heat(view, floor)}
    per_area = "per_ft2_hour" if view.in_feet else "per_m2_hour"
    people = "people_per_ft2" if view.in_feet else "people_per_m2"
    for room in view.rooms(floor):
        hours, hot = view.hours_seen(floor, room), per_hour[room.id]
        entries = (
            sum(crossings(floor, room, 1, a, b) for a, b in view.spans(floor))
            if has_door(floor, room)
            else None
        )
        m2 = hot["area_m2"]
        yield {
            "space": floor.id,
            "floor": floor.name,
            "room_id": room.id,
            "room": room.name,
            "choice": room.name if len(view.floors) == 1 else f"{room.name} ({floor.name})",
            "building": _building_of(floor),
            "capacity": seats(room),
            "entries": entries,
            per_area: None if m2 is None else hot["per_hour"] / m2 / view.area_unit,
            people: None if m2 is None else view.people(floor, hot["per_hour"] / m2 / view.area_unit),
            **_use(view, floor, room, hours, entries),
        }


def _use(view: View, floor: Floor, room: Room, hours: list[int], entries: int | None) -> Row:
    names = ("mean", "mean_when_used", "peak", "median", "p95", "utilization", "in_use_s", "in_use_share")
    if not hours:
        reason = WAS_OFFLINE if has_sensor(floor, room) else "no sensor counts its people"
        return {**dict.fromkeys((*names, "dwell_s")), "underused": 0, "has_data": 0, "reason": reason}
    people = people_hourly(floor, room, hours)
    means, used, most = people.mean(axis=1), people[people > 0], seats(room)
    in_use_s = sum(occupied_s(floor, room, t, t + HOUR_S) for t in hours)
    in_use_share = in_use_s / (HOUR_S * len(hours))
    return {
        "has_data": 1,
        "reason": "",
        "mean": people.mean(),
        "mean_when_used": used.mean() if used.size else None,
        "peak": people.max(),
        "median": np.median(means),
        "p95": np.percentile(means, 95),
        "utilization": people.mean() / most if most else None,
        "in_use_s": in_use_s,
        "in_use_share": in_use_share,
        "underused": int(in_use_share < float(view.params["underused"])),
        "dwell_s": in_use_s / entries if entries else None,
    }


def pattern(frames: list[Json], view: View) -> Compared:
    [floor] = view.floors
    metres = finest(floor)
    values: dict[tuple[int, int], list[float]] = {}
    for t in view.hours(floor):
        wall = datetime.fromtimestamp(t, ZoneInfo(floor.timezone))
        if view.params["metric"] == "heatmap":
            hour = replace(view, start_s=t, end_s=t + HOUR_S)
            value = float(sum(shown_cells(hour, floor, metres).values()))
            if view.in_people:
                value = view.people(floor, value) or 0.0
        else:
            assert view.params["metric"] == "occupancy"
            rooms = [r for r in view.rooms(floor) if has_sensor(floor, r)] if view.as_one else [None]
            if any(room is not None and PEOPLE.offline(room.id, t, t + HOUR_S) for room in rooms):
                continue
            value = float(sum(people_hourly(floor, room, [t]).mean() for room in rooms))
        values.setdefault((wall.weekday(), wall.hour), []).append(value)
    keys = [(day, hour) for day in range(7) for hour in range(24)]
    expected = [
        {
            "weekday": WEEKDAYS[day],
            "weekday_number": day + 1,
            "hour": hour,
            "value": float(np.mean(values[day, hour])) if (day, hour) in values else None,
            "hours": len(values.get((day, hour), [])),
            **dict.fromkeys(("space", "asset_id"), floor.id),
            "asset": view.name(floor) if view.params["metric"] != "heatmap" else floor.name,
            "field": "value",
        }
        for day, hour in keys
    ]
    yield from by_field(rows(frames), expected)


def free_rooms(frames: list[Json], view: View) -> Compared:
    yield from by_field(rows(frames), expected_free_rooms(view))


def devices(frames: list[Json], view: View) -> Compared:
    found, expected = rows(frames), device_reckoning.expected(view)
    if not expected:
        yield from ((name, [row[name] for row in found], []) for name in columns(frames[0]))
        return
    reported = {name for row in found for name in row}
    yield from by_field(found, [{k: v for k, v in row.items() if k in reported} for row in expected])


Check = Callable[[list[Json], View], Compared]

CHECKS: Mapping[str, Check] = {
    "heatmap": heatmap,
    "heatmap-summary": heatmap_summary,
    "hot-zones": hot_zones,
    "playback": playback,
    "compare": compare,
    "compare-zones": compare_zones,
    "occupancy-now": occupancy_now,
    "free-rooms": free_rooms,
    "occupancy": occupancy,
    "traffic": traffic,
    "presence": presence,
    "floors-now": floors_now,
    "totals": people_together,
    "utilization": utilization,
    "compare-utilization": compare_utilization,
    "pattern": pattern,
    "devices": devices,
}
