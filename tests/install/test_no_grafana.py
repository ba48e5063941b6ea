"""An address at which there is no Grafana: it is found out before a token or a password is sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from butlr_grafana.cli import check_grafana
from butlr_grafana.settings import read
from tests.fake_grafana import EDITOR, FakeGrafana
from tests.install.conftest import BACKEND_URL, TOKEN, Operator
from tests.support import World

COMMANDS = {
    "install": ("--backend", BACKEND_URL),
    "uninstall": (),
    "alert": ("--room", "Library", "--people", "20"),
    "wall": (),
}


class Other:
    """A server that is no Grafana. `credentials`: what it was sent."""

    def __init__(self, respond: Callable[[str], tuple[int, bytes]]) -> None:
        self.credentials: list[str | None] = []
        other = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                other.credentials.append(self.headers.get("Authorization"))
                status, body = respond(self.path)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its own name for it
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def make_other() -> Iterator[Callable[..., Other]]:
    made: list[Other] = []

    def make(respond: Callable[[str], tuple[int, bytes]]) -> Other:
        made.append(Other(respond))
        return made[-1]

    yield make
    for other in made:
        other.close()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("tokens", ["", TOKEN])
def test_the_backend_is_told_from_grafana(
    command: str,
    tokens: str,
    make_other: Callable[..., Other],
    make_world: Callable[..., World],
    operator: Operator,
) -> None:
    """With a token of its own and without one."""
    operator.has(GRAFANA_TOKEN=EDITOR)
    backend = make_world(tokens=read({"BACKEND_TOKEN": tokens}).tokens).http

    def respond(path: str) -> tuple[int, bytes]:
        response = backend.get(path)
        return response.status_code, response.data

    other = make_other(respond)
    code, _, err = operator.run_at(other.url, command, *COMMANDS[command])
    assert code == 1
    assert f"--grafana {other.url}: this is the backend's address, not Grafana's" in err
    assert other.credentials == [None]
    [row] = check_grafana.rows(
        read({"GRAFANA_TOKEN": EDITOR}), other.url, organisation="", source_uid="butlr"
    )
    assert row[:2] == ("grafana", "FAILED")
    assert "this is the backend's address" in row[2]
    assert other.credentials == [None, None]


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"<html>"), (404, b'{"message": "no"}'), (200, b"[]"), (401, b""), (200, b'{"status": "ok"}')],
)
def test_other_servers_are_no_grafana(
    status: int,
    body: bytes,
    make_other: Callable[..., Other],
    operator: Operator,
) -> None:
    other = make_other(lambda _: (status, body))
    code, _, err = operator.run_at(other.url, "install", "--backend", BACKEND_URL)
    assert code == 1
    assert f"--grafana {other.url}: there is no Grafana at this address" in err
    assert other.credentials == [None]


def test_grafana_is_asked_once_without_credentials(grafana: FakeGrafana, operator: Operator) -> None:
    operator.install(grafana)
    assert grafana.health_credentials == [""]
