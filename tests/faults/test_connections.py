"""The way to Butlr breaks: refused, reset, cut off, silent, one byte at a time."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.butlr.wire import Sent
from tests.faults.conftest import MakeFronted
from tests.faults.trial import MAY, MAY_SEGMENTS, Trial, given_up_soon, keeps_the_promise

BREAKS: list[dict[str, Any]] = [{"reset": "before"}, {"reset": "inside"}, {"truncate": True}]


def test_nobody_listens(trial: Trial) -> None:
    keeps_the_promise(trial, trial.is_gone(), reason=r"cannot be reached on \S+ \(connection refused\)")


@pytest.mark.parametrize("fault", BREAKS)
def test_one_broken_connection_in_three_is_not_noticed(trial: Trial, fault: dict[str, Any]) -> None:
    trial.simulator.faults.set(**fault, rate=0.3)
    assert trial.query_panel(*MAY).is_whole()
    assert trial.calls <= 2 * MAY_SEGMENTS


@pytest.mark.parametrize("fault", BREAKS)
def test_nothing_but_broken_connections(trial: Trial, fault: dict[str, Any]) -> None:
    keeps_the_promise(trial, trial.fails(**fault), reason="cannot be reached on /v3/detections")


def test_silence(trial: Trial) -> None:
    keeps_the_promise(trial, given_up_soon(trial, trial.fails(latency_s=30.0)), reason=r"within 0\.3 s")


def test_a_body_of_one_byte_a_second(trial: Trial) -> None:
    keeps_the_promise(
        trial, given_up_soon(trial, trial.fails(drip_bytes_per_s=1.0)), reason=r"took longer than 0\.3 s"
    )


HEADS = {
    "a line without end": [b"HTTP/1.1 200 OK\r\nX-Endless: ", *[b"x"] * 1000],
    "to be continued without end": [b"HTTP/1.1 100 Continue\r\n\r\n"] * 1000,
}


@pytest.mark.parametrize("head", HEADS)
def test_a_head_that_drips(make_fronted: MakeFronted, head: str) -> None:
    """Each piece comes in time, the whole would in half a minute: the attempt ends when its time is over."""
    trial = make_fronted()
    sent: list[int] = []

    def drip(to: socket.socket, _: Sent) -> None:
        pieces = iter(HEADS[head])
        try:
            trial.front.drip(to, pieces, pause_s=0.03)
        finally:
            sent.append(len(HEADS[head]) - len(list(pieces)))

    fault = given_up_soon(trial, trial.responds_with(drip))
    keeps_the_promise(trial, fault, reason=r"(within|took longer than) 0\.3 s")
    assert sent
    assert max(sent) < len(HEADS[head])
