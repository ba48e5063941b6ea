"""What is odd about a floor's topology reaches those who look at an answer that it bears on; nobody else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson
import pytest

from butlr_grafana.base.access import BackendToken
from butlr_grafana.butlr.topology import topology
from butlr_grafana.cache.topology import REMOVED_S, RENEW_S, TopologyCache
from butlr_grafana.cli.check import Checkup
from butlr_grafana.model.floor import Building, Floor, Note, Room, Topology
from butlr_grafana.model.privacy import guarded
from butlr_grafana.settings import Settings
from butlr_grafana.simulator.messages import Request, Result
from butlr_grafana.simulator.server import Endpoint
from butlr_grafana.targets.registry import TARGETS
from tests.butlr.wire import FakeTime
from tests.strangers.tangles import lists_of
from tests.support import GRAPHQL, HANG_S, NEW_YORK, PARIS, PARIS_2, PEOPLE, World, replace_endpoint

PERIOD = {"from": "2026-06-17T08:00:00Z", "to": "2026-06-17T10:00:00Z"}

TIME = "New York, ground floor: time zone 'Mars/Olympus' is not known; UTC is used"
AREA = "Open space: the area's unit 'tatami' is not known; m² and ft² are known"
PLACES = "Kitchen (room_newyork_1_kitchen) is listed more than once; the first entry is used"
OUTLINE = "Loft: the polygon cannot be read: the text 'POLYGON((0 0))' is not JSON"
NOTES = {TIME: "time", AREA: "area", PLACES: "places", OUTLINE: "places"}


def odd_new_york(data: dict[str, Any]) -> None:
    """On New York's floor: a time zone that there is not, an unknown unit, a room twice, an odd outline."""
    for site in [site for found in lists_of(data, "sites") for site in found]:
        for floor in [floor for found in lists_of(site, "floors") for floor in found]:
            if floor["id"] != NEW_YORK:
                continue
            site["timezone"] = floor["timezone"] = "Mars/Olympus"
            rooms = {room["name"]: room for room in floor["rooms"]}
            rooms["Open space"]["area"] = {"value": 3, "unit": "tatami"}
            rooms["Loft"]["coordinates"] = "POLYGON((0 0))"
            floor["rooms"].append(rooms["Kitchen"])


def changed(how: Callable[[dict[str, Any]], None]) -> Callable[[Endpoint, Request], Result]:
    def respond(real: Endpoint, request: Request) -> Result:
        document = orjson.loads(real(request).body)
        how(document["data"])
        return Result.json(document)

    return respond


TOKENS = (BackendToken("all"), BackendToken("paris", frozenset({PARIS})))
ALL, PARIS_ONLY = ({"Authorization": f"Bearer {token}"} for token in ("all", "paris"))


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World(tokens=TOKENS)
    replace_endpoint(world, GRAPHQL, changed(odd_new_york))
    world.restart()
    yield world
    world.close()


def send_query(world: World, target: str, who: Mapping[str, str] = ALL, **params: str) -> list[str]:
    """The notices of an answer's first frame that come from the topology of New York."""
    period = PERIOD if "from" in TARGETS[target].parameters else {}
    respond = world.http.get(f"/api/v1/{target}", query_string={**period, **params}, headers=who)
    assert respond.status_code == 200, respond.text
    texts = [notice["text"] for notice in respond.get_json()[0]["meta"]["notices"]]
    return [text for text in texts if any(note in text for note in NOTES)]


OF_ROOMS = {"time", "places"}
BEARING: list[tuple[str, dict[str, str], set[str]]] = [
    ("heatmap", {}, set()),
    ("heatmap", {"hours": "08:00-18:00"}, {"time"}),
    ("heatmap", {"hours": "08:00-18:00", "tz": "America/New_York"}, set()),
    ("heatmap", {"room": "Kitchen"}, {"places"}),
    ("heatmap-summary", {}, set()),
    ("compare", {}, set()),
    ("compare-zones", {}, {"places"}),
    ("compare-zones", {"level": "floor"}, set()),
    ("hot-zones", {}, {"places", "area"}),
    ("hotspots", {}, {"places"}),
    ("occupancy", {}, OF_ROOMS),
    ("occupancy", {"level": "floor"}, {"time"}),
    ("traffic", {"level": "floor"}, {"time"}),
    ("occupancy-now", {}, {"places"}),
    ("occupancy-now", {"level": "floor"}, set()),
    ("free-rooms", {}, {"places"}),
    ("unusual", {}, OF_ROOMS),
    ("balance", {}, {"time"}),
    ("utilization", {}, {"time", "places", "area"}),
    ("compare-utilization", {}, {"time", "places"}),
    ("floors-now", {}, {"time"}),
    ("totals", {}, {"time"}),
    ("room-types", {}, set()),
    ("pattern", {}, {"time"}),
    ("playback", {}, {"time"}),
    ("freshness", {}, set()),
    ("events", {}, set()),
    ("devices", {}, set()),
    ("spaces", {}, {"time", "places", "area"}),
]


@pytest.mark.parametrize(("target", "params", "about"), BEARING)
def test_a_note_is_told_where_it_bears_on_what_is_shown(
    world: World, target: str, params: dict[str, str], about: set[str]
) -> None:
    expected = {note for note, of in NOTES.items() if of in about}
    assert set(send_query(world, target, space=NEW_YORK, **params)) == expected
    assert send_query(world, target, space=PARIS, **(params if "room" not in params else {})) == []


def test_every_target_is_looked_at() -> None:
    assert {target for target, _, _ in BEARING} == set(TARGETS) - {"status", "floorplan", "presence"}


def test_of_several_floors_a_note_names_its_floor(world: World) -> None:
    floor = "New York, ground floor"
    assert set(send_query(world, "hot-zones", space="all")) == {
        f"{floor}: {note}" for note in (AREA, PLACES, OUTLINE)
    }
    assert set(send_query(world, "occupancy", space="all", level="floor")) == {TIME}


def test_the_topology_as_rows_has_the_notes_of_each_floor(world: World) -> None:
    respond = world.http.get("/api/v1/spaces", query_string={"format": "rows"}, headers=ALL)
    notes = {row["id"]: row["notes"] for row in respond.get_json()}
    assert all(note in notes[NEW_YORK] for note in NOTES)
    assert {note for id_, note in notes.items() if id_ not in (NEW_YORK, PARIS_2)} == {""}


def test_check_tells_them_a_line_each(make_world: Callable[..., World]) -> None:
    world = make_world()
    replace_endpoint(world, GRAPHQL, changed(odd_new_york))
    world.restart()
    settings = Settings(butlr_api_url=world.simulator.url, butlr_client_id="demo", butlr_client_secret="demo")
    checkup = Checkup(world.application, settings, address=world.simulator.url)
    message = [row.result.split(maxsplit=1) for row in checkup.rows() if row.step == "note"]
    assert {text for space, text in message if space == NEW_YORK} >= NOTES.keys()
    assert all(text not in NOTES for space, text in message if space != NEW_YORK)


def test_the_preview_page_tells_them(world: World) -> None:
    def page(**params: str) -> str:
        return world.http.get("/", query_string=params, headers={"Accept": "text/html", **ALL}).text

    assert "Mars/Olympus" in page(space=NEW_YORK, hours="08:00-18:00")
    assert "Mars/Olympus" not in page(space=PARIS, hours="08:00-18:00")


def test_who_may_not_see_a_floor_is_told_nothing_of_it(world: World) -> None:
    for target in TARGETS:
        period = PERIOD if "from" in TARGETS[target].parameters else {}
        many = TARGETS[target].many_floors
        params = {"space": "all" if many else PARIS, **period, "hours": "08:00-18:00"}
        respond = world.http.get(f"/api/v1/{target}", query_string=params, headers=PARIS_ONLY)
        assert respond.status_code == 200, respond.text
        assert "New York" not in respond.text, target
        assert "Mars" not in respond.text, target


def test_many_notes_are_counted_rather_than_told(make_world: Callable[..., World]) -> None:
    """Of ten rooms the area cannot be read; the warning about time comes before them."""

    def odd(data: dict[str, Any]) -> None:
        for floor in [floor for found in lists_of(data, "floors") for floor in found]:
            for room in floor["rooms"]:
                room["area"] = {"value": 3, "unit": "tatami"}
        for site in [site for found in lists_of(data, "sites") for site in found]:
            site["timezone"] = "Mars/Olympus"
            for floor in [floor for found in lists_of(site, "floors") for floor in found]:
                floor["timezone"] = None

    world = make_world()
    replace_endpoint(world, GRAPHQL, changed(odd))
    world.restart()

    def reported(target: str) -> list[dict[str, str]]:
        query = {"space": NEW_YORK, **PERIOD}
        [frame] = world.http.get(f"/api/v1/{target}", query_string=query).get_json()
        of_topology = ("tatami", "Mars", "irtual sensors", "more notes")
        return [n for n in frame["meta"]["notices"] if any(word in n["text"] for word in of_topology)]

    everything, some = reported("spaces"), reported("utilization")
    rooms = PEOPLE.office.by_id[NEW_YORK].rooms
    assert sum("tatami" in notice["text"] for notice in everything) == len(rooms)
    assert len(some) == 5 + 1
    warnings = [notice["severity"] == "warning" for notice in some]
    assert warnings == sorted(warnings, reverse=True)
    assert any("Mars" in notice["text"] for notice in some)
    assert (
        some[-1]["text"]
        == f"There are {len(everything) - 5} more notes on these floors: see the target spaces."
    )


def test_notes_name_no_small_room(make_world: Callable[..., World]) -> None:
    world = make_world(min_capacity=11)
    replace_endpoint(world, GRAPHQL, changed(odd_new_york))
    world.restart()
    [frame] = world.http.get("/api/v1/spaces", query_string={"space": NEW_YORK}).get_json()
    texts = [notice["text"] for notice in frame["meta"]["notices"]]
    assert not [text for text in texts if "Kitchen" in text or "Loft" in text]
    assert AREA in texts, "the open space is for 14 people"
    hidden = "details of rooms for fewer than 11 people are not shown, for privacy"
    assert [text for text in texts if hidden in text] == [f"New York, ground floor: {hidden}"]


def test_a_zone_in_a_small_room_is_not_named_either() -> None:
    small = Room("r", "Booth", "f", capacity=1)
    floor = Floor("f", "First", Building("b", "B", "S"), "UTC", rooms=(small,))
    notes = (Note("f", "Booth: odd", "area", ("r",)), Note("f", "First: odd", "time"), Note(None, "All"))
    reported = guarded(Topology({"f": floor}, notes), 2).notes
    assert [note.text for note in reported] == [
        "First: details of rooms for fewer than 2 people are not shown, for privacy",
        "First: odd",
        "All",
    ]


# --- what vanishes ----------------------------------------------------------------------------------------


def floor_of(key: str, *rooms: str) -> Floor:
    own = tuple(Room(room, f"Room {room}", key) for room in rooms)
    return Floor(key, f"Floor {key}", Building("b", "B", "S"), "UTC", rooms=own)


@pytest.fixture
def fake() -> FakeTime:
    return FakeTime()


class Vanishing:
    """Spaces whose vendor lists what it is told to."""

    def __init__(self, fake: FakeTime) -> None:
        self.fake = fake
        self.now = Topology({})
        self.spaces = TopologyCache(lambda: {}, lambda _: self.now, clock=fake)

    def notes(self, now: Topology, after_s: float = RENEW_S) -> list[Note]:
        self.now = now
        self.fake.now_s += after_s
        self.spaces.renew(timeout_s=HANG_S)
        return list(self.spaces.current(timeout_s=HANG_S).notes)


BOTH = Topology({"a": floor_of("a", "r1", "r2"), "b": floor_of("b")})
WITHOUT_B = Topology({"a": floor_of("a", "r1", "r2")})
WITHOUT_R2 = Topology({"a": floor_of("a", "r1"), "b": floor_of("b")})
B_GONE = Note("b", "Butlr no longer lists Floor b (b)", "gone")
R2_GONE = Note("a", "Butlr no longer lists Room r2 (r2)", "places", ("r2",))


def test_what_vanishes_is_said_for_a_day(fake: FakeTime) -> None:
    notes_over_time = Vanishing(fake)
    assert notes_over_time.notes(BOTH, 0) == []
    assert notes_over_time.notes(WITHOUT_B) == [B_GONE]
    assert notes_over_time.notes(WITHOUT_B) == [B_GONE]
    assert notes_over_time.notes(WITHOUT_B, REMOVED_S - RENEW_S - 1) == [B_GONE]
    assert notes_over_time.notes(WITHOUT_B, RENEW_S) == []


def test_what_comes_back_is_not_gone(fake: FakeTime) -> None:
    notes_over_time = Vanishing(fake)
    notes_over_time.notes(BOTH, 0)
    assert notes_over_time.notes(WITHOUT_R2) == [R2_GONE]
    assert notes_over_time.notes(BOTH) == []
    moved = Topology({"a": floor_of("a", "r1"), "b": floor_of("b", "r2")})
    assert notes_over_time.notes(moved) == [], "it is on another floor"


def test_what_a_partial_answer_leaves_out_is_not_gone(fake: FakeTime) -> None:
    notes_over_time = Vanishing(fake)
    notes_over_time.notes(BOTH, 0)
    partial = Topology(WITHOUT_B.floors, partial=True)
    assert notes_over_time.notes(partial) == [
        Note("b", "Butlr left out Floor b; its last known data are used")
    ]
    assert list(notes_over_time.spaces.current(timeout_s=HANG_S).floors) == ["a", "b"]


def test_a_floor_that_is_gone_is_said_to_who_asks_for_all(fake: FakeTime) -> None:
    """And to nobody who may not see it."""
    notes_over_time = Vanishing(fake)
    notes_over_time.notes(BOTH, 0)
    notes_over_time.notes(WITHOUT_B)
    found = notes_over_time.spaces.current(timeout_s=HANG_S)
    assert found.restricted_to(frozenset({"a"})).notes == ()
    assert found.restricted_to(frozenset({"a", "b"})).notes == (B_GONE,)
    assert found.notes_on("a") == ()


def test_each_note_is_in_the_log_once(fake: FakeTime, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    notes_over_time = Vanishing(fake)
    note = Note("a", "Floor a: odd", "time")
    for _ in range(3):
        notes_over_time.notes(Topology(BOTH.floors, (note,)))
    notes_over_time.notes(BOTH)
    assert [r.message for r in caplog.records if "odd" in r.message] == ["topology: Floor a: odd"]
    notes_over_time.notes(Topology(BOTH.floors, (note,)))
    assert sum("odd" in r.message for r in caplog.records) == 2, "it holds anew"


def test_a_floor_listed_twice_is_a_note_of_that_floor() -> None:
    """A note for everybody would name it to those who may not see it."""
    floor = {"id": "space_1", "name": "First", "rooms": []}
    sites = [{"id": "s", "timezone": "UTC", "buildings": [{"id": "b", "floors": [floor, floor]}]}]
    found = topology({"sites": {"sites": {"data": sites}}, "sensors": {"sensors": {"data": []}}})
    [note] = [note for note in found.notes if "more than once" in note.text]
    assert note.floor_id == "space_1"
