"""A silence is asked for once, when it has settled, a floor at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from butlr_grafana.base.errors import UpstreamDown
from butlr_grafana.live.minutes import LiveMinutes
from butlr_grafana.live.refill import (
    AFTER_FAULT_S,
    APART_S,
    BUSY_S,
    IDLE_S,
    MOST_FAULTS,
    Missing,
    Refill,
    RefillCalls,
)
from butlr_grafana.live.ring import STORED_MINUTES
from butlr_grafana.live.silence import Gap
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.time import Period
from tests.live.makers import MINUTE_S, NOON_S, Clock, covers, floor, moved, people


def minute(n: int) -> int:
    return NOON_S + n * MINUTE_S


OTHER = replace(floor(), id="space_b", rooms=(), zones=())


class Reporting:
    """Knows one person in each minute of each room, and a movement a minute through the entrance."""

    def __init__(self) -> None:
        self.requested: list[Missing] = []
        self.shared: list[Any] = []
        self.fails = 0
        self.has_time = True
        self.turns: list[str] = []
        self.is_free = True

    def _note(self, missing: Missing) -> range:
        self.requested.append(missing)
        if self.fails:
            self.fails -= 1
            raise UpstreamDown("Butlr is away")
        return range(missing.period.start_s, missing.period.end_s, MINUTE_S)

    def people(self, missing: Missing) -> dict[str, dict[int, float | None]]:
        minutes = self._note(missing)
        assets = [missing.floor.id] if missing.stream == "floor" else [r.id for r in missing.floor.rooms]
        return {asset: dict.fromkeys(minutes, 7.0) for asset in assets}

    def doors(self, missing: Missing) -> dict[str, dict[int, tuple[float, float]]]:
        return {"sensor_entrance": dict.fromkeys(self._note(missing), (2.0, 1.0))}

    def alone(self) -> Callable[[], None] | None:
        if not self.is_free:
            return None
        self.turns.append("taken")
        return lambda: self.turns.append("given back")

    def asking(self) -> RefillCalls:
        return RefillCalls(
            self.people,
            self.doors,
            lambda: self.has_time,
            self.alone,
            share_people=self.shared.append,
            share_doors=self.shared.append,
            share_filled=lambda stream, gap: self.shared.append((stream, gap)),
        )


class Receiver:
    """One that heard of `room_a`, and of movements, in some minutes."""

    def __init__(self, *minutes: int, floors: tuple[Floor, ...] = (floor(),)) -> None:
        self.clock = Clock(minute(-3 * STORED_MINUTES))
        self.live = LiveMinutes(self.clock)
        self.reporting = Reporting()
        self.refill = Refill(self.live, lambda: floors, self.reporting.asking(), self.clock)
        for n in minutes:
            self.hears(n)

    def hears(self, n: int) -> None:
        self.clock.now_s = minute(n + 1) + 2
        self.live.note(people("room_a", minute(n), 1))
        self.live.note(moved(minute(n) + 30, 1, 0, event_id=f"event_{n}", mac="", sensor="sensor_entrance"))

    def steps(self) -> list[float]:
        """Until there is nothing left to do."""
        found = [self.refill.step()]
        while found[-1] == APART_S:
            found.append(self.refill.step())
            assert len(found) < 100, "it asks again and again"
        return found


HEARD = [*range(-STORED_MINUTES, -30), *range(-20, 0)]
"""From minute -29 to -20 nothing arrived."""


def test_a_gap_is_requested_once_with_the_minutes_that_were_not_final() -> None:
    receiver = Receiver(*HEARD)
    gap = Gap(minute(-29), minute(-19))
    assert receiver.live.gaps("room") == receiver.live.gaps("traffic") == [gap]
    receiver.steps()
    assert [(m.stream, m.period) for m in receiver.reporting.requested] == [
        ("room", Period(minute(-35), minute(-19))),
        ("traffic", Period(minute(-30), minute(-19))),
    ]
    assert receiver.live.gaps("room") == receiver.live.gaps("traffic") == []
    period = Period(minute(-60), minute(0))
    assert covers(receiver.live, ["room_a"], period)
    by_minute = {(m.start_s - NOON_S) // 60: m.people for m in receiver.live.minutes("room_a", period)}
    assert by_minute == {n: 7 if -35 <= n < -19 else 1 for n in range(-60, 0)}
    assert receiver.steps() == [IDLE_S]
    assert receiver.refill.calls_made == 2


def test_movements_of_a_gap_come_from_reporting() -> None:
    receiver = Receiver(*HEARD)
    receiver.steps()
    # From minute -30 to -20 two in and one out each; one in each of the 19 others.
    moved_since = receiver.live.movements(floor(), "floor", Period(minute(-40), minute(-10)))
    assert moved_since == {"space_a": (11 * 2 + 19 * 1, 11)}


def test_a_silence_that_goes_on_is_not_requested() -> None:
    receiver = Receiver(*range(-STORED_MINUTES, -20))
    receiver.clock.now_s = minute(0)
    assert receiver.live.gaps("room")[0].is_open
    assert receiver.steps() == [IDLE_S]
    assert receiver.reporting.requested == []


def test_a_gap_is_requested_when_its_last_minute_has_settled() -> None:
    receiver = Receiver(*range(-STORED_MINUTES, -20), -1)
    receiver.clock.now_s = minute(6) - 0.1
    assert receiver.live.gaps("room")[0] == Gap(minute(-19), minute(0))
    assert receiver.steps() == [IDLE_S]
    receiver.clock.now_s = minute(6)
    receiver.steps()
    assert receiver.reporting.requested[0].period.end_s == minute(0)


def test_what_is_not_pushed_at_all_is_not_requested() -> None:
    receiver = Receiver(*HEARD)
    receiver.steps()
    assert {m.stream for m in receiver.reporting.requested} == {"room", "traffic"}
    assert receiver.live.gaps("floor") != []


def test_floors_one_after_the_other_and_only_what_they_have() -> None:
    receiver = Receiver(*HEARD, floors=(floor(), OTHER))
    assert receiver.steps() == [APART_S, APART_S, APART_S, IDLE_S]
    found = [(m.floor.id, m.stream) for m in receiver.reporting.requested]
    assert found == [("space_a", "room"), ("space_a", "traffic"), ("space_b", "traffic")]


def test_it_waits_while_butlr_has_no_time() -> None:
    receiver = Receiver(*HEARD)
    receiver.reporting.has_time = False
    assert receiver.steps() == [BUSY_S]
    assert receiver.reporting.requested == []
    receiver.reporting.has_time = True
    receiver.steps()
    assert len(receiver.reporting.requested) == 2


def test_while_another_replica_asks_this_one_does_not() -> None:
    receiver = Receiver(*HEARD)
    receiver.reporting.is_free = False
    assert receiver.steps() == [IDLE_S]
    receiver.reporting.is_free = True
    receiver.steps()
    assert receiver.reporting.turns == ["taken", "given back"]
    gap = Gap(minute(-29), minute(-19))
    assert [one for one in receiver.reporting.shared if isinstance(one, tuple)] == [
        ("room", gap),
        ("traffic", gap),
    ]
    assert {"room_a", "sensor_entrance"} <= {key for one in receiver.reporting.shared for key in one}


def test_a_fault_is_tried_again_and_after_some_the_gap_is_left() -> None:
    receiver = Receiver(*HEARD)
    receiver.reporting.fails = 1
    assert receiver.steps() == [AFTER_FAULT_S]
    receiver.steps()
    assert [m.stream for m in receiver.reporting.requested] == ["room", "room", "traffic"]
    assert receiver.live.gaps("room") == []

    hopeless = Receiver(*HEARD)
    hopeless.reporting.fails = MOST_FAULTS
    for _ in range(MOST_FAULTS):
        assert hopeless.steps() == [AFTER_FAULT_S]
    assert hopeless.steps() == [IDLE_S]
    assert len(hopeless.reporting.requested) == MOST_FAULTS
    assert hopeless.reporting.turns == ["taken", "given back"]
    # It is not said to be known.
    assert hopeless.live.gaps("room") != []
    assert not covers(hopeless.live, ["room_a"], Period(minute(-32), minute(-31)))
    hopeless.hears(0)
    for n in [*range(1, 10), *range(14, 30)]:
        hopeless.hears(n)
    hopeless.steps()
    assert hopeless.reporting.requested[-1].period == Period(minute(10), minute(15)), (
        "the next one is asked for"
    )


@pytest.mark.parametrize("floors", [(), (OTHER,)])
def test_without_floors_nothing_is_requested(floors: tuple[Floor, ...]) -> None:
    receiver = Receiver(*HEARD, floors=floors)
    receiver.steps()
    assert {m.stream for m in receiver.reporting.requested} <= {"traffic"}
