"""Log lines of many threads, written by one thread.

Each write is a system call, which releases Python's global lock; the thread then waits to get the lock again.
So threads only put their lines into a list. One thread writes them, several at a time, after `DELAY_S`.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

DELAY_S = 0.05
"""The longest time for which a line waits. If the process is killed, the waiting lines are lost."""

MOST_WAITING = 10_000
"""The most lines that wait. If nobody reads the output, threads then wait too, so that memory does not fill
up.
"""


class BufferedLines:
    """A stream for a log handler. Thread-safe."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: deque[str] = deque()
        self._writing = threading.Lock()
        """Held while lines are taken and written, so that they keep their order."""
        self._news = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, text: str) -> None:
        self._waiting.append(text)
        if len(self._waiting) > MOST_WAITING:
            self._write_out()
        elif not self._news.is_set():
            self._news.set()

    def flush(self) -> None:
        """Does nothing: the thread writes the lines soon."""

    def close(self) -> None:
        """Writes the lines that wait, then ends the thread."""
        self._ended.set()
        self._news.set()
        self._thread.join()
        self._write_out()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._news.wait()
            self._ended.wait(DELAY_S)
            self._news.clear()
            self._write_out()

    def _write_out(self) -> None:
        with self._writing:
            lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
            if lines:
                self._stream.write("".join(lines))
                self._stream.flush()


@contextmanager
def buffering_log_lines(logger: logging.Logger) -> Iterator[None]:
    """Within this context, the logger's stream handlers write through a buffer."""
    handlers = [one for one in logger.handlers if isinstance(one, logging.StreamHandler)]
    streams = [(one, one.stream, BufferedLines(one.stream)) for one in handlers]
    for handler, _, gathered in streams:
        handler.setStream(gathered)
    try:
        yield
    finally:
        for handler, stream, gathered in streams:
            handler.setStream(stream)
            gathered.close()
