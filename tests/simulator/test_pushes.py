"""What the simulator pushes: from its people, in Butlr's forms, to one subscriber an event type."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import pytest
import requests

from butlr_grafana.simulator import Forms, People, Simulator
from butlr_grafana.simulator.webhooks import Subscription
from tests.simulator.conftest import NOW
from tests.simulator.test_topology import data, send_query

PARIS = "space_paris_1"
NOON_S = int(NOW.timestamp())
CREATE = "mutation($input: [WebhookCreateInput!]!) { createWebhooks(input: $input) { id name event_types } }"
TYPES = ["ROOM_OCCUPANCY_1MIN", "FLOOR_OCCUPANCY_1MIN", "ZONE_OCCUPANCY_1MIN", "TRAFFIC"]


class Receiver:
    """Takes what is pushed; `status` is what it answers."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.status = 204
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                receiver.events.append(orjson.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                receiver.headers.append(dict(self.headers))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhooks/butlr"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def of(self, type_: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == type_]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


class Moved:
    now_s = float(NOON_S)


@pytest.fixture
def clock() -> Moved:
    return Moved()


@pytest.fixture
def simulator(people: People, clock: Moved) -> Iterator[Simulator]:
    with Simulator(people, clock=lambda: clock.now_s) as running:
        yield running


Subscribe = Callable[..., dict[str, Any]]


@pytest.fixture
def subscribe(client: requests.Session, simulator: Simulator, receiver: Receiver) -> Subscribe:
    def make(*types: str, status: str = "data", **config: Any) -> dict[str, Any]:
        endpoint = {
            "url": receiver.url,
            "http_timeout": 5,
            "api_key": {"key": "X-Api-Key", "value": "s3cret"},
            **config,
        }
        new = {"name": "test", "eventTypes": types or TYPES, "endpointConfig": endpoint}
        found = send_query(client, simulator, CREATE, variables={"input": [new]})
        if status == "errors":
            return found["errors"][0]  # type: ignore[no-any-return]
        return found["data"]["createWebhooks"][0]  # type: ignore[no-any-return]

    return make


def test_minutes_are_pushed_as_each_of_five_ends_with_the_people_of_each(
    simulator: Simulator, subscribe: Subscribe, receiver: Receiver, clock: Moved, people: People
) -> None:
    subscribe()
    simulator.push()
    for n in range(1, 8):
        clock.now_s = NOON_S + 60 * n + 2
        simulator.push()
    rooms = [room.id for room in people.office.by_id[PARIS].rooms]
    kitchen = rooms.index("room_paris_1_kitchen")
    mine = [e for e in receiver.of("ROOM_OCCUPANCY_1MIN") if e["metadata"]["room_id"] == rooms[kitchen]]
    by_minute: dict[int, list[int]] = {}
    for event in mine:
        by_minute.setdefault(event["timestamp"] // 1000, []).append(event["data"])
    first = NOON_S - 4 * 60
    truth = people.occupancy(PARIS, kitchen, first - 60, NOON_S + 7 * 60).tolist()
    whole = {first + 60 * n: truth[n + 1] for n in range(len(truth) - 1)}
    assert sorted(by_minute) == sorted(whole)
    for start_s, counts in by_minute.items():
        if start_s < NOON_S:
            assert set(counts) == {whole[start_s]}, "it was pushed for the first time before"
        else:
            # At first the number of the minute before, then its own, at most five times in all.
            before = truth[(start_s - first) // 60]
            assert counts == [before, *[whole[start_s]] * (min(5, (NOON_S + 420 - start_s) // 60) - 1)]
    event = mine[0]
    assert event["version"] == "v1.0.0"
    assert event["metadata"]["floor_id"] == PARIS
    assert event["id"].startswith("event_")
    assert len({e["id"] for e in receiver.events}) == len(receiver.events)


def test_floors_and_zones_too(
    simulator: Simulator, subscribe: Subscribe, receiver: Receiver, clock: Moved, people: People
) -> None:
    subscribe()
    simulator.push()
    clock.now_s = NOON_S + 60
    simulator.push()
    [newest] = [
        e
        for e in receiver.of("FLOOR_OCCUPANCY_1MIN")
        if e["metadata"]["floor_id"] == PARIS and e["timestamp"] == 1000 * (NOON_S - 60)
    ]
    assert newest["data"] == people.occupancy(PARIS, None, NOON_S - 60, NOON_S)[0]
    assert "room_id" not in newest["metadata"]
    zones = {e["metadata"]["zone_id"] for e in receiver.of("ZONE_OCCUPANCY_1MIN")}
    assert zones == {zone.id for floor in people.office.floors for zone in floor.zones}


def test_each_step_through_a_door_is_pushed_by_each_sensor_over_it(
    simulator: Simulator, subscribe: Subscribe, receiver: Receiver, clock: Moved, people: People
) -> None:
    subscribe()
    simulator.push()
    for n in range(1, 61):
        clock.now_s = NOON_S + 10 * n
        simulator.push()
    t_s, room, direction = people.crossings(PARIS, NOON_S + 1, NOON_S + 601)
    by_sensor: dict[str, list[tuple[int, int]]] = {}
    for event in receiver.of("TRAFFIC"):
        places = event["metadata"]
        if places["floor_id"] == PARIS:
            step = 1 if event["data"] == {"in": 1, "out": 0} else -1
            by_sensor.setdefault(places["mac_address"], []).append((event["timestamp"] // 1000, step))
            assert not places["sensor_id"].startswith("sensor_")
    floor = people.office.by_id[PARIS]
    expected: dict[str, list[tuple[int, int]]] = {}
    for sensor in floor.sensors:
        if sensor.mode != "traffic":
            continue
        door = -1 if sensor.is_entrance else [r.id for r in floor.rooms].index(sensor.room_id or "")
        turned = -1 if sensor.is_mirror else 1
        steps = [(int(t), int(d) * turned) for t, r, d in zip(t_s, room, direction, strict=True) if r == door]
        if steps:
            expected[sensor.mac_address] = steps
    assert len(expected) >= 2
    assert by_sensor == expected


def test_nobody_who_has_not_subscribed_is_told_and_keys_come_along(
    simulator: Simulator, subscribe: Subscribe, receiver: Receiver, clock: Moved
) -> None:
    subscribe("TRAFFIC", api_key=None, basic_auth={"username": "butlr", "password": "pa55"})
    subscribe("FLOOR_OCCUPANCY")
    simulator.push()
    clock.now_s = NOON_S + 300
    simulator.push()
    assert {event["type"] for event in receiver.events} == {"TRAFFIC", "FLOOR_OCCUPANCY"}
    sent = {event["type"]: headers for event, headers in zip(receiver.events, receiver.headers, strict=True)}
    assert sent["FLOOR_OCCUPANCY"]["X-Api-Key"] == "s3cret"
    assert sent["TRAFFIC"]["Authorization"] == "Basic " + base64.b64encode(b"butlr:pa55").decode()


def test_what_is_refused_is_tried_three_more_times_and_then_dropped(
    simulator: Simulator, subscribe: Subscribe, receiver: Receiver, clock: Moved
) -> None:
    subscribe("FLOOR_OCCUPANCY")
    simulator.push()
    receiver.status = 503
    clock.now_s = NOON_S + 60
    assert simulator.push() == 0
    first = len(receiver.events)
    for n in range(1, 20):
        clock.now_s = NOON_S + 60 + n
        simulator.push()
    assert len(receiver.events) == 4 * first > 0
    receiver.status = 204
    clock.now_s = NOON_S + 90
    assert simulator.push() == 0, "dropped"


def test_a_subscriber_that_comes_back_is_told_again(
    simulator: Simulator, subscribe: Subscribe, receiver: Receiver, clock: Moved
) -> None:
    subscribe("FLOOR_OCCUPANCY")
    simulator.push()
    receiver.status = 503
    clock.now_s = NOON_S + 60
    simulator.push()
    receiver.status = 204
    clock.now_s += 1
    assert simulator.push() == len(receiver.events) / 2


def pushed(simulator: Simulator, clock: Moved, receiver: Receiver) -> list[tuple[str, int, int]]:
    simulator.push()
    for n in range(1, 121):
        clock.now_s = NOON_S + 5 * n
        simulator.push()
    return [(e["metadata"]["floor_id"], e["timestamp"], e["data"]) for e in receiver.events]


def test_faults_drop_repeat_reorder_and_delay(people: People, receiver: Receiver) -> None:
    found = {}
    for name, faults in {
        "none": {},
        "dropped": {"push_drop": 0.25},
        "repeated": {"push_repeat": 0.25},
        "late": {"push_late": 0.25, "push_late_s": 120},
        "reordered": {"push_reorder": True},
    }.items():
        clock = Moved()
        receiver.events.clear()
        simulator = Simulator(people, clock=lambda clock=clock: clock.now_s)  # type: ignore[misc]
        simulator.faults.set(**faults)
        simulator.subscriptions.add(Subscription("webhook_1", "test", ("FLOOR_OCCUPANCY",), receiver.url))
        found[name] = pushed(simulator, clock, receiver)
        simulator.stop()
    whole = found["none"]
    assert len(whole) == 10 * 3 * 5
    assert len(found["dropped"]) == len(whole) - int(len(whole) * 0.25)
    assert set(found["dropped"]) <= set(whole)
    assert len(found["repeated"]) == len(whole) + int(len(whole) * 0.25)
    assert set(found["repeated"]) == set(whole)
    assert found["reordered"] != whole
    assert sorted(found["reordered"]) == sorted(whole)
    assert found["late"] != whole
    assert set(found["late"]) < set(whole), "the last ones are still on their way"


def test_one_subscription_an_event_type_and_secrets_only_for_who_asks(
    client: requests.Session, simulator: Simulator, subscribe: Subscribe
) -> None:
    first = subscribe("TRAFFIC", "ROOM_OCCUPANCY")
    assert first["event_types"] == ["TRAFFIC", "ROOM_OCCUPANCY"]
    taken = subscribe("ZONE_OCCUPANCY", "TRAFFIC", status="errors")
    assert taken["message"] == "already subscribed to TRAFFIC"
    assert data(client, simulator, "{ webhooks { id name event_types } }")["webhooks"] == [first]
    [whole] = data(client, simulator, "{ webhooks { endpoint_config { url api_key { key value } } } }")[
        "webhooks"
    ]
    assert whole["endpoint_config"]["api_key"] == {"key": "X-Api-Key", "value": "s3cret"}
    update = "mutation($input: [WebhookUpdateInput!]!) { updateWebhooks(input: $input) { id } }"
    send_query(
        client, simulator, update, variables={"input": [{"id": first["id"], "eventTypes": ["TRAFFIC"]}]}
    )
    assert subscribe("ROOM_OCCUPANCY")["event_types"] == ["ROOM_OCCUPANCY"]
    delete = "mutation($ids: [ID!]!) { deleteWebhooks(ids: $ids) }"
    assert data(client, simulator, delete.replace("($ids: [ID!]!)", "").replace("$ids", f'["{first["id"]}"]'))
    assert send_query(client, simulator, delete, variables={"ids": ["webhook_x"]})["errors"][0][
        "extensions"
    ] == {"code": "NOT_FOUND"}
    assert len(data(client, simulator, "{ webhooks { id } }")["webhooks"]) == 1


@pytest.mark.parametrize("form", ["webhook_inputs=camel", "event_names=1m"])
def test_other_names_are_refused(
    client: requests.Session, simulator: Simulator, subscribe: Subscribe, form: str
) -> None:
    simulator.forms = Forms.read([form])
    assert "message" in subscribe(status="errors")


@pytest.mark.parametrize("reported", ["presence", "doors", "higher"])
def test_what_the_numbers_stand_for_is_a_form(
    simulator: Simulator, subscribe: Subscribe, receiver: Receiver, clock: Moved, reported: str
) -> None:
    people = simulator.people
    simulator.forms = Forms(pushed_people=reported, drift=False)
    subscribe("FLOOR_OCCUPANCY")
    simulator.push()
    clock.now_s = NOON_S + 60
    simulator.push()
    midnight_s = NOON_S - 14 * 3600  # Paris is two hours ahead
    seen = people.occupancy(PARIS, None, NOON_S - 240, NOON_S)
    t_s, room, direction = people.crossings(PARIS, midnight_s, NOON_S)
    inside = 0
    by_doors = {}
    steps = [(int(t), int(d)) for t, r, d in zip(t_s, room, direction, strict=True) if r == -1]
    for start_s in range(midnight_s, NOON_S, 60):
        inside += sum(d for t, d in steps if start_s <= t < start_s + 60)
        inside = max(0, inside)
        by_doors[start_s] = inside
    for event in receiver.events:
        start_s = event["timestamp"] // 1000
        if event["metadata"]["floor_id"] == PARIS and NOON_S - 240 <= start_s < NOON_S:
            both = (int(seen[(start_s - NOON_S + 240) // 60]), by_doors[start_s])
            assert event["data"] == {"presence": both[0], "doors": both[1], "higher": max(both)}[reported]
    assert len(receiver.events) > 10
