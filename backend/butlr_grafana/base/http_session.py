"""The HTTP session of all our clients: no proxy, no redirect, one deadline for headers and body."""

from __future__ import annotations

import http.client
import io
import socket
import time
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter

CONNECT_S = 10.0


def open_session(connections: int) -> requests.Session:
    """A session without cookies and without credentials. Its timeout counts up to the last byte of a
    response.

    `connections`: how many connections to a host are kept open.
    """
    session = requests.Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # A callable keeps requests from putting a .netrc entry over the bearer token.
    session.auth = lambda request: request
    session.headers["User-Agent"] = "butlr-grafana"
    session.headers["Accept-Encoding"] = "gzip"
    adapter = _Adapter(pool_connections=2, pool_maxsize=max(connections, 2), max_retries=0)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


class _Adapter(HTTPAdapter):
    """Through a proxy or not: connections whose answers are read under one time limit."""

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        if not issubclass(pool.ConnectionCls, _DeadlineConnection):
            pool.ConnectionCls = type("DeadlineConnection", (_DeadlineConnection, pool.ConnectionCls), {})
        return pool


class _DeadlineReader(io.RawIOBase):
    """A socket's bytes for as long as its timeout in all; the socket itself starts anew at each byte."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket, self._raw = connection, connection.makefile("rb", buffering=0)
        self._timeout_s = connection.gettimeout() or 0.0
        self._ends_at = time.monotonic() + self._timeout_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        left_s = self._ends_at - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        self._socket.settimeout(left_s)
        try:
            return self._raw.readinto(buffer)
        finally:
            # The next question on this connection is sent under it.
            self._socket.settimeout(self._timeout_s)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _DeadlineResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_DeadlineReader(sock))


class _DeadlineConnection:
    """What `http.client` builds its answers with, head and body."""

    response_class = _DeadlineResponse
