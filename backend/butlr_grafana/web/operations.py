"""Routes for monitoring: `/healthz`, `/readyz` and `/metrics`."""

from __future__ import annotations

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST

from butlr_grafana.service.service import Service
from butlr_grafana.web import responses


def blueprint(service: Service) -> Blueprint:
    operations = Blueprint("operations", __name__)

    @operations.get("/healthz")
    def healthz() -> Response:
        return responses.json({"status": "ok"})

    @operations.get("/readyz")
    def readyz() -> Response:
        fault = service.ready()
        if fault:
            return responses.error(fault)
        warnings = {"warnings": service.spaces.unknown} if service.spaces.unknown else {}
        return responses.json({"status": "ready", "demo": service.demo, **warnings})

    @operations.get("/metrics")
    def metrics() -> Response:
        return Response(service.telemetry.exposition(), content_type=CONTENT_TYPE_LATEST)

    return operations
