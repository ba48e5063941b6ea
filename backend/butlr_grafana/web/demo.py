"""`/demo/crowd`: exists only if the backend runs the simulator."""

from __future__ import annotations

from flask import Blueprint, Response, request

from butlr_grafana.web import responses
from butlr_grafana.web.body import read_object
from butlr_grafana.web.crowds import request_crowds


def blueprint(simulator_url: str) -> Blueprint:
    demo = Blueprint("demo", __name__)

    @demo.route("/demo/crowd", methods=["GET", "PUT", "DELETE"])
    def crowd() -> Response:
        """`{"room": id or name, "people": 30, "minutes": 20}` adds a crowd. The response lists all crowds."""
        body = read_object() if request.method == "PUT" else None
        return responses.json(request_crowds(simulator_url, request.method, body))

    return demo
