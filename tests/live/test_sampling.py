"""Samples of pushed against reported minutes, and what becomes of them."""

from __future__ import annotations

import random
from typing import Any

import pytest

from butlr_grafana.base.errors import UpstreamDown
from butlr_grafana.base.incidents import Incident
from butlr_grafana.live.events import event_of
from butlr_grafana.live.minutes import LiveMinutes
from butlr_grafana.live.refill import Missing
from butlr_grafana.live.sampling import BUSY_S, EVERY_S, IN_A_ROW, LEARNING_S, LENGTH_S, Sampling
from butlr_grafana.live.values import SETTLE_S
from butlr_grafana.model.time import Period
from tests.live.makers import MINUTE_S, NOON_S, Clock, body, floor, people

ROOMS = ("room_a", "room_b")


class Account:
    """Pushes what presence sensors see, unless `wrong` people are added; reports that, and what doors say."""

    def __init__(self) -> None:
        self.clock = Clock(NOON_S - 7200)
        self.live = LiveMinutes(self.clock)
        self.incident = Incident("pushed")
        self.requested: list[Missing] = []
        self.wrong = 0
        self.has_time = True
        self.is_away = False
        self._seen: dict[tuple[str, int], float] = {}
        self._rng = random.Random(1)
        self.sampling = Sampling(
            self.live,
            lambda: (floor(),),
            presence=lambda missing: self._reported(missing, 0),
            doors=lambda missing: self._reported(missing, 1),
            may_call=lambda: self.has_time,
            now=self.clock,
            incidents={"room": self.incident},
        )

    def _reported(self, missing: Missing, way: int) -> dict[str, dict[int, float | None]]:
        self.requested.append(missing)
        if self.is_away:
            raise UpstreamDown("Butlr is away")
        minutes = range(missing.period.start_s, missing.period.end_s, MINUTE_S)
        # Doors say one person more in every other minute.
        return {
            room: {m: self._seen.get((room, m), 0) + way * (m // MINUTE_S % 2) for m in minutes}
            for room in (*ROOMS, "space_a")
        }

    def pass_minutes(self, count: int) -> None:
        for _ in range(count):
            self.clock.now_s += MINUTE_S
            start_s = int(self.clock.now_s // MINUTE_S - 1) * MINUTE_S
            for room in ROOMS:
                self._seen[room, start_s] = self._rng.randrange(8)
                self.live.note(people(room, start_s, self._seen[room, start_s] + self.wrong))


@pytest.fixture
def account() -> Account:
    account = Account()
    account.pass_minutes(60)
    return account


def test_half_an_hour_of_settled_minutes_tells_what_events_stand_for(account: Account) -> None:
    assert account.sampling.reading("room") is None
    assert account.sampling.step() == EVERY_S
    end_s = int((account.clock.now_s - SETTLE_S) // MINUTE_S) * MINUTE_S
    assert {m.period for m in account.requested} == {Period(end_s - LENGTH_S, end_s)}
    reading = account.sampling.reading("room")
    assert reading is not None
    assert (reading.meaning, reading.shift_min) == ("presence", 0)
    assert not account.incident.on


def test_a_lasting_difference_is_a_trouble_with_numbers(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    account.sampling.step()
    account.wrong = 3
    for _n in range(IN_A_ROW):
        account.pass_minutes(60)
        assert not account.incident.on
        account.sampling.step()
    assert account.incident.on
    assert "180 of 180 minutes differ from reporting, the largest difference is 3 people" in caplog.text
    account.wrong = 0
    account.pass_minutes(60)
    account.sampling.step()
    assert account.sampling.reading("room") is not None


def test_it_waits_for_something_pushed(account: Account) -> None:
    account.clock.now_s += 7200
    assert account.sampling.step() == BUSY_S
    assert account.requested == []


def test_it_waits_for_time_once_it_is_known_what_events_stand_for(account: Account) -> None:
    """Before, everybody asks Butlr for what is pushed: so it would have time only when nobody looks."""
    account.has_time = False
    assert account.sampling.step() == EVERY_S
    assert account.sampling.reading("room") is not None
    requested = len(account.requested)
    assert requested > 0
    assert account.sampling.step() == BUSY_S
    assert len(account.requested) == requested
    account.has_time = True
    assert account.sampling.step() == EVERY_S
    assert len(account.requested) > requested


def test_a_fault_is_left_for_the_next_time(account: Account) -> None:
    account.is_away = True
    assert account.sampling.step() == LEARNING_S
    assert account.sampling.reading("room") is None
    account.is_away = False
    account.sampling.step()
    assert account.sampling.reading("room") is not None


def test_what_reporting_replaced_is_not_compared_with_itself(account: Account) -> None:
    reported: dict[int, Any] = dict.fromkeys(range(NOON_S - 7200, NOON_S, MINUTE_S), 1)
    for room in ROOMS:
        account.live.set_people(room, reported)
    account.clock.now_s += SETTLE_S + MINUTE_S
    for room in ROOMS:
        account.live.set_people(room, reported)
    assert account.sampling.step() == BUSY_S


def test_each_level_is_read_by_itself_and_minutes_are_moved_once() -> None:
    """Events by the end of their minute, of rooms and of their floor: what one has moved the other leaves."""
    account = Account()
    both = Sampling(
        account.live,
        lambda: (floor(),),
        presence=lambda missing: account._reported(missing, 0),
        doors=lambda missing: account._reported(missing, 1),
        may_call=lambda: True,
        now=account.clock,
        incidents={"room": Incident("rooms"), "floor": Incident("floors")},
    )

    def pass_minutes(count: int) -> None:
        for _ in range(count):
            account.clock.now_s += MINUTE_S
            start_s = int(account.clock.now_s // MINUTE_S - 1) * MINUTE_S
            for asset in (*ROOMS, "space_a"):
                seen = account._seen[asset, start_s] = account._rng.randrange(8)
                type_ = "FLOOR_OCCUPANCY_1MIN" if asset == "space_a" else "ROOM_OCCUPANCY_1MIN"
                account.live.note(event_of(body(type_, start_s + MINUTE_S, seen, room_id=asset)))

    pass_minutes(60)
    both.step()
    assert both.reading("room") is not None
    assert both.reading("floor") is None
    assert account.live.shift_s == -MINUTE_S
    for _ in range(4):
        pass_minutes(60)
        assert both.step() in (EVERY_S, LEARNING_S)
    readings = both.reading("room"), both.reading("floor")
    assert [one.meaning for one in readings if one is not None] == ["presence", "presence"]
    assert account.live.shift_s == -MINUTE_S
