"""All errors that the backend can answer with, as one tree.

    BackendError
    ├── CallerError            the request is wrong (4xx)
    │   ├── BadParameter       a query parameter that cannot be read, with its allowed values
    │   ├── BadBody            a body that is not a JSON object, or lacks a part
    │   ├── BodyTooLarge       413
    │   ├── UrlTooLong         414
    │   ├── HeadersTooLarge    431
    │   ├── UnknownTarget      404
    │   ├── UnknownSpace       404, the same for floors of others and for unknown floors
    │   ├── Unauthorized       401
    │   ├── NotServed          404, what this backend is not set up for
    │   └── NotForWalls        403, a wall's token, which does not allow this request
    ├── ServiceError           the backend failed (5xx)
    │   ├── Busy               503, the queue of calls to Butlr is full
    │   └── NoFloors           503, no floor is served, or none to this caller's token
    └── UpstreamError          Butlr failed (5xx)
        ├── UpstreamDown       502, refused, reset, cut off, or a 5xx
        ├── UpstreamLate       504, no response before the deadline
        ├── UpstreamLimited    503, a 429 that outlasted the retries
        ├── UpstreamRefused    502, credentials or request not accepted
        ├── UpstreamInvalid    502, a response with impossible data
        └── Incomplete         503, `require=complete` and a part is missing or stale

A `CallerError` fails the whole request. Any other error fails one floor, or one column that can be left out;
the rest of the result is returned without it.

Each carries `status` (HTTP), `code` (stable, for programs), `source` (`caller`, `backend`, `upstream`)
and a message for the person who reads the panel. No message holds a secret: credentials and tokens
never enter an exception.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar, Literal, Self

Source = Literal["caller", "backend", "upstream"]


class BackendError(Exception):
    """The base class. Every error is returned as `{"message": …, "error": {…}}`."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    source: ClassVar[Source] = "backend"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def as_dict(self) -> dict[str, object]:
        """The JSON form of errors, the same for every endpoint."""
        return {
            "message": self.message,
            "error": {"code": self.code, "message": self.message, "source": self.source},
        }


class CallerError(BackendError):
    status = 400
    code = "bad_request"
    source = "caller"


class BadParameter(CallerError):
    """A query parameter with a value that is not allowed; `parameter` is its name."""

    code = "bad_word"

    def __init__(self, parameter: str, problem: str) -> None:
        super().__init__(f"{parameter}: {problem}")
        self.parameter = parameter


class BadBody(CallerError):
    code = "bad_body"


class BodyTooLarge(CallerError):
    status = 413
    code = "body_too_large"


class UrlTooLong(CallerError):
    status = 414
    code = "url_too_long"


class HeadersTooLarge(CallerError):
    status = 431
    code = "headers_too_large"


class UnknownTarget(CallerError):
    status = 404
    code = "unknown_target"

    def __init__(self, target: str, known: Iterable[str]) -> None:
        super().__init__(f"target: {unknown_value(target, known)}")


class UnknownSpace(CallerError):
    status = 404
    code = "unknown_space"


class Unauthorized(CallerError):
    status = 401
    code = "unauthorized"


class NotServed(CallerError):
    status = 404
    code = "not_served"


class NotForWalls(CallerError):
    status = 403
    code = "not_for_walls"


class ServiceError(BackendError):
    status = 500


class Busy(ServiceError):
    status = 503
    code = "busy"


class NoFloors(ServiceError):
    """No floor can be queried; the message names the setting and what it may be, and no floor."""

    status = 503
    code = "no_floors"


class UpstreamError(BackendError):
    """Butlr failed. `retry_after_s`: the pause that Butlr requested, if it did.

    `butlr_text`: Butlr's own text, at the end of the message. It may name anything of the account. Callers
    that may not see all floors get the error `without_butlr_text`.
    """

    status = 502
    code = "upstream"
    source = "upstream"

    def __init__(self, message: str, *, butlr_text: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(f"{message}: {butlr_text}" if butlr_text else message)
        self.plain = message
        self.butlr_text = butlr_text
        self.retry_after_s = retry_after_s

    def without_butlr_text(self) -> Self:
        return type(self)(self.plain, retry_after_s=self.retry_after_s)


class UpstreamDown(UpstreamError):
    code = "upstream_down"


class UpstreamLate(UpstreamError):
    status = 504
    code = "upstream_late"


class UpstreamLimited(UpstreamError):
    status = 503
    code = "upstream_limited"


class UpstreamRefused(UpstreamError):
    code = "upstream_refused"


class UpstreamInvalid(UpstreamError):
    code = "upstream_invalid"


class UpstreamDiffers(UpstreamInvalid):
    """A response that contradicts the measurements on this account. `verdict` names what must be measured
    again, `form` describes the response, without data of the account.
    """

    def __init__(
        self,
        message: str,
        *,
        verdict: str = "",
        form: str = "",
        butlr_text: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, butlr_text=butlr_text, retry_after_s=retry_after_s)
        self.verdict = verdict
        self.form = form


class Incomplete(UpstreamError):
    status = 503
    code = "incomplete"


def unknown_value(value: str, known: Iterable[str]) -> str:
    """`'heatmpa' is unknown; did you mean heatmap? Allowed: …`; a long list is cut."""
    names = list(known)
    unknown = f"{value[:60]!r} is unknown"
    if not names:
        return unknown
    shown = ", ".join(names[:12]) + (f", … ({len(names)} in all)" if len(names) > 12 else "")
    near = get_close_matches(value, names, n=1)
    if near:
        return f"{unknown}; did you mean {near[0]}? Allowed: {shown}"
    return f"{unknown}; allowed: {shown}"
