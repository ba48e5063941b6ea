"""Seconds by stage: with a clock that is moved."""

from __future__ import annotations

import threading

import pytest

from butlr_grafana.base.stage_times import StageTimes, current, measuring, stage
from tests.support import FakeTime

pytestmark = pytest.mark.fast


@pytest.fixture
def clock() -> FakeTime:
    return FakeTime()


def test_each_stage_has_its_own_time_and_what_is_between_has_none(clock: FakeTime) -> None:
    with measuring(StageTimes(clock)):
        clock.now_s += 100
        with stage("parse"):
            clock.now_s += 2
        clock.now_s += 100
        with stage("resolve"):
            clock.now_s += 3
        with stage("parse"):
            clock.now_s += 4
        assert current() == {"parse": 6, "resolve": 3}


def test_a_stage_within_another_stops_the_outer_ones_clock(clock: FakeTime) -> None:
    with measuring(StageTimes(clock)):
        with stage("build"):
            clock.now_s += 1
            with stage("gather"):
                clock.now_s += 10
            clock.now_s += 2
            with stage("gather"), stage("build"):
                clock.now_s += 5
        assert current() == {"build": 8, "gather": 10}


def test_a_stage_that_raises_is_measured_and_over(clock: FakeTime) -> None:
    @stage("gather")
    def fails() -> None:
        clock.now_s += 3
        raise ValueError

    with measuring(StageTimes(clock)):
        with stage("build"):
            with pytest.raises(ValueError):  # noqa: PT011  # its own
                fails()
            clock.now_s += 1
        clock.now_s += 100
        assert current() == {"gather": 3, "build": 1}


def test_outside_a_request_nothing_is_measured(clock: FakeTime) -> None:
    with measuring(StageTimes(clock)), stage("parse"):
        clock.now_s += 1
    with stage("parse"):
        clock.now_s += 1
    assert current() == {}


def test_another_thread_measures_for_itself(clock: FakeTime) -> None:
    seen: list[object] = []

    def works() -> None:
        with stage("gather"):
            clock.now_s += 50
        seen.append(dict(current()))

    with measuring(StageTimes(clock)):
        thread = threading.Thread(target=works)
        thread.start()
        thread.join()
        with stage("build"):
            clock.now_s += 1
        assert current() == {"build": 1}
    assert seen == [{}]
