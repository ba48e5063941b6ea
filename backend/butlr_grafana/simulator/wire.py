"""HTTP on sockets: reads requests, writes responses, and breaks them if there is a fault."""

from __future__ import annotations

import gzip
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import urlsplit

from .faults import Faults
from .messages import Request, Result

_LONGEST_BODY = 1 << 20
_GZIP_FROM = 1024
_DRIPS_PER_S = 20
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER without a time: close() sends RST instead of FIN."""

Respond = Callable[[Request], tuple[Result | None, Faults | None]]
"""Returns the response and the faults with which it is written. No response: the connection is reset."""


class Handler(BaseHTTPRequestHandler):
    """One connection, with many requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16  # Head and a small body leave in one packet.
    server: HttpServer

    def _handle(self) -> None:
        body = self._read_body()
        if body is None:
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        result, fault = self.server.respond(Request(self.command, urlsplit(self.path).path, headers, body))
        if result is None:
            self._reset()
        else:
            self._write(result, fault or Faults())

    do_GET = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815 - the names BaseHTTPRequestHandler looks for

    def _read_body(self) -> bytes | None:
        """The request's body; None where its length is missing, wrong or too large: answered here."""
        length = self.headers.get("Content-Length", "" if "Transfer-Encoding" in self.headers else "0")
        if not length.isdecimal() or int(length) > _LONGEST_BODY:
            # What was sent stays unread, so nothing more can be read from this connection.
            self.close_connection = True
            status, message = (
                (413, "the body is too large") if length.isdecimal() else (411, "no Content-Length")
            )
            self._write(Result.refusal(status, message), Faults())
            return None
        return self.rfile.read(int(length))

    def _write(self, result: Result, fault: Faults) -> None:
        body = result.body if fault.body is None else fault.body
        self.send_response(result.status)
        self.send_header("Content-Type", result.content_type)
        for name, value in result.headers.items():
            self.send_header(name, value)
        if len(body) > _GZIP_FROM and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, compresslevel=1, mtime=0)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        broken = fault.truncate or fault.reset == "inside"
        self._send(body[: len(body) // 2] if broken else body, fault.drip_bytes_per_s)
        if fault.reset == "inside":
            self._reset()
        elif broken:
            self.close_connection = True

    def _send(self, body: bytes, bytes_per_s: float | None) -> None:
        size = len(body) if bytes_per_s is None else max(1, int(bytes_per_s / _DRIPS_PER_S))
        for at in range(0, len(body), max(1, size)):
            if at and bytes_per_s is not None and self.server.stopping.wait(size / bytes_per_s):
                self.close_connection = True
                return
            self.wfile.write(body[at : at + size])
            self.wfile.flush()

    def _reset(self) -> None:
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        # Past the reference counts of rfile and wfile, which would put the closing off.
        os.close(self.connection.detach())
        self.close_connection = True

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The `Date` header: the simulator's time."""
        return super().date_time_string(self.server.clock() if timestamp is None else timestamp)

    def version_string(self) -> str:
        """The `Server` header."""
        return "ButlrSimulator"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Does nothing: the simulator has its own log of calls."""


class HttpServer(ThreadingHTTPServer):
    """A listening socket and one thread for each connection. `close_all` ends all of them."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        host: str,
        port: int,
        respond: Respond,
        *,
        clock: Callable[[], float],
        stopping: threading.Event,
    ) -> None:
        self.respond = respond
        self.clock = clock
        self.stopping = stopping
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__((host, port), Handler)

    def server_bind(self) -> None:
        """Binds without HTTPServer's look-up of the host name, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Stores the connection, then starts its thread."""
        with self._changed:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Closes the connection, then removes it."""
        super().shutdown_request(request)
        with self._changed:
            self._open.discard(request)
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Does nothing: a client that disconnects is no error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def close_all(self) -> None:
        """Stops listening, closes every connection and waits for their threads."""
        self.shutdown()
        self.server_close()
        with self._changed:
            for connection in self._open:
                if connection.fileno() >= 0:
                    _hang_up(connection)
            self._changed.wait_for(lambda: not self._open, timeout=5)


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:  # It hung up first.
        return
