"""Each request as those who run the backend see it: its id, a line in the log, figures for Prometheus."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flask import Flask, Response, g, request

from butlr_grafana.base import request_id, stage_times
from butlr_grafana.base.errors import BackendError
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.service.metrics import Telemetry

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

PROBES = {("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics")}
"""Asked by machines every few seconds: lines for debugging only."""


@dataclass(slots=True)
class Noted:
    """What is known of the present request besides its answer."""

    began: float
    asked: list[ParsedQuery] = field(default_factory=list)
    faults: list[BackendError] = field(default_factory=list)


def note_requests(app: Flask, telemetry: Telemetry) -> None:
    """To be called first, so that refused requests are noted too."""
    app.wsgi_app = Named(app.wsgi_app)  # type: ignore[method-assign]  # Flask's own advice

    @app.before_request
    def begin() -> None:
        g.noted = Noted(time.monotonic())

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers[request_id.HEADER] = request_id.present()
        _note(telemetry, response)
        return response


def note_asked(asked: ParsedQuery) -> None:
    """The present request asks for this, among others perhaps."""
    g.noted.asked.append(asked)


def note_fault(fault: BackendError) -> None:
    """The present request is answered with this error, or holds it in the place of a target's answer."""
    if fault not in g.noted.faults:
        g.noted.faults.append(fault)


class Named:
    """A WSGI application whose work has the id of its request: the caller's, where it sent one that can be
    used. The stages of its work are measured."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        named = request_id.working_for(request_id.of_caller(environ.get("HTTP_X_REQUEST_ID")))
        with named, stage_times.measuring(stage_times.StageTimes()):
            return self._app(environ, start_response)


def _note(telemetry: Telemetry, response: Response) -> None:
    noted: Noted = g.noted
    # The rule, not the path: paths are a stranger's choice and would make series without end.
    rule = request.url_rule.rule if request.url_rule else "unknown"
    method = request.method if request.url_rule else ""
    seconds = time.monotonic() - noted.began
    target = _one_of({asked.target for asked in noted.asked})
    written = _one_of({asked.format for asked in noted.asked})
    telemetry.staged(stage_times.present())
    telemetry.requested(
        method=method,
        endpoint=rule,
        target=target,
        written=written,
        status=response.status_code,
        seconds=seconds,
    )
    for fault in noted.faults:
        telemetry.faulted(fault)
    figures = {
        "target": target,
        "format": written,
        "status": response.status_code,
        "error": ",".join(sorted({fault.code for fault in noted.faults})),
        "seconds": round(seconds, 3),
        "bytes": response.content_length,
    }
    log.log(
        logging.DEBUG if (method, rule) in PROBES else logging.INFO,
        "answered %s",
        f"{method} {rule}".strip(),
        extra={"data": {name: value for name, value in figures.items() if value not in ("", None)}},
    )


def _one_of(names: set[str]) -> str:
    """The name, where there is one; of several targets in a request only that they are several."""
    return names.pop() if len(names) == 1 else "several" if names else ""
