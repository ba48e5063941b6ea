"""The newest people of a list of assets, and where nothing fresh was pushed that reporting is to be asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from butlr_grafana.live.events import event_of
from butlr_grafana.live.minutes import LiveMinutes
from butlr_grafana.live.source import FRESH_S, LivePeople, newest_people
from butlr_grafana.model.floor import Room
from tests.live.makers import NOON_S, Clock, body, floor, people

A, B, C = (Room(f"room_{one}", one.upper(), "space_a") for one in "abc")


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON_S + 15)


@pytest.fixture
def live(clock: Clock) -> LiveMinutes:
    live = LiveMinutes(clock)
    live.note(people("room_a", NOON_S - 60, 3))
    live.note(people("room_b", NOON_S - 120, 4))
    live.note(event_of(body("FLOOR_OCCUPANCY_1MIN", NOON_S - 60, 9)))
    return live


def test_each_asset_has_its_newest_minute_or_is_to_be_asked_for(live: LiveMinutes, clock: Clock) -> None:
    assert newest_people(live, [B, floor(), C, A], clock.now_s) == (
        LivePeople("room_b", "pushed", 4, NOON_S - 60, 75),
        LivePeople("space_a", "pushed", 9, NOON_S, 15),
        LivePeople("room_c", "asked"),
        LivePeople("room_a", "pushed", 3, NOON_S, 15),
    )


def test_a_number_is_fresh_for_three_minutes(live: LiveMinutes, clock: Clock) -> None:
    clock.now_s = NOON_S + FRESH_S
    assert newest_people(live, [A], clock.now_s) == (LivePeople("room_a", "pushed", 3, NOON_S, FRESH_S),)
    assert newest_people(live, [A], clock.now_s + 0.1) == (LivePeople("room_a", "asked"),)
    assert newest_people(live, [A], clock.now_s + 0.1, fresh_s=240)[0].source == "pushed"


def test_the_running_minute_is_not_older_than_now(live: LiveMinutes, clock: Clock) -> None:
    live.note(people("room_a", NOON_S, 5))
    assert newest_people(live, [A], clock.now_s) == (LivePeople("room_a", "pushed", 5, NOON_S + 15, 0),)


def test_small_rooms_have_the_sum_of_all_of_them_or_none(live: LiveMinutes, clock: Clock) -> None:
    together = Room("small-rooms", "Small", "space_a", members=(A, B))
    assert newest_people(live, [together], clock.now_s) == (
        LivePeople("small-rooms", "pushed", 7, NOON_S - 60, 75),
    )
    with_unknown = replace(together, members=(A, C))
    alone = replace(together, members=(A,))
    for room in (with_unknown, alone):
        assert newest_people(live, [room], clock.now_s) == (LivePeople("small-rooms", "asked"),)


def test_what_reporting_told_is_not_called_pushed(live: LiveMinutes, clock: Clock) -> None:
    live.set_people("room_c", {NOON_S - 60: 2})
    assert newest_people(live, [C], clock.now_s) == (LivePeople("room_c", "asked"),)
