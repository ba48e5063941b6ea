"""The way to Butlr breaks: refused, reset, cut off, silent, one byte at a time."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.butlr.wire import Sent
from tests.faults.conftest import MakeFronted, MakeTrial
from tests.faults.trial import MAY, MAY_SEGMENTS, Trial, keeps_the_promise

BREAKS: list[dict[str, Any]] = [{"reset": "before"}, {"reset": "inside"}, {"truncate": True}]

SHORT_S = 0.3
"""How long an attempt may take where none will end well."""


def test_nobody_listens(trial: Trial) -> None:
    keeps_the_promise(trial, trial.is_gone(), reason=r"cannot be reached on \S+ \(ConnectionRefusedError\)")


@pytest.mark.parametrize("fault", BREAKS)
def test_one_broken_connection_in_three_is_not_noticed(trial: Trial, fault: dict[str, Any]) -> None:
    trial.simulator.faults.set(**fault, rate=0.3)
    assert trial.look(*MAY).is_whole()
    assert trial.calls <= 2 * MAY_SEGMENTS


@pytest.mark.parametrize("fault", BREAKS)
def test_nothing_but_broken_connections(trial: Trial, fault: dict[str, Any]) -> None:
    keeps_the_promise(trial, trial.fails(**fault), reason="cannot be reached on /v3/detections")


@pytest.mark.usefixtures("impatient")
def test_silence(make_trial: MakeTrial) -> None:
    trial = make_trial(butlr_timeout_s=SHORT_S)
    keeps_the_promise(trial, trial.fails(latency_s=30.0), reason="(within|not answered yet)")


@pytest.mark.usefixtures("impatient")
def test_a_body_of_one_byte_a_second(make_trial: MakeTrial) -> None:
    trial = make_trial(butlr_timeout_s=SHORT_S)
    keeps_the_promise(trial, trial.fails(drip_bytes_per_s=1.0), reason="(took longer|not answered yet)")


HEADS = {
    "a line without end": [b"HTTP/1.1 200 OK\r\nX-Endless: ", *[b"x"] * 1000],
    "to be continued without end": [b"HTTP/1.1 100 Continue\r\n\r\n"] * 1000,
}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("head", HEADS)
def test_a_head_that_drips(make_fronted: MakeFronted, head: str) -> None:
    """Each piece comes in time, the whole never does: the attempt ends when its time is over."""
    trial = make_fronted(butlr_timeout_s=SHORT_S)
    sent: list[int] = []

    def drip(to: socket.socket, _: Sent) -> None:
        pieces = iter(HEADS[head])
        try:
            trial.front.drip(to, pieces, pause_s=0.03)
        finally:
            sent.append(len(HEADS[head]) - len(list(pieces)))

    keeps_the_promise(trial, trial.answers_with(drip), reason="(within|took longer|not answered yet)")
    # Three times the attempt's time would be thirty pieces: nobody listened so long.
    assert sent
    assert max(sent) < 3 * SHORT_S / 0.03
