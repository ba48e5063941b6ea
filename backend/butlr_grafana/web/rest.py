"""`/api/v1/<target>`: the targets by URL, for Infinity, alert rules and curl; and their description.

`GET` takes the parameters in the URL, `POST` as a JSON object, for lists that are too long for a URL.
"""

from __future__ import annotations

import re
import threading

from cachetools import LRUCache, cached
from flask import Blueprint, Response, request

from butlr_grafana.base.errors import BadParameter
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.service.response_cache import ResponseCache
from butlr_grafana.web import responses
from butlr_grafana.web.auth import check_parameters, visible, with_caller_class
from butlr_grafana.web.body import read_object
from butlr_grafana.web.cached_responses import offer
from butlr_grafana.web.openapi import describe
from butlr_grafana.web.request_log import note_query

KNOWN_URLS = 1_000
"""How many parsed queries are stored. The server accepts no line of more than 8 KB."""


def blueprint(cache: ResponseCache) -> Blueprint:
    service = cache.service
    api = Blueprint("rest", __name__, url_prefix="/api/v1")
    known: LRUCache[tuple[str, bytes], tuple[str, ParsedQuery]] = LRUCache(KNOWN_URLS)

    @cached(known, key=lambda target: (target, request.query_string), lock=threading.Lock())
    def read(target: str) -> tuple[str, ParsedQuery]:
        """The query of the current request. Parsed queries are cached, because dashboards repeat them."""
        parameters = parameters_of_url()
        return ref_id_of(parameters.pop("refId", "A")), service.read(target, parameters)

    @api.get("/openapi.json")
    def openapi() -> Response:
        return responses.json(describe())

    @api.get("/<target>")
    def by_url(target: str) -> Response:
        return respond(*read(target))

    @api.post("/<target>")
    def by_body(target: str) -> Response:
        parameters = read_object()
        return respond(ref_id_of(parameters.pop("refId", "A")), service.read(target, parameters))

    def respond(ref_id: str, parsed: ParsedQuery) -> Response:
        note_query(parsed)
        check_parameters(parsed, service.now())
        parsed = with_caller_class(parsed)
        pending = cache.request(parsed, visible(), ref_id=ref_id, deadline=service.deadline())
        encoded = pending.completed()
        offer(pending, encoded)
        return responses.encoded(encoded)

    return api


def ref_id_of(raw: object) -> str:
    """The panel's name for one of its queries. Infinity passes it on only if the response repeats it."""
    if isinstance(raw, str) and re.fullmatch(r"\w{1,20}", raw, re.ASCII):
        return raw
    raise BadParameter("refId", "is not the name of a query; use A, B, … (at most 20 letters, digits and _)")


def parameters_of_url() -> dict[str, object]:
    """The parameters of the URL. A parameter that occurs twice is a list, if the parameter allows several
    values; otherwise it is an error.
    """
    parameters: dict[str, object] = {}
    for name, values in request.args.lists():
        if "\ufffd" in name + "".join(values):
            raise BadParameter(name[:60], "is not UTF-8")
        parameters[name] = tuple(values) if len(values) > 1 else values[0]
    return parameters
