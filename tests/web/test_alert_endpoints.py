"""What alert rules watch, through the doors, against the simulator's people."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from tests.faults.trial import Trial
from tests.support import (
    DETECTIONS,
    NEW_YORK,
    PARIS,
    PARIS_2,
    PEOPLE,
    REPORTING,
    World,
    at,
    through,
    with_doors,
)

MINUTE, HOUR, DAY, WEEK = 60, 3600, 86_400, 7 * 86_400
FLOORS = [PARIS, PARIS_2, NEW_YORK]
LEAST = 4
"""As documented: what is usually less than four people counts as four."""

KITCHEN = "room_paris_1_kitchen"


def get(world: World, target: str, **params: str) -> list[dict[str, Any]]:
    response = world.http.get(f"/api/v1/{target}", query_string={"space": "all", "format": "rows", **params})
    assert response.status_code == 200, response.get_data(as_text=True)
    found: list[dict[str, Any]] = response.get_json()
    return found


@cache
def people(space: str, room_id: str, start_s: int, end_s: int) -> np.ndarray[Any, Any]:
    """Seen people a minute; NaN while the room's sensor is offline."""
    floor = PEOPLE.office.by_id[space]
    index = [room.id for room in floor.rooms].index(room_id)
    seen = PEOPLE.occupancy(space, index, start_s, end_s).astype(float)
    for since_s, until_s in PEOPLE.offline(room_id, start_s, end_s):
        seen[(since_s - start_s) // MINUTE : (until_s - start_s) // MINUTE] = np.nan
    return seen


def usual(space: str, room_id: str, start_s: int, end_s: int) -> tuple[float | None, int]:
    """Minute by minute: the mean of the hour that it lies in, over the last whole weeks; and how many of the
    weeks are known.
    """
    zone = ZoneInfo(PEOPLE.office.by_id[space].timezone)
    levels, weeks = [], []
    for minute_s in range(start_s, end_s, MINUTE):
        hour_s = minute_s // HOUR * HOUR  # these zones are whole hours from UTC
        means = [people(space, room_id, hour_s - k * WEEK, hour_s - k * WEEK + HOUR) for k in (1, 2, 3, 4)]
        known = [float(np.nanmean(m)) for m in means if not np.isnan(m).all()]
        assert datetime.fromtimestamp(hour_s - WEEK, zone).hour == datetime.fromtimestamp(hour_s, zone).hour
        weeks.append(len(known))
        levels += [sum(known) / len(known)] if known else []
    return (sum(levels) / len(levels) if levels else None), min(weeks)


def counted(space: str) -> set[str]:
    """Rooms with a sensor that counts people."""
    sensors = PEOPLE.office.sensors
    return {s.room_id for s in sensors if s.floor_id == space and s.mode == "presence" and s.room_id}


@pytest.mark.parametrize("window", ["10m", "25m", "3h"])
def test_rooms_against_their_usual_level(world: World, window: str) -> None:
    """At 12:34:56, a Wednesday; the newest minute that Butlr knows ends at 12:33. A window of hours begins
    with a full one.
    """
    end = at("2026-06-17T12:33")
    start = {"10m": end - 600, "25m": end - 1500, "3h": at("2026-06-17T09:00")}[window]
    rows = get(world, "unusual", window=window)
    checked = 0
    for row in rows:
        space, room = row["space"], row["room_id"]
        if room not in counted(space):
            assert (row["people"], row["has_data"], row["absent"]) == (None, 0, 0)
            continue
        seen = people(space, room, start, end)
        level, weeks = usual(space, room, start, end)
        if np.isnan(seen).all():
            assert (row["people"], row["ratio"], row["excess"], row["has_data"]) == (None, None, None, 0)
            assert row["reason"] == "its sensors are offline"
        else:
            mean = float(np.nanmean(seen))
            assert row["people"] == pytest.approx(mean)
            assert row["ratio"] == pytest.approx(mean / max(level or 0, LEAST))
            checked += 1
        assert row["weeks"] == weeks
        assert row["usual"] == (None if level is None else pytest.approx(level))
        nobody = np.isnan(seen).all() or not np.nansum(seen)
        assert row["absent"] == (pytest.approx(level or 0) if nobody else 0)
    assert len(rows) == sum(len(PEOPLE.office.by_id[space].rooms) for space in FLOORS)
    assert checked > 30


def test_a_crowd_is_unusual_and_an_empty_day_is_absence(world: World) -> None:
    end = at("2026-06-17T12:33")
    before = {row["room_id"]: row for row in get(world, "unusual", space=PARIS)}
    world.simulator.crowd(PARIS, KITCHEN, 40, end, end + 3 * HOUR)
    try:
        world.now_s += 10 * MINUTE
        row = {r["room_id"]: r for r in get(world, "unusual", space=PARIS)}[KITCHEN]
        level, _ = usual(PARIS, KITCHEN, end, end + 600)
        own = float(people(PARIS, KITCHEN, end, end + 600).mean())
    finally:
        world.simulator.clear_crowds()
    assert own >= 40
    assert row["people"] == pytest.approx(own)
    assert row["excess"] == pytest.approx(own - (level or 0))
    assert before[KITCHEN]["people"] < 30


def test_weeks_that_are_not_over_for_a_day_do_not_count(make_world: Callable[..., World]) -> None:
    """Early on a Monday the usual level is that of four weeks that end a week ago."""
    world = make_world(now="2026-06-15T09:34:56")
    get(world, "unusual", space=PARIS)
    requested = [c.body for c in world.simulator.calls if c.path == REPORTING]
    history = [b["filter"] for b in requested if b["window"]["every"] == "1h"]
    # Paris' Mondays begin at 22:00 UTC in summer.
    assert min(h["start"] for h in history) == "2026-05-10T22:00:00Z"
    assert max(h["stop"] for h in history) == "2026-06-07T22:00:00Z"


def test_bad_windows_are_named(world: World) -> None:
    for window in ("0m", "25h", "10", "1d", "-5m"):
        response = world.http.get("/api/v1/unusual", query_string={"space": PARIS, "window": window})
        assert response.status_code == 400
        assert response.get_json()["message"].startswith("window: ")


@pytest.mark.parametrize("level", ["floor", "room"])
def test_in_and_out_since_the_floors_own_midnight(world: World, level: str) -> None:
    end = at("2026-06-17T12:34")
    rows = get(world, "balance", level=level)
    doors = set().union(*map(with_doors, FLOORS))
    checked = 0
    for row in rows:
        space, floor = row["space"], PEOPLE.office.by_id[row["space"]]
        local = datetime.fromtimestamp(end, floor.zone_info)
        midnight = int(local.replace(hour=0, minute=0, second=0).timestamp())
        if level == "room" and row["room_id"] not in doors:
            assert (row["in"], row["out"], row["inside"], row["beyond"]) == (None, None, None, 0)
            continue
        place = space if level == "floor" else row["room_id"]
        came, went = (len(t_s) for t_s in through(space, place, midnight, end))
        assert (row["in"], row["out"], row["inside"]) == (came, went, came - went)
        most = row["capacity"]
        assert row["beyond"] == max(0, went - came, came - went - most if most else 0)
        checked += 1
    assert checked == (3 if level == "floor" else len(doors))


def test_just_after_midnight_the_day_that_ended_is_not_requested_again(
    make_world: Callable[..., World],
) -> None:
    for now, start in (
        ("2026-06-16T22:00:10", "2026-06-15T22:00:00Z"),
        ("2026-06-16T22:01:10", "2026-06-16T22:00:00Z"),
    ):
        world = make_world(now=now)
        [row] = get(world, "balance", space=PARIS)
        assert row["inside"] is not None
        requested = [c.body["filter"]["start"] for c in world.simulator.calls if c.path == REPORTING]
        assert min(requested) == start


@pytest.mark.parametrize(("metric", "path"), [("occupancy", REPORTING), ("heatmap", DETECTIONS)])
def test_data_are_fresh_and_say_when_they_are_not(world: World, metric: str, path: str) -> None:
    fresh = get(world, "freshness", metric=metric)
    assert [row["space"] for row in fresh] == FLOORS
    # Butlr's newest minute of people is one behind.
    newest, age_s = ("2026-06-17T12:33:00Z", 116) if metric == "occupancy" else ("2026-06-17T12:34:00Z", 56)
    assert {(row["as_of"], row["age_s"], row["complete"]) for row in fresh} == {(newest, age_s, 1)}
    assert {row["as_of_ms"] for row in fresh} == {at(newest) * 1000}
    world.simulator.faults.set(status=503, paths=(path,))
    world.now_s += 20 * MINUTE
    late = get(world, "freshness", metric=metric)
    assert {(row["as_of"], row["age_s"], row["complete"]) for row in late} == {(newest, age_s + 1200, 0)}
    assert all("503" in row["reason"] for row in late)


def test_the_rules_about_heat_share_a_call_a_floor(world: World) -> None:
    """They are evaluated in the same minute; a map is one call a floor."""
    now_s = int(world.now_s)
    window = {"from": str((now_s - 600) * 1000), "to": str(now_s * 1000), "for": "rule"}
    assert world.spent(lambda: get(world, "hot-zones", **window, require="complete")) == len(FLOORS)
    assert world.spent(lambda: get(world, "freshness", metric="heatmap", **{"for": "rule"})) == 0


def test_butlr_that_answers_and_knows_nothing_new_is_late(world: World) -> None:
    world.simulator.faults.set(lag_s=1800)
    assert {row["age_s"] for row in get(world, "freshness")} == {1916}
    world.simulator.faults.set(lag_s=3 * 3600)
    world.now_s += MINUTE
    rows = get(world, "freshness")
    # Nothing at all in what is looked at, which begins at 11:00: as old as that at least.
    assert {(row["as_of"], row["reason"]) for row in rows} == {
        ("2026-06-17T11:00:00Z", "Butlr has no value for this time")
    }


def test_a_floor_that_fails_has_a_row_too(world: World) -> None:
    world.http.get("/readyz")
    world.simulator.faults.set(status=400, count=1, paths=(DETECTIONS,))
    rows = get(world, "freshness", metric="heatmap")
    assert [row["space"] for row in rows] == FLOORS
    assert sorted(row["complete"] for row in rows) == [0, 1, 1]


def test_status_is_a_row_whatever_happens(make_world: Callable[..., World]) -> None:
    world = make_world()
    [row] = get(world, "status")
    assert (row["source"], row["reachable"], row["reason"]) == ("butlr", 1, "")


def test_status_tells_how_long_butlr_has_not_answered(tmp_path: Path) -> None:
    trial = Trial(cache_dir=str(tmp_path))
    try:
        assert trial.query_panel().complete
        trial.simulator.stop()
        trial.passes(3600)
        slept = len(trial.time.slept)
        [row] = get(trial, "status")
        # The question that is due meets nobody, and its pauses are on the same clock.
        assert 3600 <= row["age_s"] <= math.ceil(3600 + sum(trial.time.slept[slept:]))
        assert row["as_of_ms"] == (int(trial.now_s) - row["age_s"]) * 1000
        trial.simulator.start()
        trial.passes(60)
        assert trial.query_panel().complete
        [row] = get(trial, "status")
        assert (row["age_s"], row["reachable"]) == (0, 1)
    finally:
        trial.close()


def test_status_without_butlr_is_a_row_too(make_world: Callable[..., World]) -> None:
    world = make_world(butlr_api_url="http://127.0.0.1:9", butlr_timeout_s=1.0)
    assert world.http.get("/api/v1/spaces").status_code >= 500
    [row] = get(world, "status")
    assert row["reachable"] == 0
    assert "cannot be reached" in row["reason"]
