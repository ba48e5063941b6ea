"""Every route of the backend, with the requests that can be sent to it: what all tests here look at.

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

Params = dict[str, Any]


@dataclass(frozen=True)
class ApiRequest:
    """One request; `body` is sent as JSON."""

    method: str
    path: str
    params: Params = field(default_factory=dict)
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def put(self, http: Client, **headers: str) -> TestResponse:
        return http.open(
            self.path,
            method=self.method,
            query_string=self.params,
            data=None if self.body is None else orjson.dumps(self.body),
            headers={**self.headers, **headers},
            buffered=True,
        )

    def __str__(self) -> str:
        text = self.body if self.body is not None else {k: v for k, v in self.params.items() if k not in HOUR}
        return f"{self.method} {self.path} {orjson.dumps(text).decode()}"


MakeRequests = Callable[[Params], Iterator[ApiRequest]]
"""The questions of one route, with words such as `space` and `room` in them."""


def requests_by_url(params: Params) -> Iterator[ApiRequest]:
    for target in TARGETS.values():
        for written in target.formats:
            yield ApiRequest("GET", f"/api/v1/{target.name}", {**HOUR, **params, "format": written})
        yield ApiRequest("GET", f"/api/v1/{target.name}", {**RULE, **params})
        for level in ("floor", "zone"):
            yield ApiRequest("GET", f"/api/v1/{target.name}", {**HOUR, **params, "level": level})


def requests_by_body(params: Params) -> Iterator[ApiRequest]:
    for api_request in requests_by_url(params):
        yield ApiRequest("POST", api_request.path, body=api_request.params)


def panels(params: Params) -> Iterator[ApiRequest]:
    def body(*targets: str, payload: object) -> Params:
        return {"range": HOUR, "targets": [{"refId": t, "target": t, "payload": payload} for t in targets]}

    for target in (t.name for t in TARGETS.values() if "frames" in t.formats):
        yield ApiRequest("POST", "/query", body=body(target, payload=params))
    yield ApiRequest(
        "POST", "/query", body=body("heatmap", "hot-zones", payload=orjson.dumps(params).decode())
    )
    yield ApiRequest(
        "POST",
        "/query",
        body={
            **body("hot-zones", payload={k: v for k, v in params.items() if k == "space"}),
            "adhocFilters": [
                {"key": k, "operator": "=", "value": v}
                for k, v in params.items()
                if k in ("room", "tag", "type")
            ],
        },
    )


def variables(params: Params) -> Iterator[ApiRequest]:
    for target in ("buildings", "floors", "rooms", "zones"):
        yield ApiRequest("POST", "/variable", body={"payload": {"target": target, **params}})
        yield ApiRequest(
            "POST", "/variable", body={"payload": orjson.dumps({"target": target, **params}).decode()}
        )
    yield ApiRequest("POST", "/variable", body={"payload": params.get("space", "")})


def options(params: Params) -> Iterator[ApiRequest]:
    for name in ("space", "room", "tag", "type", params.get("space", "")):
        yield ApiRequest("POST", "/metric-payload-options", body={"name": name, "payload": params})


def tag_values(params: Params) -> Iterator[ApiRequest]:
    for key in ("room", "tag", "type", params.get("room", "")):
        yield ApiRequest("POST", "/tag-values", body={"key": key, **params})


def annotations(params: Params) -> Iterator[ApiRequest]:
    for requested in (
        {"payload": params},
        {"annotation": {"query": params}},
        {"annotation": {"query": orjson.dumps(params).decode()}},
    ):
        yield ApiRequest("POST", "/annotations", body={"range": HOUR, **requested})


def page(params: Params) -> Iterator[ApiRequest]:
    yield ApiRequest("GET", "/", params)
    yield ApiRequest("GET", "/", params, headers={"Accept": "text/html"})


def plain(method: str, path: str) -> MakeRequests:
    """A route that takes no words; they are put at it all the same."""

    def send_query(params: Params) -> Iterator[ApiRequest]:
        yield ApiRequest(method, path, params, body=params if method == "POST" else None)

    return send_query


ROUTES: dict[tuple[str, str], MakeRequests] = {
    ("GET", "/"): page,
    ("GET", "/api/v1/<target>"): requests_by_url,
    ("POST", "/api/v1/<target>"): requests_by_body,
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


def api_requests(params: Params) -> Iterator[ApiRequest]:
    for send_query in ROUTES.values():
        yield from send_query(params)
