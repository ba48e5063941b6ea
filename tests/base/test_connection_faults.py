"""A connection that fails is said in words, with no class of Python and no address."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import requests
import urllib3

from butlr_grafana.base.connection_faults import reason_of
from tests.support import HANG_S

pytestmark = pytest.mark.fast

Server = Callable[[bytes], str]


@pytest.fixture
def server() -> Iterator[Server]:
    """Answers one request with these bytes, then closes the connection."""
    with ExitStack() as stack:

        def serve(sent: bytes) -> str:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def answer() -> None:
                with listener.accept()[0] as connection:
                    connection.recv(65536)
                    connection.sendall(sent)

            thread = threading.Thread(target=answer, daemon=True)
            thread.start()
            stack.callback(thread.join)
            return f"http://127.0.0.1:{listener.getsockname()[1]}/secret"

        yield serve


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", "the connection was closed too early"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "the connection was closed too early"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the response is not HTTP"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 6\r\n\r\nno zip",
            "the response cannot be decompressed",
        ),
    ],
)
def test_what_a_server_does_wrong(server: Server, sent: bytes, reason: str) -> None:
    with pytest.raises(requests.RequestException) as caught:
        requests.get(server(sent), timeout=HANG_S)
    assert reason_of(caught.value) == reason


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(requests.RequestException) as caught:
        requests.get(f"http://127.0.0.1:{port}/", timeout=HANG_S)
    assert "NewConnectionError" in str(caught.value)
    assert reason_of(caught.value) == "connection refused"


def caused_by(outer: BaseException, inner: BaseException) -> BaseException:
    outer.__cause__ = inner
    return outer


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (requests.ConnectionError(socket.gaierror(-2, "no")), "the host name cannot be resolved"),
        (caused_by(requests.ConnectionError(), socket.gaierror()), "the host name cannot be resolved"),
        (requests.ReadTimeout("x"), "timed out"),
        (urllib3.exceptions.ReadTimeoutError(None, "/", "x"), "timed out"),  # type: ignore[arg-type]
        (requests.exceptions.SSLError(ssl.SSLCertVerificationError()), "the certificate is not trusted"),
        (requests.exceptions.SSLError(ssl.SSLError()), "TLS failed"),
        (OSError(113, "no"), "there is no network route to the host"),
        (requests.RequestException("http://host/secret"), "the connection failed"),
    ],
)
def test_other_kinds(error: BaseException, reason: str) -> None:
    assert reason_of(error) == reason
