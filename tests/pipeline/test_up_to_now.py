"""A rule's last minutes that wait for a call are requested as the last minutes of when the call is made."""

from __future__ import annotations

import pytest

from butlr_grafana.base.errors import UpstreamLate
from butlr_grafana.model.call_class import CallClass
from butlr_grafana.model.chunk import Chunk, Grid, HeatMapSubject, Segment
from butlr_grafana.model.floor import Building, Floor
from butlr_grafana.model.queries import Query
from butlr_grafana.model.time import Period
from butlr_grafana.pipeline.in_flight import InFlightRequests, RequestedSegment
from butlr_grafana.pipeline.lanes import RULE_REPEAT_S
from butlr_grafana.pipeline.split import plan
from tests.support import at

pytestmark = pytest.mark.fast

FLOOR = Floor("f", "F", Building("b", "B", "S"), "UTC")
NOON_S = at("2026-06-17T12:00:00")
MINUTES_10 = 600

RULE, VIEWER, WALL, BACKGROUND = CallClass


class Calls:
    """Butlr without a network, on a clock of the test's; calls are made one by one."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.made: list[Segment] = []
        self.stored: list[Segment] = []
        self.in_flight = InFlightRequests(
            self._fetch,
            lambda segment, _: self.stored.append(segment),
            workers=0,
            clock=lambda: self.now_s,
        )

    def _fetch(self, segment: Segment) -> Chunk:
        self.made.append(segment)
        return Chunk(segment.period, Grid.empty(1.0), self.now_s, settled=False)

    def request(self, segment: Segment, call_class: CallClass = RULE) -> object:
        [future] = self.in_flight.request_all(
            [RequestedSegment(segment, 0)], completed=self.in_flight.completed, call_class=call_class
        )
        return future


def last_minutes(space: str = "space_1", *, end_s: int = NOON_S, slides: bool = True) -> Segment:
    period = Period(end_s - MINUTES_10, end_s)
    return Segment(space, HeatMapSubject(1.0), period, settled=False, slides=slides)


@pytest.mark.parametrize(
    ("waited_s", "later_s"), [(0, 0), (59.9, 0), (60, 60), (130, 120), (RULE_REPEAT_S - 1, 240)]
)
def test_a_call_is_about_the_last_minutes_of_when_it_is_made(waited_s: float, later_s: int) -> None:
    calls = Calls()
    future = calls.request(last_minutes())
    calls.now_s = waited_s
    assert calls.in_flight.work_once() == 0.0
    newest = last_minutes(end_s=NOON_S + later_s)
    assert calls.made == calls.stored == [newest]
    if later_s:
        with pytest.raises(UpstreamLate):
            future.result(timeout=0)  # type: ignore[attr-defined]
    else:
        assert future.result(timeout=0).period == newest.period  # type: ignore[attr-defined]
    assert (calls.in_flight.under_way, calls.in_flight.waiting) == (0, 0)


@pytest.mark.parametrize(
    ("segment", "call_class"),
    [
        (last_minutes(), VIEWER),  # a page shows the period that it names
        (last_minutes(), WALL),
        (last_minutes(slides=False), RULE),  # a part of a longer period
    ],
)
def test_other_requests_are_about_the_period_that_was_requested(
    segment: Segment, call_class: CallClass
) -> None:
    calls = Calls()
    calls.request(segment, call_class)
    calls.now_s = 59.0
    calls.request(segment, call_class)  # somebody still waits
    calls.now_s = 100.0
    assert calls.in_flight.work_once() == 0.0
    assert calls.made == [segment]


def test_the_next_evaluation_replaces_what_still_waits() -> None:
    calls = Calls()
    first = calls.request(last_minutes())
    calls.now_s = 299.0
    second = calls.request(last_minutes(end_s=NOON_S + 300))
    with pytest.raises(UpstreamLate):
        first.result(timeout=0)  # type: ignore[attr-defined]
    assert calls.in_flight.work_once() == 0.0
    assert calls.in_flight.work_once() is None
    assert calls.made == [last_minutes(end_s=NOON_S + 300)]
    assert second.result(timeout=0).settled is False  # type: ignore[attr-defined]


def test_if_somebody_requested_the_newer_minutes_already_they_are_not_requested_twice() -> None:
    calls = Calls()
    calls.request(last_minutes())
    calls.now_s = 120.0
    calls.request(last_minutes(end_s=NOON_S + 120), VIEWER)
    assert calls.in_flight.work_once() == calls.in_flight.work_once() == 0.0
    assert calls.in_flight.work_once() is None
    assert calls.made == [last_minutes(), last_minutes(end_s=NOON_S + 120)]


@pytest.mark.parametrize(
    ("from_s", "to_s", "slides"),
    [
        (NOON_S - 600, NOON_S, True),
        (NOON_S - 3600, NOON_S - 60, True),
        (NOON_S - 600, NOON_S - 300, False),  # ended some minutes ago
        (NOON_S - 86_400, NOON_S, False),  # a part of it has settled
    ],
)
def test_a_query_about_the_last_minutes_slides(from_s: int, to_s: int, slides: bool) -> None:
    query = Query(FLOOR, Period(from_s, to_s), resolution_m=1.0)
    segments = plan(query, now_s=NOON_S, settle_s=7200)
    assert {segment.slides for segment in segments} == {slides}
