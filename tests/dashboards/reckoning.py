"""What each target's frames must hold, reckoned from the simulator's people; nothing of the backend is used.

A check takes the frames of one query of a panel, the words that it was asked with, and the period.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import shapely

from tests.support import PEOPLE, cells_of, truth

Json = dict[str, Any]
Words = Mapping[str, str]
Row = dict[str, Any]

HOUR_S, DAY_S = 3600, 86_400
OVERLAPPING = {"Quiet room", "Lounge"}


def finest(space: str) -> float:
    """What `auto` chooses: the finest grid with at most 100 columns."""
    min_x, _, max_x, _ = PEOPLE.office.by_id[space].extent
    return next(metres for metres in (0.25, 0.5, 1.0) if (max_x - min_x) / metres <= 100)


def columns(frame: Json) -> dict[str, list[Any]]:
    return {field["name"]: field["values"] for field in frame["fields"]}


def rows(frame: Json) -> list[Row]:
    named = columns(frame)
    return [dict(zip(named, values, strict=True)) for values in zip(*named.values(), strict=True)]


def floors(words: Words) -> list[str]:
    return [f.id for f in PEOPLE.office.floors] if words["space"] == "all" else [words["space"]]


def minutes(space: str, room_id: str | None, start_s: int, end_s: int) -> np.ndarray[Any, Any]:
    """People in a room, or those on the floor whom a sensor sees, minute by minute."""
    if room_id is not None:
        return PEOPLE.occupancy(space, room_index(space, room_id), start_s, end_s)
    seen = PEOPLE.occupancy(space, None, start_s, end_s).copy()
    for index, room in enumerate(PEOPLE.office.by_id[space].rooms):
        for since, until in PEOPLE.offline(room.id, start_s, end_s):
            a, b = max(since, start_s), min(until, end_s)
            seen[(a - start_s) // 60 : (b - start_s) // 60] -= PEOPLE.occupancy(space, index, a, b)
    return seen


def room_index(space: str, room_id: str) -> int:
    return [room.id for room in PEOPLE.office.by_id[space].rooms].index(room_id)


def sees(space: str, room_id: str, start_s: int, end_s: int) -> bool:
    """Whether a sensor looked into the room all the time."""
    looks = any(s.room_id == room_id and s.mode == "presence" for s in PEOPLE.office.sensors)
    return looks and not PEOPLE.offline(room_id, start_s, end_s)


def windows(space: str, every: str, start_s: int, end_s: int) -> list[tuple[int, int]]:
    """Hours, or days by the floor's clock, from the one that `start_s` lies in; the last ends at `end_s`."""
    zone = ZoneInfo(PEOPLE.office.by_id[space].timezone)
    edge = datetime.fromtimestamp(start_s, zone)
    edge = edge.replace(minute=0, second=0)
    if every == "1d":
        edge = edge.replace(hour=0)
    edges = []
    while edge.timestamp() < end_s:
        edges.append(int(edge.timestamp()))
        # By the wall clock for days; hours go through UTC, where none is left out or comes twice.
        edge = (
            edge + timedelta(days=1)
            if every == "1d"
            else datetime.fromtimestamp(edge.timestamp() + HOUR_S, zone)
        )
    return list(zip(edges, [*edges[1:], end_s], strict=True))


# --- maps -------------------------------------------------------------------------------------------------


def heatmap(frames: list[Json], words: Words, start_s: int, end_s: int, now_s: int) -> None:
    [frame] = frames
    resolution = frame["meta"]["custom"]["resolution"]
    assert resolution == (
        finest(words["space"]) if words.get("resolution", "auto") == "auto" else float(words["resolution"])
    )
    assert cells_of(frame) == truth(words["space"], start_s, end_s, resolution)


def heatmap_summary(frames: list[Json], words: Words, start_s: int, end_s: int, now_s: int) -> None:
    metres = finest(words["space"])
    cells = truth(words["space"], start_s, end_s, metres)
    [row] = rows(frames[0])
    assert row["total_detections"] == sum(cells.values())
    assert row["peak"] == max(cells.values())
    assert cells[round(row["peak_x"], 3), round(row["peak_y"], 3)] == row["peak"]
    assert row["area_in_use_m2"] == len(cells) * metres**2
    assert row["hours"] == (end_s - start_s) / HOUR_S
    assert row["complete"] == 1


def inside(space: str, polygon: Any, start_s: int, end_s: int) -> float:
    """Detections in a polygon, those of a cell on its edge by area."""
    metres = finest(space)
    half = metres / 2
    cells = truth(space, start_s, end_s, metres)
    x, y = np.array(list(cells)).T
    squares = shapely.box(x - half, y - half, x + half, y + half)
    parts = shapely.area(shapely.intersection(squares, shapely.Polygon(polygon))) / metres**2
    return float((parts * np.array(list(cells.values()))).sum())


def hot_zones(frames: list[Json], words: Words, start_s: int, end_s: int, now_s: int) -> None:
    [frame] = frames
    hours = (end_s - start_s) / HOUR_S
    found = rows(frame)
    for space in floors(words):
        own = [row for row in found if row["space"] == space]
        whole = len(PEOPLE.detections(space, start_s, end_s)[0])
        assert sum(row["detections"] or 0 for row in own) == pytest.approx(whole)
        checked = 0
        for row, polygon in _with_polygon(own, space):
            expected = inside(space, polygon, start_s, end_s)
            assert row["detections"] == pytest.approx(expected)
            assert row["share"] == pytest.approx(expected / whole)
            assert row["per_m2_hour"] == pytest.approx(expected / hours / row["area_m2"])
            checked += 1
        assert checked >= 5 or words.get("level") == "floor"
    known = [row["per_m2_hour"] for row in found if row["per_m2_hour"] is not None]
    assert known == sorted(known, reverse=True)


def _with_polygon(found: list[Row], space: str) -> Iterator[tuple[Row, Any]]:
    rooms = {room.id: room for room in PEOPLE.office.by_id[space].rooms}
    for row in found:
        room = rooms.get(row["zone_id"])
        if room is not None and room.polygon and room.name not in OVERLAPPING and row["has_data"]:
            yield row, room.polygon


def compare(frames: list[Json], words: Words, start_s: int, end_s: int, now_s: int) -> None:
    """Against the period before; relative to the fullest cell of either, changes to the largest."""
    assert (words["baseline"], words["normalize"]) == ("previous", "max")
    [frame] = frames
    length_s = end_s - start_s
    metres = finest(words["space"])
    now = truth(words["space"], start_s, end_s, metres)
    then = truth(words["space"], start_s - length_s, start_s, metres)
    fullest = max(*now.values(), *then.values())
    largest = max(abs(now.get(cell, 0) - then.get(cell, 0)) for cell in now | then)
    for row in rows(frame):
        cell = (round(row["x"], 3), round(row["y"], 3))
        if cell in now or cell in then:
            a, b = now.get(cell, 0), then.get(cell, 0)
            expected = (a / fullest, b / fullest, (a - b) / largest)
            assert (row["current"], row["baseline"], row["change"]) == pytest.approx(expected)
        else:
            assert row["current"] is row["baseline"] is row["change"] is None


def compare_zones(frames: list[Json], words: Words, start_s: int, end_s: int, now_s: int) -> None:
    space, length_s = words["space"], end_s - start_s
    hours = length_s / HOUR_S
    found = rows(frames[0])
    if words["level"] == "floor":
        [row] = found
        spans = ((start_s, end_s), (start_s - length_s, start_s))
        a, b = (len(PEOPLE.detections(space, *span)[0]) / hours for span in spans)
        assert (row["current"], row["baseline"], row["change"]) == pytest.approx((a, b, a - b))
        assert row["change_pct"] == pytest.approx(100 * (a - b) / b)
        return
    checked = 0
    for row, polygon in _with_polygon(found, space):
        a, b = (inside(space, polygon, t, t + length_s) / hours for t in (start_s, start_s - length_s))
        assert (row["current"], row["baseline"], row["change"]) == pytest.approx((a, b, a - b))
        checked += 1
    assert checked >= 10


# --- people -----------------------------------------------------------------------------------------------


def occupancy_now(frames: list[Json], words: Words, start_s: int, end_s: int, now_s: int) -> None:
    """What the sensors saw in the last full minute; who came through a door in it may count already."""
    minute = now_s // 60 * 60
    found = rows(frames[0])
    by_room = words.get("level") != "floor"
    checked = 0
    for row in found:
        space, room = row["space"], row["room_id"] if by_room else None
        if room is not None and not sees(space, room, minute - 60, minute):
            continue
        there = int(minutes(space, room, minute - 60, minute)[0])
        assert there <= row["people"] <= there + 2
        if row["capacity"]:
            assert row["share"] == pytest.approx(row["people"] / row["capacity"])
        checked += 1
    assert checked == len(floors(words)) if not by_room else checked >= 10


def occupancy(frames: list[Json], words: Words, start_s: int, end_s: int, now_s: int) -> None:
    every = words.get("every", "1h")
    checked = 0
    for frame in frames:
        labels, values = frame["fields"][1]["labels"], columns(frame)
        space, room = labels["space"], labels.get("room_id")
        spans = windows(space, every, start_s, end_s if every == "1h" else now_s // 60 * 60)
        assert values["time"] == [a * 1000 for a, _ in spans]
        if room is not None and not sees(space, room, spans[0][0], spans[-1][1]):
            continue
        expected = [_statistic(words.get("statistic"), minutes(space, room, a, b)) for a, b in spans]
        assert values["value"] == pytest.approx(expected)
        checked += 1
    assert checked >= len(floors(words))


def _statistic(name: str | None, people: np.ndarray[Any, Any]) -> float:
    if name is None:
        return float(people.mean())
    assert name == "p95"  # of hourly means
    hours = [people[k : k + 60].mean() for k in range(0, people.size, 60)]
    return float(np.percentile(hours, 95))


def traffic(frames: list[Json], words: Words, start_s: int, end_s: int, now_s: int) -> None:
    assert words["level"] == "floor"
    every = words.get("every", "1h")
    for frame in frames:
        space, values = frame["fields"][1]["labels"]["space"], columns(frame)
        spans = windows(space, every, start_s, end_s if every == "1h" else now_s // 60 * 60)
        assert values["time"] == [a * 1000 for a, _ in spans]
        for field, step in (("in", 1), ("out", -1)):
            if field in values:
                assert values[field] == [_through_entrance(space, step, a, b) for a, b in spans]


def _through_entrance(space: str, step: int, start_s: int, end_s: int) -> int:
    _, room, direction = PEOPLE.crossings(space, start_s, end_s)
    return int(((room == -1) & (direction == step)).sum())


def presence(frames: list[Json], words: Words, start_s: int, end_s: int, now_s: int) -> None:
    every = words.get("every", "1h")
    checked = 0
    for frame in frames:
        labels, values = frame["fields"][1]["labels"], columns(frame)
        space, room = labels["space"], labels["room_id"]
        spans = windows(space, every, start_s, end_s if every == "1h" else now_s // 60 * 60)
        if sees(space, room, spans[0][0], spans[-1][1]):
            expected = [occupied_s(space, room, a, b) for a, b in spans]
            assert values["value"] == pytest.approx(expected)
            checked += 1
    assert checked >= 10


def occupied_s(space: str, room_id: str, start_s: int, end_s: int) -> float:
    return float(PEOPLE.count(space, "occupied_s", start_s, end_s)[1 + room_index(space, room_id)].sum())


def utilization(frames: list[Json], words: Words, start_s: int, end_s: int, now_s: int) -> None:
    checked = 0
    for row in rows(frames[0]):
        space, room = row["space"], row["room_id"]
        if not sees(space, room, start_s, end_s):
            continue
        people = minutes(space, room, start_s, end_s)
        hourly = people.reshape(-1, 60).mean(axis=1)
        in_use_s = occupied_s(space, room, start_s, end_s)
        assert row["mean"] == pytest.approx(people.mean())
        assert row["peak"] == people.max()
        assert row["p95"] == pytest.approx(np.percentile(hourly, 95))
        assert row["in_use_share"] == pytest.approx(in_use_s / (end_s - start_s))
        assert row["underused"] == int(in_use_s / (end_s - start_s) < float(words["underused"]))
        assert row["mean_when_used"] == (pytest.approx(people[people > 0].mean()) if people.any() else None)
        if row["capacity"]:
            assert row["utilization"] == pytest.approx(people.mean() / row["capacity"])
        if row["entries"]:
            assert row["dwell_s"] == pytest.approx(in_use_s / row["entries"])
        checked += 1
    assert checked >= 10


def pattern(frames: list[Json], words: Words, start_s: int, end_s: int, now_s: int) -> None:
    space = words["space"]
    zone = ZoneInfo(PEOPLE.office.by_id[space].timezone)
    # Everybody is detected once a minute.
    scale = 60 if words["metric"] == "heatmap" else 1
    values: dict[tuple[int, int], list[float]] = {}
    for t in range(start_s, end_s, HOUR_S):
        local = datetime.fromtimestamp(t, zone)
        people = minutes(space, None, t, t + HOUR_S)
        values.setdefault((local.weekday() + 1, local.hour), []).append(scale * people.mean())
    found = {(row["weekday_number"], row["hour"]): row["value"] for row in rows(frames[0])}
    assert len(found) == 168
    assert found == {key: pytest.approx(np.mean(values[key])) if key in values else None for key in found}


Check = Callable[[list[Json], Words, int, int, int], None]

CHECKS: Mapping[str, Check] = {
    "heatmap": heatmap,
    "heatmap-summary": heatmap_summary,
    "hot-zones": hot_zones,
    "compare": compare,
    "compare-zones": compare_zones,
    "occupancy-now": occupancy_now,
    "occupancy": occupancy,
    "traffic": traffic,
    "presence": presence,
    "utilization": utilization,
    "pattern": pattern,
}
