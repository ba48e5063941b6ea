"""`GET /api/v1/<target>`: the targets by URL, for Infinity, alert rules and curl; and their description."""

from __future__ import annotations

from flask import Blueprint, Response, request

from butlr_grafana.errors import BadWord
from butlr_grafana.service import Service
from butlr_grafana.web import formats, reply
from butlr_grafana.web.auth import visible
from butlr_grafana.web.openapi import describe


def blueprint(service: Service) -> Blueprint:
    api = Blueprint("rest", __name__, url_prefix="/api/v1")

    @api.get("/openapi.json")
    def openapi() -> Response:
        return reply.json(describe())

    @api.get("/<target>")
    def by_url(target: str) -> Response:
        asked = service.read(target, words_of_url())
        return formats.respond(service.answer(asked, visible()), demo=service.demo)

    return api


def words_of_url() -> dict[str, object]:
    """The URL's parameters; one that comes twice is a list where lists make sense, else an error."""
    words: dict[str, object] = {}
    for name, values in request.args.lists():
        if "\ufffd" in name + "".join(values):
            raise BadWord(name[:60], "is not UTF-8")
        words[name] = values if len(values) > 1 else values[0]
    return words
