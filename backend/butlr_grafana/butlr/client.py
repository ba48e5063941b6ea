"""HTTP to Butlr: one token for all threads, one place that retries, one that maps errors.

Time: an attempt ends after `Access.timeout_s`, body included; retries happen only for faults that pass
(refused, reset, late, 429, 5xx), never for a request that Butlr calls wrong.
"""

from __future__ import annotations

import logging
import random
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import orjson
import requests
import urllib3
from requests.adapters import HTTPAdapter

from butlr_grafana.butlr.access import Access
from butlr_grafana.butlr.decode import quote
from butlr_grafana.butlr.limits import Gate, retry_after_s
from butlr_grafana.errors import (
    UpstreamDown,
    UpstreamError,
    UpstreamInvalid,
    UpstreamLate,
    UpstreamLimited,
    UpstreamRefused,
)

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 2**20
ATTEMPTS = 4
RENEW_AHEAD = 0.1
"""Of a token's life: in its last tenth one thread renews it while the others go on with the old one."""
LOGIN_REST_S = 30.0
"""After a failed login, or a new token that was refused on a path, nobody logs in again for this long:
neither a wrong secret nor a missing permission must become a storm."""

Observer = Callable[[str, str, float], None]
"""Told of each call: path, outcome (an HTTP status or an error code), seconds."""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    retry_after_s: float | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Token:
    text: str
    renew_at: float
    dead_at: float

    def __repr__(self) -> str:
        return "Token(…)"


class Client:
    """Thread-safe. `post` is what the rest of the vendor room uses."""

    def __init__(
        self, access: Access, *, observe: Observer | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.access = access
        self.gate = Gate(access.rate_per_minute, clock)
        self._clock = clock
        self._observe = observe or (lambda _path, _outcome, _seconds: None)
        self._closing = threading.Event()
        self._session = _session(access.max_concurrency)
        self._login_lock = threading.Lock()
        self._token: Token | None = None
        self._login_failed: tuple[float, UpstreamError] | None = None
        self._refused_on: dict[str, tuple[Token, float]] = {}

    def close(self) -> None:
        """Ends waits and closes idle connections; a call under way goes on, but is not tried again."""
        self._closing.set()
        self._session.close()

    def post(self, path: str, body: object) -> bytes:
        """The body of a 2xx answer. Raises an `UpstreamError`."""
        for last in (False, True):
            token = self._current_token()
            try:
                return self._retrying(path, body, token)
            except UpstreamUnauthorized as error:
                if last:
                    self._refused_on[path] = (token, self._clock() + LOGIN_REST_S)
                if self._is_refused_on(path, token):
                    raise UpstreamRefused(
                        f"Butlr does not let these credentials use {path}: {error}"
                    ) from None
                # The token is dead before its time: one new one, one more try.
                self._forget(token)
        raise AssertionError("unreachable: the last try returns or raises")

    def _is_refused_on(self, path: str, token: Token) -> bool:
        """Whether this token was refused there when it was new: another one would not help either."""
        known, rests_until = self._refused_on.get(path, (None, 0.0))
        return known is token and self._clock() < rests_until

    def _retrying(self, path: str, body: object, token: Token | None) -> bytes:
        for attempt in range(1, ATTEMPTS + 1):
            self._wait_for_turn()
            try:
                return self._once(path, body, token)
            except (UpstreamDown, UpstreamLate, UpstreamLimited) as error:
                if attempt == ATTEMPTS or self._closing.is_set():
                    raise
                # Full jitter: callers that failed together do not come back together.
                backoff_s = random.uniform(0.1, 0.4 * 2**attempt)  # noqa: S311
                if isinstance(error, UpstreamLimited):
                    self.gate.pause(error.retry_after_s or backoff_s)
                elif error.retry_after_s:
                    backoff_s = error.retry_after_s
                self._sleep(backoff_s)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _wait_for_turn(self) -> None:
        while (wait_s := self.gate.reserve()) > 0:
            self._sleep(wait_s)

    def _sleep(self, seconds: float) -> None:
        if self._closing.wait(seconds):
            raise UpstreamDown("the backend is shutting down")

    def _once(self, path: str, body: object, token: Token | None) -> bytes:
        started, outcome = self._clock(), "ok"
        try:
            reply = self._send(path, body, token)
            outcome = str(reply.status)
            if HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
                return reply.body
            raise error_of(path, replace(reply, body=self._hushed(reply.body, token)))
        except UpstreamError as error:
            outcome = outcome if outcome != "ok" else error.code
            raise
        finally:
            self._observe(path, outcome, self._clock() - started)

    def _hushed(self, body: bytes, token: Token | None) -> bytes:
        """An error's body without our credentials: some servers quote the question in their refusal."""
        for secret in filter(None, (self.access.client_secret, token.text if token else "")):
            for written in (secret.encode(), orjson.dumps(secret)[1:-1]):
                body = body.replace(written, b"***")
        return body

    def _send(self, path: str, body: object, token: Token | None) -> Reply:
        deadline = self._clock() + self.access.timeout_s
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token.text}"
        try:
            with self._session.post(
                self.access.url + path,
                data=orjson.dumps(body),
                headers=headers,
                timeout=(min(10.0, self.access.timeout_s), self.access.timeout_s),
                allow_redirects=False,
                stream=True,
            ) as response:
                waits_s = retry_after_s(response.headers.get("Retry-After"))
                return Reply(response.status_code, waits_s, self._read(path, response, deadline))
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            raise UpstreamLate(f"Butlr gave no answer on {path} within {self.access.timeout_s:g} s") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, zlib.error) as error:
            raise UpstreamDown(f"Butlr cannot be reached on {path} ({_kind(error)})") from None

    def _read(self, path: str, response: requests.Response, deadline: float) -> bytes:
        """The unpacked body, piece by piece, so that neither a drip nor a bomb is waited out."""
        # Unpacked here: urllib3 reads on, without a look at the clock, until something comes out.
        packed = response.headers.get("Content-Encoding", "").lower() not in ("", "identity")
        unpack = zlib.decompressobj(wbits=zlib.MAX_WBITS + 32) if packed else None
        pieces, size = [], 0
        while piece := response.raw.read1(2**16, decode_content=False):
            if self._clock() > deadline:
                raise UpstreamLate(f"Butlr's answer on {path} took longer than {self.access.timeout_s:g} s")
            pieces.append(unpack.decompress(piece, MAX_BODY_BYTES - size + 1) if unpack else piece)
            size += len(pieces[-1])
            if size > MAX_BODY_BYTES:
                raise UpstreamInvalid(f"Butlr's answer on {path} is larger than {MAX_BODY_BYTES >> 20} MiB")
        if unpack and pieces and not unpack.eof:
            raise UpstreamDown(f"Butlr's answer on {path} ends in the middle")
        return b"".join(pieces)

    def _current_token(self) -> Token:
        token, now = self._token, self._clock()
        if token is not None and now < token.renew_at:
            return token
        usable = token is not None and now < token.dead_at
        # While the old one works, one thread renews and the others do not wait for it.
        if not self._login_lock.acquire(blocking=not usable):
            assert token is not None
            return token
        try:
            if self._token is not None and self._token is not token:
                return self._token
            if usable and self._resting():
                assert token is not None
                return token
            self._token = self._log_in()
        except UpstreamError as error:
            if not usable or token is None:
                raise
            log.warning("Butlr's token could not be renewed, the old one is still good: %s", error)
            return token
        else:
            return self._token
        finally:
            self._login_lock.release()

    def _resting(self) -> bool:
        return self._login_failed is not None and self._clock() < self._login_failed[0]

    def _log_in(self) -> Token:
        if self._login_failed is not None and self._resting():
            # One error for all who come meanwhile; without it they would all hang on to its traceback.
            raise self._login_failed[1].with_traceback(None)
        asked_at = self._clock()
        try:
            body = self._retrying(self.access.login_path, self._credentials(), None)
            token = _token(body, asked_at)
        except UpstreamUnauthorized:
            refused = UpstreamRefused("Butlr refused BUTLR_CLIENT_ID and BUTLR_CLIENT_SECRET")
            self._login_failed = (self._clock() + LOGIN_REST_S, refused)
            raise refused from None
        except UpstreamError as error:
            self._login_failed = (self._clock() + LOGIN_REST_S / 10, error)
            raise
        self._login_failed = None
        return token

    def _credentials(self) -> dict[str, str]:
        return {
            "client_id": self.access.client_id,
            "client_secret": self.access.client_secret,
            "audience": self.access.audience,
            "grant_type": "client_credentials",
        }

    def _forget(self, token: Token) -> None:
        with self._login_lock:
            # Another thread may have a new one already; that one stays.
            if self._token is token:
                self._token = None


class UpstreamUnauthorized(UpstreamRefused):
    """401 or 403; never leaves this module."""


def error_of(path: str, reply: Reply) -> UpstreamError:
    """The one place where Butlr's HTTP statuses become errors."""
    reason = said_by(reply.body)
    text = f"Butlr answered {reply.status} on {path}" + (f": {reason}" if reason else "")
    match reply.status:
        case 401 | 403:
            return UpstreamUnauthorized(text)
        case 429:
            return UpstreamLimited(text, retry_after_s=reply.retry_after_s)
        case 408 | 504:
            return UpstreamLate(text, retry_after_s=reply.retry_after_s)
        case status if status >= 500:
            return UpstreamDown(text, retry_after_s=reply.retry_after_s)
        case status if status < 400:
            return UpstreamInvalid(f"{text} (a redirect is not followed)")
        case _:
            return UpstreamRefused(text)


def said_by(body: bytes) -> str:
    """What an error body says: Butlr documents no envelope, so several are read."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return quote(body)
    for key in ("message", "error_description", "detail", "error"):
        said = document.get(key) if isinstance(document, dict) else None
        if isinstance(said, dict):
            said = said.get("message")
        if isinstance(said, str) and said:
            return quote(said.encode())
    return quote(body)


def _token(body: bytes, asked_at: float) -> Token:
    try:
        said: Any = orjson.loads(body)
        text, lifetime_s = said["access_token"], float(said.get("expires_in", 3600))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        raise UpstreamInvalid("Butlr's login answered without a usable access_token") from None
    if not isinstance(text, str) or not (text and text.isascii() and text.isprintable() and lifetime_s > 0):
        raise UpstreamInvalid("Butlr's login answered without a usable access_token")
    return Token(text, asked_at + lifetime_s * (1 - RENEW_AHEAD), asked_at + lifetime_s)


def _session(connections: int) -> requests.Session:
    session = requests.Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # A callable keeps requests from putting a .netrc entry over the bearer token.
    session.auth = lambda request: request
    session.headers["User-Agent"] = "butlr-grafana"
    session.headers["Accept-Encoding"] = "gzip"
    adapter = HTTPAdapter(pool_connections=2, pool_maxsize=max(connections, 2), max_retries=0)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _kind(error: BaseException) -> str:
    """The name of the innermost cause: short, and without the URL that requests puts in its texts."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return type(error).__name__
