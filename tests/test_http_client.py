"""The suite's own client sends what Flask's sends."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, request
from flask.testing import FlaskClient

from tests.http_client import HttpClient

pytestmark = pytest.mark.fast


def told(client: type[FlaskClient], *args: Any, **words: Any) -> dict[str, Any]:
    """All that an application sees of a request."""
    app = Flask("told")
    seen: list[dict[str, Any]] = []

    @app.before_request
    def see() -> str:
        shown = {
            name: value
            for name, value in request.environ.items()
            if isinstance(value, str | int | bool | tuple) and name != "REMOTE_PORT"
        }
        seen.append({**shown, "body": request.get_data(), "errors": request.environ["wsgi.errors"]})
        return "seen"

    app.test_client_class = client
    answer = app.test_client().open(*args, **words)
    assert answer.text == "seen"
    assert answer.json_module is app.json
    assert (answer.request.path, answer.request.query_string) == (
        request_path(seen[0]),
        seen[0]["QUERY_STRING"].encode(),
    )
    [one] = seen
    return one


def request_path(environ: dict[str, Any]) -> str:
    return str(environ["PATH_INFO"]).encode("latin-1").decode("utf-8", "replace")


HEADERS = {"Authorization": "Bearer it", "x-request-id": "1, 2", "Accept": "text/html;q=0.5, */*"}

PUT_TOGETHER: list[tuple[str, dict[str, Any]]] = [
    ("/", {}),
    ("/api/v1/heat-map_2.json", {"query_string": {"space": "a b", "to": "2026-06-17T08:00:00+02:00"}}),
    ("/query", {"query_string": {"odd": "é&=+%/?:;@!$'()*,~\x00\n", "list": ["1", "2"], "none": []}}),
    ("/query", {"query_string": {"": "", "é": ""}, "headers": HEADERS}),
    ("/query", {"headers": {**HEADERS, "User-Agent": "other"}, "method": "DELETE"}),
    ("/query", {"method": "POST", "data": b"{}"}),
    ("/query", {"method": "POST", "data": b"\xff\x00", "headers": {"content-type": "text/plain"}}),
    ("/query", {"method": "POST", "data": "é", "content_type": "application/json"}),
    ("/query", {"method": "POST", "data": b"", "content_type": "application/json"}),
    ("/query", {"method": "PUT", "json": {"a": ["é", None, 1.5]}, "headers": HEADERS}),
    ("/query", {"method": "POST", "json": [], "headers": {"Content-Type": "text/plain"}}),
]

LEFT_TO_FLASK: list[tuple[str, dict[str, Any]]] = [
    ("/query?a=1&b=%20", {}),
    ("/é/%2e%2e/a b", {}),
    ("//host/query", {}),
    ("https://host.example/query", {}),
    ("/query", {"query_string": "a=%zz&b"}),
    ("/query", {"query_string": {"n": 1, "none": None}}),
    ("/query", {"query_string": [("a", "1"), ("a", "2")]}),
    ("/query", {"headers": [("X-Two", "1"), ("X-Two", "2")]}),
    ("/query", {"headers": {"X-Two": "1", "x_two": "2"}}),
    ("/query", {"headers": {"Host": "other.example"}}),
    ("/query", {"headers": {"X-Odd": "é"}}),
    ("/query", {"headers": {"X-Number": 5}}),
    ("/query", {"method": "POST", "data": b"12", "headers": {"Content-Length": "1"}}),
    ("/query", {"method": "POST", "data": {"a": "1"}}),
    ("/query", {"base_url": "https://host.example:8443/prefix"}),
    ("/query", {"environ_overrides": {"REMOTE_ADDR": "192.0.2.1"}}),
]


@pytest.mark.parametrize(("path", "words"), PUT_TOGETHER)
def test_it_puts_the_same_request_together(path: str, words: dict[str, Any]) -> None:
    assert HttpClient(Flask("any"))._made(path, **words)
    assert told(HttpClient, path, **words) == told(FlaskClient, path, **words)


@pytest.mark.parametrize(("path", "words"), LEFT_TO_FLASK)
def test_it_leaves_to_flask_what_is_not_usual(path: str, words: dict[str, Any]) -> None:
    assert told(HttpClient, path, **words) == told(FlaskClient, path, **words)


def test_a_wrong_header_is_refused_as_by_flask() -> None:
    with pytest.raises(ValueError, match="newline"):
        HttpClient(Flask("any")).get("/", headers={"X-Odd": "a\nb"})
