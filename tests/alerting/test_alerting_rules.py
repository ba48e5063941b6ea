"""The rules on real answers: silent on an ordinary hour, ringing where they should, ending after."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from butlr_grafana.simulator.devices import health
from butlr_grafana.simulator.messages import Refusal, Request, Result
from butlr_grafana.simulator.server import Endpoint
from tests.alerting.grafana import ALERTING, NORMAL, PENDING, Watcher, rules
from tests.faults.trial import Trial
from tests.measure.factors.rates import with_rates
from tests.support import (
    DETECTIONS,
    NEW_YORK,
    PARIS,
    PARIS_2,
    PEOPLE,
    PER_PERSON,
    REPORTING,
    at,
    know_rate,
    replace_endpoint,
)

RULES = rules()
KITCHEN = "room_paris_1_kitchen"
PROJECT_ROOM = "room_paris_1_project_room"
MINUTE, HOUR = 60, 3600
BUSY = "2026-06-17T12:30:00"
"""A Wednesday, half past two in Paris, half past eight in New York."""

CROWDED = {
    "butlr-hot-zone": "zone_id",
    "butlr-unusually-busy": "room_id",
    "butlr-over-capacity": "room_id",
    "butlr-entries-without-exits": "space",
}
"""The rules that a crowd sets off, and the label that says where."""


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    trial = Trial(BUSY, cache_dir=str(tmp_path))
    for space in (PARIS, PARIS_2, NEW_YORK):
        know_rate(trial, space, PER_PERSON)
    trial.http.get("/readyz")
    yield trial
    trial.simulator.clear_crowds()
    trial.close()


class Watch(Watcher):
    """A rule by its uid; the clock of pauses and rests goes with the world's."""

    def __init__(self, uid: str) -> None:
        super().__init__(RULES[uid])

    def run(self, world: Any, minutes: int) -> None:
        for _ in range(minutes * MINUTE // self.interval_s):
            world.passes(self.interval_s)
            self.evaluate(world)

    def named(self, name: str) -> list[str]:
        """The alerts in this state."""
        return [str(dict(labels)) for labels, state in self.states.items() if state.name == name]


def crowd(trial: Trial, minutes: int, people: int = 100) -> None:
    start_s = int(trial.now_s)
    trial.simulator.crowd(PARIS, KITCHEN, people, start_s, start_s + minutes * MINUTE)


@pytest.mark.parametrize("uid", RULES)
def test_an_ordinary_hour_is_silent(trial: Trial, uid: str) -> None:
    watch = Watch(uid)
    watch.run(trial, 60)
    assert watch.states
    assert watch.named(ALERTING) == []


@pytest.mark.parametrize("uid", RULES)
def test_an_ordinary_night_is_silent(trial: Trial, uid: str) -> None:
    trial.passes(12 * HOUR)
    watch = Watch(uid)
    watch.run(trial, 15)
    assert watch.states
    assert watch.named(ALERTING) == []


@pytest.mark.parametrize("uid", CROWDED)
def test_a_crowd_rings_where_it_is_and_ends_when_it_has_gone(trial: Trial, uid: str) -> None:
    watch, place = Watch(uid), KITCHEN if CROWDED[uid] != "space" else PARIS
    watch.run(trial, 10)
    assert watch.named(ALERTING) == []
    crowd(trial, minutes=40)
    watch.run(trial, 35)
    assert watch.alerting(CROWDED[uid]) == {place}
    watch.run(trial, 25)
    assert watch.named(ALERTING) == []


def test_a_crowd_that_goes_at_once_does_not_ring(trial: Trial) -> None:
    """Four minutes of a full house are less than the rule waits for."""
    watch = Watch("butlr-over-capacity")
    watch.run(trial, 2)
    crowd(trial, minutes=4)
    states = []
    for _ in range(10):
        watch.run(trial, 1)
        states += [state.name for labels, state in watch.states.items() if ("room_id", KITCHEN) in labels]
    assert set(states) == {NORMAL, PENDING}
    assert states[-1] == NORMAL


def test_a_crowd_at_the_edge_rings_once(trial: Trial) -> None:
    """Between the limit at which it ends and the one at which it begins, it stays as it is."""
    floor = PEOPLE.office.by_id[PARIS]
    kitchen = next(room for room in floor.rooms if room.id == KITCHEN)
    start_s, rung = int(trial.now_s), []
    # People per m², ten minutes each: above the limits, and between them.
    for k, heat in enumerate([0.57, 0.57, 0.57, 0.45, 0.57, 0.45, 0.57, 0.45]):
        begin_s = start_s + k * 10 * MINUTE
        people = round(heat * floor.area(kitchen.polygon))
        trial.simulator.crowd(PARIS, KITCHEN, people, begin_s, begin_s + 10 * MINUTE)
    watch = Watch("butlr-hot-zone")
    for _ in range(8):
        watch.run(trial, 10)
        rung.append(watch.alerting("zone_id") == {KITCHEN})
    assert rung == [False, *[True] * 7]


@pytest.mark.parametrize("rate", [60, 110, 180])
def test_the_hot_zone_rule_means_the_same_at_any_rate(trial: Trial, rate: int) -> None:
    """A full kitchen rings, an ordinary floor does not, however many detections a person gives."""
    with_rates(trial, dict.fromkeys((PARIS, PARIS_2, NEW_YORK), rate))
    for space in (PARIS, PARIS_2, NEW_YORK):
        know_rate(trial, space, rate)
    watch = Watch("butlr-hot-zone")
    watch.run(trial, 15)
    assert watch.named(ALERTING) == []
    crowd(trial, minutes=40)
    watch.run(trial, 35)
    assert watch.alerting("zone_id") == {KITCHEN}


def test_a_floor_whose_factor_is_not_known_has_no_number_and_silences_nobody(tmp_path: Path) -> None:
    trial = Trial(BUSY, cache_dir=str(tmp_path))
    try:
        know_rate(trial, PARIS, PER_PERSON)
        watch = Watch("butlr-hot-zone")
        watch.run(trial, 5)
        crowd(trial, minutes=120)
        trial.simulator.crowd(
            NEW_YORK, "room_newyork_1_open_space", 200, int(trial.now_s), int(trial.now_s) + 7200
        )
        watch.run(trial, 35)
        assert {dict(labels)["space"] for labels in watch.states} == {PARIS, PARIS_2, NEW_YORK}
        assert watch.alerting("zone_id") == {KITCHEN}
        know_rate(trial, NEW_YORK, PER_PERSON)
        watch.run(trial, 25)
        assert watch.alerting("zone_id") == {KITCHEN, "room_newyork_1_open_space"}
    finally:
        trial.simulator.clear_crowds()
        trial.close()


def test_a_dead_sensor_is_a_room_without_anybody_all_day(trial: Trial) -> None:
    """From Saturday to Tuesday the room's sensor is offline; it is told on Monday at six in the evening."""
    [(since_s, until_s)] = PEOPLE.offline(PROJECT_ROOM, at("2026-06-10"), at("2026-06-17T12:00"))
    assert (since_s, until_s) == (at("2026-06-13"), at("2026-06-17"))
    watch = Watch("butlr-dead-room")
    for evening, rings in (
        ("2026-06-12T16:00", False),
        ("2026-06-15T16:00", True),
        ("2026-06-17T16:00", False),
    ):
        trial.passes(at(evening) - trial.now_s)
        watch.run(trial, 65)
        assert (PROJECT_ROOM in watch.alerting("room_id")) == rings


def test_exits_that_nobody_counts_ring_on_the_same_day(trial: Trial) -> None:
    """The first entries of the day are more than six hours ago in Paris, and not in New York."""

    def without_exits(response: Endpoint, request: Request) -> Result:
        found = orjson.loads(response(request).body)
        rows = found if isinstance(found, list) else found["data"]
        return Result.json([{**row, "value": 0} if row.get("field") == "out" else row for row in rows])

    now_s = int(trial.now_s)
    first_hour, came = {}, {}
    for space in (PARIS, PARIS_2, NEW_YORK):
        local = datetime.fromtimestamp(now_s, PEOPLE.office.by_id[space].zone_info)
        midnight_s = int(local.replace(hour=0, minute=0, second=0).timestamp())
        t_s, door, way = PEOPLE.crossings(space, midnight_s, now_s)
        entered = t_s[(door == -1) & (way == 1)]
        first_hour[space], came[space] = int(entered.min()) // HOUR * HOUR, len(entered)
    wanted = {space for space, since_s in first_hour.items() if now_s - since_s >= 6 * HOUR}
    assert wanted == {PARIS, PARIS_2}
    # Fewer than the places that there are: by the capacity alone nothing would be wrong.
    assert 5 < came[PARIS_2] < PEOPLE.office.by_id[PARIS_2].capacity.max
    replace_endpoint(trial, REPORTING, without_exits)
    watch = Watch("butlr-entries-without-exits")
    watch.run(trial, 20)
    assert watch.alerting("space") == wanted


@pytest.mark.parametrize(("uid", "path"), [("butlr-late-people", REPORTING), ("butlr-late-heat", DETECTIONS)])
def test_data_that_do_not_come_ring_for_each_floor_and_end_when_they_do(
    trial: Trial, uid: str, path: str
) -> None:
    watch = Watch(uid)
    watch.run(trial, 10)
    trial.simulator.faults.set(status=500, paths=(path,))
    watch.run(trial, 10)
    assert watch.named(ALERTING) == []
    watch.run(trial, 20)
    assert watch.alerting("space") == {PARIS, PARIS_2, NEW_YORK}
    trial.simulator.faults.clear()
    watch.run(trial, 10)
    assert watch.named(ALERTING) == []


def test_data_that_butlr_itself_does_not_have_ring_too(trial: Trial) -> None:
    watch = Watch("butlr-late-people")
    watch.run(trial, 5)
    trial.simulator.faults.set(lag_s=25 * MINUTE)
    watch.run(trial, 10)
    assert watch.alerting("space") == {PARIS, PARIS_2, NEW_YORK}


@pytest.mark.parametrize(
    "uid", sorted(set(RULES) - {"butlr-unreachable", "butlr-late-people", "butlr-late-heat"})
)
def test_without_butlr_alerts_stay_as_they_were(trial: Trial, uid: str) -> None:
    """Those that ring ring on, those that are silent do not begin; later they go on where they were."""
    watch = Watch(uid)
    crowd(trial, minutes=240)
    watch.run(trial, 35)
    before = {labels: state.name for labels, state in watch.states.items()}
    assert (ALERTING in before.values()) == (uid in CROWDED)
    trial.simulator.stop()
    watch.run(trial, 20)
    assert {labels: state.name for labels, state in watch.states.items()} == before
    trial.simulator.start()
    trial.simulator.clear_crowds()
    watch.run(trial, 25)
    assert watch.named(ALERTING) == []


def test_butlr_unreachable_rings_without_butlr_and_ends_with_it(trial: Trial) -> None:
    watch, other = Watch("butlr-unreachable"), Watch("butlr-over-capacity")
    watch.run(trial, 5)
    trial.simulator.stop()
    for _ in range(5):
        watch.run(trial, 1)
        other.evaluate(trial)
    assert watch.named(ALERTING) == []
    watch.run(trial, 10)
    assert watch.alerting("source") == {"butlr"}
    trial.simulator.start()
    trial.passes(60)
    other.evaluate(trial)
    watch.run(trial, 2)
    assert watch.named(ALERTING) == []


def test_butlr_unreachable_needs_nobody_else_who_asks(trial: Trial) -> None:
    """Alone it neither rings while all is well nor stays silent while it is not."""
    watch = Watch("butlr-unreachable")
    watch.run(trial, 60)
    assert watch.named(ALERTING) == []
    trial.simulator.stop()
    watch.run(trial, 20)
    assert watch.alerting("source") == {"butlr"}


def test_butlr_unreachable_rings_where_grafana_cannot_ask(trial: Trial) -> None:
    watch = Watch("butlr-unreachable")
    watch.run(trial, 5)

    class Gone:
        """The backend is not there."""

        status_code = 502

        def get(self, _: str) -> Gone:
            return self

    there, trial.http = trial.http, Gone()  # type: ignore[assignment]
    watch.run(trial, 4)
    assert watch.named(ALERTING) == []
    watch.run(trial, 2)
    assert len(watch.named(ALERTING)) == 1
    trial.http = there
    watch.run(trial, 2)  # as long as nobody asked, Butlr did not answer
    assert watch.named(NORMAL)
    assert not watch.named(ALERTING)


HIVE = "hive_paris_1_1"
[SERIAL] = [hive.serial_number for hive in PEOPLE.office.hives if hive.id == HIVE]
BEHIND = {s.id for s in PEOPLE.office.sensors if s.hive_serial == SERIAL and not s.is_virtual}


def test_a_hive_that_is_off_rings_alone_and_its_floor_with_it(trial: Trial) -> None:
    """Not each of its sensors: whether these work is not known."""
    names = ("butlr-hive-offline", "butlr-sensor-offline", "butlr-floor-sensors-offline", "butlr-battery-due")
    hive, sensor, floor, battery = watches = [Watch(uid) for uid in names]
    physical = [s for s in PEOPLE.office.sensors if s.floor_id == PARIS and not s.is_virtual]
    assert len(BEHIND) > len(physical) / 4
    start_s = int(trial.now_s) + 5 * MINUTE
    trial.simulator.outage(HIVE, start_s, start_s + 3 * HOUR)
    for _ in range(4):
        for watch in watches:
            watch.evaluate(trial)
        trial.passes(5 * MINUTE)
    assert [watch.named(ALERTING) for watch in watches] == [[], [], [], []]
    for _ in range(26):
        for watch in watches:
            watch.evaluate(trial)
        trial.passes(5 * MINUTE)
    assert hive.alerting("device_id") == {HIVE}
    assert floor.alerting("space") == {PARIS}
    assert sensor.named(ALERTING) == battery.named(ALERTING) == []
    trial.passes(HOUR)
    for _ in range(4):
        for watch in watches:
            watch.evaluate(trial)
        trial.passes(5 * MINUTE)
    assert [watch.named(ALERTING) for watch in watches] == [[], [], [], []]


def test_a_sensor_rings_after_an_hour_and_no_floor_with_it(trial: Trial) -> None:
    sensor, floor = Watch("butlr-sensor-offline"), Watch("butlr-floor-sensors-offline")
    sensor.run(trial, 5)
    lost = "sensor_newyork_1_kitchen_heat"
    start_s = int(trial.now_s)
    trial.simulator.outage(lost, start_s, start_s + 2 * HOUR)
    sensor.run(trial, 60)
    assert sensor.named(ALERTING) == []
    sensor.run(trial, 20)
    floor.run(trial, 30)
    assert sensor.alerting("device_id") == {lost}
    assert {dict(labels)["room"] for labels, one in sensor.states.items() if one.name == ALERTING} == {
        "Kitchen"
    }
    assert floor.named(ALERTING) == []
    trial.passes(HOUR)
    sensor.run(trial, 10)
    assert sensor.named(ALERTING) == []


def test_the_sensor_that_fails_by_itself_rings_in_its_days(tmp_path: Path) -> None:
    """Project room, from Saturday to Tuesday by UTC."""
    sensor, trial = Watch("butlr-sensor-offline"), Trial("2026-06-12T10:00", cache_dir=str(tmp_path))
    for day, rings in (("2026-06-12T12:00", False), ("2026-06-14T12:00", True), ("2026-06-17T12:00", False)):
        trial.passes(at(day) - trial.now_s)
        sensor.run(trial, 15)
        assert (sensor.alerting("device_id") == {"sensor_paris_1_project_room_heat"}) == rings
        assert bool(sensor.named(ALERTING)) == rings
    trial.close()


def test_a_battery_rings_from_thirty_days_before_its_date(trial: Trial) -> None:
    """Of the simulator's batteries one is not changed in time."""
    now_s, dates = int(trial.now_s), {}
    for one in PEOPLE.office.sensors:
        due = health(one, PEOPLE, now_s).battery_change_by_date
        if one.battery_due is not None:
            assert due == one.battery_due
            dates[one.id] = datetime.fromisoformat(due).timestamp()
    [(forgotten, due_s)] = dates.items()
    battery = Watch("butlr-battery-due")
    trial.passes(due_s - 31 * 24 * HOUR - trial.now_s)
    battery.run(trial, 70)
    assert battery.named(ALERTING) == []
    trial.passes(due_s - 29 * 24 * HOUR - trial.now_s)
    battery.run(trial, 70)
    assert battery.alerting("device_id") == {forgotten}
    trial.passes(due_s + 40 * 24 * HOUR - trial.now_s)
    battery.run(trial, 10)
    assert battery.alerting("device_id") == {forgotten}


def test_while_butlr_is_away_no_device_begins_to_ring(trial: Trial) -> None:
    """A sensor that was offline for half an hour may be back: nobody knows."""
    sensor = Watch("butlr-sensor-offline")
    start_s = int(trial.now_s)
    trial.simulator.outage("sensor_newyork_1_kitchen_heat", start_s, start_s + 10 * HOUR)
    sensor.run(trial, 30)
    trial.simulator.stop()
    sensor.run(trial, 120)
    assert sensor.named(ALERTING) == []
    trial.simulator.start()
    sensor.run(trial, 10)
    assert sensor.alerting("device_id") == {"sensor_newyork_1_kitchen_heat"}


def test_one_floor_without_data_does_not_silence_the_others(trial: Trial) -> None:
    watch = Watch("butlr-hot-zone")
    watch.run(trial, 5)
    crowd(trial, minutes=60)
    gone: set[str] = set()

    def unless_gone(response: Endpoint, request: Request) -> Result:
        if request.json()["filter"]["space_id"] in gone:
            raise Refusal(400, "this floor is gone")
        return response(request)

    replace_endpoint(trial, DETECTIONS, unless_gone)
    for floor in (PARIS, NEW_YORK, PARIS_2) * 2:
        gone = {floor}
        watch.run(trial, 5)
        assert {dict(labels)["space"] for labels in watch.states} == {PARIS, PARIS_2, NEW_YORK}
    gone = set()
    watch.run(trial, 10)
    assert watch.alerting("zone_id") == {KITCHEN}


def test_what_rings_is_recorded_as_an_event(trial: Trial) -> None:
    watch = Watch("butlr-hot-zone")
    crowd(trial, minutes=40)
    watch.run(trial, 90)
    params = {"space": PARIS, "from": BUSY + "Z", "to": str(int(trial.now_s * 1000))}
    rows = trial.http.get("/api/v1/events", query_string={**params, "format": "rows"}).get_json()
    [event] = rows
    assert (event["zone_id"], event["going_on"], event["threshold"]) == (KITCHEN, 0, 0.5)
    assert event["unit"] == "people"
    assert event["peak_per_m2_hour"] is None
    # A hundred people, and whoever was there beside them.
    kitchen = next(room for room in PEOPLE.office.by_id[PARIS].rooms if room.id == KITCHEN)
    area_m2 = PEOPLE.office.by_id[PARIS].area(kitchen.polygon)
    assert 100 <= event["peak_people_per_m2"] * area_m2 <= 120
    began, ended = at(event["time"]), at(event["timeEnd"])
    # Ten minutes' mean: seen within as long of its beginning and end, and at the next look.
    assert 0 < began - at(BUSY) <= 15 * MINUTE
    assert 0 < ended - (at(BUSY) + 40 * MINUTE) <= 15 * MINUTE
    body = {
        "range": {"from": BUSY + "Z", "to": "2026-06-17T15:00:00Z"},
        "annotation": {"query": f'{{"space": "{PARIS}"}}'},
    }
    marks = [m for m in trial.http.post("/annotations", json=body).get_json() if "hot" in m["tags"]]
    assert [(m["time"], m["timeEnd"], m["isRegion"]) for m in marks] == [(began * 1000, ended * 1000, True)]
    trial.restart()
    again = trial.http.get("/api/v1/events", query_string={**params, "format": "rows"}).get_json()
    assert again == rows
