"""The command that compose runs once before the backends: tokens, and a last look at the settings."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from butlr_grafana.base.access import SettingError
from butlr_grafana.cli.prepare import prepare
from tests.processes import run


def settings(folder: Path, **others: str) -> dict[str, str]:
    files = {name: str(folder / name) for name in ("token", "wall-token")}
    return {
        "BACKEND_HOST": "0.0.0.0",
        "BACKEND_TOKEN_FILE": files["token"],
        "BACKEND_WALL_TOKEN_FILE": files["wall-token"],
        **others,
    }


def test_tokens_are_made_once_and_can_be_read_by_every_user(tmp_path: Path) -> None:
    made = []
    for _ in range(2):
        done = run("prepare", **settings(tmp_path))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        made.append({path.name: path.read_text() for path in tmp_path.iterdir()})
    assert made[0] == made[1]
    assert set(made[0]) == {"token", "wall-token"}
    assert len(set(made[0].values())) == 2
    assert all(re.fullmatch(r"[\w-]{40,}", token) for token in made[0].values())
    assert all(path.stat().st_mode & 0o444 == 0o444 for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"BACKEND_PORT": "http"}, "BACKEND_PORT='http': use a number from 0 to 65535"),
        ({"BUTLR_CLIENT_ID": "id"}, "BUTLR_CLIENT_ID and BUTLR_CLIENT_SECRET"),
        ({"BUTLR_CLIENT_ID": "id", "BUTLR_CLIENT_SECRET_FILE": "/nowhere"}, "No such file"),
        ({"BACKEND_TOKEN_FILE": "/nowhere/token"}, "BACKEND_TOKEN_FILE=/nowhere/token: cannot be created"),
        ({"BACKEND_TOKEN_FILE": ""}, "BACKEND_WALL_TOKEN is set without BACKEND_TOKEN"),
    ],
)
def test_what_serve_would_refuse_is_refused(tmp_path: Path, wrong: dict[str, str], message: str) -> None:
    with pytest.raises(SettingError, match=re.escape(message)):
        prepare(settings(tmp_path, **wrong))


@pytest.mark.parametrize("command", ["prepare", "serve"])
def test_a_refusal_has_the_form_of_all_lines(tmp_path: Path, command: str) -> None:
    wrong = settings(tmp_path, BACKEND_PORT="http")
    text = "BACKEND_PORT='http': use a number from 0 to 65535"
    as_text = run(command, **wrong)
    assert (as_text.returncode, as_text.stdout, as_text.stderr) == (1, "", f"butlr-grafana: {text}\n")
    as_json = run(command, **wrong, BACKEND_LOG="json")
    assert (as_json.returncode, as_json.stdout) == (1, "")
    [line] = map(json.loads, as_json.stderr.splitlines())
    assert (line["level"], line["message"]) == ("error", text)
