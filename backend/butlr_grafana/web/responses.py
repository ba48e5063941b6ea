"""Results and errors as HTTP: strict JSON, one form of errors, the reason phrase, headers."""

from __future__ import annotations

import logging
import re
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge

from butlr_grafana.base.errors import BackendError, BodyTooLarge, CallerError, ServiceError, Unauthorized
from butlr_grafana.model.time import iso
from butlr_grafana.present.encoding import Encoded, as_json
from butlr_grafana.web.auth import shown_to_caller
from butlr_grafana.web.request_log import note_fault
from butlr_grafana.web.security_headers import SECURITY_HEADERS

log = logging.getLogger(__name__)

_PLAIN = str.maketrans({"\u2026": "...", "\u2019": "'", "\u2018": "'", "\u2013": "-", "\u00b2": "2"})


def json(document: Any, status: int = 200) -> Response:
    """A response with strict JSON: numpy arrays as lists, NaN as null."""
    found = as_json(document)
    return Response(found.body, status=status, mimetype=found.media)


def encoded(found: Encoded) -> Response:
    """The bytes of a result, compressed if the caller accepts that. If the caller already has the same bytes,
    the response is 304.
    """
    compressed = found.compressed if request.accept_encodings.quality("gzip") > 0 else None
    response = Response(found.body if compressed is None else compressed, mimetype=found.media)
    if compressed is not None:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    # A browser may keep it, and asks each time whether it is good; nobody between may.
    response.headers["Cache-Control"] = "private, no-cache"
    if found.name is not None:
        response.headers["Content-Disposition"] = f'inline; filename="{_file_name(found)}"'
        response.headers["X-Complete"] = "1" if found.complete else "0"
    if found.as_of_s is not None:
        response.headers["X-As-Of"] = iso(found.as_of_s)
    # Weak: squeezed or not, it is the same answer.
    response.set_etag(found.etag, weak=True)
    if "If-None-Match" in request.headers:
        response.make_conditional(request)
    return response


def _file_name(found: Encoded) -> str:
    """It says where the file is not the whole truth."""
    stem, _, ending = (found.name or "").rpartition(".")
    return f"{re.sub(r'[^A-Za-z0-9._-]', '-', stem)}{'' if found.complete else '-partial'}.{ending}"


def error(fault: BackendError) -> Response:
    note_fault(fault)
    response = json(fault.as_dict(), fault.status)
    response.status = f"{fault.status} {reason_phrase(fault.message)}"
    if isinstance(fault, Unauthorized):
        response.headers["WWW-Authenticate"] = 'Basic realm="butlr-grafana"'
    return response


def reason_phrase(message: str) -> str:
    """The first 120 characters of the message as ASCII on one line. Infinity shows only these of an error.

    Characters that could end the line or begin a header become spaces.
    """
    ascii_text = message.translate(_PLAIN).encode("ascii", "replace").decode()
    return re.sub(r"[^ -~]+", " ", ascii_text)[:120].strip() or "error"


def handle_errors(app: Flask) -> None:
    @app.errorhandler(BackendError)
    def known(fault: BackendError) -> Response:
        return error(shown_to_caller(fault))

    @app.errorhandler(RequestEntityTooLarge)
    def too_large(_: RequestEntityTooLarge) -> Response:
        limit_kb = int(app.config["MAX_CONTENT_LENGTH"]) // 1024
        return error(BodyTooLarge(f"the body is larger than {limit_kb} KB"))

    @app.errorhandler(HTTPException)
    def http(fault: HTTPException) -> Response:
        advice = _advice(fault)
        described = CallerError(f"{request.method} {request.path[:40]}: {fault.name.lower()}{advice}")
        response = error(described)
        response.status = f"{fault.code or 500} {reason_phrase(described.message)}"
        if isinstance(fault, MethodNotAllowed):
            response.headers["Allow"] = ", ".join(_methods(fault))
        return response

    @app.errorhandler(Exception)
    def unforeseen(_: Exception) -> Response:
        log.exception("unexpected error in %s %s", request.method, request.path)
        return error(ServiceError("an unexpected error in the backend; its log has the details"))


def _advice(fault: HTTPException) -> str:
    """What to do instead: short, so that a reason phrase holds it."""
    if isinstance(fault, MethodNotAllowed):
        return f"; allowed: {', '.join(_methods(fault))}"
    if isinstance(fault, NotFound) and "//" in request.path:
        return "; the path has // in it: remove the / at the end of the base URL"
    if isinstance(fault, NotFound):
        return "; targets are at /api/v1/<target>, see /api/v1/openapi.json"
    return ""


def _methods(fault: MethodNotAllowed) -> list[str]:
    return sorted(set(fault.valid_methods or ()) - {"HEAD", "OPTIONS"})


def finish_responses(app: Flask) -> None:
    @app.after_request
    def finish(response: Response) -> Response:
        response.headers.setdefault("Cache-Control", "no-store")
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        return response
