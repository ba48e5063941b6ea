"""One does it, all who want it meanwhile get what comes of it, and nobody after."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from butlr_grafana.base.single_flight import SingleFlight, SingleFlightEntry
from tests.support import HANG_S, until

MANY = 8


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(MANY) as threads:
        yield threads


class Work:
    """Goes on until it is let go; counts how often it is done."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun = 0
        self.let_go = threading.Event()
        self._error = error

    def __call__(self) -> str:
        self.begun += 1
        assert self.let_go.wait(HANG_S)
        if self._error is not None:
            raise self._error
        return "done"


def many_want(pool: ThreadPoolExecutor, entries: SingleFlight[str, str], work: Work) -> list[Future[str]]:
    """Of whom one works, and all others wait."""
    joined = threading.Barrier(MANY)

    def want() -> str:
        entry, is_ours = entries.join("key")
        joined.wait(HANG_S)
        if is_ours:
            entry.run(work)
        return entry.result()

    return [pool.submit(want) for _ in range(MANY)]


def test_what_many_want_at_once_is_done_once(pool: ThreadPoolExecutor) -> None:
    entries, work = SingleFlight[str, str](), Work()
    wanted = many_want(pool, entries, work)
    until(lambda: work.begun == 1)
    assert not any(one.done() for one in wanted)
    work.let_go.set()
    assert [one.result(HANG_S) for one in wanted] == ["done"] * MANY
    assert work.begun == 1


def test_an_error_is_everybodys(pool: ThreadPoolExecutor) -> None:
    error = ValueError("no")
    entries, work = SingleFlight[str, str](), Work(error)
    work.let_go.set()
    assert [one.exception(HANG_S) for one in many_want(pool, entries, work)] == [error] * MANY
    assert work.begun == 1


@pytest.mark.parametrize("error", [None, ValueError("no")])
def test_who_comes_after_the_end_begins_anew(error: Exception | None) -> None:
    entries = SingleFlight[str, str]()
    for _ in range(2):
        entry, is_ours = entries.join("key")
        assert is_ours
        assert entries.under_way("key") is entry
        entry.succeed("done") if error is None else entry.fail(error)
        assert entry.wait(0)
        assert entries.under_way("key") is None


def test_other_keys_are_other_work() -> None:
    entries = SingleFlight[str, str]()
    assert [entries.join(key)[1] for key in ("a", "b", "a")] == [True, True, False]


def test_who_does_not_want_to_wait_longer_leaves_and_the_work_goes_on() -> None:
    entries = SingleFlight[str, str]()
    entry, _ = entries.join("key")
    assert entry.wait(0) is False
    assert entries.join("key") == (entry, False)
    entry.succeed("done")
    assert entry.wait(0) is True
    assert entry.result() == "done"


def test_who_sees_that_it_has_ended_begins_anew_at_once(pool: ThreadPoolExecutor) -> None:
    """Else one that has just ended would be taken for the news that is wanted now."""
    entries = SingleFlight[str, str]()
    entry, _ = entries.join("key")

    def after(ended: SingleFlightEntry[str]) -> bool:
        ended.result()
        return entries.join("key")[1]

    later = pool.submit(after, entry)
    entry.succeed("done")
    assert later.result(HANG_S) is True
