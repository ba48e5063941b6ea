"""What is told to Butlr's limits about the requests that wait: replicas share a rate, and rules go first."""

from __future__ import annotations

import pytest

from butlr_grafana.model.call_class import CallClass
from butlr_grafana.model.chunk import Chunk, Grid, HeatMapSubject, Segment
from butlr_grafana.model.time import Period
from butlr_grafana.pipeline.in_flight import InFlightRequests, RequestedSegment
from butlr_grafana.pipeline.turns import NoLimit
from tests.support import at

pytestmark = pytest.mark.fast

HOUR = Period(at("2026-06-17T11:00:00"), at("2026-06-17T12:00:00"))


class Recorded(NoLimit):
    def __init__(self) -> None:
        self.turns: list[tuple[float, bool]] = []

    def turn(self, part: float = 1.0, *, for_rules: bool = False) -> float:
        self.turns.append((part, for_rules))
        return super().turn(part, for_rules=for_rules)


@pytest.mark.parametrize(
    ("waiting", "expected"),
    [
        ([CallClass.VIEWER], [(1.0, False)]),
        ([CallClass.WALL, CallClass.VIEWER], [(1.0, False), (1.0, False)]),
        ([CallClass.VIEWER, CallClass.RULE], [(1.0, True), (1.0, False)]),
        ([CallClass.RULE, CallClass.BACKGROUND], [(1.0, True), (0.5, False)]),
    ],
)
def test_a_turn_says_whether_rules_wait(waiting: list[CallClass], expected: list[tuple[float, bool]]) -> None:
    turns = Recorded()
    in_flight = InFlightRequests(
        lambda segment: Chunk(segment.period, Grid.empty(1.0), 0.0, settled=True),
        lambda *_: None,
        workers=0,
        clock=lambda: 0.0,
        turns=turns,
    )
    for number, call_class in enumerate(waiting):
        segment = Segment(f"space_{number}", HeatMapSubject(1.0), HOUR, settled=True)
        in_flight.request_all([RequestedSegment(segment, 0)], completed=0, call_class=call_class)
    while in_flight.work_once() is not None:
        pass
    assert turns.turns == expected
