"""The error for each HTTP status of Butlr, and the text of an error response."""

from __future__ import annotations

import orjson

from butlr_grafana.base.errors import (
    UpstreamDown,
    UpstreamError,
    UpstreamInvalid,
    UpstreamLate,
    UpstreamLimited,
    UpstreamRefused,
)
from butlr_grafana.butlr.heatmaps import quote
from butlr_grafana.butlr.transport import Reply

_TEXT_KEYS = ("message", "error_description", "detail")


class UpstreamUnauthorized(UpstreamRefused):
    """401 or 403. The client catches it: no caller of the client sees it."""


def error_of(path: str, reply: Reply) -> UpstreamError:
    """The one place where Butlr's HTTP statuses become errors."""
    butlr_text = error_text_of(reply.body)
    text = f"Butlr answered {reply.status} on {path}"
    match reply.status:
        case 401 | 403:
            return UpstreamUnauthorized(text, butlr_text=butlr_text)
        case 429:
            return UpstreamLimited(text, butlr_text=butlr_text, retry_after_s=reply.retry_after_s)
        case 408 | 504:
            return UpstreamLate(text, butlr_text=butlr_text, retry_after_s=reply.retry_after_s)
        case status if status >= 500:
            return UpstreamDown(text, butlr_text=butlr_text, retry_after_s=reply.retry_after_s)
        case status if status < 400:
            advice = (
                f"set BUTLR_API_URL to the address that the redirect leads to: {text}; redirects "
                "are not followed"
            )
            return UpstreamInvalid(advice, butlr_text=butlr_text)
        case _:
            return UpstreamRefused(text, butlr_text=butlr_text)


def error_text_of(body: bytes) -> str:
    """What an error body says. Butlr's is `{"error", "code", "details"}`; other keys are read too."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return quote(body)
    if not isinstance(document, dict):
        return quote(body)
    butlr_text = next(filter(None, (_text_of(document.get(key)) for key in _TEXT_KEYS)), "")
    if not butlr_text:
        # Butlr's own: what it is, and what exactly.
        butlr_text = "; ".join(filter(None, (_text_of(document.get(key)) for key in ("error", "details"))))
    return quote(butlr_text.encode()) if butlr_text else quote(body)


def _text_of(butlr_text: object) -> str:
    if isinstance(butlr_text, dict):
        butlr_text = butlr_text.get("message")
    return butlr_text if isinstance(butlr_text, str) else ""
