"""The log of requests: the id of each request, a log line, and values for Prometheus."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
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

LINE = "butlr_grafana.line"
"""The key of a request's log line in its environment."""

PROBES = {("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"), ("POST", "/webhooks/butlr")}
"""Requests of machines, every few seconds or more often. Their log lines have the level debug."""


@dataclass(slots=True)
class RequestRecord:
    """What is known about the current request before its response."""

    began: float
    queries: list[ParsedQuery] = field(default_factory=list)
    faults: list[BackendError] = field(default_factory=list)


def note_requests(app: Flask, telemetry: Telemetry) -> None:
    """Registers the log. It must be called first, so that refused requests are logged too."""
    app.wsgi_app = WithRequestId(app.wsgi_app)  # type: ignore[method-assign]  # Flask's own advice

    @app.before_request
    def begin() -> None:
        g.record = RequestRecord(time.monotonic())

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers[request_id.HEADER] = request_id.current()
        _note(telemetry, response)
        return response


def note_query(parsed: ParsedQuery) -> None:
    """Records one query of the current request."""
    g.record.queries.append(parsed)


def note_fault(fault: BackendError) -> None:
    """Records an error of the current request, or of one of its targets."""
    if fault not in g.record.faults:
        g.record.faults.append(fault)


class WithRequestId:
    """A WSGI application that sets the id of each request: the caller's id if it can be used. It also
    measures the stages.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # Each request passes here, kept answers too: this is quicker than two generators.
        named = request_id.begin(request_id.of_caller(environ.get("HTTP_X_REQUEST_ID")))
        timed = stage_times.begin(stage_times.StageTimes())
        try:
            return self._app(environ, start_response)
        finally:
            stage_times.end(timed)
            request_id.end(named)


@dataclass(frozen=True, slots=True)
class Line:
    """The log line of a request, without its duration.

    `rule`: the route, not the path: a caller could send any number of paths, and each would make a series.
    """

    method: str
    rule: str
    target: str
    written: str
    status: int
    errors: str
    length: int | None
    what: str = field(init=False)
    figures: Mapping[str, object] = field(init=False)
    """The values in the log line, without the duration."""

    def __post_init__(self) -> None:
        known = {"target": self.target, "format": self.written, "status": self.status, "error": self.errors}
        object.__setattr__(self, "what", f"{self.method} {self.rule}".strip())
        object.__setattr__(self, "figures", {name: value for name, value in known.items() if value != ""})

    def note(self, telemetry: Telemetry, seconds: float) -> None:
        """Writes the log line and the values for Prometheus."""
        telemetry.requested(
            method=self.method,
            endpoint=self.rule,
            target=self.target,
            written=self.written,
            status=self.status,
            seconds=seconds,
        )
        level = logging.DEBUG if (self.method, self.rule) in PROBES else logging.INFO
        if not log.isEnabledFor(level):
            return
        figures = {**self.figures, "seconds": round(seconds, 3)}
        if self.length is not None:
            figures["bytes"] = self.length
        # Without looking for the line of code that says it: it is always this one.
        extra = {"data": figures}
        log.handle(log.makeRecord(log.name, level, "", 0, "answered %s", (self.what,), None, extra=extra))


def _note(telemetry: Telemetry, response: Response) -> None:
    record: RequestRecord = g.record
    telemetry.staged(stage_times.current())
    for fault in record.faults:
        telemetry.faulted(fault)
    line = Line(
        method=request.method if request.url_rule else "",
        rule=request.url_rule.rule if request.url_rule else "unknown",
        target=_one_of({query.target for query in record.queries}),
        written=_one_of({query.format for query in record.queries}),
        status=response.status_code,
        errors=",".join(sorted({fault.code for fault in record.faults})),
        length=response.content_length,
    )
    request.environ[LINE] = line
    line.note(telemetry, time.monotonic() - record.began)


def _one_of(names: set[str]) -> str:
    """The name, where there is one; of several targets in a request only that they are several."""
    return names.pop() if len(names) == 1 else "several" if names else ""
