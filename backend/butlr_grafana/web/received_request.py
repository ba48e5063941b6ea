"""A request as the server receives it: limits for its lines and headers, checked before its body is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser

from butlr_grafana.web.refusals import (
    HEADERS_TOO_LARGE,
    LONGEST_LINE,
    MOST_HEADERS,
    TWO_LENGTHS,
    UNKNOWN_EXPECTATION,
    URL_TOO_LONG,
    Refusal,
)

Check = Callable[["Request"], Refusal | None]


class Request(HTTPRequestParser):  # type: ignore[misc]
    """A request while it is received.

    `error`: a `Refusal`, or a problem that waitress found. `refusal`: the reason to refuse the request after
    its headers.
    """

    error: Any = None
    refusal: Refusal | None = None
    path = ""
    command = ""

    def __init__(self, adj: Adjustments, check: Check) -> None:
        super().__init__(adj)
        self._check = check

    def received(self, data: bytes) -> int:
        taken: int = super().received(data)
        # What waitress says of a body's length comes after.
        self.error = self.refusal or self.error
        if self.error is None and self.body_rcv is None and len(self.header_plus) > LONGEST_LINE:
            self.error = _problem_of(self.header_plus)
        if self.error is None:
            return taken
        # What follows a request that cannot be read is no request.
        self.completed = True
        return len(data)

    def parse_header(self, header_plus: bytes) -> None:
        """Raises waitress' `ParsingError`."""
        self.refusal = _problem_of(header_plus)
        if self.refusal is not None:
            return
        super().parse_header(header_plus)
        names = self.headers
        if "CONTENT_LENGTH" in names and (self.chunked or "TRANSFER_ENCODING" in names):
            self.refusal = TWO_LENGTHS
        elif "EXPECT" in names and self.version == "1.1" and not self.expect_continue:
            self.refusal = UNKNOWN_EXPECTATION
        else:
            self.refusal = self._check(self)
        # Nobody is asked to send a body that is refused.
        self.expect_continue: bool = self.expect_continue and self.refusal is None


def _problem_of(head: bytes) -> Refusal | None:
    """Whether the head, as far as it is there, is too large."""
    if len(head) > LONGEST_LINE:
        first, *others = head.lstrip().split(b"\r\n")
        if len(first) > LONGEST_LINE:
            return URL_TOO_LONG
        if any(len(line) > LONGEST_LINE for line in others):
            return HEADERS_TOO_LARGE
    # The first line ends as the others do, and so does the head.
    return HEADERS_TOO_LARGE if head.count(b"\r\n") > MOST_HEADERS + 2 else None
