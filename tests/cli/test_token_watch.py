"""A token's file that changes while the backend runs: no restart, no gap, and never open to everybody."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
import requests

from butlr_grafana.base.access import BackendToken, SettingError
from butlr_grafana.cli.token_watch import TokenWatch
from butlr_grafana.web.app import build
from tests.processes import running
from tests.support import PARIS, World

OLD, NEW = "the-old-token", "the-newer-token"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{OLD}\n", "utf-8")
    return path


def put(file: Path, text: str) -> None:
    """As editors and orchestrators do: a new file takes the old one's name."""
    fresh = file.with_suffix(".new")
    fresh.write_text(text, "utf-8")
    fresh.replace(file)


def texts(watch: TokenWatch) -> list[str]:
    return [token.text for token in watch()]


def test_the_steps_of_a_change_leave_no_gap(world: World, file: Path) -> None:
    """Both, then the new one alone: at each step what Grafana sends is known."""
    watch = TokenWatch({"BACKEND_TOKEN_FILE": str(file)})
    http = build(
        world.application.service,
        world.application.receiver,
        tokens=watch,
        grafana_url="http://localhost:3000",
    ).test_client()

    def statuses() -> list[int]:
        sent = ({"Authorization": f"Bearer {token}"} for token in (OLD, NEW))
        return [http.get("/api/v1/status", headers=headers).status_code for headers in sent]

    assert statuses() == [200, 401]
    put(file, f"{NEW},{OLD}")
    assert statuses() == [200, 200]
    put(file, NEW)
    assert statuses() == [401, 200]


def test_a_backend_that_began_with_tokens_is_never_open(world: World) -> None:
    """Whatever becomes of them."""
    known = [BackendToken(OLD)]
    http = build(
        world.application.service, world.application.receiver, tokens=lambda: tuple(known), grafana_url=""
    ).test_client()
    known.clear()
    assert http.get("/api/v1/status").status_code == 401
    assert http.get("/healthz").status_code == 200


def test_floors_of_a_token_are_read_again_too(file: Path) -> None:
    watch = TokenWatch({"BACKEND_TOKEN_FILE": str(file)})
    put(file, f"{OLD}={PARIS}")
    assert watch() == (BackendToken(OLD, frozenset({PARIS})),)


def test_a_walls_token_is_read_again_too(file: Path, tmp_path: Path) -> None:
    wall = tmp_path / "wall"
    wall.write_text("the-walls-token", "utf-8")
    watch = TokenWatch({"BACKEND_TOKEN_FILE": str(file), "BACKEND_WALL_TOKEN_FILE": str(wall)})
    put(wall, "the-walls-newer-token")
    assert watch() == (BackendToken(OLD), BackendToken("the-walls-newer-token", for_walls=True))


@pytest.mark.parametrize("text", ["", "short", None], ids=["empty", "no token", "gone"])
def test_a_file_that_cannot_be_used_changes_nothing(
    text: str | None, file: Path, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    watch = TokenWatch({"BACKEND_TOKEN_FILE": str(file)})
    http = build(
        world.application.service,
        world.application.receiver,
        tokens=watch,
        grafana_url="http://localhost:3000",
    ).test_client()
    caplog.set_level(logging.INFO)
    file.unlink()
    if text is not None:
        file.write_text(text, "utf-8")
    for _ in range(3):
        assert texts(watch) == [OLD]
    assert http.get("/api/v1/status").status_code == 401
    messages = [record.getMessage() for record in caplog.records if record.name == "butlr_grafana.tokens"]
    assert len(messages) == 1
    assert messages[0].startswith("the changed tokens are not used, the old ones stay valid: BACKEND_TOKEN")
    put(file, NEW)
    assert texts(watch) == [NEW]
    assert not any(token in caplog.text for token in (OLD, NEW))


def test_what_has_not_changed_is_not_read_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = TokenWatch({"BACKEND_TOKEN_FILE": str(file)})
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("read"))
    assert texts(watch) == [OLD]


def test_a_file_that_is_written_in_place_is_seen(file: Path) -> None:
    watch = TokenWatch({"BACKEND_TOKEN_FILE": str(file)})
    number = file.stat().st_ino
    file.write_text(NEW, "utf-8")
    os.utime(file, ns=(1, 1))
    assert file.stat().st_ino == number
    assert texts(watch) == [NEW]


def test_without_files_it_is_as_the_environment_says() -> None:
    assert texts(TokenWatch({"BACKEND_TOKEN": f"{OLD},{NEW}"})) == [OLD, NEW]
    assert TokenWatch({})() == ()
    with pytest.raises(SettingError, match="BACKEND_TOKEN"):
        TokenWatch({"BACKEND_TOKEN": "short"})


def test_a_running_backend_takes_a_new_token(file: Path) -> None:
    with running("serve", BACKEND_PORT="0", BACKEND_TOKEN_FILE=str(file)) as (_, url):

        def status(token: str) -> int:
            headers = {"Authorization": f"Bearer {token}"}
            return requests.get(f"{url}/metrics", headers=headers, timeout=60).status_code

        assert (status(OLD), status(NEW)) == (200, 401)
        put(file, NEW)
        assert (status(OLD), status(NEW)) == (401, 200)
