"""Computations take turns, and none waits for ever."""

from __future__ import annotations

import threading

import pytest

from butlr_grafana.base.compute_turn import ComputeTurn
from tests.support import HANG_S, until

pytestmark = pytest.mark.fast


def test_one_computes_at_a_time_and_the_next_when_it_has_ended() -> None:
    turn, ends = ComputeTurn(), threading.Event()
    inside: list[str] = []
    most: list[int] = []

    def first() -> None:
        with turn.taken(HANG_S):
            inside.append("first")
            assert ends.wait(HANG_S)
            most.append(len(inside))
            inside.remove("first")

    def second() -> None:
        with turn.taken(HANG_S):
            inside.append("second")
            most.append(len(inside))

    one, other = threading.Thread(target=first), threading.Thread(target=second)
    one.start()
    until(lambda: inside == ["first"])
    other.start()
    ends.set()
    one.join(HANG_S)
    other.join(HANG_S)
    assert most == [1, 1]
    assert inside == ["second"]


def test_who_waits_in_vain_goes_on_and_leaves_the_turn_to_its_owner() -> None:
    turn = ComputeTurn()
    with turn.taken(HANG_S):
        with turn.taken(0.0):
            assert turn._lock.locked()
        assert turn._lock.locked()
    assert not turn._lock.locked()


def test_a_fault_ends_the_turn() -> None:
    turn = ComputeTurn()
    with pytest.raises(ZeroDivisionError), turn.taken(HANG_S):
        raise ZeroDivisionError
    assert not turn._lock.locked()
