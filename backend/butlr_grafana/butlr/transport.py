"""One HTTP attempt at Butlr: a whole answer within its time and size, or the error that it was not.

Time: an attempt ends `timeout_s` after it began, connecting, head and body together, however slowly they
come. (Looking up the host's name is the system's own affair.)
"""

from __future__ import annotations

import http.client
import io
import socket
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import orjson
import requests
import urllib3
from requests.adapters import HTTPAdapter

from butlr_grafana.base.response_body import CutOff, TooLarge, read_body
from butlr_grafana.butlr.clock import date_s
from butlr_grafana.butlr.limits import retry_after_s
from butlr_grafana.errors import UpstreamDown, UpstreamInvalid, UpstreamLate
from butlr_grafana.request_id import HEADER, present_or_new

MAX_BODY_BYTES = 64 * 2**20
CONNECT_S = 10.0


@dataclass(frozen=True, slots=True)
class Reply:
    """`date_s`: what Butlr's clock showed, where it said so; `limits`: the headers that are about how often
    it may be asked, by their names in lower case.
    """

    status: int
    retry_after_s: float | None
    body: bytes
    date_s: float | None = None
    limits: Mapping[str, str] = field(default_factory=dict)


def limits_in(headers: Mapping[str, str]) -> dict[str, str]:
    """`X-RateLimit-…`, `RateLimit-…`, `Retry-After`."""
    names = ("x-ratelimit", "ratelimit", "retry-after")
    return {name.lower(): value for name, value in headers.items() if name.lower().startswith(names)}


class Transport:
    """Thread-safe. Keeps connections open, up to `connections` of them; follows, stores and adds nothing."""

    def __init__(self, url: str, *, timeout_s: float, connections: int) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._session = open_session(connections)

    def close(self) -> None:
        """Closes idle connections; a call under way goes on."""
        self._session.close()

    def post(self, path: str, body: object, *, token: str | None) -> Reply:
        """Any answer, whatever its status. Raises `UpstreamDown`, `UpstreamLate`, `UpstreamInvalid`."""
        headers = {"Content-Type": "application/json", "Accept": "application/json", HEADER: present_or_new()}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        try:
            with self._session.post(
                self._url + path,
                data=orjson.dumps(body),
                headers=headers,
                timeout=urllib3.Timeout(total=self._timeout_s, connect=min(CONNECT_S, self._timeout_s)),  # type: ignore[arg-type]  # requests passes it on
                allow_redirects=False,
                stream=True,
            ) as response:
                return self._reply(path, response)
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            raise UpstreamLate(f"Butlr gave no answer on {path} within {self._timeout_s:g} s") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, zlib.error) as error:
            raise UpstreamDown(f"Butlr cannot be reached on {path} ({_kind(error)})") from None

    def _reply(self, path: str, response: requests.Response) -> Reply:
        said_at_s = date_s(response.headers.get("Date"))
        # A date to wait for is one of Butlr's clock.
        wait_s = retry_after_s(response.headers.get("Retry-After"), lambda: said_at_s or time.time())
        try:
            return Reply(
                response.status_code,
                wait_s,
                _body(path, response),
                said_at_s,
                limits_in(response.headers),
            )
        except urllib3.exceptions.TimeoutError:
            raise UpstreamLate(f"Butlr's answer on {path} took longer than {self._timeout_s:g} s") from None


def _body(path: str, response: requests.Response) -> bytes:
    try:
        return read_body(response, MAX_BODY_BYTES)
    except TooLarge:
        raise UpstreamInvalid(f"Butlr's answer on {path} is larger than {MAX_BODY_BYTES >> 20} MiB") from None
    except CutOff:
        raise UpstreamDown(f"Butlr's answer on {path} ends in the middle") from None


def open_session(connections: int) -> requests.Session:
    """One that keeps no cookies, adds no credentials, and holds to a time limit to the last byte."""
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

    def get_connection_with_tls_context(self, *args: Any, **words: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **words)
        if not issubclass(pool.ConnectionCls, _Punctual):
            pool.ConnectionCls = type("PunctualConnection", (_Punctual, pool.ConnectionCls), {})
        return pool


class _PunctualReader(io.RawIOBase):
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


class _PunctualResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **words: Any) -> None:
        super().__init__(sock, *args, **words)
        self.fp.close()
        self.fp = io.BufferedReader(_PunctualReader(sock))


class _Punctual:
    """What `http.client` builds its answers with, head and body."""

    response_class = _PunctualResponse


def _kind(error: BaseException) -> str:
    """The name of the innermost cause: short, and without the URL that requests puts in its texts."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return type(error).__name__
