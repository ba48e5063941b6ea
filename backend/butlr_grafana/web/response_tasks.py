"""What a server thread sends for a request: the response of the application, or a refusal."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TYPE_CHECKING

from waitress.task import ErrorTask, WSGITask
from waitress.utilities import build_http_date

from butlr_grafana.web.cached_responses import RESPOND
from butlr_grafana.web.refusals import refusal_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


log = logging.getLogger(__name__)

JOINED_BYTES = 256 * 1024
"""A body up to this size is sent together with the headers, which saves a system call."""

SERVER = "butlr-grafana"

_date = lru_cache(4)(build_http_date)


class Response(WSGITask):  # type: ignore[misc]
    """Runs in a thread: sends the application's response to a request."""

    wrote_header = False

    def build_response_header(self) -> bytes:
        if self.channel.server.stopping:
            self.request.headers["CONNECTION"] = "close"
        if self.version == "1.1" and self.content_length is not None and self.has_body and not self._is_last:
            return self._plain_head()
        head: bytes = super().build_response_header()
        return head

    def _plain_head(self) -> bytes:
        """The same for nearly all responses, of known length on a connection that is kept, as they come."""
        own = {name.lower() for name, _ in self.response_headers}
        head = [f"HTTP/1.1 {self.status}", *map(": ".join, self.response_headers)]
        if "content-length" not in own:
            head.append(f"Content-Length: {self.content_length}")
        if "date" not in own:
            head.append(f"Date: {_date(int(self.start_time))}")
        head.append(f"Server: {SERVER}\r\n\r\n")
        return "\r\n".join(head).encode("latin-1")

    def get_environment(self) -> WSGIEnvironment:
        environ: WSGIEnvironment = super().get_environment()
        # As it was sent: waitress takes away leading slashes, which are one too many.
        environ["PATH_INFO"] = self.request.path
        environ[RESPOND] = self.respond
        return environ

    def respond(self, head: bytes, body: bytes) -> bool:
        """Sends a response whose status line and headers are already written.

        Returns `False` if the response must say that it is the last of its connection; then it is sent like
        all others.
        """
        if self.version != "1.1" or self.channel.server.stopping or self._is_last:
            return False
        self.complete = self.wrote_header = True
        end = f"Date: {_date(int(self.start_time))}\r\nServer: {SERVER}\r\n\r\n".encode()
        self.channel.write_soon(head + end + body)
        return True

    @property
    def _is_last(self) -> bool:
        return bool(self.request.headers.get("CONNECTION", "").lower() == "close")

    def write(self, data: bytes) -> None:
        if self.wrote_header or len(data) != self.content_length or len(data) > JOINED_BYTES:
            super().write(data)
            return
        head = self.build_response_header()
        self.wrote_header = True
        self.content_bytes_written = len(data)
        self.channel.write_soon(head + data if self.has_body else head)


class RefusalTask(ErrorTask):  # type: ignore[misc]
    """Runs in a thread: sends the response to an invalid request, or to an error outside the application."""

    def execute(self) -> None:
        refusal = refusal_of(self.request.error)
        if refusal.status < 500:
            log.log(refusal.level, "invalid request: %s", refusal.fault)
        self.wrote_header = True
        self.channel.refused = True
        self.channel.write_soon(refusal.response())
