"""The store of pushed minutes: the last to arrive wins, a settled minute stays, memory is bounded."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from butlr_grafana.live.events import PeopleEvent, Refused, TrafficEvent, event_of
from butlr_grafana.live.minutes import LiveMinutes
from butlr_grafana.live.movements import Movements
from butlr_grafana.live.ring import STORED_MINUTES
from butlr_grafana.live.roster import CurrentRoster, Roster
from butlr_grafana.live.silence import Gap
from butlr_grafana.live.values import SETTLE_S, has_settled
from butlr_grafana.model.sensors import VirtualRule
from butlr_grafana.model.time import Period
from tests.live.makers import MINUTE_S, NOON_S, Clock, body, covers, floor, moved, people, topology


def minute(n: int) -> int:
    return NOON_S + n * MINUTE_S


def of_ours(clock: Clock, rule: VirtualRule = "by-place", **bounds: Any) -> LiveMinutes:
    return LiveMinutes(clock, CurrentRoster(lambda: topology(rule)), **bounds)


@pytest.fixture
def clock() -> Clock:
    return Clock(minute(0) + 5)


@pytest.fixture
def live(clock: Clock) -> LiveMinutes:
    """Of rooms that nobody knows yet: all may be ours."""
    return LiveMinutes(clock)


def newest(live: LiveMinutes, room: str = "room_a") -> tuple[int, float | None] | None:
    found = live.newest(room)
    return None if found is None else ((found.start_s - NOON_S) // MINUTE_S, found.people)


def test_the_last_to_arrive_for_a_minute_wins(live: LiveMinutes) -> None:
    assert live.note(people("room_a", minute(-1), 3)) == "stored"
    assert live.note(people("room_a", minute(-1), 5)) == "replaced"
    assert live.note(people("room_a", minute(-1), 5)) == "repeated"
    assert newest(live) == (-1, 5)
    assert live.note(people("room_a", minute(-2), 9)) == "stored"
    assert newest(live) == (-1, 5), "an older minute that arrives later is not newer"


def test_a_minute_is_half_open(live: LiveMinutes, clock: Clock) -> None:
    live.note(people("room_a", minute(-1) + 59.999, 4))
    live.note(people("room_a", minute(0), 6))
    assert [m.people for m in live.minutes("room_a", Period(minute(-1), minute(0)))] == [4]
    assert [m.people for m in live.minutes("room_a", Period(minute(-1), minute(1)))] == [4, 6]
    # Minutes that lie in a period in part are not in it.
    assert live.minutes("room_a", Period(minute(-1) + 1, minute(0) + 59)) == ()


def test_a_minute_settles_six_minutes_after_its_end(live: LiveMinutes, clock: Clock) -> None:
    live.note(people("room_a", minute(-1), 3))
    clock.now_s = minute(0) + SETTLE_S - 0.001
    assert live.note(people("room_a", minute(-1), 4)) == "replaced"
    found = live.newest("room_a")
    assert found is not None
    assert not found.settled
    clock.now_s = minute(0) + SETTLE_S
    assert live.note(people("room_a", minute(-1), 5)) == "late"
    found = live.newest("room_a")
    assert found is not None
    assert (found.people, found.settled, found.source) == (4, True, "pushed")


def test_minutes_whose_events_tell_their_end_are_kept_by_their_start(live: LiveMinutes) -> None:
    live.note(people("room_a", minute(0), 3))
    assert newest(live) == (0, 3)
    live.shift(-60)
    assert newest(live) is None, "it was another minute's"
    live.note(people("room_a", minute(0), 4))
    assert newest(live) == (-1, 4)
    live.shift(-60)
    assert newest(live) == (-1, 4)


def test_the_future_is_no_news(live: LiveMinutes, clock: Clock) -> None:
    assert live.note(people("room_a", clock.now_s + 60.001, 3)) == "future"
    assert newest(live) is None
    # Clocks differ a little.
    assert live.note(people("room_a", clock.now_s + 60, 3)) == "stored"


def test_what_is_not_ours_is_foreign(clock: Clock) -> None:
    live = of_ours(clock)
    assert live.note(people("room_a", minute(-1), 3)) == "stored"
    assert live.note(people("room_x", minute(-1), 3)) == "foreign"
    assert live.note(event_of(body("ZONE_OCCUPANCY_1MIN", minute(-1), 1, zone_id="room_a"))) == "foreign"
    assert live.note(moved(minute(-1), 1, 0, mac="00-17-0d-a4-ff-ff-ff-ff", sensor="x")) == "foreign"
    assert newest(live, "room_x") is None
    assert live.sizes == {"people": 1, "sensors": 0, "remembered": 0}


def test_what_is_foreign_is_no_sign_of_life(clock: Clock) -> None:
    live = of_ours(clock)
    live.note(people("room_x", minute(-1), 3))
    assert not live.has_received("room")
    assert not live.has_received("traffic")


def test_floors_that_are_not_served_are_foreign(clock: Clock) -> None:
    live = LiveMinutes(clock, CurrentRoster(topology, served=("space_other", "space_a")))
    assert live.note(people("room_a", minute(-1), 3)) == "stored"
    other = LiveMinutes(
        clock, CurrentRoster(lambda: replace(topology(), floors={**topology().floors}), ["space_z"])
    )
    # No floor that is served is known yet: everything may be ours.
    assert other.note(people("room_a", minute(-1), 3)) == "stored"


def test_the_series_by_the_minute_comes_first_and_the_other_fills_its_holes(live: LiveMinutes) -> None:
    live.note(people("room_a", minute(-2), 1))
    live.note(people("room_a", minute(-2), 8, "ROOM_OCCUPANCY"))
    live.note(people("room_a", minute(-1), 9, "ROOM_OCCUPANCY"))
    period = Period(minute(-2), minute(0))
    assert [m.people for m in live.minutes("room_a", period)] == [1, 9]
    assert covers(live, ["room_a"], period)
    assert newest(live) == (-2, 1)
    live.note(people("room_b", minute(-1), 4, "ROOM_OCCUPANCY"))
    assert newest(live, "room_b") == (-1, 4)


def test_covers_wants_each_minute_of_each_asset(live: LiveMinutes) -> None:
    for n in (-3, -2, -1):
        live.note(people("room_a", minute(n), 1))
    for n in (-3, -1):
        live.note(people("room_b", minute(n), 1))
    assert covers(live, ["room_a"], Period(minute(-3), minute(0)))
    assert not covers(live, ["room_a"], Period(minute(-4), minute(0)))
    assert not covers(live, ["room_a", "room_b"], Period(minute(-3), minute(0)))
    assert covers(live, ["room_a", "room_b"], Period(minute(-1), minute(0)))


def listening(clock: Clock, *minutes: int) -> LiveMinutes:
    """One that was there long before, and heard of `room_a` one person in these minutes, as they ended."""
    clock.now_s = minute(-3 * STORED_MINUTES)
    live = LiveMinutes(clock)
    for n in minutes:
        clock.now_s = minute(n + 1) + 2
        live.note(people("room_a", minute(n), 1))
    return live


def test_a_settled_minute_in_a_silence_is_not_covered_until_reporting_was_requested(clock: Clock) -> None:
    live = listening(clock, *range(-60, -20), *range(-12, 0))
    clock.now_s = minute(0) + 5
    [gap] = [g for g in live.gaps("room") if g.start_s >= minute(-60)]
    assert gap == Gap(minute(-19), minute(-11))
    # The last values of the six minutes before were pushed while nobody listened.
    assert covers(live, ["room_a"], Period(minute(-26), minute(-25)))
    assert not covers(live, ["room_a"], Period(minute(-25), minute(-24)))
    assert not covers(live, ["room_a"], Period(minute(-15), minute(-14))), "nothing is known of it"
    live.set_people("room_a", {minute(n): 2 for n in range(-25, -11)})
    assert covers(live, ["room_a"], Period(minute(-26), minute(-1)))
    live.set_filled("room", gap)
    assert gap not in live.gaps("room")


def test_reporting_replaces_a_settled_minute_and_nothing_that_can_still_change(clock: Clock) -> None:
    live = listening(clock, -20, -1)
    clock.now_s = minute(0) + 5
    differed = live.set_people("room_a", {minute(-20): 7, minute(-19): 3, minute(-18): None, minute(-1): 9})
    assert differed == 1
    found = {
        (m.start_s - NOON_S) // 60: (m.people, m.source)
        for m in live.minutes("room_a", Period(minute(-30), minute(0)))
    }
    assert found == {-20: (7, "reported"), -19: (3, "reported"), -18: (None, "reported"), -1: (1, "pushed")}
    assert newest(live) == (-1, 1)


def test_a_minute_that_reporting_does_not_know_either_is_covered_and_never_the_newest(clock: Clock) -> None:
    live = listening(clock, -20)
    clock.now_s = minute(0) + 5
    live.set_people("room_a", {minute(-10): None})
    assert covers(live, ["room_a"], Period(minute(-10), minute(-9)))
    assert newest(live) == (-20, 1)


def test_what_is_older_than_what_is_kept_is_gone(clock: Clock) -> None:
    live = listening(clock, 0)
    clock.now_s = minute(STORED_MINUTES) - 1
    assert newest(live) == (0, 1)
    clock.now_s = minute(STORED_MINUTES)
    assert newest(live) is None
    assert live.minutes("room_a", Period(minute(-1), minute(3))) == ()


def test_counts_are_of_the_last_minutes_by_type_and_outcome(live: LiveMinutes, clock: Clock) -> None:
    for event in (people("room_a", minute(-1), 3), people("room_a", minute(-1), 4), Refused("unknown_type")):
        live.note(event)
    live.note(people("room_a", minute(-1), 4), elsewhere=True)
    expected = {
        ("ROOM_OCCUPANCY_1MIN", "stored"): 1,
        ("ROOM_OCCUPANCY_1MIN", "replaced"): 1,
        ("other", "unknown_type"): 1,
    }
    assert live.counted(5) == expected
    clock.now_s = minute(5)
    live.note(people("room_a", minute(4), 4))
    assert live.counted(5) == {("ROOM_OCCUPANCY_1MIN", "stored"): 1}
    assert sum(live.counted(6).values()) == 4


# People through doors.


def test_movements_add_up_and_a_repeated_event_counts_once(clock: Clock) -> None:
    clock.now_s = minute(-100)
    live = of_ours(clock)
    for n in range(-40, 0):
        clock.now_s = minute(n)
        live.note(people("room_a", minute(n), 1))
    clock.now_s = minute(0) + 5
    assert live.note(moved(minute(-1), 2, 0, event_id="event_1")) == "stored"
    assert live.note(moved(minute(-1) + 30, 1, 1, event_id="event_2")) == "stored"
    assert live.note(moved(minute(-1), 2, 0, event_id="event_1")) == "repeated"
    assert live.movements(floor(), "floor", Period(minute(-1), minute(0))) == {"space_a": (3, 1)}
    assert live.movements(floor(), "floor", Period(minute(-2), minute(-1))) == {"space_a": (0, 0)}
    # The entrance names room A, whose own doors it joins.
    assert live.movements(floor(), "room", Period(minute(-3), minute(0))) == {
        "room_a": (3, 1),
        "room_b": (0, 0),
    }


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        # At each place one sensor a device: room B has the device itself, not its mirror; room A its clone.
        ("by-place", {"room_a": (4, 0), "room_b": (1, 2)}),
        ("drop", {"room_a": (0, 0), "room_b": (1, 2)}),
    ],
)
def test_copies_of_sensors_count_as_everywhere(
    clock: Clock, rule: VirtualRule, expected: dict[str, tuple[int, int]]
) -> None:
    clock.now_s = minute(-40)
    live = of_ours(clock, rule)
    clock.now_s = minute(-30)
    for n in range(-30, 0):
        clock.now_s = minute(n)
        live.note(people("room_a", minute(n), 1))
    clock.now_s = minute(0) + 5
    for number, (mac, entered, left) in enumerate(
        [
            ("00-17-0d-a4-00-00-00-02", 1, 2),
            ("mi-rr-or-00-17-0d-a4-00-00-00-02", 2, 1),
            ("FA-KE-0D-A4-00-00-00-02", 4, 0),
        ]
    ):
        assert live.note(moved(minute(-1), entered, left, event_id=f"event_{number}", mac=mac)) == "stored"
    period = Period(minute(-1), minute(0))
    assert live.movements(floor(rule), "room", period) == expected


def test_a_sensor_is_known_by_its_address_else_by_its_id_with_or_without_its_prefix() -> None:
    roster = Roster([floor()])
    for sensor_id, mac in (("a", "00-17-0D-A4-00-00-00-02"), ("door_b", ""), ("sensor_door_b", "")):
        found = roster.sensor(sensor_id, mac)
        assert found is not None
        assert found.id == "sensor_door_b"


def test_movements_are_told_only_where_somebody_listened_and_movements_are_pushed(clock: Clock) -> None:
    clock.now_s = minute(-200)
    live = of_ours(clock)
    for n in [*range(-30, -10), *range(-5, 0)]:
        clock.now_s = minute(n)
        live.note(people("room_a", minute(n), 1))
    clock.now_s = minute(0) + 5
    last = Period(minute(-3), minute(0))
    assert live.movements(floor(), "floor", last) is None, "nobody knows whether movements are pushed at all"
    live.note(moved(minute(-1), 2, 0))
    assert live.movements(floor(), "floor", last) == {"space_a": (2, 0)}
    assert live.movements(floor(), "floor", Period(minute(-7), minute(0))) is None, "nobody listened"
    for gap in live.gaps("traffic"):
        live.set_filled("traffic", gap)
    live.set_movements("sensor_entrance", {minute(-7): (5, 4)})
    assert live.movements(floor(), "floor", Period(minute(-7), minute(0))) == {"space_a": (7, 4)}
    live.lost(minute(-2))
    assert live.movements(floor(), "floor", last) is None


def test_a_movement_in_a_minute_that_reporting_has_told_is_in_it_already(clock: Clock) -> None:
    live = of_ours(clock)
    live.set_movements("sensor_entrance", {minute(-1): (5, 4)})
    assert live.note(moved(minute(-1), 2, 0)) == "late"


# Bounds.


def test_memory_is_bounded_whatever_ids_arrive(clock: Clock) -> None:
    live = LiveMinutes(clock, most_assets=50, movements=Movements(most_sensors=20, most_remembered=30))
    found = Counter(live.note(people(f"room_{n}", minute(-1), 1)) for n in range(500))
    assert found == {"stored": 50, "full": 450}
    doors = Counter(
        live.note(moved(minute(-1), 1, 0, event_id=f"event_{n}", mac="", sensor=f"s{n % 40}"))
        for n in range(400)
    )
    assert doors["full"] == 400 - 30
    assert live.sizes == {"people": 50, "sensors": 20, "remembered": 30}
    # What found no room is not told as if it had not been.
    clock.now_s = minute(1) + 1
    live.note(people("room_1", minute(0), 1))
    assert any(gap.start_s <= minute(0) < gap.end_s for gap in live.gaps("traffic"))


def test_what_tells_nothing_any_more_makes_room(clock: Clock) -> None:
    live = LiveMinutes(clock, most_assets=2)
    for room in ("room_a", "room_b"):
        live.note(people(room, minute(-1), 1))
    assert live.note(people("room_c", minute(-1), 1)) == "full"
    clock.now_s = minute(STORED_MINUTES + 2)
    assert live.note(people("room_c", minute(STORED_MINUTES + 1), 1)) == "stored"
    assert live.sizes["people"] == 1


def test_movements_are_remembered_until_they_would_be_late(clock: Clock) -> None:
    live = LiveMinutes(clock)
    live.note(moved(minute(-1), 2, 0, event_id="event_1"))
    for n in range(20):
        clock.now_s = minute(n) + 30
        outcome = live.note(moved(minute(-1), 2, 0, event_id="event_1"))
        assert outcome == ("late" if has_settled(minute(-1), clock.now_s) else "repeated")
    assert live.sizes["remembered"] == 0


# Any order.


@st.composite
def deliveries(draw: st.DrawFn) -> list[tuple[float, PeopleEvent | TrafficEvent | Refused]]:
    """What arrives over twenty minutes, with the time of each arrival, in order of arrival."""
    found: list[tuple[float, Any]] = []
    for _ in range(draw(st.integers(1, 60))):
        arrives_s = draw(st.integers(minute(0), minute(20) - 1)) + draw(st.sampled_from([0.0, 0.5]))
        kind = draw(st.sampled_from(["people", "people", "people", "door", "hostile"]))
        at_s = arrives_s + draw(
            st.sampled_from([-5000, -480, -421, -420, -419.5, -300, -61, -60, -1, 0, 60, 60.5, 9e4])
        )
        if kind == "people":
            room = draw(st.sampled_from(["room_a", "room_b", "room_x"]))
            found.append((arrives_s, people(room, at_s, draw(st.integers(0, 9)))))
        elif kind == "door":
            number = draw(st.integers(1, 12))
            # The same id is the same event, at the same time.
            found.append(
                (
                    arrives_s,
                    moved(minute(0) + number * 61, number % 3, number % 2, event_id=f"event_{number}"),
                )
            )
        else:
            found.append((arrives_s, event_of(draw(st.sampled_from(HOSTILE)))))
    return sorted(found, key=lambda one: one[0])


HOSTILE: list[Any] = [
    None,
    {},
    {"type": "NEW"},
    {**body("ROOM_OCCUPANCY_1MIN", minute(1), 3, room_id="room_a"), "version": "v2"},
    {**body("ROOM_OCCUPANCY_1MIN", minute(1), -3, room_id="room_a")},
    {**body("TRAFFIC", minute(1), {"in": 3})},
]


@settings(deadline=None, max_examples=300)
@given(deliveries())
def test_a_settled_minute_is_what_arrived_last_before_it_settled(
    arrivals: list[tuple[float, PeopleEvent | TrafficEvent | Refused]],
) -> None:
    clock = Clock(minute(-1))
    live = of_ours(clock)
    truth: dict[tuple[str, int], float] = {}
    doors: dict[int, dict[str, tuple[int, int]]] = defaultdict(dict)
    for arrives_s, event in arrivals:
        clock.now_s = arrives_s
        live.note(event)
        if isinstance(event, Refused):
            continue
        start_s = event.at_ms // 60_000 * 60
        if event.at_ms > (arrives_s + 60) * 1000 or arrives_s >= start_s + 60 + 360:
            continue
        if isinstance(event, TrafficEvent):
            doors[start_s][event.identity] = (event.entered, event.left)
        elif event.asset_id != "room_x":
            truth[event.asset_id, start_s] = event.people
    clock.now_s = minute(30)
    for room in ("room_a", "room_b", "room_x"):
        found = {m.start_s: m.people for m in live.minutes(room, Period(minute(-30), minute(30)))}
        assert found == {start_s: n for (asset, start_s), n in truth.items() if asset == room}
        assert all(m.settled for m in live.minutes(room, Period(minute(-30), minute(20))))
    entered = {start_s: sum(n for n, _ in events.values()) for start_s, events in doors.items()}
    for start_s, count in entered.items():
        known = live._movements.of("sensor_entrance", start_s // 60)
        assert known is not None
        assert known[0][0] == count


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.tuples(st.integers(-12, -1), st.integers(0, 50)), min_size=1),
    st.randoms(use_true_random=False),
)
def test_once_repaired_a_settled_minute_is_what_reporting_says_whatever_was_pushed(
    pushed: list[tuple[int, int]], rng: random.Random
) -> None:
    """Dropped, reordered, repeated and late pushes end in the truth."""
    truth = {minute(n): float(rng.randrange(50)) for n in range(-12, 0)}
    clock = Clock(minute(0))
    live = LiveMinutes(clock)
    for n, count in pushed:
        live.note(people("room_a", minute(n), count))
    clock.now_s = minute(7)
    live.set_people("room_a", dict(truth))
    for n, count in pushed:
        assert live.note(people("room_a", minute(n), count + 1)) == "late"
    found = {m.start_s: m.people for m in live.minutes("room_a", Period(minute(-12), minute(0)))}
    assert found == truth
