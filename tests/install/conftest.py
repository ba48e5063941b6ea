from __future__ import annotations

from collections.abc import Iterator

import pytest

from butlr_grafana.cli.main import main
from tests.fake_grafana import ADMIN, EDITOR, PASSWORD, VIEWER, FakeGrafana

BACKEND_URL = "http://backend.example:8080"
TOKEN = "the-backends-token"  # of a test


class Operator:
    """Who calls the command, with an Admin's token."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        for name in ("GRAFANA_TOKEN", "GRAFANA_USER", "GRAFANA_PASSWORD", "BACKEND_TOKEN"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(f"{name}_FILE", raising=False)
        self.has(GRAFANA_TOKEN=ADMIN, BACKEND_TOKEN=TOKEN)

    def has(self, **settings: str) -> None:
        for name, value in settings.items():
            self._monkeypatch.setenv(name, value)

    def is_user(self, name: str) -> None:
        self.has(GRAFANA_TOKEN="", GRAFANA_USER=name, GRAFANA_PASSWORD=PASSWORD)

    def run(self, command: str, grafana: FakeGrafana, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout, stderr; no secret is in either."""
        return self.run_at(grafana.url, command, *arguments)

    def run_at(self, url: str, command: str, *arguments: str) -> tuple[int, str, str]:
        code = main([command, "--grafana", url, *arguments])
        out, err = self._capsys.readouterr()
        for secret in (ADMIN, EDITOR, VIEWER, PASSWORD, TOKEN):
            assert secret not in out + err
        return code, out, err

    def install(self, grafana: FakeGrafana, *arguments: str) -> str:
        """What a call that ends well prints."""
        code, out, err = self.run("install", grafana, *(arguments or ("--backend", BACKEND_URL)))
        assert (code, err) == (0, "")
        return out

    def uninstall(self, grafana: FakeGrafana, *arguments: str) -> str:
        code, out, err = self.run("uninstall", grafana, *arguments)
        assert (code, err) == (0, "")
        return out

    def refused(self, command: str, grafana: FakeGrafana, *arguments: str) -> str:
        """What a call that fails says; it has changed nothing."""
        before = list(grafana.changes)
        code, _, err = self.run(command, grafana, *arguments)
        assert code == 1
        assert grafana.changes == before
        [line] = err.splitlines()
        return line.removeprefix("butlr-grafana: ")


@pytest.fixture
def grafana() -> Iterator[FakeGrafana]:
    fake = FakeGrafana()
    yield fake
    fake.close()


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Operator:
    return Operator(monkeypatch, capsys)
