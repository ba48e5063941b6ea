"""`POST /webhooks/butlr`: a key first, then 204 whatever is in the body, all of it counted."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

import orjson
import pytest

from butlr_grafana.base.access import BackendToken
from butlr_grafana.live.values import LiveMinute
from butlr_grafana.model.time import Period
from butlr_grafana.simulator.webhooks import Subscription
from butlr_grafana.web.webhooks import MAX_BODY_BYTES, alone
from tests.support import GRAPHQL, PARIS, World

KEYS = ("the-first-key-of-two", "the-second-key-of-two")
PATH = "/webhooks/butlr"
KITCHEN = "room_paris_1_kitchen"
MakeWorld = Callable[..., World]


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    world = make_world(webhook_keys=KEYS)
    # What is ours is known from here on.
    assert world.http.get("/api/v1/spaces").status_code == 200
    return world


def event(world: World, count: Any = 3, *, room: str = KITCHEN, **changes: Any) -> dict[str, Any]:
    return {
        "id": "event_1",
        "type": "ROOM_OCCUPANCY_1MIN",
        "timestamp": int(world.now_s // 60 - 1) * 60_000,
        "version": "v1.0.0",
        "metadata": {"floor_id": PARIS, "room_id": room},
        "data": count,
        **changes,
    }


def push(world: World, document: Any, key: str = KEYS[0]) -> int:
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    return world.http.post(PATH, data=body, headers={"X-Api-Key": key}).status_code


def counted(world: World, name: str) -> dict[str, float]:
    """A counter's values by its labels as they are written."""
    text = world.http.get("/metrics").get_data(as_text=True)
    return {
        labels: float(value)
        for labels, value in re.findall(rf"^{name}_total\{{(.*)\}} (\S+)$", text, re.MULTILINE)
    }


def basic(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"butlr:{password}".encode()).decode()}


def newest(world: World, room: str = KITCHEN) -> LiveMinute | None:
    return world.application.receiver.live.newest(room)


def test_what_is_pushed_is_there_at_once(world: World) -> None:
    assert push(world, event(world, 7)) == 204
    start_s = int(world.now_s // 60 - 1) * 60
    assert newest(world) == LiveMinute(start_s, 7, settled=False, source="pushed")


@pytest.mark.parametrize("key", KEYS)
def test_each_key_is_good_in_the_header_and_as_the_basic_password(world: World, key: str) -> None:
    for headers in ({"X-Api-Key": key}, basic(key)):
        response = world.http.post(PATH, json=event(world), headers=headers)
        assert (response.status_code, response.get_data()) == (204, b"")


STRANGE: list[dict[str, str]] = [
    {},
    {"X-Api-Key": ""},
    {"X-Api-Key": KEYS[0][:-1]},
    {"X-Api-Key": KEYS[0] + "x"},
    {"X-Api-Key": ",".join(KEYS)},
    {"X-Api-Key": "\u00e9\u00ff"},
    {"Authorization": f"Bearer {KEYS[0]}"},
    {"Authorization": "Basic !!!"},
    basic("the-backend-token"),
    {"Authorization": "Bearer the-backend-token"},
    {"Cookie": f"key={KEYS[0]}"},
]


@pytest.mark.parametrize("headers", STRANGE, ids=str)
def test_without_a_key_nothing_is_read_and_nothing_kept(
    make_world: MakeWorld, headers: dict[str, str]
) -> None:
    world = make_world(webhook_keys=KEYS, tokens=(BackendToken("the-backend-token"),))

    class Unread(BytesIO):
        def read(self, *_: Any) -> bytes:
            raise AssertionError("the body was read")

        readline = readinto = read  # type: ignore[assignment]

    for length in (100, 10**9):
        sent = {"wsgi.input": Unread(), "CONTENT_LENGTH": str(length)}
        response = world.http.post(PATH, headers=headers, environ_overrides=sent)
        assert response.status_code == 401
    assert response.get_json()["error"]["code"] == "unauthorized"
    assert "BUTLR_WEBHOOK_KEY" in response.get_json()["message"]
    assert world.application.receiver.live.sizes["people"] == 0


def test_a_webhook_key_opens_nothing_else(make_world: MakeWorld) -> None:
    world = make_world(webhook_keys=KEYS, tokens=(BackendToken("the-backend-token"),))
    for path in ("/api/v1/spaces", "/metrics", "/webhooks/status"):
        for headers in ({"X-Api-Key": KEYS[0]}, basic(KEYS[0])):
            assert world.http.get(path, headers=headers).status_code == 401


def test_without_a_key_that_is_set_it_is_not_there(make_world: MakeWorld) -> None:
    world = make_world()
    response = world.http.post(PATH, json={}, headers={"X-Api-Key": "anything-at-all-1234"})
    assert response.status_code == 404
    assert response.get_json()["error"] == {
        "code": "not_served",
        "message": f"{PATH}: the backend accepts no events, because BUTLR_WEBHOOK_KEY is not set",
        "source": "caller",
    }
    assert counted(world, "butlr_webhook_requests") == {'result="no_key_set"': 1}


def test_only_post(world: World) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert world.http.open(PATH, method=method, headers={"X-Api-Key": KEYS[0]}).status_code == 405


def test_a_body_of_256_kb_is_taken_and_no_larger_one(world: World) -> None:
    padded = orjson.dumps(event(world, 5)).ljust(MAX_BODY_BYTES)
    assert push(world, padded) == 204
    found = newest(world)
    assert found is not None
    assert found.people == 5
    assert push(world, padded + b" ") == 413
    response = world.http.post(
        PATH,
        input_stream=BytesIO(padded + b" "),
        headers={"X-Api-Key": KEYS[0], "Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert response.status_code == 413
    assert response.get_json()["message"] == "the body is larger than 256 KB"
    assert counted(world, "butlr_webhook_requests") == {'result="accepted"': 1, 'result="body_too_large"': 2}


def test_what_cannot_be_used_is_counted_and_answered_well(world: World) -> None:
    sent = [
        b"no JSON",
        [],
        event(world, 3, room="room_of_others"),
        event(world, 3, type="NEW"),
        event(world, 3, version="v2.0.0"),
        event(world, 3, timestamp=int((world.now_s + 3600) * 1000)),
        event(world, 3, timestamp=int((world.now_s - 3600) * 1000)),
        event(world, 3, type="DETECTIONS"),
        event(world, None),
        event(world, 3),
        event(world, 3),
        event(world, 4),
    ]
    assert {push(world, one) for one in sent} == {204}
    assert counted(world, "butlr_webhook_requests") == {'result="accepted"': len(sent)}
    room = 'type="ROOM_OCCUPANCY_1MIN"'
    assert counted(world, "butlr_webhook_events") == {
        'outcome="malformed",type="other"': 1,
        f'outcome="foreign",{room}': 1,
        'outcome="unknown_type",type="other"': 1,
        f'outcome="unknown_version",{room}': 1,
        f'outcome="future",{room}': 1,
        f'outcome="late",{room}': 1,
        'outcome="unused",type="DETECTIONS"': 1,
        f'outcome="no_value",{room}': 1,
        f'outcome="stored",{room}': 1,
        f'outcome="repeated",{room}': 1,
        f'outcome="replaced",{room}': 1,
    }


def test_nothing_of_a_push_asks_butlr_anything(world: World) -> None:
    before = len(world.simulator.calls)
    for count in range(20):
        push(world, event(world, count))
    assert len(world.simulator.calls) == before


def test_floors_that_are_not_served_are_foreign(make_world: MakeWorld) -> None:
    world = make_world(webhook_keys=KEYS, butlr_spaces=("space_newyork_1",))
    world.http.get("/api/v1/spaces")
    assert push(world, event(world)) == 204
    assert newest(world) is None


def test_the_status_says_what_came(world: World) -> None:
    push(world, event(world))
    push(world, event(world, type="NEW"))
    world.now_s += 30
    reported = world.http.get("/webhooks/status").get_json()
    assert reported["receives"] is True
    assert reported["newest_event_age_s"] == 30
    assert reported["events"] == [
        {"type": "ROOM_OCCUPANCY_1MIN", "outcome": "stored", "count": 1},
        {"type": "other", "outcome": "unknown_type", "count": 1},
    ]
    assert reported["gaps"]["room"][0]["goes_on"] is True, "before this process began nothing was received"


def test_keys_are_in_no_answer_and_no_repr(world: World) -> None:
    push(world, event(world))
    text = world.http.get("/metrics").get_data() + world.http.get("/webhooks/status").get_data()
    text += world.http.post(PATH, headers={"X-Api-Key": "wrong"}).get_data()
    text += repr(world.application.receiver).encode()
    assert not any(key.encode() in text for key in KEYS)


def on_own_port(world: World) -> Any:
    return alone(world.application.receiver).test_client()


def test_a_port_of_its_own_serves_only_that(make_world: MakeWorld) -> None:
    world = make_world(webhook_keys=KEYS, webhook_port=9999)
    own = on_own_port(world)
    assert own.get("/healthz").get_json() == {"status": "ok"}
    assert own.post(PATH, json=event(world), headers={"X-Api-Key": KEYS[0]}).status_code == 204
    assert own.post(PATH, json=event(world)).status_code == 401
    for rule in world.application.web.url_map.iter_rules():
        path = re.sub("<.*>", "heatmap", rule.rule)
        if path != "/healthz":
            response = own.get(path, headers={"X-Api-Key": KEYS[0]})
            assert response.status_code == 404, path
            assert response.get_json()["error"]["source"] == "caller"
    # And the other port does not serve it.
    assert push(world, event(world)) == 404


HARMLESS = {"push_repeat": 0.5, "push_late": 0.3, "push_late_s": 90, "push_reorder": True}


@pytest.mark.parametrize("faults", [{}, HARMLESS, {**HARMLESS, "push_drop": 0.2}], ids=str)
def test_the_simulators_people_come_through(world: World, faults: dict[str, Any]) -> None:
    """From the simulator's push to the number of a room: counted from its people, whatever the order, and
    also where each fifth push never arrives. Movements are sent once, so those that never arrive are missing.
    """
    world.simulator.faults.set(**faults)
    taken: list[int] = []

    def send(_: Any, body: bytes) -> bool:
        taken.append(push(world, body))
        return True

    pusher = world.simulator.pusher
    pusher._deliver = send  # type: ignore[method-assign]
    types = ("ROOM_OCCUPANCY_1MIN", "FLOOR_OCCUPANCY_1MIN", "ZONE_OCCUPANCY_1MIN", "TRAFFIC")
    world.simulator.subscriptions.add(Subscription("webhook_1", "test", types, "http://127.0.0.1:1/"))
    world.now_s = world.now_s // 60 * 60 + 2
    world.simulator.push()
    first_s = int(world.now_s - 2)
    for _ in range(15):
        world.now_s += 60
        world.simulator.push()
    people = world.simulator.people
    live = world.application.receiver.live
    floor = people.office.by_id[PARIS]
    period = Period(first_s, first_s + 7 * 60)
    assert set(taken) == {204}
    seen = 0
    for index, room in enumerate(floor.rooms):
        counts = people.occupancy(PARIS, index, period.start_s, period.end_s).tolist()
        found = live.minutes(room.id, period)
        if found:
            assert [minute.people for minute in found] == counts
            seen += sum(counts)
    assert seen > 20
    found = live.minutes(PARIS, period)
    assert [m.people for m in found] == people.occupancy(PARIS, None, period.start_s, period.end_s).tolist()
    known = world.application.receiver.refill._floors()
    [ours] = [one for one in known if one.id == PARIS]
    _, door, direction = people.crossings(PARIS, period.start_s + 60, period.end_s)
    at_entrance = [int(d) for d, r in zip(direction, door, strict=True) if r == -1]
    moved = live.movements(ours, "floor", Period(period.start_s + 60, period.end_s))
    entered, left = at_entrance.count(1), at_entrance.count(-1)
    if "push_drop" in faults:
        assert moved is not None
        assert moved[PARIS][0] <= entered
        assert moved[PARIS][1] <= left
    else:
        assert moved == {PARIS: (entered, left)}
    assert GRAPHQL in {call.path for call in world.simulator.calls}
