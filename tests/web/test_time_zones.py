"""Floors whose clock is no whole hours off UTC, or changes by half an hour: local hours and days, exactly.

What is expected is counted from the simulator's people, between edges that are read off the clock on the
wall, minute by minute.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from butlr_grafana.simulator import People, default_office
from butlr_grafana.simulator.world import Office
from tests.support import DETECTIONS, DETECTIONS_A_MINUTE, NEW_YORK, PARIS, REPORTING, World, at

MINUTE, HOUR, DAY = 60, 3600, 86_400
NOW = "2026-11-28T12:00:00"


@dataclass(frozen=True)
class Week:
    """A local week, Monday to Monday, as instants of UTC, and how many hours it has."""

    zone: str
    start: str
    end: str
    hours: float

    def __str__(self) -> str:
        return f"{self.zone}-{self.start[:10]}"

    @property
    def span(self) -> tuple[int, int]:
        return at(self.start), at(self.end)

    def edges(self, *, days: bool) -> list[int]:
        """Where local hours, or days, begin in the week, and its end."""
        start_s, end_s = self.span
        clock = [
            datetime.fromtimestamp(t, ZoneInfo(self.zone)) for t in range(start_s - MINUTE, end_s, MINUTE)
        ]
        found = []
        for before, now in pairwise(clock):
            jumped = (now.utcoffset() or timedelta()) != (before.utcoffset() or timedelta())
            if now.date() != before.date() if days else (now.minute == 0 or jumped):
                found.append(int(now.timestamp()))
        return [*found, end_s]


KOLKATA = Week("Asia/Kolkata", "2026-11-15T18:30:00Z", "2026-11-22T18:30:00Z", 168)
WEEKS = [
    KOLKATA,
    Week("Asia/Kathmandu", "2026-11-15T18:15:00Z", "2026-11-22T18:15:00Z", 168),
    Week("America/St_Johns", "2026-11-16T03:30:00Z", "2026-11-23T03:30:00Z", 168),
    # The clocks go forward by half an hour on the Sunday, and back on the other.
    Week("Australia/Lord_Howe", "2026-09-27T13:30:00Z", "2026-10-04T13:00:00Z", 167.5),
    Week("Australia/Lord_Howe", "2026-03-29T13:00:00Z", "2026-04-05T13:30:00Z", 168.5),
]


def office_in(zone: str) -> Office:
    """The demo's, with its New York floor on another clock."""

    def moved(old: Any) -> Any:
        return replace(old, timezone=zone, timezone_in_butlr=zone) if old.id == NEW_YORK else old

    office = default_office()
    sites = [
        replace(
            site,
            buildings=tuple(replace(one, floors=tuple(map(moved, one.floors))) for one in site.buildings),
        )
        for site in office.sites
    ]
    return Office(tuple(sites))


class Place:
    """A world with its floor in a week's zone."""

    def __init__(self, week: Week) -> None:
        self.week = week
        self.people = People(office_in(week.zone), seed=1)
        self.world = World(NOW, people=self.people)
        self.rooms = [room.id for room in self.people.office.by_id[NEW_YORK].rooms]

    def rows(self, target: str, **params: str) -> list[dict[str, Any]]:
        """The rows of a target for the week, as it is asked for in UTC."""
        requested = {
            "space": NEW_YORK,
            "from": self.week.start,
            "to": self.week.end,
            "format": "rows",
            **params,
        }
        found = self.world.http.get(f"/api/v1/{target}", query_string=requested)
        assert found.status_code == 200, found.get_data(as_text=True)
        return found.get_json()  # type: ignore[no-any-return]

    def steps(self, space: str = NEW_YORK) -> dict[str, np.ndarray[Any, Any]]:
        """When people came in and went out by the floor's own entrance."""
        t_s, room, direction = self.people.crossings(space, *self.week.span)
        return {name: t_s[(room == -1) & (direction == way)] for name, way in (("in", 1), ("out", -1))}

    def occupied_s(self, room_id: str) -> np.ndarray[Any, Any]:
        """Seconds with somebody in a room, minute by minute of the week."""
        minutes: np.ndarray[Any, Any] = self.people.count(NEW_YORK, "occupied_s", *self.week.span)
        return minutes[1 + self.rooms.index(room_id)]


@pytest.fixture(scope="module", params=WEEKS, ids=str)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    place = Place(request.param)
    yield place
    place.world.close()


def iso(instant_s: int) -> str:
    return datetime.fromtimestamp(instant_s, ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("every", ["1d", "1h"])
def test_traffic_is_that_of_each_local_day_and_hour(place: Place, every: str) -> None:
    edges = place.week.edges(days=every == "1d")
    found = place.rows("traffic", level="floor", every=every)
    assert [row["time"] for row in found] == [iso(t) for t in edges[:-1]]
    for name, steps in place.steps().items():
        assert [row[name] for row in found] == np.histogram(steps, edges)[0].tolist()
    if every == "1d":
        assert len(found) == 7


def test_the_week_of_the_report(place: Place) -> None:
    if place.week is KOLKATA:
        assert sum(row["in"] for row in place.rows("traffic", level="floor", every="1d")) == 106
    [summary] = place.rows("heatmap-summary")
    assert summary["hours"] == place.week.hours
    assert (summary["from"], summary["to"]) == (place.week.start, place.week.end)
    detections = DETECTIONS_A_MINUTE * len(place.people.detections(NEW_YORK, *place.week.span)[0])
    assert summary["total_detections"] == detections
    assert summary["per_hour"] == pytest.approx(detections / place.week.hours)


def test_a_room_was_in_use_for_a_share_of_the_hours_that_there_were(place: Place) -> None:
    rooms = {row["room_id"]: row for row in place.rows("utilization") if row["in_use_s"] is not None}
    seen = [r for r in rooms if not place.people.offline(r, *place.week.span)]
    assert len(seen) >= 5
    for room_id in seen:
        used_s = place.occupied_s(room_id).sum()
        assert rooms[room_id]["in_use_s"] == pytest.approx(used_s)
        assert rooms[room_id]["in_use_share"] == pytest.approx(used_s / (place.week.hours * HOUR))


def test_a_pattern_has_each_hour_of_the_week_once(place: Place) -> None:
    edges = place.week.edges(days=False)
    by_hour: dict[tuple[int, int], list[float]] = {}
    detections = place.people.detections(NEW_YORK, *place.week.span)[0]
    for (start_s, end_s), count in zip(pairwise(edges), np.histogram(detections, edges)[0], strict=True):
        local = datetime.fromtimestamp(start_s, ZoneInfo(place.week.zone))
        by_hour.setdefault((local.isoweekday(), local.hour), []).append(
            DETECTIONS_A_MINUTE * count * HOUR / (end_s - start_s)
        )
    found = place.rows("pattern", metric="heatmap")
    assert {(row["weekday_number"], row["hour"]): row["hours"] for row in found if row["hours"]} == {
        hour: len(values) for hour, values in by_hour.items()
    }
    for row in found:
        values = by_hour.get((row["weekday_number"], row["hour"]))
        assert row["value"] == (pytest.approx(np.mean(values)) if values else None)
    # Of what is asked for in windows of an hour too.
    hours = {
        (row["weekday_number"], row["hour"]): row["hours"]
        for row in place.rows("pattern", metric="occupancy", level="floor")
    }
    assert {hour: n for hour, n in hours.items() if n} == {hour: len(v) for hour, v in by_hour.items()}


def test_business_hours_are_whole_hours_of_the_floors_clock(place: Place) -> None:
    """Of each hour from eight to six its own people, also on the day on which the clock has changed."""
    edges = place.week.edges(days=False)
    found = place.rows("occupancy", level="floor", every="1h", hours="08:00-18:00")
    minutes = place.people.count(NEW_YORK, "people", *place.week.span)[0]
    expected = {}
    for start_s, end_s in pairwise(edges):
        if 8 <= datetime.fromtimestamp(start_s, ZoneInfo(place.week.zone)).hour < 18:
            own = minutes[(start_s - edges[0]) // MINUTE : (end_s - edges[0]) // MINUTE]
            expected[iso(start_s)] = pytest.approx(own.mean())
    assert {row["time"]: row["value"] for row in found if row["value"] is not None} == expected
    assert len(expected) == 70


def test_a_film_of_the_week_has_its_local_days(place: Place) -> None:
    frames = place.world.http.get(
        "/api/v1/playback",
        query_string={
            "space": NEW_YORK,
            "from": place.week.start,
            "to": place.week.end,
            "every": "1d",
        },
    ).get_json()
    [frame] = frames
    assert frame["meta"]["custom"]["windows"] == 7
    # A day on which nobody was seen has no cell.
    days = place.week.edges(days=True)
    seen = np.histogram(place.people.detections(NEW_YORK, *place.week.span)[0], days)[0]
    expected = [t * 1000 for t, count in zip(days, seen, strict=False) if count]
    assert sorted(set(frame["fields"][0]["values"])) == expected


def test_tz_asks_another_floor_by_that_clock(place: Place) -> None:
    """Paris by the days of the week's zone."""
    edges = place.week.edges(days=True)
    found = place.rows("traffic", space=PARIS, level="floor", every="1d", tz=place.week.zone)
    assert [row["time"] for row in found] == [iso(t) for t in edges[:-1]]
    for name, steps in place.steps(PARIS).items():
        assert [row[name] for row in found] == np.histogram(steps, edges)[0].tolist()
    [summary] = place.rows("heatmap-summary", space=PARIS, tz=place.week.zone)
    assert summary["hours"] == place.week.hours


def test_every_call_is_of_whole_local_hours_of_at_most_7_days_in_the_floors_zone(place: Place) -> None:
    world = place.world
    world.restart()
    world.simulator.clear_calls()
    start_s, end_s = place.week.span
    for every in ("1h", "1d", "5m"):
        longer = {} if every == "5m" else {"from": iso(start_s - 21 * DAY), "to": iso(end_s + 2 * DAY)}
        place.rows("presence", every=every, **longer)
    requested: dict[str, list[tuple[int, int]]] = {}
    for call in world.simulator.calls:
        if call.path == REPORTING:
            limits = call.body["filter"]
            assert call.body["window"]["timezone"] == place.week.zone
            requested.setdefault(call.body["window"]["every"], []).append(
                (at(limits["start"]), at(limits["stop"]))
            )
    assert set(requested) == {"1m", "1h", "1d"}
    hours = set(place.week.edges(days=False))
    for every, pages in requested.items():
        spans = sorted(set(pages))
        assert all(end - start <= 7 * DAY for start, end in spans)
        assert [end for _, end in spans[:-1]] == [start for start, _ in spans[1:]]
        inside = {t for span in spans for t in span if start_s <= t <= end_s}
        assert inside <= (set(place.week.edges(days=True)) if every == "1d" else hours), every
    # Windows that are counted from a call's start are those of the clock too.
    for start, end in sorted(set(requested["1h"])):
        inside = {t for t in hours if start <= t < end}
        if start_s <= start and end <= end_s:
            assert inside == set(range(start, end, HOUR))


def test_what_one_period_requested_another_finds(place: Place) -> None:
    world = place.world
    world.restart()
    start_s, end_s = place.week.span

    def spent(start: int, end: int) -> int:
        world.simulator.clear_calls()
        period = {"from": iso(start), "to": iso(end)}
        place.rows("traffic", every="1h", **period)
        place.rows("heatmap-summary", **period)
        return sum(call.path in (REPORTING, DETECTIONS) for call in world.simulator.calls)

    spent(start_s - 14 * DAY, end_s + DAY)
    # Within it, from whole weeks on: only what heat maps' weeks of UTC leave at both edges.
    assert spent(start_s - 7 * DAY, end_s) <= 3
    assert spent(start_s - 7 * DAY, end_s) == 0


def test_a_sliding_month_is_a_call_a_minute(place: Place) -> None:
    """As on a floor whose hours are those of UTC."""
    world = place.world
    world.restart()
    now_s = world.now_s

    def refresh() -> None:
        end = int(world.now_s)
        place.rows("heatmap-summary", **{"from": str((end - 30 * DAY) * 1000), "to": str(end * 1000)})

    try:
        refresh()
        calls = 0
        for _ in range(60):
            world.now_s += MINUTE
            calls += world.spent(refresh)
    finally:
        world.now_s = now_s
    assert calls <= 60 + 3
