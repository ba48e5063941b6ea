"""Calls to Butlr: one token for all threads, one place for retries, one place that maps errors.

Only temporary failures are retried (refused, reset, late, 429, 5xx), never a request that Butlr rejects as
wrong.
"""

from __future__ import annotations

import contextlib
import math
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import replace
from http import HTTPStatus

import orjson

from butlr_grafana.base.errors import (
    UpstreamDown,
    UpstreamError,
    UpstreamLate,
    UpstreamLimited,
    UpstreamRefused,
)
from butlr_grafana.base.incidents import Incident
from butlr_grafana.base.single_flight import SingleFlight
from butlr_grafana.butlr.auth import (
    LOGIN_BACKOFF_S,
    NoTokenStore,
    Token,
    TokenStore,
    login_backoff_s,
    token_of,
)
from butlr_grafana.butlr.clock import ButlrClock
from butlr_grafana.butlr.config import ButlrConfig
from butlr_grafana.butlr.graphql import is_unauthenticated
from butlr_grafana.butlr.limits import REAL_TIME, CircuitBreaker, ConcurrencyLimit, RateLimiter, Timing
from butlr_grafana.butlr.response_errors import UpstreamUnauthorized, error_of
from butlr_grafana.butlr.transport import Transport

ATTEMPTS = 4

ENDS_S = 0.5
"""How long at most to wait for another call to end, before checking again."""

_RESERVED: ContextVar[list[bool] | None] = ContextVar("reserved", default=None)
"""Of the present request: whether a call is reserved for it."""

Observer = Callable[[str, str, float], None]
"""Called for each call: path, outcome (an HTTP status or an error code), seconds."""


class Client:
    """Thread-safe. `post` is what the rest of `butlr/` uses. `now`: this machine's wall clock.

    `rate_limiter` and `token_store`: where others share the rate and the token; this client's own where left
    out.
    """

    def __init__(
        self,
        access: ButlrConfig,
        *,
        observe: Observer | None = None,
        now: Callable[[], float] = time.time,
        pace: Timing = REAL_TIME,
        rate_limiter: RateLimiter | None = None,
        token_store: TokenStore | None = None,
    ) -> None:
        self.access = access
        self.rate_limiter = rate_limiter or RateLimiter(access.rate_per_minute, pace.clock)
        self.concurrency = ConcurrencyLimit(access.max_concurrency)
        self._outages = CircuitBreaker()
        self.butlr_clock = ButlrClock(now, pace.clock)
        self._clock = pace.clock
        self._wait = pace.wait
        self._observe = observe or (lambda _path, _outcome, _seconds: None)
        self._closing = threading.Event()
        self._waiting_calls = 0
        """Further calls of what has begun, and calls that no request waits for, that wait for the rate."""
        self._waiting_lock = threading.Lock()
        self._transport = Transport(
            access.url, timeout_s=access.timeout_s, connections=access.max_concurrency
        )
        self._token_store = token_store or NoTokenStore()
        self._logins: SingleFlight[None, Token] = SingleFlight()
        self._token_lock = threading.Lock()
        """Held while the tokens are changed."""
        self._token: Token | None = None
        self._dead_token: Token | None = None
        self._login_failed: tuple[float, UpstreamError] | None = None
        self._renewing = Incident("Butlr's token", recovery_s=0.0, clock=pace.clock)
        self._refused_on: dict[str, tuple[Token, float]] = {}
        self._doubted: dict[str, Token] = {}
        self.sent = 0
        """How many HTTP calls there were, logins and further tries too; nearly, for threads do not wait."""
        self.limits: dict[str, str] = {}
        """The latest of each header that was about how often Butlr may be called."""

    @property
    def scope(self) -> str:
        """The scope of the token in the login's response; empty if it has none."""
        token = self._token
        return token.scope if token is not None else ""

    def close(self) -> None:
        """Ends waits and closes idle connections; a call under way goes on, but is not tried again."""
        self._closing.set()
        self._transport.close()

    def bearer(self) -> str:
        """A token to send to Butlr; raises why there is none."""
        return self._current_token().text

    def post(self, path: str, body: object, *, graphql: bool = False) -> bytes:
        """The body of a 2xx response. Raises an `UpstreamError`.

        `graphql`: errors are inside a 200, also for an invalid token. A refused query may also return its
        errors with a 400; this is a response, not a failure.
        """
        for last in (False, True):
            token = self._current_token()
            try:
                response = self._retrying(path, body, token, graphql=graphql)
            except UpstreamUnauthorized as error:
                # One that stands for another that was refused here is no better: more logins would not help.
                if last or self._doubted.get(path, token) is not token:
                    self._refused_on[path] = (token, self._clock() + LOGIN_BACKOFF_S)
                self._doubted[path] = token
                if self._is_refused_on(path, token):
                    raise UpstreamRefused(
                        f"Butlr does not allow these credentials to use {path}: {error.plain}",
                        butlr_text=error.butlr_text,
                    ) from None
                # The token is dead before its time: one new one, one more try.
                self._forget(token)
            else:
                self._doubted.pop(path, None)
                return response
        raise AssertionError("unreachable: the last try returns or raises")

    def _is_refused_on(self, path: str, token: Token) -> bool:
        """Whether this token was refused there when it was new: another one would not help either."""
        known, rests_until = self._refused_on.get(path, (None, 0.0))
        return known is token and self._clock() < rests_until

    def _retrying(self, path: str, body: object, token: Token | None, *, graphql: bool = False) -> bytes:
        for attempt in range(1, ATTEMPTS + 1):
            # Full jitter: callers that failed together do not come back together.
            backoff_s = random.uniform(0.1, 0.4 * 2**attempt)  # noqa: S311
            try:
                with self.concurrency.one():
                    return self._in_turn(path, body, token, backoff_s, graphql=graphql)
            except (UpstreamDown, UpstreamLate, UpstreamLimited) as error:
                if attempt == ATTEMPTS or self._outages.lasts(path) or self._closing.is_set():
                    raise
                self._sleep(error.retry_after_s or backoff_s)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _in_turn(
        self, path: str, body: object, token: Token | None, backoff_s: float, *, graphql: bool
    ) -> bytes:
        self._wait_for_turn()
        reserved_at, is_well = self._clock(), False
        try:
            response = self._attempt(path, body, token, graphql=graphql)
            is_well = True
        except (UpstreamDown, UpstreamLate):
            self._outages.failed(path)
            raise
        except UpstreamError as error:
            self._outages.responded(path)
            if isinstance(error, UpstreamLimited):
                # Before the lane is free for the next, and also where this question gives up.
                self.rate_limiter.refused(reserved_at=reserved_at)
                self.rate_limiter.pause(error.retry_after_s or backoff_s)
            raise
        finally:
            self.rate_limiter.ended(well=is_well)
        self._outages.responded(path)
        return response

    def turn(self, part: float = 1.0, *, for_rules: bool = False) -> float:
        """For a request that has not begun: 0.0 if its first call may start now, which is then reserved
        (`in_turn` has to follow); else as `RateLimiter.reserve`. Those that have begun go first. `part`: of
        the rate, so much may be used, at least one call. `for_rules`: as `RateLimiter.reserve`.
        """
        rate = self.rate_limiter.rate
        not_to_use = min(math.ceil(rate * (1.0 - part)), max(rate - 1, 0))
        return self.rate_limiter.reserve(spare=self._waiting_calls + not_to_use, for_rules=for_rules)

    @contextlib.contextmanager
    def in_turn(self) -> Iterator[None]:
        """The first call of what is asked within is the one that `turn` has reserved."""
        reserved = [True]
        token = _RESERVED.set(reserved)
        try:
            yield
        finally:
            _RESERVED.reset(token)
            if reserved.pop():
                self.rate_limiter.give_back()

    def _wait_for_turn(self) -> None:
        reserved = _RESERVED.get()
        if reserved and reserved[0]:
            while (wait_s := self.rate_limiter.paused_s) > 0:
                self._sleep(wait_s)
            reserved[0] = False
            return
        with self._waiting_lock:
            self._waiting_calls += 1
        try:
            while (wait_s := self.rate_limiter.reserve()) > 0:
                if math.isinf(wait_s):
                    self.rate_limiter.wait_for_an_end(ENDS_S)
                else:
                    self._sleep(wait_s)
        finally:
            with self._waiting_lock:
                self._waiting_calls -= 1

    def _sleep(self, seconds: float) -> None:
        if self._wait(self._closing, seconds):
            raise UpstreamDown("the backend is shutting down")

    def _attempt(self, path: str, body: object, token: Token | None, *, graphql: bool = False) -> bytes:
        started, outcome = self._clock(), "ok"
        requested_at_s = self.butlr_clock.here()
        try:
            self.sent += 1
            reply = self._transport.post(path, body, token=token.text if token else None)
            self.limits |= reply.limits
            self.rate_limiter.note_limits(reply.limits)
            self.butlr_clock.note(reply.date_s, requested_at_s=requested_at_s)
            outcome = str(reply.status)
            if graphql and is_unauthenticated(reply.body):
                raise UpstreamUnauthorized(f"Butlr rejected the token on {path}")
            if HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
                return reply.body
            if graphql and reply.status == HTTPStatus.BAD_REQUEST and b'"errors"' in reply.body:
                return self._redacted(reply.body, token)
            raise error_of(path, replace(reply, body=self._redacted(reply.body, token)))
        except UpstreamError as error:
            outcome = outcome if outcome != "ok" else error.code
            raise
        finally:
            self._observe(path, outcome, self._clock() - started)

    def _redacted(self, body: bytes, token: Token | None) -> bytes:
        """An error's body without our credentials: some servers quote the question in their refusal."""
        for secret in filter(None, (self.access.client_secret, token.text if token else "")):
            for written in (secret.encode(), orjson.dumps(secret)[1:-1]):
                body = body.replace(written, b"***")
        return body

    def _current_token(self) -> Token:
        token, now = self._token, self._clock()
        if token is not None and now < token.renew_at:
            return token
        usable = token is not None and now < token.dead_at
        login, is_ours = self._logins.join(None)
        if is_ours:
            login.run(lambda: self._renewed(token, usable=usable))
        elif usable:
            # While the old one works, one thread renews and the others do not wait for it.
            assert token is not None
            return token
        return login.result()

    def _renewed(self, token: Token | None, *, usable: bool) -> Token:
        """Another token; the old one where that cannot be had, and it is still good."""
        current = self._token
        if current is not None and current is not token:
            return current
        if usable and self._resting():
            assert token is not None
            return token
        try:
            renewed = self._log_in(instead_of=token or self._dead_token)
        except UpstreamError as error:
            if not usable or token is None:
                raise
            self._renewing.failed(f"it could not be renewed; the old token is still valid: {error}")
            return token
        with self._token_lock:
            self._token = renewed
        self._renewing.succeeded()
        return renewed

    def _resting(self) -> bool:
        return self._login_failed is not None and self._clock() < self._login_failed[0]

    def _log_in(self, *, instead_of: Token | None) -> Token:
        if self._login_failed is not None and self._resting():
            # One error for all who come meanwhile; without it they would all hang on to its traceback.
            raise self._login_failed[1].with_traceback(None)
        try:
            token = self._token_store.renewed(self._request_token, instead_of=instead_of)
        except UpstreamError as error:
            self._login_failed = (self._clock() + login_backoff_s(error), error)
            raise
        self._login_failed = None
        return token

    def _request_token(self) -> Token:
        requested_at = self._clock()
        try:
            body = self._retrying(self.access.login_path, self._credentials(), None)
        except UpstreamUnauthorized:
            raise UpstreamRefused("Butlr refused BUTLR_CLIENT_ID and BUTLR_CLIENT_SECRET") from None
        return token_of(body, requested_at)

    def _credentials(self) -> dict[str, str]:
        return {
            "client_id": self.access.client_id,
            "client_secret": self.access.client_secret,
            "audience": self.access.audience,
            "grant_type": "client_credentials",
        }

    def _forget(self, token: Token) -> None:
        with self._token_lock:
            # Another thread may have a new one already; that one stays.
            if self._token is token:
                self._token, self._dead_token = None, token
