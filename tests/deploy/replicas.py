"""Backends that only answer, leave and hang: for what the proxy does with them."""

from __future__ import annotations

import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Replica(ThreadingHTTPServer):
    """Answers every request with its body, and counts those that are no probes, until it is to `hang`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: str, port: int) -> None:
        super().__init__((address, port), _Handler)
        self.requested: list[str] = []
        self.goes_on = threading.Event()
        self.goes_on.set()
        self._open: set[socket.socket] = set()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def hang(self) -> None:
        self.goes_on.clear()

    def leave(self) -> None:
        """At once, as a container that is killed: connections that are open are closed too."""
        self.shutdown()
        self.server_close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        self._open.discard(request)
        super().shutdown_request(request)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Replica

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != "/readyz":
            self.server.requested.append(self.path)
        self.server.goes_on.wait()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815  # http.server's name

    def log_message(self, *_: object) -> None:
        pass
