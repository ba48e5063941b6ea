"""One token for all threads: when it is asked for, renewed, replaced, and when it is left alone."""

from __future__ import annotations

import itertools
import logging
import socket
import threading

import orjson
import pytest

from butlr_grafana.base.errors import UpstreamDown, UpstreamError, UpstreamInvalid, UpstreamRefused
from butlr_grafana.butlr.client import ATTEMPTS, Client, Token
from butlr_grafana.butlr.config import ButlrConfig
from butlr_grafana.simulator import Simulator
from tests.butlr.wire import (
    OFFICE,
    QUERY,
    AtOnce,
    Clients,
    FakeTime,
    Hurried,
    Sent,
    Wire,
    logged_in,
    respond,
)
from tests.held import held
from tests.support import DETECTIONS, GRAPHQL, HANG_S, LOGIN

SECRET = "s3cret-that-nobody-may-see"


def sites(client: Client) -> bytes:
    return client.post(GRAPHQL, QUERY, graphql=True)


def test_the_login_is_requested_as_documented(simulator: Simulator, patient: Clients) -> None:
    sites(patient(simulator.url))
    assert simulator.calls[0].path == LOGIN
    assert simulator.calls[0].body == {
        "client_id": "demo",
        "client_secret": "demo",
        "audience": "https://butlrauth/",
        "grant_type": "client_credentials",
    }


def test_many_threads_share_one_login(simulator: Simulator, patient: Clients, at_once: AtOnce) -> None:
    client = patient(simulator.url)
    begun: list[int] = []

    def asking() -> object:
        begun.append(1)
        return sites(client)

    with held(simulator, LOGIN, lambda: len(begun) == 20):
        assert at_once(asking, 20) == [OFFICE] * 20
    assert (simulator.count(LOGIN), simulator.count(GRAPHQL)) == (1, 20)


@pytest.mark.parametrize(("lifetime_s", "renewed_s"), [(1000, 700), (3666, 3366), (400, 200)])
def test_the_token_is_renewed_before_its_end(
    wire: Wire, hurried: Hurried, fake: FakeTime, lifetime_s: int, renewed_s: int
) -> None:
    wire.login = logged_in("token-1", lifetime_s)
    client = hurried(wire.url)
    began_s = fake.now_s
    used = []
    for age_s in (0, renewed_s - 1, renewed_s + 1, renewed_s + 2):
        fake.now_s = began_s + age_s
        if used:
            wire.login = logged_in("token-2", lifetime_s)
        client.post(GRAPHQL, QUERY)
        used.append(wire.requested[-1].headers["authorization"])
    assert used == ["Bearer token-1", "Bearer token-1", "Bearer token-2", "Bearer token-2"]


def test_while_one_thread_renews_the_others_go_on_with_the_old_token(
    wire: Wire, hurried: Hurried, fake: FakeTime
) -> None:
    renewing, let_go = threading.Event(), threading.Event()
    logins = []

    def login(to: socket.socket, requested: Sent) -> None:
        logins.append(requested)
        if len(logins) > 1:
            renewing.set()
            let_go.wait(HANG_S)
        logged_in(f"token-{len(logins)}")(to, requested)

    wire.login = login
    client = hurried(wire.url)
    client.post(GRAPHQL, QUERY)
    fake.now_s += 950.0
    renewer = threading.Thread(target=lambda: client.post(GRAPHQL, QUERY), daemon=True)
    renewer.start()
    assert renewing.wait(HANG_S)
    for _ in range(3):  # would hang here if they waited for the renewal
        client.post(GRAPHQL, QUERY)
        assert wire.requested[-1].headers["authorization"] == "Bearer token-1"
    let_go.set()
    renewer.join(HANG_S)
    client.post(GRAPHQL, QUERY)
    assert wire.requested[-1].headers["authorization"] == "Bearer token-2"
    assert len(logins) == 2


def test_a_failing_renewal_leaves_the_old_token_in_use_and_rests(
    simulator: Simulator, hurried: Hurried, fake: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.token_lifetime_s = 1000
    client = hurried(simulator.url)
    sites(client)
    simulator.clear_calls()
    simulator.faults.set(status=500, paths=(LOGIN,))
    fake.now_s += 950.0
    assert [sites(client) for _ in range(5)] == [OFFICE] * 5
    assert simulator.count(LOGIN) == ATTEMPTS
    assert [r.levelname for r in caplog.records if "renewed" in r.message] == ["WARNING"]
    simulator.faults.clear()
    fake.now_s += 31.0
    sites(client)
    assert simulator.count(LOGIN) == ATTEMPTS + 1
    assert caplog.records[-1].getMessage() == "incident over after 0 s, 1 failure: Butlr's token"


def test_a_token_that_is_dead_is_not_sent(simulator: Simulator, hurried: Hurried, fake: FakeTime) -> None:
    simulator.token_lifetime_s = 1000
    client = hurried(simulator.url)
    sites(client)
    simulator.faults.set(status=500, paths=(LOGIN,))
    simulator.clear_calls()
    fake.now_s += 1001.0
    with pytest.raises(UpstreamDown, match=r"500 on /api/v2/clients/login"):
        sites(client)
    assert simulator.count(GRAPHQL) == 0


def test_a_revoked_token_costs_one_login_and_one_more_try(simulator: Simulator, patient: Clients) -> None:
    client = patient(simulator.url)
    sites(client)
    simulator.revoke_tokens()
    simulator.clear_calls()
    assert sites(client) == OFFICE
    assert [(call.path, call.status) for call in simulator.calls] == [
        (GRAPHQL, 200),  # with an error inside
        (LOGIN, 200),
        (GRAPHQL, 200),
    ]
    simulator.revoke_tokens()
    simulator.clear_calls()
    with pytest.raises(UpstreamRefused, match="400"):  # the body is read, so the token was good
        client.post(DETECTIONS, {})
    assert [(call.path, call.status) for call in simulator.calls] == [
        (DETECTIONS, 401),
        (LOGIN, 200),
        (DETECTIONS, 400),
    ]


def test_many_threads_replace_a_revoked_token_once(
    simulator: Simulator, patient: Clients, at_once: AtOnce, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = patient(simulator.url)
    sites(client)
    simulator.revoke_tokens()
    simulator.clear_calls()
    numbers, all_hold_it = itertools.count(), threading.Barrier(20, timeout=HANG_S)
    current = client._current_token

    def held_by_all() -> Token:
        """The dead token, until each thread holds it."""
        token = current()
        if next(numbers) < 20:
            all_hold_it.wait()
        return token

    monkeypatch.setattr(client, "_current_token", held_by_all)
    with held(simulator, LOGIN, lambda: simulator.count(GRAPHQL) == 20):  # all have been refused
        assert at_once(lambda: sites(client), 20) == [OFFICE] * 20
    assert simulator.count(LOGIN) == 1


def test_a_wrong_secret_is_no_storm(
    simulator: Simulator, hurried: Hurried, fake: FakeTime, at_once: AtOnce
) -> None:
    client = hurried(simulator.url, client_secret=SECRET)

    def five_calls() -> list[str]:
        text = []
        for _ in range(5):
            with pytest.raises(UpstreamRefused) as caught:
                sites(client)
            text.append(caught.value.message)
        return text

    responses = at_once(five_calls, 10)
    assert responses == [["Butlr refused BUTLR_CLIENT_ID and BUTLR_CLIENT_SECRET"] * 5] * 10
    assert (simulator.count(LOGIN), simulator.count(GRAPHQL)) == (1, 0)
    fake.now_s += 31.0
    with pytest.raises(UpstreamRefused):
        sites(client)
    assert simulator.count(LOGIN) == 2


def test_a_secret_that_is_put_right_works_after_the_rest(
    wire: Wire, hurried: Hurried, fake: FakeTime
) -> None:
    wire.login = respond(b'{"message": "no"}', "403 Forbidden")
    client = hurried(wire.url)
    with pytest.raises(UpstreamRefused):
        client.post(GRAPHQL, QUERY)
    wire.login = logged_in("token-1")
    fake.now_s += 31.0
    assert client.post(GRAPHQL, QUERY) == b"{}"


@pytest.mark.parametrize("status", [401, 403])
def test_a_path_these_credentials_may_not_use_is_no_login_storm(
    simulator: Simulator, hurried: Hurried, fake: FakeTime, status: int
) -> None:
    simulator.faults.set(status=status, paths=(DETECTIONS,))
    client = hurried(simulator.url)
    for _ in range(50):
        with pytest.raises(UpstreamRefused, match=rf"does not allow these credentials to use {DETECTIONS}"):
            client.post(DETECTIONS, {})
    assert simulator.count(LOGIN) == 2  # the first, and the one to see whether it was the token
    assert sites(client) == OFFICE  # other paths go on
    assert simulator.count(LOGIN) == 2
    simulator.faults.clear()
    with pytest.raises(UpstreamRefused, match="400"):  # allowed again: Butlr reads the body now
        client.post(DETECTIONS, {})
    simulator.faults.set(status=status, paths=(DETECTIONS,))
    fake.now_s += 31.0
    with pytest.raises(UpstreamRefused):
        client.post(DETECTIONS, {})
    assert simulator.count(LOGIN) == 3  # after a rest it may be the token again


def test_a_forbidden_path_does_not_hide_a_revoked_token(simulator: Simulator, hurried: Hurried) -> None:
    simulator.faults.set(status=403, paths=(DETECTIONS,))
    client = hurried(simulator.url)
    with pytest.raises(UpstreamRefused):
        client.post(DETECTIONS, {})
    simulator.revoke_tokens()
    assert sites(client) == OFFICE


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>welcome</html>",
        b"[]",
        b"null",
        b"{}",
        b'{"access_token": null, "expires_in": 60}',
        b'{"access_token": "", "expires_in": 60}',
        b'{"access_token": 5, "expires_in": 60}',
        b'{"access_token": "a b\\nc", "expires_in": 60}',
        b'{"access_token": "\\u00fcber", "expires_in": 60}',
        b'{"access_token": "x", "expires_in": 0}',
        b'{"access_token": "x", "expires_in": -1}',
        b'{"access_token": "x", "expires_in": "NaN"}',
        b'{"access_token": "x", "expires_in": {}}',
        b'{"access_token": "x", "expires_in"',
    ],
)
def test_a_login_without_a_usable_token_is_said_and_rests(wire: Wire, hurried: Hurried, body: bytes) -> None:
    wire.login = respond(body)
    client = hurried(wire.url)
    for _ in range(10):
        with pytest.raises(UpstreamInvalid, match="contains no usable access_token"):
            client.post(GRAPHQL, QUERY)
    assert wire.paths() == [LOGIN]


@pytest.mark.parametrize(
    "body", [b'{"access_token": "token-1"}', b'{"access_token": "token-1", "expires_in": "86400"}']
)
def test_a_lifetime_may_be_missing_or_text(wire: Wire, hurried: Hurried, body: bytes) -> None:
    wire.login = respond(body)
    client = hurried(wire.url)
    client.post(GRAPHQL, QUERY)
    client.post(GRAPHQL, QUERY)
    assert wire.paths() == [LOGIN, GRAPHQL, GRAPHQL]
    assert wire.requested[-1].headers["authorization"] == "Bearer token-1"


def test_the_error_of_a_resting_login_does_not_grow(wire: Wire, hurried: Hurried) -> None:
    """The same exception is raised for everybody; its traceback must not collect all their frames."""
    wire.login = respond(b"no", "401 Unauthorized")
    client = hurried(wire.url)
    depths = []
    for _ in range(20):
        with pytest.raises(UpstreamRefused) as caught:
            client.post(GRAPHQL, QUERY)
        frame, depth = caught.value.__traceback__, 0
        while frame is not None:
            frame, depth = frame.tb_next, depth + 1
        depths.append(depth)
    assert depths[-1] == depths[1]


ECHO = orjson.dumps({"detail": [{"loc": ["body"], "input": {"client_id": "me", "client_secret": SECRET}}]})
"""As frameworks answer that quote the whole question in their refusal."""


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("422 Unprocessable Content", ECHO),
        ("400 Bad Request", b'{"message": "bad secret ' + SECRET.encode() + b'"}'),
        ("500 Oops", b"secret=" + SECRET.encode()),
        ("500 Oops", b"x" * 190 + SECRET.encode()),
        ("401 Unauthorized", ECHO),
        ("302 Found", SECRET.encode()),
        ("200 OK", SECRET.encode()),
    ],
)
def test_a_login_that_echoes_the_secret_does_not_get_it_into_errors_or_logs(
    wire: Wire, hurried: Hurried, caplog: pytest.LogCaptureFixture, status: str, body: bytes
) -> None:
    caplog.set_level(logging.DEBUG)
    wire.login = respond(body, status)
    with pytest.raises(UpstreamError) as caught:
        hurried(wire.url, client_id="me", client_secret=SECRET).post(GRAPHQL, QUERY)
    seen = [str(caught.value), repr(caught.value), str(caught.value.as_dict()), caplog.text]
    assert not [text for text in seen if SECRET[:6] in text]


def test_an_answer_that_echoes_the_token_does_not_get_it_into_errors_or_logs(
    wire: Wire, hurried: Hurried, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wire.login = logged_in("very-secret-token")
    wire.reply = lambda to, requested: respond(requested.headers["authorization"].encode(), "418 Teapot")(
        to, requested
    )
    with pytest.raises(UpstreamRefused, match="418") as caught:
        hurried(wire.url).post(GRAPHQL, QUERY)
    assert "very-secret-token" not in str(caught.value) + caplog.text


def test_nothing_that_can_be_printed_shows_secret_or_token(
    simulator: Simulator, patient: Clients, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    simulator._tokens._client = ("demo", SECRET)
    client = patient(simulator.url, client_secret=SECRET)
    sites(client)
    token = client._token
    assert token is not None
    assert len(token.text) > 20
    shown = [repr(client), str(client), repr(client.access), repr(token), f"{token}", str(client.__dict__)]
    shown += [caplog.text]
    assert not [text for text in shown if SECRET in text or token.text in text]


def test_access_is_frozen_and_keeps_its_secret_out_of_repr() -> None:
    access = ButlrConfig("https://api.butlr.io", "me", SECRET)
    assert "me" in repr(access)
    assert SECRET not in repr(access)
    with pytest.raises(AttributeError):
        access.url = "https://elsewhere"  # type: ignore[misc]


# Errors inside a 200


DEAD = b'{"data":null,"errors":[{"message":"token expired","extensions":{"code":"UNAUTHENTICATED"}}]}'
FLOORS = b'{"data":{"sites":{"data":[]}}}'


def test_a_dead_token_inside_a_200_is_one_new_login_and_one_more_try(wire: Wire, hurried: Hurried) -> None:
    logins = []

    def login(to: socket.socket, requested: Sent) -> None:
        logins.append(requested)
        logged_in(f"token-{len(logins)}")(to, requested)

    def reply(to: socket.socket, requested: Sent) -> None:
        respond(DEAD if requested.headers["authorization"] == "Bearer token-1" else FLOORS)(to, requested)

    wire.login, wire.reply = login, reply
    assert hurried(wire.url).post(GRAPHQL, QUERY, graphql=True) == FLOORS
    assert wire.paths() == [LOGIN, GRAPHQL, LOGIN, GRAPHQL]


def test_a_token_that_is_dead_whatever_is_done_is_refused(wire: Wire, hurried: Hurried) -> None:
    wire.reply = respond(DEAD)
    with pytest.raises(UpstreamRefused, match="does not allow these credentials to use"):
        hurried(wire.url).post(GRAPHQL, QUERY, graphql=True)
    assert wire.paths() == [LOGIN, GRAPHQL, LOGIN, GRAPHQL]


def test_what_looks_like_a_dead_token_elsewhere_is_an_answer(wire: Wire, hurried: Hurried) -> None:
    wire.reply = respond(DEAD)
    assert hurried(wire.url).post(DETECTIONS, {}) == DEAD


def test_a_refused_question_may_come_with_a_400(wire: Wire, hurried: Hurried) -> None:
    refusal = b'{"errors":[{"message":"Cannot query field \\"x\\" on type \\"Floor\\"."}]}'
    wire.reply = respond(refusal, "400 Bad Request")
    client = hurried(wire.url)
    assert client.post(GRAPHQL, QUERY, graphql=True) == refusal
    with pytest.raises(UpstreamRefused):
        client.post(DETECTIONS, {})
