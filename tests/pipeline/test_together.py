"""Questions of several floors go in one call; what fails in one fails in no other."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest

from butlr_grafana.base.errors import BackendError, UpstreamDown, UpstreamInvalid
from butlr_grafana.cache.chunks.memory import MemoryStore
from butlr_grafana.model.call_class import CallClass
from butlr_grafana.model.chunk import Chunk, HeatMapSubject, Outcome, Samples, Segment, SeriesSubject
from butlr_grafana.model.time import Period
from butlr_grafana.pipeline.call_queue import CallQueue
from butlr_grafana.pipeline.class_queue import QueuedRequest
from butlr_grafana.pipeline.gather import Gatherer
from butlr_grafana.pipeline.together import Together
from tests.support import HANG_S, until

pytestmark = pytest.mark.fast

PERIOD = Period(600_000, 600_600)


def people(floor: int, *, every: str = "1m", period: Period = PERIOD) -> Segment:
    items = (f"room_{floor}_a", f"room_{floor}_b")
    subject = SeriesSubject("room_occupancy", "room", every, "median", "UTC", items)
    return Segment(f"space_{floor}", subject, period, settled=False)


def chunk(segment: Segment, value: float) -> Chunk:
    samples = Samples(
        ((segment.space, "value"),),
        np.zeros(1, np.int32),
        np.array([segment.period.start_s]),
        np.array([value]),
        0,
    )
    return Chunk(segment.period, samples, float(segment.period.end_s), settled=False, requested_at=0.0)


class Butlr:
    """Answers a floor's number; three floors a call at most. Who asks first can be held."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.failing: dict[str, BackendError] = {}
        self.gone: BackendError | None = None
        self.held = threading.Event()
        self.held.set()
        self.gatherer = Gatherer(
            lambda one: self.requested([one])[0],
            MemoryStore(10**6),
            workers=1,
            now=lambda: 600_660.0,
            stopwatch=lambda: 0.0,
            clock=lambda: 0.0,
            together=Together(lambda segments, _: len(segments) < 3, self.several),
        )

    def several(self, segments: Sequence[Segment]) -> Sequence[Outcome]:
        found = self.requested(segments)
        return [self.failing.get(one.space, part) for one, part in zip(segments, found, strict=True)]

    def requested(self, segments: Sequence[Segment]) -> list[Chunk]:
        self.calls.append([one.space for one in segments])
        assert self.held.wait(HANG_S)
        if self.gone is not None:
            raise self.gone
        return [chunk(one, float(one.space.rpartition("_")[2])) for one in segments]


@pytest.fixture
def butlr() -> Butlr:
    return Butlr()


def values(butlr: Butlr, segments: Sequence[Segment]) -> list[float | str]:
    """What came of each, begun together: its value, or its error's code."""
    found: list[float | str] = []
    for pending in butlr.gatherer.begin_all([[one] for one in segments]):
        for call in pending.calls:
            error = call.exception(HANG_S)
            if error is None:
                content = call.result().content
                assert isinstance(content, Samples)
                found.append(float(content.value[0]))
            else:
                assert isinstance(error, BackendError)
                found.append(error.code)
    return found


def test_floors_of_one_request_share_calls_and_each_has_its_own_answer(butlr: Butlr) -> None:
    assert values(butlr, [people(n) for n in range(5)]) == [0, 1, 2, 3, 4]
    assert sorted(map(len, butlr.calls)) == [2, 3]
    assert sorted(space for call in butlr.calls for space in call) == [f"space_{n}" for n in range(5)]
    values(butlr, [people(3)])
    assert len(butlr.calls) == 2  # it was kept


def test_only_the_same_measurement_and_period_go_together(butlr: Butlr) -> None:
    other = Period(PERIOD.start_s - 60, PERIOD.end_s - 60)
    heat = Segment("space_4", HeatMapSubject(0.5), PERIOD, settled=False)
    values(butlr, [people(0), people(1, every="1h"), people(2, period=other), people(3), heat])
    assert sorted(butlr.calls) == [["space_0", "space_3"], ["space_1"], ["space_2"], ["space_4"]]


def test_two_periods_of_one_floor_are_two_calls(butlr: Butlr) -> None:
    """Else one floor's rows would have to be told apart by their time."""
    assert values(butlr, [people(7), people(7)]) == [7, 7]
    assert butlr.calls == [["space_7"]]


def test_what_fails_in_one_question_fails_in_no_other(butlr: Butlr) -> None:
    butlr.failing["space_1"] = UpstreamInvalid("a row that cannot be")
    assert values(butlr, [people(n) for n in range(3)]) == [0, "upstream_invalid", 2]


def test_a_call_that_fails_fails_for_all_that_were_in_it(butlr: Butlr) -> None:
    butlr.gone = UpstreamDown("gone")
    assert values(butlr, [people(n) for n in range(3)]) == ["upstream_down"] * 3
    assert len(butlr.calls) == 1


def test_who_asks_while_a_call_is_under_way_waits_for_the_next(butlr: Butlr) -> None:
    butlr.held.clear()
    first = butlr.gatherer.begin([people(0)])
    until(lambda: len(butlr.calls) == 1)
    later = [butlr.gatherer.begin([people(n)]) for n in (1, 2, 0)]
    butlr.held.set()
    for pending in (first, *later):
        for call in pending.calls:
            call.result(HANG_S)
    assert sorted(map(sorted, butlr.calls)) == [["space_0"], ["space_1", "space_2"]]


def test_those_that_go_along_leave_the_queue_and_cost_no_share() -> None:
    queue: CallQueue[str] = CallQueue()
    for key, need in (("a", CallClass.WALL), ("b", CallClass.RULE), ("c", CallClass.BACKGROUND)):
        queue.push(QueuedRequest(key, key, "s", 0, group="g"), need, now=0.0)
    queue.push(QueuedRequest("d", "d", "s", 0, group="h"), CallClass.VIEWER, now=0.0)
    assert queue.take(0.0) == ("b", CallClass.RULE)
    assert queue.take_group("g", lambda _: True, 0.0) == ["a", "c"]
    assert queue.take_group("g", lambda _: True, 0.0) == []
    assert queue.take(0.0) == ("d", CallClass.VIEWER)
    assert (len(queue), queue.take(0.0)) == (0, None)


def test_one_that_nobody_wants_any_more_does_not_go_along() -> None:
    queue: CallQueue[str] = CallQueue()
    queue.push(QueuedRequest("old", "old", "s", 0, group="g"), CallClass.RULE, now=0.0)
    queue.push(QueuedRequest("new", "new", "s", 1, group="g"), CallClass.RULE, now=59.5)
    assert queue.take_group("g", lambda _: True, 60.2) == ["new"]
    assert queue.take(61.5) is None
    assert queue.dropped() == ["old"]


def test_after_clear_no_group_holds_anything() -> None:
    queue: CallQueue[str] = CallQueue()
    queue.push(QueuedRequest("a", "a", "s", 0, group="g"), CallClass.RULE, now=0.0)
    assert queue.clear() == ["a"]
    assert queue.take_group("g", lambda _: True, 0.0) == []
