"""Where Butlr's webhooks are received: on the backend's port, or on a separate port.

The server receives the whole body before it calls an application. So the key is checked as soon as the
headers have arrived: without a key, no byte of the body is stored.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

from butlr_grafana.base.errors import BackendError, BodyTooLarge, NotServed
from butlr_grafana.service.receiving import Receiver
from butlr_grafana.web.received_request import Request
from butlr_grafana.web.refusals import BODY_TOO_LARGE, Refusal
from butlr_grafana.web.server import Port
from butlr_grafana.web.webhooks import MAX_BODY_BYTES, PATH, alone, fault_of, keys_in

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

THREADS = 4
CONNECTIONS = 200
BUFFERED_BYTES = 16 * 2**20
"""The limits of a separate port, which only Butlr uses."""


class HeaderCheck:
    """Refuses a push without a key, by its headers only. `only`: the port accepts nothing else."""

    def __init__(self, receiver: Receiver, *, only: bool) -> None:
        self._receiver = receiver
        self.only = only

    def __call__(self, request: Request) -> Refusal | None:
        has_body = request.chunked or request.content_length > 0
        if request.path != PATH:
            is_foreign = self.only and has_body
            return _quiet(NotServed(f"this port serves only POST {PATH}")) if is_foreign else None
        headers = request.headers
        fault = fault_of(self._receiver, keys_in(headers.get("X_API_KEY"), headers.get("AUTHORIZATION")))
        if fault is not None:
            return _quiet(fault)
        if request.content_length > MAX_BODY_BYTES:
            self._receiver.telemetry.push_taken(BodyTooLarge.code)
            return BODY_TOO_LARGE
        return None


def _quiet(fault: BackendError) -> Refusal:
    """A flood of these must not become a flood of lines; they are counted."""
    return Refusal(fault.status, fault, level=logging.DEBUG)


def ports(
    app: WSGIApplication, receiver: Receiver, listeners: Sequence[socket.socket], *, threads: int
) -> list[Port]:
    """The backend's port and, if there is a second listener, the port of webhooks."""
    backend, *own = listeners
    if not own:
        return [Port(app, backend, threads, check=HeaderCheck(receiver, only=False))]
    [webhooks] = own
    return [
        Port(app, backend, threads),
        Port(
            alone(receiver),
            webhooks,
            THREADS,
            check=HeaderCheck(receiver, only=True),
            most=CONNECTIONS,
            most_buffered=BUFFERED_BYTES,
        ),
    ]
