"""Before Flask: a request that is equal to an earlier one gets its response, while the response is cached.

Flask's response (status, headers, body) is stored under all parts of the request that it depends on. The next
equal request gets it, as long as the response cache still has the same entry and would use it: token, floors,
clock and factors are checked each time (`ResponseCache.recalled`). Such a request is counted and logged like
others. All else goes to Flask, also errors and conditional requests.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cachetools import LRUCache
from flask import request

from butlr_grafana.base import request_id
from butlr_grafana.base.errors import Unauthorized
from butlr_grafana.present.encoding import Encoded
from butlr_grafana.service.response_cache import PendingResponse, Recall, ResponseCache
from butlr_grafana.web.auth import Tokens, is_of_wall, known, sent_token
from butlr_grafana.web.request_log import LINE, Line

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MOST_STORED = 2_000
"""How many responses are stored. Their bodies are those of the response cache, and need no more memory."""

LONGEST_BODY = 8_190
"""In bytes, of a request that is stored; equal to the longest URL."""

PATHS = ("/api/v1/", "/query")
OFFER = "butlr_grafana.offer"
RESPOND = "butlr_grafana.respond"
"""With this key of the environment, a server offers to send a response whose headers are already written,
which is faster (see `web.response_tasks`).
"""

CONDITIONS = frozenset({"HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_MATCH", "HTTP_RANGE"})

ID_NAME = request_id.HEADER.encode()

Head = list[tuple[str, str]]
RequestKey = tuple[object, ...]


@dataclass(slots=True)
class Offer:
    """What Flask's response to a request leaves for the next equal request."""

    recall: Recall | None = None
    encoded: Encoded | None = None


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A response that can be sent again.

    `before` and `after`: the headers before and after the request id. `written`: the same as bytes, with the
    status line.
    """

    recall: Recall
    body: bytes
    before: Head
    after: Head
    written: tuple[bytes, bytes]
    line: Line


def offer(pending: PendingResponse, encoded: Encoded) -> None:
    """Stores the response of a request with a single query, so that it can be sent again."""
    place: Offer | None = request.environ.get(OFFER)
    if place is not None:
        place.recall, place.encoded = pending.recall, encoded


class CachedResponses:
    """A WSGI application that calls Flask's application if it has no stored response. Thread-safe."""

    def __init__(self, app: WSGIApplication, cache: ResponseCache, tokens: Tokens) -> None:
        self._app = app
        self._cache = cache
        self._tokens = tokens
        self._is_open = not tokens()
        self._stored: LRUCache[RequestKey, StoredResponse] = LRUCache(MOST_STORED)
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = time.monotonic()
        request_key = self._request_key(environ)
        if request_key is None:
            return self._app(environ, start_response)
        with self._lock:
            found = self._stored.get(request_key)
        if found is None or not self._is_current(found, request_key):
            return self._respond_and_store(request_key, environ, start_response)
        found.line.note(self._cache.service.telemetry, time.monotonic() - began)
        own_id = request_id.current()
        respond = environ.get(RESPOND)
        if respond is not None:
            before, after = found.written
            if respond(b"%b%b: %b\r\n%b" % (before, ID_NAME, own_id.encode("latin-1"), after), found.body):
                return []
        start_response("200 OK", [*found.before, (request_id.HEADER, own_id), *found.after])
        return [found.body]

    def _is_current(self, found: StoredResponse, request_key: RequestKey) -> bool:
        is_for_walls = request_key[1]
        if is_for_walls and not is_of_wall(found.recall.resolved.parsed, self._cache.service.now()):
            return False
        return self._cache.recalled(found.recall) is not None

    def _request_key(self, environ: WSGIEnvironment) -> RequestKey | None:
        """All that the response depends on; `None` where it is Flask's, also to a token that is not known."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if method not in ("GET", "POST") or not path.startswith(PATHS) or CONDITIONS & environ.keys():
            return None
        floors, is_for_walls = None, False
        if not self._is_open:
            try:
                token = known(sent_token(environ.get("HTTP_AUTHORIZATION")), self._tokens())
            except Unauthorized:
                return None
            floors, is_for_walls = token.floors, token.for_walls
        body = b""
        if method == "POST":
            length = environ.get("CONTENT_LENGTH") or ""
            if not length.isdecimal() or int(length) > LONGEST_BODY:
                return None
            body = environ["wsgi.input"].read(int(length))
            environ["wsgi.input"] = io.BytesIO(body)
        encodings = environ.get("HTTP_ACCEPT_ENCODING")
        return floors, is_for_walls, method, path, environ.get("QUERY_STRING", ""), encodings, body

    def _respond_and_store(
        self, request_key: RequestKey, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Flask's response, and how to give it again where it is that of a kept answer."""
        left = Offer()
        environ[OFFER] = left

        def start_and_store(status: str, head: Head, *more: Any) -> Callable[[bytes], object]:
            if status == "200 OK" and left.recall is not None:
                self._store(request_key, left, head, environ[LINE])
            return start_response(status, head, *more)

        return self._app(environ, start_and_store)

    def _store(self, request_key: RequestKey, left: Offer, head: Head, line: Line) -> None:
        assert left.recall is not None
        assert left.encoded is not None
        is_compressed = ("Content-Encoding", "gzip") in head
        body = left.encoded.compressed if is_compressed else left.encoded.body
        assert body is not None
        [id_at] = [place for place, (name, _) in enumerate(head) if name == request_id.HEADER]
        before, after = head[:id_at], head[id_at + 1 :]
        written = b"HTTP/1.1 200 OK\r\n" + _written(before), _written(after)
        with self._lock:
            self._stored[request_key] = StoredResponse(left.recall, body, before, after, written, line)


def _written(head: Head) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in head).encode("latin-1")
