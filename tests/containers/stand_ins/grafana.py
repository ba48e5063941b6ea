"""Stands in for Grafana: its health, its sub-path, its token file, its data source proxy. Nothing is drawn.

As Grafana does, it ends at once where the file of `$__file{...}` cannot be read, sends the data source's
header with every proxied request, and sends whoever asks beside the sub-path to the root URL.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

PROXIED = "/api/datasources/proxy/uid/butlr/"
BACKEND = os.environ["BUTLR_BACKEND_URL"]
AUTHORIZATION = re.sub(
    r"\$__file\{(.*?)\}",
    lambda found: Path(found[1]).read_text("utf-8").strip(),
    os.environ["BUTLR_BACKEND_AUTHORIZATION"],
)
ROOT_URL = os.environ.get("GF_SERVER_ROOT_URL") or "http://localhost:3000/"
SUB_PATH = (
    urlsplit(ROOT_URL).path.rstrip("/") if os.environ.get("GF_SERVER_SERVE_FROM_SUB_PATH") == "true" else ""
)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if not self.path.startswith(f"{SUB_PATH}/"):
            self.respond(301, b"", ("Location", ROOT_URL.rstrip("/") + self.path))
            return
        path = self.path.removeprefix(SUB_PATH)
        if path.startswith(PROXIED):
            self.proxy(path.removeprefix(PROXIED))
        elif path == "/api/health":
            self.respond(200, b'{"database": "ok"}')
        else:
            self.respond(404, b"{}")

    do_POST = do_GET  # noqa: N815  # http.server's name

    def proxy(self, path: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else None
        headers = {"Authorization": AUTHORIZATION, "Content-Type": "application/json"}
        request = urllib.request.Request(f"{BACKEND}/{path}", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as respond:
                self.respond(respond.status, respond.read())
        except urllib.error.HTTPError as error:
            self.respond(error.code, error.read())
        except OSError:
            self.respond(502, b"{}")

    def respond(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print(json.dumps({"level": "info", "msg": "HTTP Server Listen", "user": os.getuid()}), flush=True)
ThreadingHTTPServer(("0.0.0.0", 3000), Handler).serve_forever()
