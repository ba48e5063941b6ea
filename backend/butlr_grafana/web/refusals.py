"""What the server refuses before the application sees it, in the form of all our errors."""

from __future__ import annotations

from gunicorn.http import errors as http  # type: ignore[import-untyped]

from butlr_grafana.base.errors import BackendError, CallerError, HeadersTooLarge, ServiceError, UrlTooLong
from butlr_grafana.present.encoding import as_json
from butlr_grafana.web import responses

LONGEST_LINE = 8190
"""Of a request's first line, which holds its URL, and of a header; the server takes no more."""


def refusal_of(problem: BaseException) -> tuple[int, BackendError]:
    """The status and the error; the message repeats nothing of what was sent."""
    match problem:
        case http.LimitRequestLine():
            said = (
                f"the URL is longer than {LONGEST_LINE} characters; send long lists by POST, as a JSON "
                "object to /api/v1/<target>, or everything as `all`"
            )
            return UrlTooLong.status, UrlTooLong(said)
        case http.LimitRequestHeaders():
            said = f"there are more than 100 headers, or one is longer than {LONGEST_LINE} characters"
            return HeadersTooLarge.status, HeadersTooLarge(said)
        case http.ExpectationFailed():
            return 417, CallerError("Expect: it may be 100-continue")
        case http.UnsupportedTransferCoding():
            return 501, CallerError("Transfer-Encoding: it may be chunked")
        case http.ConfigurationProblem() | http.InvalidResponseHeader() | http.InvalidResponseHeaderName():
            return _unforeseen()
        case http.ParseException():
            return 400, CallerError("this is no HTTP request that can be read")
        case _:
            return _unforeseen()


def _unforeseen() -> tuple[int, BackendError]:
    fault = ServiceError("the backend met a fault it did not foresee; its log has the details")
    return fault.status, fault


def written(status: int, fault: BackendError) -> bytes:
    """The whole answer, after which the connection ends."""
    body = as_json(fault.as_dict()).body
    head = {
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        **responses.GUARDING,
    }
    lines = [
        f"HTTP/1.1 {status} {responses.reason_phrase(fault.message)}",
        *(f"{k}: {v}" for k, v in head.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
