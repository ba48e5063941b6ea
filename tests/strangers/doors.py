"""Every door of the backend, with the questions that can be put at it: what is looked at by all tests here.

`ROUTES` names each route of the application; one that is new is to be added before its tests pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from flask import Flask
from werkzeug.test import Client, TestResponse

from butlr_grafana.targets.registry import TARGETS

HOUR = {"from": "2026-06-17T11:34:00Z", "to": "2026-06-17T12:34:00Z"}
RULE = {"from": "2026-06-17T12:23:00Z", "to": "2026-06-17T12:33:00Z", "require": "complete", "threshold": "1"}
"""As an alert rule asks, so that hot zones are recorded within the hour."""

Words = dict[str, Any]


@dataclass(frozen=True)
class Question:
    """One request; `body` is sent as JSON."""

    method: str
    path: str
    words: Words = field(default_factory=dict)
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def put(self, http: Client, **headers: str) -> TestResponse:
        return http.open(
            self.path,
            method=self.method,
            query_string=self.words,
            data=None if self.body is None else orjson.dumps(self.body),
            headers={**self.headers, **headers},
            buffered=True,
        )

    def __str__(self) -> str:
        said = self.body if self.body is not None else {k: v for k, v in self.words.items() if k not in HOUR}
        return f"{self.method} {self.path} {orjson.dumps(said).decode()}"


Ask = Callable[[Words], Iterator[Question]]
"""The questions of one route, with words such as `space` and `room` in them."""


def by_url(words: Words) -> Iterator[Question]:
    for target in TARGETS.values():
        for written in target.formats:
            yield Question("GET", f"/api/v1/{target.name}", {**HOUR, **words, "format": written})
        yield Question("GET", f"/api/v1/{target.name}", {**RULE, **words})
        for level in ("floor", "zone"):
            yield Question("GET", f"/api/v1/{target.name}", {**HOUR, **words, "level": level})


def by_body(words: Words) -> Iterator[Question]:
    for question in by_url(words):
        yield Question("POST", question.path, body=question.words)


def panels(words: Words) -> Iterator[Question]:
    def body(*targets: str, payload: object) -> Words:
        return {"range": HOUR, "targets": [{"refId": t, "target": t, "payload": payload} for t in targets]}

    for target in (t.name for t in TARGETS.values() if "frames" in t.formats):
        yield Question("POST", "/query", body=body(target, payload=words))
    yield Question("POST", "/query", body=body("heatmap", "hot-zones", payload=orjson.dumps(words).decode()))
    yield Question(
        "POST",
        "/query",
        body={
            **body("hot-zones", payload={k: v for k, v in words.items() if k == "space"}),
            "adhocFilters": [
                {"key": k, "operator": "=", "value": v}
                for k, v in words.items()
                if k in ("room", "tag", "type")
            ],
        },
    )


def variables(words: Words) -> Iterator[Question]:
    for target in ("buildings", "floors", "rooms", "zones"):
        yield Question("POST", "/variable", body={"payload": {"target": target, **words}})
        yield Question(
            "POST", "/variable", body={"payload": orjson.dumps({"target": target, **words}).decode()}
        )
    yield Question("POST", "/variable", body={"payload": words.get("space", "")})


def options(words: Words) -> Iterator[Question]:
    for name in ("space", "room", "tag", "type", words.get("space", "")):
        yield Question("POST", "/metric-payload-options", body={"name": name, "payload": words})


def tag_values(words: Words) -> Iterator[Question]:
    for key in ("room", "tag", "type", words.get("room", "")):
        yield Question("POST", "/tag-values", body={"key": key, **words})


def annotations(words: Words) -> Iterator[Question]:
    for asked in (
        {"payload": words},
        {"annotation": {"query": words}},
        {"annotation": {"query": orjson.dumps(words).decode()}},
    ):
        yield Question("POST", "/annotations", body={"range": HOUR, **asked})


def page(words: Words) -> Iterator[Question]:
    yield Question("GET", "/", words)
    yield Question("GET", "/", words, headers={"Accept": "text/html"})


def plain(method: str, path: str) -> Ask:
    """A route that takes no words; they are put at it all the same."""

    def ask(words: Words) -> Iterator[Question]:
        yield Question(method, path, words, body=words if method == "POST" else None)

    return ask


ROUTES: dict[tuple[str, str], Ask] = {
    ("GET", "/"): page,
    ("GET", "/api/v1/<target>"): by_url,
    ("POST", "/api/v1/<target>"): by_body,
    ("GET", "/api/v1/openapi.json"): plain("GET", "/api/v1/openapi.json"),
    ("GET", "/healthz"): plain("GET", "/healthz"),
    ("GET", "/readyz"): plain("GET", "/readyz"),
    ("GET", "/metrics"): plain("GET", "/metrics"),
    ("GET", "/runbooks/<name>"): plain("GET", "/runbooks/hot-zone"),
    ("GET", "/static/<path:filename>"): plain("GET", "/static/preview.css"),
    ("POST", "/metrics"): plain("POST", "/metrics"),
    ("POST", "/search"): plain("POST", "/search"),
    ("POST", "/tag-keys"): plain("POST", "/tag-keys"),
    ("POST", "/query"): panels,
    ("POST", "/variable"): variables,
    ("POST", "/metric-payload-options"): options,
    ("POST", "/tag-values"): tag_values,
    ("POST", "/annotations"): annotations,
    ("POST", "/webhooks/butlr"): plain("POST", "/webhooks/butlr"),
    ("GET", "/webhooks/status"): plain("GET", "/webhooks/status"),
}


def routes_of(app: Flask) -> set[tuple[str, str]]:
    return {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def questions(words: Words) -> Iterator[Question]:
    for ask in ROUTES.values():
        yield from ask(words)
