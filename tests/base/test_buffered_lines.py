"""Lines that several threads say are all written, each whole and in its order, soon or at the end."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from butlr_grafana.base import buffered_lines
from butlr_grafana.base.buffered_lines import BufferedLines, buffering_log_lines
from tests.support import HANG_S, until


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def logger(stream: io.StringIO) -> Iterator[logging.Logger]:
    found = logging.getLogger("test.buffered")
    handler = logging.StreamHandler(stream)
    found.addHandler(handler)
    found.setLevel("INFO")
    found.propagate = False
    yield found
    found.removeHandler(handler)


def test_lines_are_written_soon_without_being_requested(logger: logging.Logger, stream: io.StringIO) -> None:
    with buffering_log_lines(logger):
        for text in ("one\n", "one\ntwo\n"):
            logger.info(text.split()[-1])
            until(lambda t=text: stream.getvalue() == t)


def test_at_the_end_all_are_there_in_the_order_of_each_thread(
    logger: logging.Logger, stream: io.StringIO
) -> None:
    def say(thread: int) -> None:
        for number in range(500):
            logger.info("%d %d", thread, number)

    with buffering_log_lines(logger), ThreadPoolExecutor(8) as pool:
        list(pool.map(say, range(8)))
    text = [tuple(map(int, line.split())) for line in stream.getvalue().splitlines()]
    assert [[n for t, n in text if t == thread] for thread in range(8)] == [[*range(500)]] * 8


def test_also_where_what_is_done_fails_and_then_the_stream_is_as_before(
    logger: logging.Logger, stream: io.StringIO
) -> None:
    def fails() -> None:
        with buffering_log_lines(logger):
            logger.warning("before the fault")
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011  # ours
        fails()
    assert stream.getvalue() == "before the fault\n"
    logger.info("after")
    assert stream.getvalue() == "before the fault\nafter\n"


class Blocked(io.StringIO):
    """A pipe that nobody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.read = threading.Event()
        self.tried = threading.Event()

    def write(self, text: str) -> int:
        self.tried.set()
        assert self.read.wait(HANG_S)
        return super().write(text)


def test_where_nobody_reads_threads_wait_before_memory_fills_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffered_lines, "MOST_WAITING", 3)
    blocked = Blocked()
    lines = BufferedLines(blocked)
    lines.write("0\n")
    assert blocked.tried.wait(HANG_S)  # from here on the writing thread is in the middle of writing
    for number in range(1, 4):
        lines.write(f"{number}\n")
    with ThreadPoolExecutor(1) as pool:
        fourth = pool.submit(lines.write, "4\n")
        assert not fourth.done()
        blocked.read.set()
        fourth.result(HANG_S)
    lines.close()
    assert blocked.getvalue() == "0\n1\n2\n3\n4\n"
