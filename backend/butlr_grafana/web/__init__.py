"""The doors: Flask, thin. `build` is the only wiring of routes."""

from __future__ import annotations

from flask import Flask

from butlr_grafana.service import Service
from butlr_grafana.settings import BackendToken
from butlr_grafana.web import datasource, operations, preview, rest
from butlr_grafana.web.auth import guard
from butlr_grafana.web.cached_responses import CachedResponses
from butlr_grafana.web.kept import Answers
from butlr_grafana.web.reply import answer_errors, finish_replies
from butlr_grafana.web.requests import note_requests

MAX_BODY_BYTES = 256 * 1024


def build(service: Service, *, tokens: tuple[BackendToken, ...], grafana_url: str) -> Flask:
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    # A redirect would name the address by which this server is known, not the caller's way to it.
    app.url_map.merge_slashes = False
    answers = Answers(service)
    # Within what gives requests their ids, before all else.
    app.wsgi_app = CachedResponses(app.wsgi_app, answers, tokens)  # type: ignore[method-assign]
    note_requests(app, service.telemetry)
    finish_replies(app)
    guard(app, tokens)
    answer_errors(app)
    app.register_blueprint(datasource.blueprint(answers))
    app.register_blueprint(rest.blueprint(answers))
    app.register_blueprint(operations.blueprint(service))
    app.register_blueprint(preview.blueprint(service, grafana_url))
    return app
