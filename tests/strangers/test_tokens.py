"""Callers without a token, or with one that is not known: nothing is behind any door."""

from __future__ import annotations

import base64
import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from butlr_grafana.base.access import BackendToken
from butlr_grafana.settings import read
from butlr_grafana.web import auth
from tests.strangers.routes import HOUR, ROUTES, ApiRequest, api_requests
from tests.support import NEW_YORK, PARIS, World

OPEN = {"/healthz", "/readyz", "/runbooks/hot-zone", "/webhooks/butlr"}
"""The last one has keys of its own: `tests/webhooks/`."""
TOKENS = (BackendToken("the-old-token"), BackendToken("the-new-token"))


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World(tokens=TOKENS)
    yield world
    world.close()


STRANGE: list[dict[str, str]] = [
    {},
    {"Authorization": ""},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer "},
    {"Authorization": "Bearer the-old-toke"},
    {"Authorization": "Bearer the-old-token-"},
    {"Authorization": "Bearer THE-OLD-TOKEN"},
    {"Authorization": "Bearer the-old-token,the-new-token"},
    {"Authorization": "Bearer \u00e9\u00ff"},
    {"Authorization": "Basic"},
    {"Authorization": "Basic !!!"},
    {"Authorization": "Basic " + base64.b64encode(b"the-old-token").decode()},
    {"Authorization": "Basic " + base64.b64encode(b"the-old-token:").decode()},
    {"Authorization": 'Digest username="the-old-token"'},
    {"X-Authorization": "Bearer the-old-token"},
    {"Cookie": "token=the-old-token"},
    {"X-Original-URL": "/healthz", "X-Rewrite-URL": "/healthz", "X-Forwarded-For": "127.0.0.1"},
    {"X-HTTP-Method-Override": "OPTIONS"},
]


@pytest.mark.parametrize("headers", STRANGE, ids=str)
def test_a_stranger_is_refused_on_every_route_in_the_same_words(
    world: World, headers: dict[str, str]
) -> None:
    bodies = set()
    for api_request in api_requests({"space": PARIS}):
        if api_request.path in OPEN:
            continue
        response = api_request.put(world.http, **headers)
        assert response.status_code == 401, api_request
        assert response.headers["WWW-Authenticate"] == 'Basic realm="butlr-grafana"'
        bodies.add(response.get_data())
    assert len(bodies) == 1
    assert world.simulator.calls == []


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FOO"]
)
def test_no_method_is_a_way_in(world: World, method: str) -> None:
    for path in {path.split("<")[0] for _, path in ROUTES} - OPEN | {"/nowhere", "/api/v1/heatmap"}:
        assert world.http.open(path, method=method).status_code == 401


SPELLINGS = (
    *("//metrics", "/healthz/", "/healthz/../metrics", "/HEALTHZ", "/healthz;/metrics"),
    *("/healthz%2f..%2fmetrics", "/readyz//", "/static/../metrics", "/./healthz"),
    *("/runbooks/../metrics", "/runbooks/hot-zone/", "/runbooks/nothing", "/runbooks/%2e%2e/metrics"),
)


@pytest.mark.parametrize("path", SPELLINGS)
def test_no_spelling_of_an_open_path_is_a_way_in(world: World, path: str) -> None:
    response = world.http.get(path)
    assert response.status_code in (308, 401)
    assert b"butlr_calls" not in response.get_data()


def test_a_token_in_the_url_or_the_body_is_none(world: World) -> None:
    for name in ("token", "access_token", "api_key", "Authorization"):
        requested = ApiRequest("GET", "/api/v1/spaces", {name: "the-old-token"})
        assert requested.put(world.http).status_code == 401
        assert world.http.post("/query", json={name: "the-old-token"}).status_code == 401


@pytest.mark.parametrize("token", ["the-old-token", "the-new-token"])
def test_while_tokens_are_changed_both_are_good(world: World, token: str) -> None:
    basic = base64.b64encode(f"grafana:{token}".encode()).decode()
    for sent in (f"Bearer {token}", f"bearer {token}", f"Basic {basic}"):
        assert world.http.get("/api/v1/spaces", headers={"Authorization": sent}).status_code == 200


@pytest.mark.parametrize(
    "token", ["q2Fz+/8=QQ==", "q2Fz+/8QQQ==", "pass=word", "a=1, b=2", "=========", "Bearer x"]
)
def test_a_token_is_taken_with_each_of_its_signs(make_world: Callable[..., World], token: str) -> None:
    """Libraries take what holds a `=` for parameters."""
    world = make_world(tokens=(BackendToken(token),))
    basic = base64.b64encode(f"grafana:{token}".encode()).decode()
    for sent in (f"Bearer {token}", f"bearer {token}", f"Basic {basic}"):
        assert world.http.get("/api/v1/spaces", headers={"Authorization": sent}).status_code == 200
    for sent in (f"Bearer {token[:-1]}", f"Bearer {token}="):
        assert world.http.get("/api/v1/spaces", headers={"Authorization": sent}).status_code == 401


def test_tokens_come_from_a_file_with_their_floors(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"whole-house,one-floor={PARIS}+{NEW_YORK}\n")
    found = read({"BACKEND_TOKEN_FILE": str(file)}).tokens
    assert [(t.text, t.floors) for t in found] == [
        ("whole-house", None),
        ("one-floor", frozenset({PARIS, NEW_YORK})),
    ]


@pytest.mark.parametrize("sent", [None, "", "x", "the-old-token", "the-new-token", "\u00e9" * 5000])
def test_every_token_is_compared_whole_whatever_was_sent(
    monkeypatch: pytest.MonkeyPatch, sent: str | None
) -> None:
    """No clock can be asserted here; that each one goes through `compare_digest`, found or not, can."""
    compared: list[tuple[bytes, bytes]] = []
    real = auth.hmac.compare_digest

    def counted(a: bytes, b: bytes) -> bool:
        compared.append((a, b))
        return real(a, b)

    monkeypatch.setattr(auth.hmac, "compare_digest", counted)
    with contextlib.suppress(auth.Unauthorized):
        auth.known(sent, TOKENS)
    assert [b for _, b in compared] == [token.text.encode() for token in TOKENS]


HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "SAMEORIGIN",
    "Cache-Control": "no-store",
}


def test_every_answer_has_the_security_headers(world: World) -> None:
    """Refusals, files and pages too; and none opens the backend to other sites' scripts."""
    known = {"Authorization": "Bearer the-old-token", "Origin": "https://evil.example"}
    for headers in (known, {}):
        for api_request in [
            *api_requests({"space": PARIS}),
            ApiRequest("GET", "/nowhere"),
            ApiRequest("PUT", "/query"),
        ]:
            response = api_request.put(world.http, **headers)
            text = {name: response.headers.get(name) for name in HEADERS}
            if response.status_code == 200 and ("/static/" in api_request.path or "ETag" in response.headers):
                # A browser may keep them, and asks each time whether they are still good.
                assert text["Cache-Control"] in ("no-cache", "private, no-cache")
                text["Cache-Control"] = "no-store"
            assert text == HEADERS, api_request
            policy = response.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; ")
            assert "unsafe" not in policy
            assert "script" not in policy
            assert not [name for name, _ in response.headers if name.startswith("Access-Control")]
            assert "Set-Cookie" not in response.headers


EVIL = "evil.example"


def test_no_host_is_ever_taken_from_a_question(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever word or header holds an address: nobody but Butlr is asked, and nobody is sent there."""
    world = make_world()
    requested: set[Any] = set()
    real = socket.getaddrinfo

    def resolve(host: Any, *args: Any, **params: Any) -> Any:
        requested.add(host)
        return real(host, *args, **params)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    address = f"http://{EVIL}/plan.png"
    headers = {
        "Host": EVIL,
        "X-Forwarded-Host": EVIL,
        "X-Forwarded-Proto": "gopher",
        "Forwarded": f"host={EVIL}",
        "Referer": address,
        "Origin": f"http://{EVIL}",
        "Accept": "text/html",
    }
    names = (
        "url",
        "host",
        "api_url",
        "plan",
        "callback",
        "webhook",
        "tz",
        "room",
        "refId",
        "format",
        "theme",
    )
    for params in (
        {"space": address},
        {"space": PARIS},
        *({"space": PARIS, name: address} for name in names),
    ):
        for api_request in api_requests(params):
            response = api_request.put(world.http, **headers)
            assert response.status_code < 500, api_request
            assert EVIL not in response.headers.get("Location", "")
            if params == {"space": PARIS}:
                assert EVIL not in response.get_data().decode("utf-8", "replace"), api_request
    path = ApiRequest("GET", f"/api/v1/{address}", HOUR).put(world.http, **headers)
    assert path.status_code in (404, 308)
    assert requested == {"127.0.0.1"}
