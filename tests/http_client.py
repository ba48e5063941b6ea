"""Flask's test client with less work for each request: no cookies, and the usual requests are put together in
one step. The suite makes some hundred thousand of them.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Request

PLAIN_PATH = re.compile(r"/[A-Za-z0-9/_.-]*")
PLAIN_HEADER = re.compile(r"[\x20-\x7e]*")
SAFE = "!$'()*,/:;?@"
"""What Flask's client leaves as it is in a query."""

KNOWN = {"method", "query_string", "headers", "data", "json", "content_type"}


class HttpClient(FlaskClient):
    """What it cannot put together itself it leaves to Flask; `tests/test_http_client.py` compares the two."""

    def run_wsgi_app(
        self, environ: dict[str, Any], buffered: bool = False
    ) -> tuple[Iterable[bytes], str, Headers]:
        return run_wsgi_app(self.application, environ, buffered=buffered)

    def _request_from_builder_args(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Request:
        made = self._made(*args, **kwargs) if len(args) <= 1 and kwargs.keys() <= KNOWN | {"path"} else None
        return made or super()._request_from_builder_args(args, kwargs)

    def _made(
        self,
        path: str = "/",
        *,
        method: str = "GET",
        query_string: Any = None,
        headers: Any = None,
        data: Any = None,
        json: Any = None,
        content_type: str | None = None,
    ) -> Request | None:
        """The request, or None: it is not one of the usual ones."""
        query, sent = written(query_string), dict(headers or {}) if isinstance(headers, dict | None) else None
        if query is None or sent is None or not PLAIN_PATH.fullmatch(path) or path.startswith("//"):
            return None
        if content_type is not None:
            sent["Content-Type"] = content_type
        if json is not None:
            if data is not None:
                return None
            data = self.application.json.dumps(json)
            if "content-type" not in {name.lower() for name in sent}:
                sent["Content-Type"] = "application/json"
        if isinstance(data, str):
            data = data.encode()
        if not isinstance(data, bytes | None):
            return None
        body = data or b""
        environ = self._copy_environ(
            {
                "REQUEST_METHOD": method,
                "SCRIPT_NAME": "",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_URI": path,
                "RAW_URI": path,
                "SERVER_NAME": "localhost",
                "SERVER_PORT": "80",
                "HTTP_HOST": "localhost",
                "SERVER_PROTOCOL": "HTTP/1.1",
                "wsgi.version": (1, 0),
                "wsgi.url_scheme": "http",
                "wsgi.input": io.BytesIO(body),
                "wsgi.errors": sys.stderr,
                "wsgi.multithread": False,
                "wsgi.multiprocess": False,
                "wsgi.run_once": False,
            }
        )
        if body:
            environ["CONTENT_LENGTH"] = str(len(body))
        names = set()
        for name, value in sent.items():
            key = name.upper().replace("-", "_")
            if not isinstance(value, str) or not PLAIN_HEADER.fullmatch(value):
                return None
            if key in names or key in ("CONTENT_LENGTH", "HOST"):
                return None
            names.add(key)
            environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
        return Request(environ)


def written(query: Any) -> str | None:
    """A query as it is in a URL; None: Flask writes it."""
    if query is None:
        return ""
    if not isinstance(query, Mapping):
        return None
    pairs = []
    for name, value in query.items():
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(each, str) for each in values):
            return None
        pairs += [(name, each) for each in values]
    return urlencode(pairs, safe=SAFE)
