"""The least that a server can do: `python -m tests.bench.bare flask|wsgi FILE` responds with the bytes of the
file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, Response

from butlr_grafana.web.server import Port, Server, listen

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def flask(body: bytes) -> WSGIApplication:
    app = Flask(__name__)

    @app.get("/")
    def respond() -> Response:
        return Response(body, mimetype="application/json")

    return app


def wsgi(body: bytes) -> WSGIApplication:
    head = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]

    def app(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", head)
        return [body]

    return app


def main(kind: str, path: str) -> None:
    app = {"flask": flask, "wsgi": wsgi}[kind](Path(path).read_bytes())
    listener = listen("127.0.0.1", 0)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    Server(Port(app, listener, 32)).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
