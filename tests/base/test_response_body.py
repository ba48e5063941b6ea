"""Bodies of responses to our own calls, as servers that are broken or hostile send them."""

from __future__ import annotations

import gzip
import socket
import threading
import zlib
from collections.abc import Callable, Iterator

import pytest

from butlr_grafana.base.http_session import open_session
from butlr_grafana.base.response_body import CutOff, TooLarge, read_body
from butlr_grafana.kiosk import grafana_api
from butlr_grafana.kiosk.grafana_api import Grafana, GrafanaAccess, GrafanaError
from tests.support import HANG_S

MOST = 100_000
Answering = Callable[[bytes, str], str]


@pytest.fixture
def answering() -> Iterator[Answering]:
    """The URL of what answers one request with this body and these headers."""
    listeners, threads = [], []

    def start(body: bytes, headers: str) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(HANG_S)

        def response() -> None:
            connection, _ = listener.accept()
            with connection:
                requested = b""
                while b"\r\n\r\n" not in requested:
                    requested += connection.recv(1 << 16)
                head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{headers}\r\n\r\n"
                # Who has read enough hangs up.
                with_errors_passed_over(lambda: connection.sendall(head.encode() + body))

        listeners.append(listener)
        threads.append(threading.Thread(target=response))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for thread, listener in zip(threads, listeners, strict=True):
        thread.join(HANG_S)
        listener.close()


def with_errors_passed_over(work: Callable[[], None]) -> None:
    try:
        work()
    except OSError:
        return


def body_of(url: str, most: int = MOST) -> bytes:
    session = open_session(1)
    try:
        with session.get(url, stream=True, timeout=HANG_S) as response:
            return read_body(response, most)
    finally:
        session.close()


PLAIN, PACKED = "X-Plain: 1", "Content-Encoding: gzip"


@pytest.mark.parametrize("size", [0, 1, MOST - 1, MOST])
@pytest.mark.parametrize("headers", [PLAIN, PACKED])
def test_what_is_small_enough_arrives_whole(answering: Answering, size: int, headers: str) -> None:
    body = bytes(n % 251 for n in range(size))
    sent = gzip.compress(body, mtime=0) if headers == PACKED else body
    assert body_of(answering(sent, headers)) == body


@pytest.mark.parametrize("headers", [PLAIN, PACKED])
def test_one_byte_too_many_is_too_large(answering: Answering, headers: str) -> None:
    body = b" " * (MOST + 1)
    with pytest.raises(TooLarge):
        body_of(answering(gzip.compress(body, mtime=0) if headers == PACKED else body, headers))


def test_a_bomb_is_unpacked_no_further_than_it_may_be(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    make = zlib.decompressobj

    class Counting:
        def __init__(self, **params: int) -> None:
            self._unpack = make(**params)

        def decompress(self, data: bytes, most: int) -> bytes:
            piece = self._unpack.decompress(data, most)
            made.append(len(piece))
            return piece

        @property
        def eof(self) -> bool:
            return self._unpack.eof

    monkeypatch.setattr(zlib, "decompressobj", Counting)
    with pytest.raises(TooLarge):
        body_of(answering(gzip.compress(b" " * (500 * MOST), mtime=0), PACKED))
    assert sum(made) == MOST + 1


def test_what_ends_in_the_middle_is_no_body(answering: Answering) -> None:
    with pytest.raises(CutOff):
        body_of(answering(gzip.compress(b"whole" * 1000, mtime=0)[:-20], PACKED))


def test_what_is_not_packed_as_it_says_is_no_body(answering: Answering) -> None:
    with pytest.raises(zlib.error):
        body_of(answering(b"not packed at all", PACKED))


@pytest.mark.parametrize(
    ("body", "headers", "message"),
    [
        (b'"' + b" " * MOST + b'"', PLAIN, "is larger than 0 MiB, or was cut off"),
        (gzip.compress(b" " * (10 * MOST), mtime=0), PACKED, "is larger than 0 MiB, or was cut off"),
        (gzip.compress(b"[]", mtime=0)[:-4], PACKED, "is larger than 0 MiB, or was cut off"),
        (b"not packed at all", PACKED, "cannot be reached (the response cannot be decompressed)"),
    ],
)
def test_a_grafana_that_answers_so_is_said_in_words(
    answering: Answering, monkeypatch: pytest.MonkeyPatch, body: bytes, headers: str, message: str
) -> None:
    monkeypatch.setattr(grafana_api, "MAX_BODY_BYTES", MOST)
    grafana = Grafana(GrafanaAccess(answering(body, headers), "GRAFANA_TOKEN", "Bearer x"))
    try:
        with pytest.raises(GrafanaError) as caught:
            grafana.check_login()
    finally:
        grafana.close()
    assert message in str(caught.value)
