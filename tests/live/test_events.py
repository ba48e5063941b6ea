"""Bodies → events: the documented forms, and everything else without a fault."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from butlr_grafana.live.events import KNOWN_TYPES, Event, PeopleEvent, Refused, TrafficEvent, decode, event_of
from tests.live.makers import body, encoded

FORMS = Path(__file__).parent / "forms"


def form(name: str) -> Any:
    return orjson.loads((FORMS / f"webhook-{name}.json").read_bytes())


def test_the_documented_events_of_people() -> None:
    by_minute = PeopleEvent("ROOM_OCCUPANCY_1MIN", "room", "room_a", "space_a", True, 1_893_996_000_000, 3)
    assert event_of(form("room-occupancy-1min")) == by_minute
    at_once = PeopleEvent("ROOM_OCCUPANCY", "room", "room_a", "space_a", False, 1_893_996_000_000, 4)
    assert event_of(form("room-occupancy")) == at_once


def test_the_documented_event_of_a_door() -> None:
    found = event_of(form("traffic"))
    assert isinstance(found, TrafficEvent)
    assert (found.sensor_id, found.mac, found.room_id) == ("a", "00-00-00-00-00-00-00-01", "room_a")
    assert (found.entered, found.left, found.at_ms) == (1, 0, 1_893_996_000_000)


@pytest.mark.parametrize("name", ["detections", "pir-motion"])
def test_types_that_nothing_needs_are_told_from_unknown_ones(name: str) -> None:
    assert event_of(form(name)) == Refused("unused", form(name)["type"])


@pytest.mark.parametrize("level", ["floor", "room", "zone"])
@pytest.mark.parametrize("ending", ["", "_1MIN", "_1M"])
def test_each_level_has_its_own_place(level: str, ending: str) -> None:
    places = {"room_id": "room_a", "zone_id": "zone_a"}
    found = event_of(body(f"{level.upper()}_OCCUPANCY{ending}", 1e9, 2, **places))
    assert isinstance(found, PeopleEvent)
    assert found.asset_id == {"floor": "space_a", "room": "room_a", "zone": "zone_a"}[level]
    assert (found.level, found.by_minute) == (level, bool(ending))


def changed(**changes: Any) -> Event | Refused:
    return event_of({**body("ROOM_OCCUPANCY_1MIN", 1e9, 2, room_id="room_a"), **changes})


@pytest.mark.parametrize("version", ["v1.0.0", "v1.7.2", "1.0", "v1"])
def test_every_version_one_is_read(version: str) -> None:
    assert isinstance(changed(version=version), PeopleEvent)


@pytest.mark.parametrize("version", ["v2.0.0", "v10.0", "", None, 1, "v1.0.0-beta", "v1." + "9" * 99])
def test_another_version_is_not_guessed_at(version: object) -> None:
    assert changed(version=version) == Refused("unknown_version", "ROOM_OCCUPANCY_1MIN")


@pytest.mark.parametrize("type_", ["ROOM_TEMPERATURE", "", None, 7, ["TRAFFIC"], "room_occupancy"])
def test_an_unknown_type_is_named_other(type_: object) -> None:
    assert changed(type=type_) == Refused("unknown_type", "other")


@pytest.mark.parametrize(
    "changes",
    [
        {"timestamp": None},
        {"timestamp": "2030-01-01T00:00:00Z"},
        {"timestamp": True},
        {"timestamp": -1},
        {"timestamp": 0},
        {"timestamp": 1e300},
        {"metadata": None},
        {"metadata": []},
        {"metadata": {"room_id": ["room_a"]}},
        {"metadata": {"room_id": "room a\n"}},
        {"metadata": {"room_id": "r" * 129}},
        {"metadata": {}},
        {"data": "2"},
        {"data": True},
        {"data": -1},
        {"data": 100_001},
        {"data": {"in": 1, "out": 1}},
        {"data": [2]},
    ],
    ids=str,
)
def test_what_cannot_be_a_number_of_people_is_malformed(changes: dict[str, Any]) -> None:
    assert changed(**changes) == Refused("malformed", "ROOM_OCCUPANCY_1MIN")


def test_a_number_that_butlr_does_not_know_is_none() -> None:
    assert changed(data=None) == Refused("no_value", "ROOM_OCCUPANCY_1MIN")


@pytest.mark.parametrize(
    "data", [None, 1, {"in": 1}, {"in": 1, "out": -1}, {"in": 0.5, "out": 0}, {"in": "1", "out": 0}]
)
def test_half_a_movement_is_malformed(data: object) -> None:
    assert event_of(body("TRAFFIC", 1e9, data, sensor_id="a")) == Refused("malformed", "TRAFFIC")


def test_an_event_without_an_id_is_known_by_sensor_and_time() -> None:
    one, two, later = (
        event_of({**body("TRAFFIC", at, {"in": 1, "out": 0}, sensor_id="a"), "id": message})
        for at, message in ((1e9, None), (1e9, ""), (1e9 + 1, None))
    )
    assert isinstance(one, TrafficEvent)
    assert isinstance(two, TrafficEvent)
    assert isinstance(later, TrafficEvent)
    assert one.identity == two.identity != later.identity


def test_a_list_holds_several() -> None:
    both = [body("ROOM_OCCUPANCY", 1e9, 1, room_id="room_a"), {"type": "NEW"}]
    assert [type(one) for one in decode(encoded(both))] == [PeopleEvent, Refused]
    assert decode(encoded([])) == []


@pytest.mark.parametrize("sent", [b"", b"{", b"\xff\xfe", b"[" * 5000, b"null", b'"TRAFFIC"', b"1e999"])
def test_what_is_no_event_is_malformed(sent: bytes) -> None:
    assert decode(sent) == [Refused("malformed")]


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
HOSTILE = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON,
        "type": st.sampled_from(sorted(KNOWN_TYPES)) | JSON,
        "timestamp": st.integers() | JSON,
        "version": st.just("v1.0.0") | JSON,
        "metadata": st.dictionaries(
            st.sampled_from(["floor_id", "room_id", "zone_id", "sensor_id", "mac_address"]),
            JSON | st.just("a"),
        )
        | JSON,
        "data": st.fixed_dictionaries({}, optional={"in": JSON, "out": JSON}) | JSON,
    },
)


@settings(deadline=None, max_examples=300)
@given(HOSTILE | JSON)
def test_nothing_raises_and_types_stay_few(document: Any) -> None:
    found = event_of(document)
    assert found.type in KNOWN_TYPES | {"other"}


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_raise(sent: bytes) -> None:
    assert all(isinstance(one, Event | Refused) for one in decode(sent))
