"""This machine's clock is wrong, or is put right by a jump: Butlr's own decides what is over and settled."""

from __future__ import annotations

import logging

import pytest

from tests.faults.trial import MAY, Trial
from tests.support import at

HOUR_S = 3600
DAY_S = 24 * HOUR_S
LATE_S = 3300
"""Detections come up to 55 minutes late; after an hour they are all there."""


def is_right_again(trial: Trial) -> None:
    """With the clock right and everything arrived: from what was kept, and from the disk."""
    trial.shift_s = 0.0
    trial.simulator.faults.clear()
    trial.passes(3 * HOUR_S)
    assert trial.query_panel().is_whole()
    # Whichever end was once taken for settled.
    for hour in range(12, 19):
        assert trial.query_panel(end=f"2026-06-17T{hour}:00:00Z").is_whole()
    trial.restart()
    assert trial.query_panel().is_whole()
    assert trial.query_panel(*MAY).is_whole()


@pytest.mark.parametrize("ahead_s", [HOUR_S, 3 * HOUR_S, 2 * DAY_S])
def test_a_clock_that_is_ahead_covers_no_future_and_keeps_nothing_unsettled(
    trial: Trial, ahead_s: float
) -> None:
    trial.shift_s = ahead_s
    trial.simulator.faults.lag_s = LATE_S
    for _ in range(3):
        response = trial.query_panel()
        assert response.complete
        assert at(response.custom["to"]) <= trial.now_s
        assert response.as_of_s <= trial.now_s
        trial.passes(20 * 60)
    assert trial.gauge("butlr_clock_ahead_seconds") == pytest.approx(ahead_s, abs=2)
    is_right_again(trial)


@pytest.mark.parametrize("behind_s", [HOUR_S, 2 * DAY_S])
def test_a_clock_that_is_behind_shows_the_past_exactly(trial: Trial, behind_s: float) -> None:
    trial.shift_s = -behind_s
    start = "2026-06-10T00:00:00Z"
    response = trial.query_panel(start)
    assert response.is_whole()
    assert at(response.custom["to"]) <= trial.now_s - behind_s
    assert trial.gauge("butlr_clock_ahead_seconds") == pytest.approx(-behind_s, abs=2)
    trial.shift_s = 0.0
    trial.passes(60)
    assert trial.query_panel(start).is_whole()
    is_right_again(trial)


@pytest.mark.parametrize("step_s", [-DAY_S, -HOUR_S, -300, HOUR_S, DAY_S])
def test_a_clock_that_steps(trial: Trial, step_s: float) -> None:
    """Between two looks, and back again; what was kept by the other time does not count as new."""
    trial.simulator.faults.lag_s = LATE_S
    start = "2026-06-10T00:00:00Z"
    for shift_s in (0.0, step_s, 0.0):
        trial.shift_s = shift_s
        trial.passes(60)
        trial.query_panel(start)  # one look at most is taken by the old time
        trial.passes(60)
        response = trial.query_panel(start)
        assert response.complete
        assert at(response.custom["to"]) <= trial.now_s
        assert at(response.custom["to"]) > trial.now_s + min(shift_s, 0.0) - 60
    is_right_again(trial)


def test_calls_do_not_multiply_while_the_clock_is_wrong(trial: Trial) -> None:
    trial.query_panel()
    trial.shift_s = HOUR_S
    assert trial.spent(lambda: [trial.query_panel() for _ in range(10)]) <= 2
    trial.shift_s = -HOUR_S
    assert trial.spent(lambda: [trial.query_panel() for _ in range(10)]) <= 4


def test_a_wrong_clock_is_said_once_and_so_is_a_right_one(
    trial: Trial, caplog: pytest.LogCaptureFixture
) -> None:
    for shift_s in (HOUR_S, HOUR_S, 0.0, 0.0):
        trial.shift_s = shift_s
        trial.passes(60)
        trial.query_panel()
    messages = [
        r.getMessage() for r in caplog.records if r.levelno == logging.WARNING and "clock" in r.message
    ]
    assert messages == [
        "this machine's clock is 3600 s ahead of Butlr's",
        "this machine's clock agrees with Butlr's again",
    ]


def test_a_butlr_without_a_usable_date_is_taken_at_our_time(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("butlr_grafana.simulator.wire.Handler.date_time_string", lambda *_: "a fine day")
    trial.shift_s = HOUR_S
    assert at(trial.query_panel().custom["to"]) > trial.now_s
    assert trial.gauge("butlr_clock_ahead_seconds") == 0.0
