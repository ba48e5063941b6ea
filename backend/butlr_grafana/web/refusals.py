"""Requests that the server refuses before the application sees them, in the form of all our errors."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from waitress import utilities as http

from butlr_grafana.base.errors import (
    BackendError,
    BodyTooLarge,
    CallerError,
    HeadersTooLarge,
    ServiceError,
    UrlTooLong,
)
from butlr_grafana.present.encoding import as_json
from butlr_grafana.web import responses
from butlr_grafana.web.app import MAX_BODY_BYTES
from butlr_grafana.web.security_headers import SECURITY_HEADERS

LONGEST_LINE = 8190
"""In characters: the longest first line of a request, which contains its URL, and the longest header."""

MOST_HEADERS = 100
MOST_HEAD_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Refusal:
    """The status and the error of a refused request. The message contains nothing of the request. `level`: of
    its log line.
    """

    status: int
    fault: BackendError
    level: int = logging.WARNING

    def response(self) -> bytes:
        """The complete response as bytes. The connection is closed after it."""
        body = as_json(self.fault.as_dict()).body
        head = {
            "Connection": "close",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            **SECURITY_HEADERS,
        }
        lines = [
            f"HTTP/1.1 {self.status} {responses.reason_phrase(self.fault.message)}",
            *(f"{name}: {value}" for name, value in head.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _of(fault: BackendError) -> Refusal:
    return Refusal(fault.status, fault)


URL_TOO_LONG = _of(
    UrlTooLong(
        f"the URL is longer than {LONGEST_LINE} characters; send long lists by POST to "
        "/api/v1/<target>, as a JSON object, or send `all`"
    )
)
HEADERS_TOO_LARGE = _of(
    HeadersTooLarge(
        f"the request has more than {MOST_HEADERS} headers, one is longer than {LONGEST_LINE} "
        "characters, or all "
        f"together are larger than {MOST_HEAD_BYTES // 1024} KB"
    )
)
BODY_TOO_LARGE = _of(BodyTooLarge(f"the body is larger than {MAX_BODY_BYTES // 1024} KB"))
BODY_CUT_OFF = _of(CallerError("the body is incomplete"))
UNKNOWN_EXPECTATION = Refusal(417, CallerError("Expect: the value is unknown; allowed: 100-continue"))
UNKNOWN_CODING = Refusal(501, CallerError("Transfer-Encoding: the value is unknown; allowed: chunked"))
TWO_LENGTHS = _of(CallerError("Content-Length and Transfer-Encoding: a request may have only one of them"))
NO_HTTP = _of(CallerError("this HTTP request cannot be read"))
UNFORESEEN = _of(ServiceError("an unexpected error in the backend; its log has the details"))


def refusal_of(problem: object) -> Refusal:
    """The refusal for a problem that waitress or our own limits found."""
    match problem:
        case Refusal():
            return problem
        case http.RequestHeaderFieldsTooLarge():
            return HEADERS_TOO_LARGE
        case http.RequestEntityTooLarge():
            return BODY_TOO_LARGE
        case http.ServerNotImplemented():
            return UNKNOWN_CODING
        case http.BadRequest():
            return NO_HTTP
        case _:
            return UNFORESEEN
