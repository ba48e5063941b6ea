"""The error of each HTTP status, and the text of an error response."""

from __future__ import annotations

import orjson
import pytest

from butlr_grafana.base.errors import (
    UpstreamDown,
    UpstreamError,
    UpstreamInvalid,
    UpstreamLate,
    UpstreamLimited,
    UpstreamRefused,
)
from butlr_grafana.butlr.response_errors import UpstreamUnauthorized, error_of, error_text_of
from butlr_grafana.butlr.transport import Reply


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"message": "no such space"}', "no such space"),
        (b'{"error": "no such space"}', "no such space"),
        (b'{"error": "invalid", "error_description": "no such space"}', "no such space"),
        (b'{"detail": "no such space"}', "no such space"),
        (b'{"error": {"code": 7, "message": "no such space"}}', "no such space"),
        (b'{"message": {"message": "no such space"}}', "no such space"),
        (b'{"message": "", "detail": "no such space"}', "no such space"),
        (b'{"message": 5, "error": "no such space"}', "no such space"),
        # Butlr's own form.
        (
            b'{"error": "Invalid time range", "code": 400, "details": "start must be before stop"}',
            "Invalid time range; start must be before stop",
        ),
        (b'{"error": "Invalid time range", "code": 400, "details": null}', "Invalid time range"),
        (b"no such space", "no such space"),
        (b"no\r\n\tsuch   space\n", "no such space"),
        (b'"no such space"', '"no such space"'),
        (b'["no such space"]', '["no such space"]'),
        (b'{"detail": [{"msg": "no such space"}]}', '{"detail": [{"msg": "no such space"}]}'),
        (b'{"errors": ["no such space"]}', '{"errors": ["no such space"]}'),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"", ""),
        (b"null", "null"),
        (b"x" * 5000, "x" * 200),
        (orjson.dumps({"message": "y" * 5000}), "y" * 200),
        (orjson.dumps({"message": "é" * 5000}), "é" * 200),
    ],
)
def test_what_an_error_says_in_any_envelope(body: bytes, text: str) -> None:
    assert error_text_of(body) == text
    expected = f"Butlr answered 418 on /p: {text}" if text else "Butlr answered 418 on /p"
    assert error_of("/p", Reply(418, None, body)).message == expected


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (100, UpstreamInvalid),
        (302, UpstreamInvalid),
        (400, UpstreamRefused),
        (401, UpstreamUnauthorized),
        (403, UpstreamUnauthorized),
        (404, UpstreamRefused),
        (408, UpstreamLate),
        (429, UpstreamLimited),
        (499, UpstreamRefused),
        (500, UpstreamDown),
        (504, UpstreamLate),
        (599, UpstreamDown),
        (999, UpstreamDown),
    ],
)
def test_every_status_has_its_error(status: int, kind: type[UpstreamError]) -> None:
    assert type(error_of("/p", Reply(status, None, b""))) is kind
