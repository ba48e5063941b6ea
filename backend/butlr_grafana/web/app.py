"""The Flask application. `build` registers all routes."""

from __future__ import annotations

from flask import Flask

from butlr_grafana.service.receiving import Receiver
from butlr_grafana.service.response_cache import ResponseCache
from butlr_grafana.service.service import Service
from butlr_grafana.web import datasource, demo, operations, preview, rest, runbooks, webhooks
from butlr_grafana.web.auth import Tokens, guard
from butlr_grafana.web.cached_responses import CachedResponses
from butlr_grafana.web.request_log import note_requests
from butlr_grafana.web.responses import finish_responses, handle_errors

MAX_BODY_BYTES = 256 * 1024


def build(
    service: Service,
    receiver: Receiver,
    *,
    tokens: Tokens,
    grafana_url: str,
    simulator_url: str = "",
    webhooks_elsewhere: bool = False,
) -> Flask:
    """Builds the Flask application.

    `simulator_url`: the address of the demo's simulator, which accepts crowds. `webhooks_elsewhere`: webhooks
    have a separate port and application, `webhooks.alone`.
    """
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    # A redirect would name the address by which this server is known, not the caller's way to it.
    app.url_map.merge_slashes = False
    cache = ResponseCache(service)
    # Within what gives requests their ids, before all else.
    app.wsgi_app = CachedResponses(app.wsgi_app, cache, tokens)  # type: ignore[method-assign]
    note_requests(app, service.telemetry)
    finish_responses(app)
    guard(app, tokens)
    handle_errors(app)
    app.register_blueprint(datasource.blueprint(cache))
    app.register_blueprint(rest.blueprint(cache))
    app.register_blueprint(operations.blueprint(service))
    app.register_blueprint(runbooks.blueprint())
    if simulator_url:
        app.register_blueprint(demo.blueprint(simulator_url))
    app.register_blueprint(preview.blueprint(service, grafana_url))
    app.register_blueprint(webhooks.status(receiver))
    if not webhooks_elsewhere:
        app.register_blueprint(webhooks.blueprint(receiver))
    return app
