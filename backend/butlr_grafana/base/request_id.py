"""The id of the request for which code runs. It is in each log line, in the response, and in calls to Butlr.

Every folder may use this module. An id does not pass to another thread by itself: pass it with
`with_request_id`, or with `current_or_new` and `use_request_id`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

HEADER = "X-Request-Id"

_PRESENT: ContextVar[str] = ContextVar("request_id", default="")


def current() -> str:
    """The id of the current request; empty if there is none."""
    return _PRESENT.get()


def current_or_new() -> str:
    """The id of the current request, or a new id if there is none."""
    return current() or _new()


def of_caller(sent: str | None) -> str:
    """The id that the caller sent, if it has at most 64 letters, digits, `_`, `.` and `-`; otherwise a new
    id.
    """
    return sent if sent and re.fullmatch(r"[\w.-]{1,64}", sent, re.ASCII) else _new()


def _new() -> str:
    # A name, no secret: without a call to the system, at which the thread would wait for its turn again.
    return f"{random.getrandbits(64):016x}"


def begin(request_id: str) -> Token[str]:
    """Sets the id of the current request. The caller must call `end` with the result in every case."""
    return _PRESENT.set(request_id)


def end(begun: Token[str]) -> None:
    _PRESENT.reset(begun)


@contextmanager
def use_request_id(request_id: str) -> Iterator[None]:
    """Code in this context runs for the request with this id."""
    begun = begin(request_id)
    try:
        yield
    finally:
        end(begun)


def with_request_id(work: Callable[P, T]) -> Callable[P, T]:
    """Wraps `work` for another thread: it runs there with the id of the current request."""
    request_id = current_or_new()

    def working(*args: P.args, **kwargs: P.kwargs) -> T:
        with use_request_id(request_id):
            return work(*args, **kwargs)

    return working
