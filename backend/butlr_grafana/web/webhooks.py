"""`POST /webhooks/butlr`: what Butlr pushes. First the key is checked, then the body; then 204, whatever it
contains.

After a 4xx, Butlr would send the same again; so an event that cannot be used is counted and dropped. The
server already refuses requests without a key by their headers (`web.webhook_port`). The key is checked again
here, for any other server.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from flask import Blueprint, Flask, Response, request
from werkzeug.datastructures import Authorization
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from butlr_grafana.base.errors import BackendError, BadBody, BodyTooLarge, NotServed, Unauthorized
from butlr_grafana.service.receiving import Receiver
from butlr_grafana.web import responses
from butlr_grafana.web.request_log import note_requests
from butlr_grafana.web.responses import finish_responses, handle_errors

PATH = "/webhooks/butlr"
MAX_BODY_BYTES = 256 * 1024


def blueprint(receiver: Receiver) -> Blueprint:
    webhooks = Blueprint("webhooks", __name__)
    count = receiver.telemetry.push_taken

    @webhooks.post(PATH)
    def receive() -> Response:
        sent = keys_in(request.headers.get("X-Api-Key"), request.headers.get("Authorization"))
        fault = fault_of(receiver, sent)
        if fault is not None:
            raise fault
        try:
            body = _body()
        except (BodyTooLarge, BadBody) as problem:
            count(problem.code)
            raise
        receiver.accept(body)
        count("accepted")
        return Response(status=204)

    return webhooks


def status(receiver: Receiver) -> Blueprint:
    """For people, and for `butlr-grafana webhooks status`. It requires the backend's own token."""
    status = Blueprint("webhooks_status", __name__)

    @status.get("/webhooks/status")
    def show() -> Response:
        return responses.json({"receives": bool(receiver.keys), **receiver.status()})

    return status


def alone(receiver: Receiver) -> Flask:
    """An application for a separate port, with this path and a health check."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.url_map.merge_slashes = False
    note_requests(app, receiver.telemetry)
    finish_responses(app)
    handle_errors(app)
    app.register_blueprint(blueprint(receiver))

    @app.get("/healthz")
    def healthz() -> Response:
        return responses.json({"status": "ok"})

    return app


def is_known(sent: Sequence[str], keys: Sequence[str]) -> bool:
    """Whether any of the keys is known. Keys are compared in constant time, so that the time shows neither
    length nor position.
    """
    found = False
    for one in sent:
        for key in keys:
            found |= hmac.compare_digest(one.encode(), key.encode())
    return found


def keys_in(api_key: str | None, authorization: str | None) -> list[str]:
    """The keys that the caller sent, in two headers."""
    auth = Authorization.from_header(authorization)
    password = auth.password if auth is not None and auth.type == "basic" else None
    return [one for one in (api_key, password) if one]


def fault_of(receiver: Receiver, sent: Sequence[str]) -> BackendError | None:
    """Why a caller with these keys may not push; it is counted for Prometheus. `None`: the caller may."""
    if not receiver.keys:
        receiver.telemetry.push_taken("no_key_set")
        return NotServed(f"{PATH}: the backend accepts no events, because BUTLR_WEBHOOK_KEY is not set")
    if not is_known(sent, receiver.keys):
        receiver.telemetry.push_taken("unauthorized")
        return Unauthorized(f"{PATH}: send a key of BUTLR_WEBHOOK_KEY as X-Api-Key, or as the Basic password")
    return None


def _body() -> bytes:
    too_large = BodyTooLarge(f"the body is larger than {MAX_BODY_BYTES // 1024} KB")
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise too_large
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise too_large from None
    except BadRequest:
        raise BadBody("the body is incomplete") from None
    # One without a length is cut off there in silence.
    if request.content_length is None and len(body) >= MAX_BODY_BYTES:
        raise too_large
    return body
