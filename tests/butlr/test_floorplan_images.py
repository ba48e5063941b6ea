"""Fetching a plan's picture over a real socket: from whom, with what, how much, how long."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image

from butlr_grafana.base.errors import (
    UpstreamDown,
    UpstreamError,
    UpstreamInvalid,
    UpstreamLate,
    UpstreamRefused,
)
from butlr_grafana.base.urls import origin_of
from butlr_grafana.butlr import floorplan_images
from butlr_grafana.butlr.floorplan_images import FloorPlanImageClient
from tests.butlr.wire import Wire, respond

Fetcher = Callable[..., FloorPlanImageClient]
SECRET = "signature-of-the-address"


def picture(size: tuple[int, int] = (8, 6)) -> bytes:
    out = io.BytesIO()
    Image.new("L", size, 255).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def reported() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def fetcher(wire: Wire, reported: list[tuple[str, str]]) -> Iterator[Fetcher]:
    """Pictures from the wire; `own`: it is Butlr's."""
    made: list[FloorPlanImageClient] = []

    def make(*, own: bool = False, **params: Any) -> FloorPlanImageClient:
        origin = origin_of(wire.url)
        given = {
            "origins": frozenset({origin}),
            "own": origin if own else "https://api.butlr.io:443",
            "bearer": lambda: "token-1",
            "observe": lambda path, outcome, _: reported.append((path, outcome)),
            **params,
        }
        made.append(FloorPlanImageClient(**given))
        return made[-1]

    yield make
    for one in made:
        one.close()


def url(wire: Wire, path: str = "/plans/one.png") -> str:
    return f"{wire.url}{path}?{SECRET}"


def refused(fetch: FloorPlanImageClient, address: str, kind: type[UpstreamError], says: str) -> None:
    with pytest.raises(kind) as error:
        fetch.fetch(address)
    assert says in str(error.value)
    assert SECRET not in str(error.value)
    assert "token-1" not in str(error.value)


def test_a_picture_is_fetched_as_it_is_with_nothing_of_ours(
    wire: Wire, fetcher: Fetcher, reported: list[tuple[str, str]]
) -> None:
    wire.reply = respond(picture(), "200 OK", "Content-Type: text/html", "Set-Cookie: seen=1; Path=/")
    fetch = fetcher()
    assert fetch.fetch(url(wire)).shape == (6, 8)
    assert fetch.fetch(url(wire)).shape == (6, 8)
    assert wire.paths() == [f"/plans/one.png?{SECRET}"] * 2
    for requested in wire.requested:
        assert requested.headers.keys().isdisjoint({"authorization", "cookie", "referer"})
        assert requested.headers["accept-encoding"] == "identity"
        assert f"http://{requested.headers['host']}" == wire.url
    assert reported == [("plan picture", "200")] * 2


def test_butlrs_token_goes_to_butlr_only(wire: Wire, fetcher: Fetcher) -> None:
    wire.reply = respond(picture())
    fetcher(own=True).fetch(url(wire))
    assert wire.requested[0].headers["authorization"] == "Bearer token-1"


@pytest.mark.parametrize(
    "address",
    [
        "http://evil.example/x.png",
        "https://{host}/x.png",
        "http://localhost:{port}/x.png",
        "http://127.0.0.1:1{port}/x.png",
        "http://127.0.0.1/x.png",
        "http://127.1:{port}/x.png",
        "http://0x7f000001:{port}/x.png",
        "http://2130706433:{port}/x.png",
        "http://[::ffff:127.0.0.1]:{port}/x.png",
        "http://127.0.0.1.:{port}/x.png",
        "http://127.0.0.1:{port}.evil.example/x.png",
        "http://127.0.0.1:{port}@evil.example/x.png",
        "http://evil.example@127.0.0.1:{port}/x.png",
        "http://127.0.0.1:{port}\\@evil.example/x.png",
        "http://evil.example/x.png#@127.0.0.1:{port}",
        "http://evil.example?http://127.0.0.1:{port}/x.png",
        "//127.0.0.1:{port}/x.png",
        "file:///etc/passwd",
        "/plans/x.png",
    ],
)
def test_no_other_host_is_called_however_it_is_written(wire: Wire, fetcher: Fetcher, address: str) -> None:
    host = wire.url.removeprefix("http://")
    where = address.format(host=host, port=host.partition(":")[2])
    with pytest.raises(UpstreamRefused):
        fetcher().fetch(where)
    assert wire.requested == []


def test_the_refusal_names_the_host_and_the_setting_and_no_more(wire: Wire, fetcher: Fetcher) -> None:
    refused(
        fetcher(),
        f"https://evil.example/x.png?{SECRET}",
        UpstreamRefused,
        f"from https://evil.example:443 are not allowed; BUTLR_PLAN_HOSTS allows {wire.url}",
    )
    refused(fetcher(origins=frozenset()), url(wire), UpstreamRefused, "allows none")


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_not_followed_not_even_home(wire: Wire, fetcher: Fetcher, status: str) -> None:
    wire.reply = respond(b"", status, f"Location: {wire.url}/plans/other.png")
    refused(fetcher(own=True), url(wire), UpstreamRefused, "redirects are not followed")
    assert len(wire.requested) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("500 No", UpstreamDown),
        ("503 No", UpstreamDown),
        ("404 No", UpstreamRefused),
        ("401 No", UpstreamRefused),
        ("204 No Content", UpstreamRefused),
        ("206 Partial Content", UpstreamRefused),
    ],
)
def test_an_answer_that_is_no_picture_is_said_with_its_status(
    wire: Wire, fetcher: Fetcher, reported: list[tuple[str, str]], status: str, kind: type[UpstreamError]
) -> None:
    wire.reply = respond(picture(), status)
    refused(fetcher(), url(wire), kind, f"answered {status[:3]}")
    assert reported == [("plan picture", kind.code)]


@pytest.mark.parametrize("says_so", [True, False])
def test_a_huge_answer_is_not_read_to_its_end(wire: Wire, fetcher: Fetcher, says_so: bool) -> None:
    sent = []

    def pour(to: Any, _: object) -> None:
        length = f"Content-Length: {10**9}\r\n" if says_so else ""
        to.sendall(f"HTTP/1.1 200 OK\r\n{length}Connection: close\r\n\r\n".encode())
        for _ in range(1000):
            to.sendall(bytes(2**20))
            sent.append(1)

    wire.reply = pour
    refused(fetcher(), url(wire), UpstreamInvalid, "larger than 8 MiB")
    assert len(sent) < 100


def test_a_picture_of_just_the_limit_is_taken(
    wire: Wire, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = picture()
    wire.reply = respond(body)
    monkeypatch.setattr(floorplan_images, "MAX_BYTES", len(body))
    assert fetcher().fetch(url(wire)).size
    monkeypatch.setattr(floorplan_images, "MAX_BYTES", len(body) - 1)
    with pytest.raises(UpstreamInvalid):
        fetcher().fetch(url(wire))


def test_a_packed_answer_is_refused_before_it_is_unpacked(wire: Wire, fetcher: Fetcher) -> None:
    wire.reply = respond(gzip.compress(bytes(2**24)), "200 OK", "Content-Encoding: gzip")
    refused(fetcher(), url(wire), UpstreamInvalid, "compressed")


@pytest.mark.parametrize("drips", ["head", "body", "nothing"])
def test_a_slow_answer_ends_with_its_time(wire: Wire, fetcher: Fetcher, drips: str) -> None:
    body = picture()
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nX-Slow: {'x' * 200}\r\n\r\n".encode()

    def slow(to: Any, _: object) -> None:
        if drips == "body":
            to.sendall(head)
        if drips == "nothing":
            wire.ending.wait(20)
        else:
            wire.drip(to, [bytes([b]) for b in (head if drips == "head" else body)])

    wire.reply = slow
    refused(fetcher(timeout_s=0.4), url(wire), UpstreamLate, "within 0.4 s")


@pytest.mark.parametrize(
    "body", [b"", b"<html>sign in</html>", b"GIF89a" + bytes(40), picture()[:-20]], ids=range(4)
)
def test_what_is_no_picture_is_refused_whatever_it_is_called(
    wire: Wire, fetcher: Fetcher, body: bytes
) -> None:
    wire.reply = respond(body, "200 OK", "Content-Type: image/png")
    refused(fetcher(), url(wire), UpstreamInvalid, "not a PNG, JPEG or WebP")


def test_an_answer_that_is_cut_off_is_no_picture(wire: Wire, fetcher: Fetcher) -> None:
    body = picture((300, 300))
    wire.reply = respond(body[:40], "200 OK", f"Content-Length: {len(body)}")
    with pytest.raises((UpstreamDown, UpstreamInvalid)):
        fetcher().fetch(url(wire))


def test_a_bomb_is_refused_by_what_it_claims(wire: Wire, fetcher: Fetcher) -> None:
    wire.reply = respond(picture((4000, 4001)))
    refused(fetcher(), url(wire), UpstreamInvalid, "4000 x 4001 pixels; at most 16,000,000")


def test_nobody_listening_is_said(fetcher: Fetcher) -> None:
    fetch = fetcher(origins=frozenset({"http://127.0.0.1:9"}))
    refused(fetch, f"http://127.0.0.1:9/x.png?{SECRET}", UpstreamDown, "http://127.0.0.1:9 cannot be reached")
