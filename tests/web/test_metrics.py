"""Occupancy, traffic and presence through the doors, against the simulator's people minute by minute."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from butlr_grafana.simulator.forms import Forms
from tests.support import (
    DETECTIONS_A_MINUTE,
    NEW_YORK,
    PARIS,
    PARIS_2,
    PEOPLE,
    World,
    at,
    through,
    with_doors,
)

HOUR, DAY = 3600, 86_400
REPORTING = "/api/v3/reporting"
TUESDAY = at("2026-06-09T00:00")
PROJECT_ROOM = "room_paris_1_project_room"


def get(world: World, target: str, start: int, end: int, **params: str) -> Any:
    query = {"from": str(start * 1000), "to": str(end * 1000), **params}
    response = world.http.get(f"/api/v1/{target}", query_string=query)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_json()


def series(frames: list[dict[str, Any]], key: str = "room_id") -> dict[str, dict[str, list[float | None]]]:
    """Each asset's fields by its id."""
    return {f["fields"][1]["labels"].get(key): {x["name"]: x["values"] for x in f["fields"]} for f in frames}


def people(space: str, room_id: str | None, start: int, end: int) -> np.ndarray[Any, Any]:
    """True people a minute in a room, or on the floor."""
    rooms = [r.id for r in PEOPLE.office.by_id[space].rooms]
    return PEOPLE.occupancy(space, None if room_id is None else rooms.index(room_id), start, end)


def hourly(minutes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return minutes.reshape(-1, 60)


def test_hourly_occupancy_is_the_mean_of_the_minutes(world: World) -> None:
    frames = get(world, "occupancy", TUESDAY, TUESDAY + 2 * DAY, space=PARIS)
    found = series(frames)
    assert len(found) >= 15
    for room_id, fields in found.items():
        assert fields["time"] == [(TUESDAY + k * HOUR) * 1000 for k in range(48)]
        expected = hourly(people(PARIS, room_id, TUESDAY, TUESDAY + 2 * DAY)).mean(axis=1)
        assert fields["value"] == pytest.approx(expected.tolist())
    custom = frames[0]["meta"]["custom"]
    assert (custom["every"], custom["base"], custom["complete"]) == ("1h", "1h mean", True)


@pytest.mark.parametrize(
    ("statistic", "of_minutes"), [("max", np.max), ("min", np.min), ("median", np.median)]
)
def test_other_statistics_are_of_the_minutes_too(world: World, statistic: str, of_minutes: Any) -> None:
    found = series(get(world, "occupancy", TUESDAY, TUESDAY + 2 * DAY, space=PARIS_2, statistic=statistic))
    for room_id, fields in found.items():
        expected = of_minutes(hourly(people(PARIS_2, room_id, TUESDAY, TUESDAY + 2 * DAY)), axis=1)
        assert fields["value"] == pytest.approx(expected.tolist())


def test_five_minutes_are_made_of_minutes(world: World) -> None:
    start = TUESDAY + 7 * HOUR
    [frame] = get(world, "occupancy", start, start + 10 * HOUR, space=PARIS, level="floor", every="5m")
    expected = people(PARIS, None, start, start + 10 * HOUR).reshape(-1, 5).mean(axis=1)
    assert frame["fields"][1]["values"] == pytest.approx(expected.tolist())
    assert frame["meta"]["custom"]["base"] == "1m median"


def test_percentiles_say_what_they_are_of(world: World) -> None:
    """Of minutes up to a day; of hourly means above."""
    day = get(
        world, "occupancy", TUESDAY, TUESDAY + DAY, space=PARIS, level="floor", every="1h", statistic="p95"
    )
    expected = np.percentile(hourly(people(PARIS, None, TUESDAY, TUESDAY + DAY)), 95, axis=1)
    assert day[0]["meta"]["custom"]["base"] == "1m median"
    assert day[0]["fields"][1]["values"] == pytest.approx(expected.tolist())
    # New York's days begin at 04:00 UTC.
    start = at("2026-06-08T04:00")
    days = get(
        world, "occupancy", start, start + 3 * DAY, space=NEW_YORK, level="floor", every="1d", statistic="p90"
    )
    means = hourly(people(NEW_YORK, None, start, start + 3 * DAY)).mean(axis=1).reshape(3, 24)
    assert days[0]["meta"]["custom"]["base"] == "1h mean"
    assert days[0]["fields"][1]["values"] == pytest.approx(np.percentile(means, 90, axis=1).tolist())


def test_days_are_local_days_also_when_clocks_change(world: World) -> None:
    start, end = at("2026-03-27T23:00"), at("2026-03-30T22:00")
    [frame] = get(world, "occupancy", start, end, space=PARIS, level="floor", every="1d")
    midnights = [
        at(t) for t in ("2026-03-27T23:00", "2026-03-28T23:00", "2026-03-29T22:00", "2026-03-30T22:00")
    ]
    assert frame["fields"][0]["values"] == [t * 1000 for t in midnights[:-1]]
    expected = [people(PARIS, None, a, b).mean() for a, b in pairwise(midnights)]
    assert frame["fields"][1]["values"] == pytest.approx(expected)


def test_days_of_business_hours_count_those_hours_only(world: World) -> None:
    start, end = at("2026-06-07T22:00"), at("2026-06-12T22:00")
    params = {"hours": "08:00-18:00", "days": "mon-fri", "every": "1d"}
    [frame] = get(world, "occupancy", start, end, space=PARIS, level="floor", **params)
    expected = [
        people(PARIS, None, start + k * DAY + 8 * HOUR, start + k * DAY + 18 * HOUR).mean() for k in range(5)
    ]
    assert frame["fields"][1]["values"] == pytest.approx(expected)


def test_an_offline_sensor_is_a_gap_and_never_zero(world: World) -> None:
    [(since, until)] = PEOPLE.offline(PROJECT_ROOM, at("2026-06-10"), at("2026-06-17"))
    start = since - 2 * HOUR
    found = series(get(world, "occupancy", start, since + 26 * HOUR, space=PARIS, every="1h"))[PROJECT_ROOM][
        "value"
    ]
    assert until - since == 4 * DAY
    assert None not in found[:2]
    assert found[2:] == [None] * 26
    rows = get(
        world,
        "occupancy",
        start,
        since + 26 * HOUR,
        space=PARIS,
        every="1h",
        format="rows",
        room=PROJECT_ROOM,
    )
    assert [r["value"] for r in rows] == found
    assert {r["room_id"] for r in rows} == {PROJECT_ROOM}


def test_traffic_is_in_and_out_of_each_door_and_nested_doors_are_not_added(world: World) -> None:
    """Also where Butlr lists a mirror beside a door's sensor (Paris, 1st floor), a room's only door by a
    clone (2nd floor), and the entrance by a clone (New York).
    """
    for space in (PARIS, PARIS_2, NEW_YORK):
        found = series(get(world, "traffic", TUESDAY, TUESDAY + DAY, space=space, every="1h"))
        assert set(found) == with_doors(space)
        [floor] = get(world, "traffic", TUESDAY, TUESDAY + DAY, space=space, level="floor", every="1h")
        found[space] = {f["name"]: f["values"] for f in floor["fields"]}
        for place, fields in found.items():
            for field, t_s in zip(("in", "out"), through(space, place, TUESDAY, TUESDAY + DAY), strict=True):
                expected = np.bincount((t_s - TUESDAY) // HOUR, minlength=24)
                assert fields[field] == expected.tolist(), (place, field)


def test_presence_is_seconds_with_somebody_there(world: World) -> None:
    found = series(get(world, "presence", TUESDAY, TUESDAY + 2 * DAY, space=NEW_YORK))
    rooms = [r.id for r in PEOPLE.office.by_id[NEW_YORK].rooms]
    seconds = PEOPLE.count(NEW_YORK, "occupied_s", TUESDAY, TUESDAY + 2 * DAY)
    assert found
    for room_id, fields in found.items():
        expected = hourly(seconds[1 + rooms.index(room_id)]).sum(axis=1)
        assert fields["value"] == pytest.approx(expected.tolist())


def test_the_heat_map_and_occupancy_are_of_the_same_people(world: World) -> None:
    """Detections of a period are people-minutes, times how often a person is detected."""
    [row] = get(world, "heatmap-summary", TUESDAY, TUESDAY + DAY, space=PARIS_2, format="rows")
    [frame] = get(world, "occupancy", TUESDAY, TUESDAY + DAY, space=PARIS_2, level="floor", every="1h")
    person_minutes = sum(frame["fields"][1]["values"]) * 60
    assert person_minutes * DETECTIONS_A_MINUTE == pytest.approx(row["total_detections"])


def test_series_are_kept_and_shared_like_heat_maps(world: World) -> None:
    def calls() -> int:
        return sum(c.path == REPORTING for c in world.simulator.calls)

    start = at("2026-05-04T00:00")
    first = get(world, "occupancy", start, start + 28 * DAY, space=PARIS)
    # Five weeks by the calendar, in part: 12,000 rows without a page.
    assert calls() == 5
    assert not any("paginate" in c.body for c in world.simulator.calls if c.path == REPORTING)
    before = calls()
    assert get(world, "occupancy", start, start + 28 * DAY, space=PARIS)[0]["fields"] == first[0]["fields"]
    assert calls() == before
    for room_id, fields in series(first).items():
        expected = hourly(people(PARIS, room_id, start, start + 28 * DAY)).mean(axis=1)
        known = [(a, b) for a, b in zip(fields["value"], expected.tolist(), strict=True) if a is not None]
        assert [a for a, _ in known] == pytest.approx([b for _, b in known])
        assert len(known) == 28 * 24 or room_id == PROJECT_ROOM


@pytest.mark.parametrize("form", ["flat", "nested"])
def test_every_form_of_butlrs_answer_is_read(world: World, form: str) -> None:
    world.simulator.forms = Forms(rows_without_group_by=form)
    [frame] = get(world, "occupancy", TUESDAY, TUESDAY + DAY, space=PARIS, level="floor", every="1h")
    expected = hourly(people(PARIS, None, TUESDAY, TUESDAY + DAY)).mean(axis=1)
    assert frame["fields"][1]["values"] == pytest.approx(expected.tolist())


def test_several_floors_are_answered_by_their_own_clocks(world: World) -> None:
    frames = get(world, "occupancy", TUESDAY, TUESDAY + 7 * DAY, space="all", level="floor", every="1d")
    starts = {f["fields"][1]["labels"]["space"]: f["fields"][0]["values"][0] for f in frames}
    assert starts[PARIS] == at("2026-06-08T22:00") * 1000
    assert starts[NEW_YORK] == at("2026-06-08T04:00") * 1000


@pytest.mark.parametrize(
    ("target", "params", "word"),
    [
        ("occupancy", {"every": "2m"}, "every"),
        ("occupancy", {"every": "1m", "from": "2026-05-01"}, "every"),
        ("occupancy", {"statistic": "p101"}, "statistic"),
        ("occupancy", {"statistic": "average"}, "statistic"),
        ("traffic", {"level": "zone"}, "level"),
        ("presence", {"space": f"{PARIS},space_x"}, "space"),
    ],
)
def test_bad_parameters_are_named(world: World, target: str, params: dict[str, str], word: str) -> None:
    query = {"space": PARIS, "from": "2026-06-09", "to": "2026-06-10", **params}
    response = world.http.get(f"/api/v1/{target}", query_string=query)
    assert response.status_code in (400, 404)
    assert response.get_json()["message"].startswith(f"{word}: ")


def test_panels_get_a_frame_an_asset(world: World) -> None:
    body = {
        "range": {"from": "2026-06-09T00:00:00Z", "to": "2026-06-10T00:00:00Z"},
        "targets": [{"refId": "B", "target": "occupancy", "payload": {"space": PARIS, "every": "1h"}}],
    }
    frames = world.http.post("/query", json=body).get_json()
    assert len(frames) >= 15
    assert {f["refId"] for f in frames} == {"B"}
    assert {f["fields"][0]["type"] for f in frames} == {"time"}


# --- now --------------------------------------------------------------------------------------------------


def now_rows(world: World, **params: str) -> list[dict[str, Any]]:
    response = world.http.get("/api/v1/occupancy-now", query_string={"format": "rows", **params})
    assert response.status_code == 200, response.get_data(as_text=True)
    rows: list[dict[str, Any]] = response.get_json()
    return rows


def test_now_is_the_newest_minute_and_the_higher_of_the_two_counts(world: World) -> None:
    end = int(world.now_s) // 60 * 60
    rows = {r["room_id"]: r for r in now_rows(world, space=PARIS_2)}
    rooms = PEOPLE.office.by_id[PARIS_2].rooms
    assert set(rows) == {r.id for r in rooms}
    counted = 0
    for room in rooms:
        row = rows[room.id]
        sees = any(s.room_id == room.id and s.mode == "presence" for s in PEOPLE.office.sensors)
        if not sees:
            continue
        there = int(people(PARIS_2, room.id, end - 60, end)[0])
        # Who came through the doors in this very minute may not be seen yet, or just gone.
        assert row["people"] >= there
        assert row["people"] <= there + 2
        assert row["share"] == (row["people"] / row["capacity"] if row["capacity"] else None)
        counted += row["people"] > 0
    assert counted > 3
    assert {r["complete"] for r in rows.values()} == {1}


def test_now_is_not_known_where_the_sensor_is_offline_whatever_its_doors_say(world: World) -> None:
    """An offline room must not look free; what the doors say stands beside."""
    world.now_s = at("2026-06-15T12:00:30")
    rows = {r["room_id"]: r for r in now_rows(world, space=PARIS)}
    rooms = [r.id for r in PEOPLE.office.by_id[PARIS].rooms]
    midnight, end = at("2026-06-14T22:00"), at("2026-06-15T12:00")
    _, room, direction = PEOPLE.crossings(PARIS, midnight, end)
    row = rows[PROJECT_ROOM]
    assert (row["people"], row["share"], row["has_data"]) == (None, None, 0)
    assert row["people_by_doors"] == max(0, direction[room == rooms.index(PROJECT_ROOM)].sum())
    assert row["reason"] == "its sensors are offline since 13 Jun 01:59"


def test_now_is_unknown_where_nothing_counts(world: World) -> None:
    metered = {s.room_id for s in PEOPLE.office.sensors if not s.is_entrance}
    unknown = {r["room_id"] for r in now_rows(world, space="all") if r["people"] is None}
    # A sensor over the entrance counts nobody in the room that it names.
    assert unknown == {r.id for f in PEOPLE.office.floors for r in f.rooms} - metered
    assert unknown


def test_now_over_all_floors_is_two_calls_a_time_zone_and_minute(world: World) -> None:
    rows = now_rows(world, space="all", level="floor")
    assert [r["space"] for r in rows] == [PARIS, PARIS_2, NEW_YORK]
    before = len(world.simulator.calls)
    assert now_rows(world, space="all", level="floor") == rows
    assert len(world.simulator.calls) == before
    # What sensors see and what doors count, in Paris and in New York.
    assert sum(c.path == REPORTING for c in world.simulator.calls) == 4


def test_a_crowd_is_seen_at_once(world: World) -> None:
    [room] = [r for r in PEOPLE.office.by_id[PARIS].rooms if r.name == "Library"]
    end = int(world.now_s) // 60 * 60
    world.simulator.crowd(PARIS, room.id, 12, end - 600, end + 600)
    try:
        rows = {r["room_id"]: r for r in now_rows(world, space=PARIS)}
        assert rows[room.id]["people"] == 12
    finally:
        world.simulator.clear_crowds()


# --- the week's pattern -----------------------------------------------------------------------------------


def by_hour_of_week(space: str, zone: str, start: int, end: int) -> dict[tuple[int, int], float]:
    """Mean people on the floor by local weekday and hour, one hour after the other."""
    values: dict[tuple[int, int], list[float]] = {}
    for t in range(start, end, HOUR):
        local = datetime.fromtimestamp(t, ZoneInfo(zone))
        values.setdefault((local.weekday(), local.hour), []).append(people(space, None, t, t + HOUR).mean())
    return {key: sum(v) / len(v) for key, v in values.items()}


def test_the_weeks_pattern_is_the_mean_of_each_hour_of_the_week(world: World) -> None:
    # Three weeks across New York's change of clocks.
    start, end = at("2026-03-02T05:00"), at("2026-03-23T04:00")
    rows = get(world, "pattern", start, end, space=NEW_YORK, format="rows")
    assert len(rows) == 168
    found = {(r["weekday_number"] - 1, r["hour"]): r["value"] for r in rows}
    assert found == pytest.approx(by_hour_of_week(NEW_YORK, "America/New_York", start, end))
    # The hour that the change of clocks left out was there on two Sundays only.
    hours = {(r["weekday"], r["hour"]): r["hours"] for r in rows}
    assert (hours["Sunday", 2], hours["Sunday", 4]) == (2, 3)


def test_the_pattern_of_the_heat_map_is_detections_per_hour(world: World) -> None:
    start, end = at("2026-06-08T22:00"), at("2026-06-10T22:00")
    rows = get(world, "pattern", start, end, space=PARIS_2, metric="heatmap", format="rows", resolution="1.0")
    known = {(r["weekday_number"] - 1, r["hour"]): r["value"] for r in rows if r["hours"]}
    means = by_hour_of_week(PARIS_2, "Europe/Paris", start, end)
    expected = {k: v * 60 * DETECTIONS_A_MINUTE for k, v in means.items()}
    assert known == pytest.approx(expected)
    assert all(r["value"] is None for r in rows if not r["hours"])


# --- utilization ------------------------------------------------------------------------------------------


def test_utilization_is_that_of_the_people(world: World) -> None:
    start, end = TUESDAY, TUESDAY + 3 * DAY
    rows = get(world, "utilization", start, end, space=PARIS_2, format="rows")
    rooms = PEOPLE.office.by_id[PARIS_2].rooms
    assert {r["room_id"] for r in rows} == {r.id for r in rooms}
    seconds = PEOPLE.count(PARIS_2, "occupied_s", start, end)
    _, door, direction = PEOPLE.crossings(PARIS_2, start, end)
    counted = 0
    for row in rows:
        index = [r.id for r in rooms].index(row["room_id"])
        if not row["has_data"]:
            assert row["mean"] is row["utilization"] is row["in_use_s"] is None
            assert row["reason"]
            continue
        minutes = people(PARIS_2, row["room_id"], start, end)
        assert row["mean"] == pytest.approx(minutes.mean())
        assert row["peak"] == minutes.max()
        assert row["p95"] == pytest.approx(np.percentile(hourly(minutes).mean(axis=1), 95))
        assert row["median"] == pytest.approx(np.median(hourly(minutes).mean(axis=1)))
        assert row["in_use_s"] == pytest.approx(seconds[1 + index].sum())
        assert row["in_use_share"] == pytest.approx(row["in_use_s"] / (end - start))
        if row["capacity"]:
            assert row["utilization"] == pytest.approx(minutes.mean() / row["capacity"])
        if row["entries"] is not None:
            assert row["entries"] == ((door == index) & (direction == 1)).sum()
            counted += 1
    assert counted >= 2
    known = [r["utilization"] for r in rows if r["utilization"] is not None]
    assert known == sorted(known, reverse=True)
    assert [r["rank"] for r in rows] == list(range(1, len(rows) + 1))


def test_an_offline_room_is_never_called_unused(world: World) -> None:
    rows = get(
        world, "utilization", at("2026-06-13T06:00"), at("2026-06-16T06:00"), space=PARIS, format="rows"
    )
    [project] = [r for r in rows if r["room_id"] == PROJECT_ROOM]
    [library] = [r for r in rows if r["room"] == "Library"]
    assert (project["has_data"], project["mean"], project["utilization"]) == (0, None, None)
    assert (library["has_data"], library["mean"], library["utilization"]) == (1, 0, 0)
    assert library["rank"] < project["rank"]


@pytest.mark.parametrize("share", ["0.1", "0.25", "0", "1"])
def test_a_room_is_underused_by_the_time_in_which_somebody_was_there(world: World, share: str) -> None:
    """The Library, which nobody enters, is; a room without data never is, whatever the share."""
    start, end = at("2026-06-13T06:00"), at("2026-06-16T06:00")
    params = {"hours": "08:00-18:00", "days": "mon-fri", "format": "rows"}
    rows = get(world, "utilization", start, end, space=PARIS, underused=share, **params)
    # Of the range only Monday counts.
    opens, closes = at("2026-06-15T06:00"), at("2026-06-15T16:00")
    seconds = PEOPLE.count(PARIS, "occupied_s", opens, closes).sum(axis=1)
    rooms = [r.id for r in PEOPLE.office.by_id[PARIS].rooms]
    for row in rows:
        in_use = seconds[1 + rooms.index(row["room_id"])] / (closes - opens)
        assert row["underused"] == int(row["has_data"] and in_use < float(share)), row["room"]
        assert row["has_data"] or row["reason"]
    by_name = {row["room"]: row for row in rows}
    assert by_name["Library"]["underused"] == int(share != "0")
    assert (by_name["Project room"]["has_data"], by_name["Project room"]["underused"]) == (0, 0)


@pytest.mark.parametrize("share", ["-0.1", "1.1", "10%", "nan", "half"])
def test_a_bad_share_is_named(world: World, share: str) -> None:
    query = {"space": PARIS, "from": "2026-06-09", "to": "2026-06-10", "underused": share}
    response = world.http.get("/api/v1/utilization", query_string=query)
    assert response.status_code == 400
    assert response.get_json()["message"].startswith("underused: ")


def test_a_utilization_frame_says_what_its_percentiles_are_of(world: World) -> None:
    [frame] = get(world, "utilization", TUESDAY, TUESDAY + DAY, space=PARIS_2)
    assert any("p95 are computed from hourly means" in n["text"] for n in frame["meta"]["notices"])
