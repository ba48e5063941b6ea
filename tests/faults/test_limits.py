"""Butlr says 429: pauses in every form it may ask for them, kept by all, and fewer calls at a time."""

from __future__ import annotations

import email.utils
import socket
import threading
from collections import deque
from concurrent.futures import Future
from itertools import pairwise

import pytest

from butlr_grafana.butlr.limits import MAX_PAUSE_S, RAISE_AFTER
from tests.butlr.wire import Result, Sent, respond
from tests.faults.conftest import MakeFronted, MakeTrial
from tests.faults.trial import (
    MAY,
    MAY_SEGMENTS,
    NOON,
    PANEL_SEGMENTS,
    FrontedTrial,
    Trial,
    keeps_the_promise,
    passed_on,
)
from tests.support import DETECTIONS, HANG_S, at, until


def date_in(seconds: float) -> str:
    """An HTTP date, seen from Butlr's clock at the beginning of a trial."""
    return email.utils.formatdate(at(NOON) + seconds, usegmt=True)


RETRY_AFTER: dict[str | None, float] = {
    "7": 7.0,
    "0.5": 0.5,
    date_in(40): 40.0,
    None: 0.0,
    "": 0.0,
    "0": 0.0,
    "-30": 0.0,
    date_in(-3600): 0.0,
    str(10 * 365 * 86_400): MAX_PAUSE_S,
    date_in(10 * 365 * 86_400): MAX_PAUSE_S,
    "1e999": MAX_PAUSE_S,
    "nan": 0.0,
    "when it suits": 0.0,
}
"""The header, and how long nobody may ask: a minute at most, and something where it says nothing usable."""


@pytest.mark.parametrize(("header", "pause_s"), RETRY_AFTER.items())
def test_a_pause_is_kept_in_whatever_form_it_is_requested(
    make_fronted: MakeFronted, header: str | None, pause_s: float
) -> None:
    trial = make_fronted(butlr_max_concurrency=1)
    text = ["Date: " + date_in(0)] + ([] if header is None else [f"Retry-After: {header}"])
    requested_at: list[float] = []

    def limited_three_times(to: socket.socket, requested: Sent) -> None:
        requested_at.append(trial.time.now_s)
        if len(requested_at) <= 3:
            respond(b"slow down", "429 Too Many Requests", *text)(to, requested)
        else:
            passed_on(trial.simulator)(to, requested)

    with trial.responds_with(limited_three_times):
        assert trial.query_panel().is_whole()
    assert len(requested_at) == 3 + PANEL_SEGMENTS
    waited_s = [later - sooner for sooner, later in pairwise(requested_at)]
    assert all(max(pause_s, 0.1) <= s <= pause_s + 0.4 * 2**3 for s in waited_s[:3]), waited_s
    assert waited_s[3:] == [0.0] * (PANEL_SEGMENTS - 1)


@pytest.mark.parametrize("header", [None, "30", str(10 * 365 * 86_400)])
def test_nothing_but_429(trial: Trial, header: str | None) -> None:
    keeps_the_promise(
        trial, trial.fails(status=429, retry_after=header), reason="(Butlr answered 429|not answered yet)"
    )


def test_a_pause_holds_also_after_a_question_has_given_up(make_fronted: MakeFronted) -> None:
    """Four tries and then none: the next question in the queue waits no less."""
    trial = make_fronted(butlr_max_concurrency=1)
    requested_at: list[float] = []

    def limited(to: socket.socket, requested: Sent) -> None:
        requested_at.append(trial.time.now_s)
        respond(b"slow down", "429 Too Many Requests", "Retry-After: 30")(to, requested)

    with trial.responds_with(limited):
        trial.query_panel(*MAY)
        trial.comes_to_rest()
    assert len(requested_at) == 4 * MAY_SEGMENTS
    assert all(later - sooner >= 30 for sooner, later in pairwise(requested_at))


# How many at a time


class Counter:
    """Stands before Butlr, holds calls until told otherwise, and counts how many it holds.

    They go in the order in which they came, so that no call that comes meanwhile takes another's turn.
    """

    def __init__(self, trial: FrontedTrial) -> None:
        self._pass_on = passed_on(trial.simulator)
        self._lock = threading.Lock()
        self._waiting: deque[Future[bool]] = deque()
        self._free = 0
        self.refuses: int = 0
        self.held = 0
        self.peak = 0

    def __call__(self, to: socket.socket, requested: Sent) -> None:
        is_refused: Future[bool] = Future()
        with self._lock:
            self.held += 1
            self.peak = max(self.peak, self.held)
            self._waiting.append(is_refused)
            self._go()
        response: Result = self._pass_on
        if is_refused.result(timeout=HANG_S):
            response = respond(b"", "429 Slow Down", "Retry-After: 1")
        response(to, requested)

    def let_go(self, calls: int) -> None:
        """So many, also of those that are still to come."""
        with self._lock:
            self._free += calls
            self._go()

    def _go(self) -> None:
        while self._free and self._waiting:
            self._free -= 1
            self.held -= 1
            refused, self.refuses = self.refuses > 0, max(0, self.refuses - 1)
            self._waiting.popleft().set_result(refused)


HOURS = {"hours": "08:00-18:00"}
"""A call a day."""


@pytest.fixture
def counted(make_fronted: MakeFronted) -> tuple[FrontedTrial, Counter]:
    trial = make_fronted(butlr_max_concurrency=8, deadline_s=0.2)
    trial.http.get("/readyz")
    counter = Counter(trial)
    trial.responses[DETECTIONS] = counter
    return trial, counter


def request_many_days(trial: FrontedTrial) -> None:
    """A hundred calls wait in the queue from now on."""
    trial.query_panel("2025-01-05T00:00:00Z", "2025-04-15T00:00:00Z", **HOURS)


def test_a_429_halves_the_calls_at_a_time_and_successes_bring_them_back(
    counted: tuple[FrontedTrial, Counter],
) -> None:
    trial, counter = counted
    request_many_days(trial)
    until(lambda: counter.held == 8)
    # All eight of them hear it: that is one word, not eight.
    counter.refuses = 8
    counter.let_go(8)
    until(lambda: counter.refuses == 0 and counter.held == 4)
    assert trial.gauge("butlr_calls_allowed") == 4
    counter.peak = 0
    for more in range(5, 9):
        counter.let_go(RAISE_AFTER)
        until(lambda more=more: trial.gauge("butlr_calls_allowed") == counter.held == more)  # type: ignore[misc]
        assert counter.peak == more
    counter.let_go(3 * RAISE_AFTER)
    until(lambda: trial.simulator.count(DETECTIONS) == 7 * RAISE_AFTER and counter.held == 8)
    assert counter.peak == 8 == trial.gauge("butlr_calls_allowed")
    counter.let_go(1000)


def test_one_call_at_a_time_is_always_allowed(counted: tuple[FrontedTrial, Counter]) -> None:
    trial, counter = counted
    request_many_days(trial)
    for allowed in (8, 4, 2, 1, 1, 1):
        until(lambda allowed=allowed: counter.held == allowed)  # type: ignore[misc]
        assert trial.gauge("butlr_calls_allowed") == allowed
        counter.peak = 0
        counter.refuses = allowed
        counter.let_go(allowed)
        until(lambda: counter.refuses == 0)
    until(lambda: counter.held == 1)
    assert counter.peak == 1
    counter.let_go(1000)


def test_other_faults_leave_the_calls_at_a_time_as_they_are(make_trial: MakeTrial) -> None:
    trial = make_trial(butlr_max_concurrency=8)
    with trial.fails(status=503):
        trial.query_panel(*MAY)
        trial.comes_to_rest()
    assert trial.gauge("butlr_calls_allowed") == 8
