"""The least that a Flask app behind gunicorn can do: `python -m tests.bench.bare FILE` answers its bytes."""

from __future__ import annotations

import sys
from pathlib import Path

from flask import Flask, Response

from butlr_grafana.web.server import Server, listen


def main(path: str) -> None:
    body = Path(path).read_bytes()
    app = Flask(__name__)

    @app.get("/")
    def answer() -> Response:
        return Response(body, mimetype="application/json")

    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    Server(lambda: app, listener, threads=32, ready=lambda: print(url, flush=True)).run()


if __name__ == "__main__":
    main(sys.argv[1])
