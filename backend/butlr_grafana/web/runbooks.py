"""The runbooks of the alert rules, at the addresses in the alerts.

They are plain text and need no token, because they contain no data. Everybody who can read the alert can read
them through Grafana's proxy, with any host and path prefix.
"""

from __future__ import annotations

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

from butlr_grafana.base.assets import runbooks


def paths() -> frozenset[str]:
    """The paths of all runbooks."""
    return frozenset(f"/runbooks/{name}" for name in runbooks())


def blueprint() -> Blueprint:
    texts = runbooks()
    pages = Blueprint("runbooks", __name__)

    @pages.get("/runbooks/<name>")
    def runbook(name: str) -> Response:
        if name not in texts:
            raise NotFound
        return Response(texts[name], content_type="text/plain; charset=utf-8")

    return pages
