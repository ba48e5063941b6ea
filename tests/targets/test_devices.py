"""`devices`: each sensor and hive as the simulator has it, and whatever Butlr leaves out; dead hives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from butlr_grafana.simulator import Forms
from butlr_grafana.simulator.device_values import sensor_centre
from butlr_grafana.simulator.devices import health, hive_health
from butlr_grafana.simulator.messages import Request, Result
from butlr_grafana.simulator.server import Endpoint
from butlr_grafana.simulator.world import Sensor
from tests.faults.trial import Trial
from tests.support import GRAPHQL, NEW_YORK, PARIS, PARIS_2, PEOPLE, World, at, replace_endpoint

Json = dict[str, Any]

NOW = "2026-06-17T12:34:56"
HIVE = "hive_paris_1_1"
OFFICE = PEOPLE.office
SERIALS = {hive.id: hive.serial_number for hive in OFFICE.hives}
PHYSICAL = {sensor.id: sensor for sensor in OFFICE.sensors if not sensor.is_virtual}
BEHIND = {key for key, sensor in PHYSICAL.items() if sensor.hive_serial == SERIALS[HIVE]}


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    trial = Trial(NOW, cache_dir=str(tmp_path))
    yield trial
    trial.close()


def send_query(world: World, status: int = 200, **params: str) -> Any:
    response = world.http.get("/api/v1/devices", query_string={"format": "rows", **params})
    assert response.status_code == status, response.get_data(as_text=True)
    return response.get_json()


def rows(world: World, **params: str) -> dict[str, Json]:
    return {row["device_id"]: row for row in send_query(world, **params)}


def stamp(text: str | None) -> int | None:
    return None if text is None else int(datetime.fromisoformat(text).timestamp())


def reported_change(trial: World, kind: str, **changes: Any) -> None:
    """From now on Butlr says these of each of its `sensors` or `hives`."""

    def changed(response: Endpoint, request: Request) -> Result:
        found = response(request)
        body = orjson.loads(found.body)
        listed = ((body.get("data") or {}).get(kind) or {}).get("data")
        for one in listed or ():
            one.update(changes)
        return Result.json(body)

    replace_endpoint(trial, GRAPHQL, changed)


def test_each_physical_sensor_and_hive_is_there_once_with_what_the_simulator_has(world: World) -> None:
    found, now_s = rows(world), int(world.now_s)
    assert set(found) == set(PHYSICAL) | set(SERIALS)
    assert len(send_query(world)) == len(found)
    rooms = {room.id: room.name for floor in OFFICE.floors for room in floor.rooms}
    zones = {zone.id: zone.name for floor in OFFICE.floors for zone in floor.zones}
    for key, sensor in PHYSICAL.items():
        state, floor, row = health(sensor, PEOPLE, now_s), OFFICE.by_id[sensor.floor_id], found[key]
        expected = {
            "kind": "sensor",
            "device": sensor.name,
            "space": floor.id,
            "floor": floor.name,
            "building": "New York" if floor.id == NEW_YORK else "Paris",
            "room_id": sensor.room_id or "",
            "room": rooms.get(sensor.room_id or "", ""),
            "zone_id": sensor.zone_id or "",
            "zone": zones.get(sensor.zone_id or "", ""),
            "online": int(state.is_online),
            "state": "online" if state.is_online else "offline",
            "mac": sensor.mac_address,
            "mode": sensor.mode,
            "serial": sensor.hive_serial,
            "hive_id": next(hive for hive, serial in SERIALS.items() if serial == sensor.hive_serial),
            "power": "Wired" if sensor.is_entrance else row["power"],
        }
        assert {name: row[name] for name in expected} == expected
        assert stamp(row["last_heartbeat"]) == stamp(row["last_reading"]) == state.last_heartbeat
        due = state.battery_change_by_date
        assert stamp(row["battery_due"]) == stamp(due)
        assert (row["battery_overdue_days"] is None) == (due is None)
        if due is not None:
            days = (now_s - datetime.fromisoformat(due).timestamp()) / 86400
            assert row["battery_overdue_days"] == pytest.approx(days, abs=0.006)
        assert (row["x"], row["y"]) == pytest.approx(sensor_centre(sensor, floor))
    for hive in OFFICE.hives:
        row = found[hive.id]
        heard_s = hive_health(hive, PEOPLE, now_s).last_heartbeat
        assert (row["kind"], row["online"], stamp(row["last_heartbeat"])) == ("hive", 1, heard_s)
        assert (row["serial"], row["room_id"], row["last_reading"]) == (
            hive.serial_number,
            hive.room_id,
            None,
        )
        assert (row["x"], row["y"]) == pytest.approx(hive.at)
    assert {row["complete"] for row in found.values()} == {1}


def test_one_kind_one_floor_one_room_one_tag(world: World) -> None:
    assert set(rows(world, kind="hive")) == set(SERIALS)
    assert set(rows(world, kind="sensor")) == set(PHYSICAL)
    of_floor = {key for key, sensor in PHYSICAL.items() if sensor.floor_id == NEW_YORK}
    assert set(rows(world, space=NEW_YORK, kind="sensor")) == of_floor
    room = "room_paris_1_meeting_room_1"
    of_room = {key for key, sensor in PHYSICAL.items() if sensor.room_id == room}
    assert len(of_room) == 2
    assert set(rows(world, space=PARIS, room=room)) == of_room
    tagged = {room.id for room in OFFICE.by_id[PARIS].rooms if "video" in room.tags}
    of_tag = {key for key, sensor in PHYSICAL.items() if sensor.room_id in tagged}
    assert set(rows(world, space=PARIS, tag="video", kind="sensor")) == of_tag
    assert send_query(world, 400, kind="camera")["message"].startswith("kind: ")


OFFLINE_NOW, FAILING = "2026-06-14T12:02:30", "sensor_paris_1_project_room_heat"


def test_a_sensor_that_fails_comes_first_with_its_time(make_world: Any) -> None:
    world = make_world(now=OFFLINE_NOW)
    first, *_ = send_query(world, space=PARIS)
    since_s = at("2026-06-13") - 1
    assert (first["device_id"], first["state"], first["online"]) == (FAILING, "offline", 0)
    assert stamp(first["last_heartbeat"]) == since_s
    assert first["offline_s"] == at(OFFLINE_NOW) - since_s
    [row] = [
        one for one in send_query(world, space=PARIS, level="room") if one["unavailable"] and one["sensors"]
    ]
    assert (row["room"], row["sensors_offline"], stamp(row["unknown_since"])) == ("Project room", 1, since_s)
    [row] = send_query(world, space=PARIS, level="floor")
    total = sum(sensor.floor_id == PARIS for sensor in PHYSICAL.values())
    assert (row["sensors"], row["sensors_offline"], row["rooms_unavailable"]) == (total, 1, 1)
    assert row["offline_share"] == pytest.approx(1 / total)


@pytest.mark.parametrize("message", ["offline", "online"])
def test_sensors_behind_a_dead_hive_cannot_be_heard_whatever_butlr_calls_them(
    trial: Trial, message: str
) -> None:
    """They are not offline by their own fault: of that nothing is known, so their own rule has no number."""
    trial.simulator.forms = Forms(sensors_of_dead_hives=message)
    trial.simulator.outage(HIVE, int(trial.now_s) - 7200, int(trial.now_s) + 3600)
    found, heard_s = rows(trial, space=PARIS), int(trial.now_s) - 7201
    assert {key for key, row in found.items() if row["state"] == "hive offline"} == BEHIND
    assert (found[HIVE]["state"], found[HIVE]["offline_s"]) == ("offline", 7201)
    for key, row in found.items():
        if key in BEHIND:
            assert (row["online"], row["offline_s"], stamp(row["last_heartbeat"])) == (0, None, heard_s)
            assert row["reason"] == f"its hive {SERIALS[HIVE]} is offline since 17 Jun 12:34"
        elif key != HIVE:
            assert (row["state"], row["offline_s"], row["reason"]) == ("online", 0, "")
    blind = {
        sensor.room_id for key, sensor in PHYSICAL.items() if key in BEHIND and sensor.mode == "presence"
    }
    blind -= {None}
    unavailable = [
        row for row in send_query(trial, space=PARIS, level="room") if row["sensors"] and row["unavailable"]
    ]
    assert {row["room_id"] for row in unavailable} == blind
    assert {stamp(row["unknown_since"]) for row in unavailable} == {heard_s}
    [floor] = send_query(trial, space=PARIS, level="floor")
    total = sum(sensor.floor_id == PARIS for sensor in PHYSICAL.values())
    assert floor["sensors_offline"] == len(BEHIND)
    assert floor["offline_share"] == pytest.approx(len(BEHIND) / total)
    assert (floor["hives"], floor["hives_offline"], floor["rooms_unavailable"]) == (2, 1, len(blind))
    assert floor["reason"] == f"its hive {SERIALS[HIVE]} is offline since 17 Jun 12:34"
    other = [row for row in send_query(trial, level="floor") if row["space"] != PARIS]
    assert {(row["sensors_offline"], row["reason"]) for row in other} == {(0, "")}


@pytest.mark.parametrize("message", ["offline", "online"])
def test_a_room_behind_a_dead_hive_is_unknown_and_every_answer_of_its_floor_says_why(
    trial: Trial, message: str
) -> None:
    trial.simulator.forms = Forms(sensors_of_dead_hives=message)
    trial.simulator.outage(HIVE, int(trial.now_s) - 7200, int(trial.now_s) + 3600)
    params = {"space": PARIS, "from": "2026-06-17T06:00:00Z", "to": "2026-06-17T12:00:00Z"}
    total = sum(sensor.floor_id == PARIS for sensor in PHYSICAL.values())
    wanted = (
        "Paris, 1st floor: the hive Paris, 1st floor, hive 1 is offline since 17 Jun 12:34: "
        f"{len(BEHIND)} of {total} sensors send no data"
    )
    for target in ("heatmap", "hot-zones", "occupancy", "occupancy-now", "utilization", "pattern", "traffic"):
        [frame, *_] = trial.http.get(f"/api/v1/{target}", query_string=params).get_json()
        notices = {notice["text"]: notice["severity"] for notice in frame["meta"]["notices"]}
        assert notices.get(wanted) == "warning", target
    all_floors = trial.http.get("/api/v1/occupancy-now?space=all&level=floor").get_json()[0]["meta"][
        "notices"
    ]
    assert wanted in {notice["text"] for notice in all_floors}
    elsewhere = trial.http.get(f"/api/v1/occupancy-now?space={PARIS_2}").get_json()[0]["meta"]["notices"]
    assert not any("hive" in notice["text"] for notice in elsewhere)
    now = trial.http.get(f"/api/v1/occupancy-now?space={PARIS}&format=rows").get_json()
    boardroom = next(row for row in now if row["room"] == "Boardroom")
    assert (boardroom["people"], boardroom["has_data"]) == (None, 0)
    assert stamp(boardroom["unknown_since"]) == int(trial.now_s) - 7201


def test_a_hive_that_comes_back_is_seen_within_minutes(trial: Trial) -> None:
    trial.simulator.outage(HIVE, int(trial.now_s) - 7200, int(trial.now_s) + 600)
    assert rows(trial, kind="hive")[HIVE]["online"] == 0
    trial.passes(660)
    assert rows(trial, kind="hive")[HIVE]["online"] == 1
    assert {row["state"] for row in rows(trial).values()} == {"online"}


def test_a_sensor_that_is_heard_by_another_way_is_online(trial: Trial) -> None:
    """Butlr still names the dead hive, and the sensor's heartbeat is of today."""
    reported_change(trial, "hives", isOnline=False, lastHeartbeat=int(trial.now_s) - 86400)
    found = rows(trial)
    assert {row["state"] for row in found.values() if row["kind"] == "sensor"} == {"online"}
    assert {row["state"] for row in found.values() if row["kind"] == "hive"} == {"offline"}
    frame = trial.http.get(f"/api/v1/occupancy-now?space={PARIS}").get_json()[0]
    assert not any("hive" in notice["text"] for notice in frame["meta"]["notices"])


UNSAID = dict.fromkeys(
    (
        *("is_online", "last_heartbeat", "last_occupancy_message", "power_type", "battery_change_by_date"),
        *("next_battery_change_date", "center", "height", "model", "mode", "hive_serial", "name"),
        *("installation_status", "is_sleep_time", "room_id"),
    )
)


def test_what_butlr_does_not_say_is_unknown_and_said(trial: Trial) -> None:
    reported_change(trial, "sensors", **UNSAID)
    found = rows(trial, kind="sensor")
    assert set(found) == set(PHYSICAL)
    for key, row in found.items():
        assert (row["state"], row["online"], row["offline_s"]) == ("unknown", None, None)
        assert row["reason"] == "Butlr does not say whether it is online"
        assert (row["last_heartbeat"], row["last_reading"], row["battery_due"]) == (None, None, None)
        assert (row["battery_overdue_days"], row["x"], row["y"], row["height_m"]) == (None, None, None, None)
        assert (row["power"], row["hive"], row["model"], row["mode"], row["room"]) == ("", "", "", "", "")
        assert row["device"] == key
    for row in send_query(trial, level="floor"):
        assert (row["sensors_online"], row["sensors_offline"], row["offline_share"]) == (0, 0, None)
        assert row["sensors_unknown"] == row["sensors"] > 0


def test_an_offline_sensor_says_since_when_and_that_its_hive_is_online(trial: Trial) -> None:
    reported_change(trial, "sensors", is_online=False)
    hives = {row["serial"] for row in rows(trial, kind="hive").values() if row["online"]}
    found = rows(trial, kind="sensor").values()
    assert {row["serial"] for row in found} <= hives
    for row in found:
        wall = datetime.fromisoformat(row["last_heartbeat"]).astimezone(ZoneInfo(row["timezone"]))
        since = f"{wall.day} {wall:%b %H:%M}"
        assert (row["state"], row["reason"]) == ("offline", f"no signal since {since}; its hive is online")


def test_an_offline_sensor_without_any_time_has_no_number_and_says_so(trial: Trial) -> None:
    reported_change(trial, "sensors", is_online=False, last_heartbeat=None, last_occupancy_message=None)
    for row in rows(trial, kind="sensor").values():
        assert (row["state"], row["online"], row["offline_s"]) == ("offline", 0, None)
        assert row["reason"] == "Butlr does not say since when"


@pytest.mark.parametrize("kind", ["sensors", "hives"])
def test_a_device_that_sleeps_by_schedule_is_not_at_fault(trial: Trial, kind: str) -> None:
    online = "is_online" if kind == "sensors" else "isOnline"
    reported_change(trial, kind, is_sleep_time=True, **{online: False})
    found = [row for row in rows(trial).values() if row["kind"] == kind[:-1]]
    assert {(row["state"], row["offline_s"]) for row in found} == {("asleep", 0)}
    assert {(row["sensors_offline"], row["hives_offline"]) for row in send_query(trial, level="floor")} == {
        (0, 0)
    }


def test_what_is_not_installed_counts_nowhere(trial: Trial) -> None:
    reported_change(trial, "sensors", installation_status="UNINSTALLED", is_online=False)
    assert {row["state"] for row in rows(trial, kind="sensor").values()} == {"not installed"}
    assert {row["battery_due"] for row in rows(trial, kind="sensor").values()} == {None}
    assert {(row["sensors"], row["batteries_due"]) for row in send_query(trial, level="floor")} == {(0, 0)}


@pytest.mark.parametrize(
    "changes", [{"serialNumber": ""}, {"serialNumber": "fake-17"}, {"serialNumber": None}]
)
def test_hives_without_a_serial_number_are_no_devices(trial: Trial, changes: Json) -> None:
    reported_change(trial, "hives", **changes)
    assert send_query(trial, kind="hive") == []
    assert {row["hives"] for row in send_query(trial, level="floor")} == {0}


def test_credentials_that_may_not_read_hives_are_said(trial: Trial) -> None:
    trial.simulator.forms = Forms(missing_scopes=frozenset({"read:hives"}))
    assert {row["hives"] for row in send_query(trial, level="floor")} == {None}
    frame = trial.http.get("/api/v1/devices").get_json()[0]
    assert "Butlr did not list the hives" in {n["text"] for n in frame["meta"]["notices"]}
    # On an answer about people it says nothing.
    frame = trial.http.get(f"/api/v1/occupancy-now?space={PARIS}").get_json()[0]
    assert not any("hives" in notice["text"] for notice in frame["meta"]["notices"])


def test_an_account_without_the_field_of_sleep_is_read_all_the_same(trial: Trial) -> None:
    trial.simulator.forms = Forms(missing_fields=frozenset({"Sensor.is_sleep_time", "Hive.is_sleep_time"}))
    assert {row["state"] for row in rows(trial).values()} == {"online"}


def test_devices_on_no_floor_are_counted_in_a_note(trial: Trial) -> None:
    reported_change(trial, "sensors", floor_id="space_of_the_past", room_id=None)
    assert send_query(trial, kind="sensor") == []
    frame = trial.http.get("/api/v1/devices").get_json()[0]
    text = f"{len(PHYSICAL)} sensors are not on any floor that Butlr lists"
    assert text in {notice["text"] for notice in frame["meta"]["notices"]}


def test_it_is_of_now_or_says_that_it_is_not(trial: Trial) -> None:
    """Butlr is asked for it where that is due; while it is away the last is told with its time, and a rule
    gets an error.
    """
    assert send_query(trial)[0]["age_s"] == 0
    trial.passes(3600)
    assert [(row["age_s"], row["complete"]) for row in send_query(trial)[:1]] == [(0, 1)]
    trial.simulator.stop()
    trial.passes(500)
    assert [(row["age_s"], row["complete"]) for row in send_query(trial, require="complete")[:1]] == [
        (500, 1)
    ]
    trial.passes(500)
    [row, *_] = send_query(trial)
    assert (row["age_s"], row["complete"]) == (1000, 0)
    error = send_query(trial, 503, require="complete")
    assert error["error"]["source"] == "upstream"
    assert row["as_of"] in error["message"]
    frame = trial.http.get("/api/v1/devices").get_json()[0]
    assert frame["meta"]["custom"]["complete"] is False
    assert any(row["as_of"] in notice["text"] for notice in frame["meta"]["notices"])


def test_after_a_restart_without_butlr_it_is_as_old_as_it_is(trial: Trial) -> None:
    as_of = send_query(trial)[0]["as_of"]
    trial.simulator.stop()
    trial.passes(7200)
    trial.restart()
    [row, *_] = send_query(trial)
    assert (row["as_of"], row["age_s"], row["complete"]) == (as_of, 7200, 0)


def test_small_rooms_name_none_of_their_devices_and_tell_no_reading(make_world: Any) -> None:
    world = make_world(now=NOW, min_capacity=7)
    small = {
        room.id: room.name
        for floor in OFFICE.floors
        for room in floor.rooms
        if room.capacity is not None and room.capacity.max < 7
    }
    hidden = {key for key, sensor in PHYSICAL.items() if sensor.room_id in small}
    assert len(hidden) > 10
    for key, row in rows(world).items():
        if key not in hidden:
            continue
        assert row["room_id"] == "small-rooms"
        assert (row["device"], row["last_reading"], row["x"], row["y"]) == (key, None, None, None)
        assert row["last_heartbeat"] is not None
    text = world.http.get("/api/v1/devices").get_data(as_text=True)
    shared = {room.name for floor in OFFICE.floors for room in floor.rooms if room.id not in small}
    for name in set(small.values()) - shared:
        assert f'"{name}' not in text


def test_a_dead_hive_that_hangs_in_a_small_room_is_named_by_its_number(make_world: Any) -> None:
    """Hives are often named after their rooms."""
    world = make_world(now=NOW, min_capacity=9)
    world.simulator.outage(HIVE, int(world.now_s) - 7200, int(world.now_s) + 3600)
    [hive] = [hive for hive in OFFICE.hives if hive.id == HIVE]
    room = next(room for room in OFFICE.by_id[PARIS].rooms if room.id == hive.room_id)
    assert room.capacity is not None
    assert room.capacity.max == 8
    frame = world.http.get(f"/api/v1/occupancy-now?space={PARIS}").get_json()[0]
    [text] = [n["text"] for n in frame["meta"]["notices"] if "send no data" in n["text"]]
    assert text.startswith(f"Paris, 1st floor: the hive {hive.serial_number} is offline since 17 Jun 12:34")
    found = rows(world, space=PARIS)
    assert found[HIVE]["device"] == HIVE
    assert {row["hive"] for key, row in found.items() if key in BEHIND} == {HIVE}


def test_copies_of_sensors_are_no_devices_and_cover_no_room_twice(world: World) -> None:
    lounge = next(row for row in send_query(world, space=PARIS, level="room") if row["room"] == "Lounge")
    copies = [s for s in OFFICE.sensors if s.room_id == lounge["room_id"] and s.mode == "presence"]
    assert len(copies) == 2  # its own, and the kitchen's clone: another device
    assert lounge["sensors"] == 2
    canteen = next(row for row in send_query(world, space=PARIS_2, level="room") if row["room"] == "Canteen")
    assert canteen["sensors"] == 1
    assert not any(key in rows(world) for key in {s.id for s in OFFICE.sensors if s.is_virtual})


def test_rooms_without_any_sensor_are_listed_and_are_no_fault(world: World) -> None:
    seen = {s.room_id for s in OFFICE.sensors if not s.is_entrance}
    for row in send_query(world, level="room"):
        if row["room_id"] in seen:
            assert (row["unavailable"], row["reason"]) == (0, "")
        else:
            assert (row["unavailable"], row["reason"]) == (1, "no sensor counts its people")
            assert (row["sensors"], row["unknown_since"]) == (0, None)


def test_a_sensor_may_report_to_a_hive_of_another_floor(make_world: Any) -> None:
    """Its floor is marked; the other's hive is told by its number, for not everybody may see that floor."""
    from butlr_grafana.simulator import People

    far = OFFICE.by_id[PARIS_2].hives[0]

    def moved(sensor: Sensor) -> Sensor:
        return replace(sensor, hive_serial=far.serial_number)

    sites = tuple(
        replace(
            site,
            buildings=tuple(
                replace(
                    building,
                    floors=tuple(
                        replace(floor, sensors=tuple(map(moved, floor.sensors)))
                        if floor.id == PARIS
                        else floor
                        for floor in building.floors
                    ),
                )
                for building in site.buildings
            ),
        )
        for site in OFFICE.sites
    )
    world = make_world(now=NOW, people=People(replace(OFFICE, sites=sites)))
    world.simulator.outage(far.id, int(world.now_s) - 7200, int(world.now_s) + 3600)
    frame = world.http.get(f"/api/v1/devices?space={PARIS}&level=floor").get_json()[0]
    total = sum(sensor.floor_id == PARIS for sensor in PHYSICAL.values())
    text = f"the hive {far.serial_number} is offline since 17 Jun 12:34: {total} of {total} sensors"
    assert any(text in notice["text"] for notice in frame["meta"]["notices"])
    assert {row["hive"] for row in rows(world, space=PARIS, kind="sensor").values()} == {""}


def test_a_floor_whose_hives_are_all_dead_is_unknown_now_and_not_empty(trial: Trial) -> None:
    """Butlr counts what its sensors see, and these see nobody."""
    for hive in OFFICE.by_id[PARIS].hives:
        trial.simulator.outage(hive.id, int(trial.now_s) - 7200, int(trial.now_s) + 3600)
    params = {"space": "all", "level": "floor", "format": "rows"}
    found = {r["space"]: r for r in trial.http.get("/api/v1/occupancy-now", query_string=params).get_json()}
    assert (found[PARIS]["people"], found[PARIS]["has_data"]) == (None, 0)
    assert found[PARIS]["reason"] == "its sensors are offline since 17 Jun 12:34"
    assert stamp(found[PARIS]["unknown_since"]) == int(trial.now_s) - 7201
    assert {found[space]["has_data"] for space in (PARIS_2, NEW_YORK)} == {1}
    [row] = send_query(trial, space=PARIS, level="floor")
    assert row["offline_share"] == 1
    assert row["reason"].count("is offline since 17 Jun 12:34") == 2
