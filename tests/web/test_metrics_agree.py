"""Occupancy, presence, traffic, heat map and utilization of the same rooms and hours tell the same story,
that of the simulator's people.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pytest
import shapely

from butlr_grafana.simulator import world as simulated
from butlr_grafana.simulator.forms import Forms
from tests.support import DETECTIONS_A_MINUTE, ENTRANCE_ROOMS, NEW_YORK, PARIS, PARIS_2, PEOPLE, World, at

HOUR, DAY = 3600, 86_400
CASES = [
    # Two working days and a Saturday each, from local midnight; on that Saturday a sensor fails in Paris.
    (PARIS, at("2026-06-10T22:00"), 3),
    (PARIS_2, at("2026-06-10T22:00"), 3),
    (NEW_YORK, at("2026-06-11T04:00"), 3),
    # Paris' longest day: clocks go back on Sunday, 25 October 2026.
    (PARIS, at("2026-10-23T22:00"), 2),
]
Floats = np.ndarray[Any, np.dtype[np.float64]]
Instants = np.ndarray[Any, np.dtype[np.int64]]


@dataclass
class HourlyData:
    """What the backend tells of a floor's rooms, hour by hour: arrays by room id."""

    floor: simulated.Floor
    start_s: int
    end_s: int
    mean: dict[str, Floats]
    most: dict[str, Floats]
    presence: dict[str, Floats]
    entered: dict[str, Floats]
    left: dict[str, Floats]
    use: dict[str, dict[str, Any]]
    heat: dict[str, dict[str, Any]]

    @property
    def seen(self) -> list[str]:
        """The rooms whose sensors never failed."""
        return [r for r in self.mean if not PEOPLE.offline(r, self.start_s, self.end_s)]

    @property
    def hours(self) -> Instants:
        """When each hour begins."""
        return np.arange(self.start_s, self.end_s, HOUR)

    def index(self, room_id: str) -> int:
        return [room.id for room in self.floor.rooms].index(room_id)

    def minutes(self, room_id: str | None) -> Floats:
        """The people, minute by minute."""
        index = None if room_id is None else self.index(room_id)
        return np.asarray(PEOPLE.occupancy(self.floor.id, index, self.start_s, self.end_s), float)


def get(world: World, target: str, space: str, start: int, end: int, **params: str) -> Any:
    query = {"space": space, "from": str(start * 1000), "to": str(end * 1000), **params}
    response = world.http.get(f"/api/v1/{target}", query_string=query)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_json()


def by_room(frames: list[dict[str, Any]], field: str = "value") -> dict[str, Floats]:
    return {
        frame["fields"][1]["labels"]["room_id"]: np.array(f["values"], float)
        for frame in frames
        for f in frame["fields"]
        if f["name"] == field
    }


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World("2026-11-10T12:00:00")
    yield world
    world.close()


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-{case[2]}")
def hourly(request: pytest.FixtureRequest, world: World) -> HourlyData:
    space, start, days = request.param
    # The last day of the case is an hour longer where the clocks go back on it.
    longer = HOUR if at("2026-10-25T00:00") < start + days * DAY and start > at("2026-10-01") else 0
    end = start + days * DAY + longer

    def send_query(target: str, **words: str) -> Any:
        return get(world, target, space, start, end, **words)

    traffic = send_query("traffic", every="1h")
    return HourlyData(
        floor=PEOPLE.office.by_id[space],
        start_s=start,
        end_s=end,
        mean=by_room(send_query("occupancy", every="1h")),
        most=by_room(send_query("occupancy", every="1h", statistic="max")),
        presence=by_room(send_query("presence", every="1h")),
        entered=by_room(traffic, "in"),
        left=by_room(traffic, "out"),
        use={r["room_id"]: r for r in send_query("utilization", format="rows")},
        heat={r["zone_id"]: r for r in send_query("hot-zones", format="rows", resolution="0.25")},
    )


def test_there_is_a_story_to_tell(hourly: HourlyData) -> None:
    assert len(hourly.mean) >= 8
    assert set(hourly.mean) == set(hourly.most) == set(hourly.presence)
    assert sum(hourly.mean[room_id].sum() for room_id in hourly.seen) > 10
    assert any(hourly.mean[room_id].sum() == 0 for room_id in hourly.seen) or hourly.floor.id != PARIS


def test_nobody_is_nobody_by_every_measure(hourly: HourlyData) -> None:
    """Over the whole period, room by room: the Library's zeros are zeros everywhere."""
    for room_id in hourly.seen:
        used = bool(hourly.minutes(room_id).any())
        assert (hourly.most[room_id].max() > 0) == used, room_id
        assert (hourly.presence[room_id].sum() > 0) == used, room_id
        assert (hourly.use[room_id]["in_use_s"] > 0) == used, room_id
        assert (hourly.use[room_id]["peak"] > 0) == used, room_id
        assert hourly.use[room_id]["underused"] >= (not used), room_id
        heat = hourly.heat[room_id]
        if heat["has_data"] and not _overlaps(hourly.floor, room_id):
            assert (heat["detections"] > 0) == used, room_id


def test_hour_by_hour_who_is_seen_was_there(hourly: HourlyData) -> None:
    """Who is there for less than a minute may be missed at the one second at which one is counted."""
    for room_id in hourly.seen:
        most, present_s = hourly.most[room_id], hourly.presence[room_id]
        assert (present_s[most > 0] > 0).all(), room_id
        assert (most[present_s == 0] == 0).all(), room_id
        # Who is counted in an hour is there for a second at least, and at most all of it.
        assert (hourly.mean[room_id] <= most).all()
        assert (present_s <= HOUR).all()
        # One person alone is counted in every minute that is wholly theirs.
        assert (hourly.mean[room_id] * HOUR <= most * present_s + 60 * most + 60).all(), room_id


def test_presence_and_occupancy_are_those_of_the_people(hourly: HourlyData) -> None:
    seconds = PEOPLE.count(hourly.floor.id, "occupied_s", hourly.start_s, hourly.end_s)
    for room_id in hourly.seen:
        hours = hourly.minutes(room_id).reshape(-1, 60)
        assert hourly.mean[room_id] == pytest.approx(hours.mean(axis=1))
        assert hourly.most[room_id] == pytest.approx(hours.max(axis=1))
        own = seconds[1 + hourly.index(room_id)].reshape(-1, 60).sum(axis=1)
        assert hourly.presence[room_id] == pytest.approx(own)


def test_a_failing_sensor_is_a_gap_in_every_measure_at_the_same_hours(hourly: HourlyData) -> None:
    for room_id in hourly.mean.keys() - set(hourly.seen):
        [(since, until)] = PEOPLE.offline(room_id, hourly.start_s, hourly.end_s)
        offline = (hourly.hours >= since) & (hourly.hours < until)
        assert 0 < offline.sum() < offline.size
        for series in (hourly.mean, hourly.most, hourly.presence):
            assert (np.isnan(series[room_id]) == offline).all()
        # The doors go on counting, and what is not known is no time without people.
        assert not np.isnan(hourly.entered[room_id]).any()
        use = hourly.use[room_id]
        assert use["in_use_share"] == pytest.approx(use["in_use_s"] / (HOUR * (~offline).sum()))


def test_utilization_is_the_series_in_one_row(hourly: HourlyData) -> None:
    for room_id, row in hourly.use.items():
        if room_id not in hourly.mean:
            assert (row["has_data"], row["underused"]) == (0, 0)
            continue
        known = ~np.isnan(hourly.mean[room_id])
        means = hourly.mean[room_id][known]
        assert row["mean"] == pytest.approx(means.mean())
        assert row["median"] == pytest.approx(np.median(means))
        assert row["p95"] == pytest.approx(np.percentile(means, 95))
        assert row["peak"] == hourly.most[room_id][known].max()
        assert row["in_use_s"] == hourly.presence[room_id][known].sum()
        assert row["in_use_share"] == pytest.approx(row["in_use_s"] / (HOUR * known.sum()))
        assert row["underused"] == int(row["in_use_share"] < 0.1)
        if room_id in hourly.entered:
            assert row["entries"] == hourly.entered[room_id].sum()
            if row["entries"]:
                assert row["dwell_s"] == pytest.approx(row["in_use_s"] / row["entries"])


def net(hourly: HourlyData, room_id: str) -> Floats:
    """Who came less who went, from each local midnight to the end of each hour."""
    flow = hourly.entered[room_id] - hourly.left[room_id]
    days = np.array([datetime.fromtimestamp(t, hourly.floor.zone_info).day for t in hourly.hours.tolist()])
    return np.concatenate([np.cumsum(flow[days == day]) for day in dict.fromkeys(days.tolist())])


def inside(hourly: HourlyData, room_id: str, t: int, *, after: bool = False) -> int:
    """The people in a room just before an instant, or just after it: stays are cut at midnight."""
    stays = PEOPLE.stays(hourly.floor.id, t - 2, t + 2)
    own = stays.take(stays.room == hourly.index(room_id))
    there = (own.start_s <= t) & (own.stop_s > t) if after else (own.start_s < t) & (own.stop_s >= t)
    return int(there.sum())


def test_who_came_less_who_went_is_who_is_there(hourly: HourlyData) -> None:
    """By the end of each hour, but for those who were in at midnight: they came by no door that day."""
    # Through the entrance people come onto the floor, not into the room that its sensor names.
    assert hourly.entered
    for room_id in hourly.entered.keys() - {ENTRANCE_ROOMS[hourly.floor.id]}:
        at_midnight = 0
        for t, found in zip(hourly.hours.tolist(), net(hourly, room_id).tolist(), strict=True):
            if datetime.fromtimestamp(t, hourly.floor.zone_info).hour == 0:
                at_midnight = inside(hourly, room_id, t, after=True)
            assert found == inside(hourly, room_id, t + HOUR) - at_midnight, (room_id, t)
    assert sum(entered.sum() for entered in hourly.entered.values()) > 10


def test_the_doors_and_the_sensors_tell_the_same_of_now(world: World, hourly: HourlyData) -> None:
    """In the middle of the first day, by what came through the doors since midnight."""
    world_now, world.now_s = world.now_s, float(hourly.start_s + 11 * HOUR + 30)
    world.simulator.forms = Forms(drift=False)
    try:
        response = world.http.get(
            "/api/v1/occupancy-now", query_string={"space": hourly.floor.id, "format": "rows"}
        )
    finally:
        world.now_s = world_now
        world.simulator.forms = Forms()
    now = {r["room_id"]: r["people"] for r in response.get_json()}
    # Butlr's newest minute is one behind.
    until_s = hourly.start_s + 11 * HOUR - 60
    _, room, direction = PEOPLE.crossings(hourly.floor.id, hourly.start_s, until_s)
    for room_id in hourly.entered.keys() - {ENTRANCE_ROOMS[hourly.floor.id]}:
        came = np.cumsum(direction[room == hourly.index(room_id)])
        # Who was in at midnight leaves by a door that they did not come by: never fewer than none.
        inside_now = came[-1] - min(0, came.min()) if came.size else 0
        assert now[room_id] == max(inside_now, hourly.minutes(room_id)[11 * 60 - 2]), room_id


def test_a_rooms_detections_are_its_people_minute_by_minute(hourly: HourlyData) -> None:
    """Detections are people-minutes, times how often a person is detected. On Paris' first floor walls lie on
    the cells' edges, so that it is exact; elsewhere cells across a wall are shared with the neighbour.
    """
    checked = 0
    for room_id, row in hourly.heat.items():
        if room_id not in hourly.seen or not row["has_data"] or _overlaps(hourly.floor, room_id):
            continue
        near = 1e-9 if hourly.floor.id == PARIS else 0.1
        assert row["detections"] == pytest.approx(
            DETECTIONS_A_MINUTE * hourly.minutes(room_id).sum(), rel=near
        ), room_id
        an_hour = DETECTIONS_A_MINUTE * hourly.mean[room_id].mean() * 60
        assert row["per_hour"] == pytest.approx(an_hour, rel=near), room_id
        checked += 1
    assert checked >= 6


def test_the_floor_is_the_same_in_occupancy_and_in_the_heat_map(world: World, hourly: HourlyData) -> None:
    span = hourly.floor.id, hourly.start_s, hourly.end_s
    [frame] = get(world, "occupancy", *span, level="floor", every="1h")
    [summary] = get(world, "heatmap-summary", *span, format="rows")
    [floor] = get(world, "hot-zones", *span, level="floor", format="rows")
    # Whoever is in a room whose sensor fails is seen by none of them.
    total = PEOPLE.count(hourly.floor.id, "people", hourly.start_s, hourly.end_s)[0].sum()
    assert sum(frame["fields"][1]["values"]) * 60 == pytest.approx(total)
    assert summary["total_detections"] == floor["detections"] == DETECTIONS_A_MINUTE * total
    detections = pytest.approx(DETECTIONS_A_MINUTE * total)
    assert sum(row["detections"] or 0 for row in hourly.heat.values()) == detections
    pattern = get(world, "pattern", *span, metric="heatmap", format="rows")
    assert sum((r["value"] or 0) * r["hours"] for r in pattern) == detections


def _overlaps(floor: simulated.Floor, room_id: str) -> bool:
    """Whether a room shares its area, or was never drawn."""
    shapes = {r.id: shapely.Polygon(r.footprint) for r in floor.rooms}
    [own] = [r for r in floor.rooms if r.id == room_id]
    others = [shape for other, shape in shapes.items() if other != room_id]
    return not own.mapped or any(shapes[room_id].intersection(other).area > 0.01 for other in others)
