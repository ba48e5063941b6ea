"""`provisioning/run-grafana`, with a Grafana that only tells what it was started with."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from butlr_grafana.settings import read

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ("yesoreyeram-infinity-datasource", "simpod-json-datasource", "volkovlabs-echarts-panel")

Environment = dict[str, str]


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """What `make grafana` needs, with a Grafana that prints its arguments and environment."""
    grafana = tmp_path / "home" / "bin" / "grafana"
    grafana.parent.mkdir(parents=True)
    grafana.write_text('#!/bin/sh\necho "ARGUMENTS=$*"\nexec env\n')
    grafana.chmod(0o755)
    for plugin in PLUGINS:
        (tmp_path / "plugins" / plugin).mkdir(parents=True)
    return {
        "PATH": os.environ["PATH"],
        "GRAFANA_HOME": str(tmp_path / "home"),
        "GF_PATHS_PLUGINS": str(tmp_path / "plugins"),
        "GF_PATHS_DATA": str(tmp_path / "data"),
    }


def run(environment: Environment) -> subprocess.CompletedProcess[str]:
    script = str(ROOT / "provisioning" / "run-grafana")
    return subprocess.run([script], env=environment, capture_output=True, text=True, check=False)


def started(environment: Environment) -> Environment:
    """The environment that Grafana was started with."""
    result = run(environment)
    assert (result.returncode, result.stderr) == (0, "")
    return dict(line.split("=", 1) for line in result.stdout.splitlines() if "=" in line)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"GRAFANA_HOME": ""}, "GRAFANA_HOME is not set"),
        ({"GRAFANA_HOME": "/nowhere"}, "GRAFANA_HOME=/nowhere holds no bin/grafana"),
        ({"GF_PATHS_PLUGINS": ""}, "GF_PATHS_PLUGINS is not set"),
        ({"GF_PATHS_PLUGINS": "/nowhere"}, "GF_PATHS_PLUGINS=/nowhere holds no yesoreyeram-infinity"),
        ({"BACKEND_TOKEN": "secret-1", "BACKEND_TOKEN_FILE": "/t"}, "BACKEND_TOKEN and BACKEND_TOKEN_FILE"),
        ({"BACKEND_TOKEN_FILE": "/nowhere"}, "BACKEND_TOKEN_FILE=/nowhere cannot be read"),
        ({"BACKEND_TOKEN_FILE": "/dev/null"}, "BACKEND_TOKEN_FILE=/dev/null is empty"),
        ({"BACKEND_TOKEN": "with-$-inside"}, "BACKEND_TOKEN holds a $"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    environment: Environment, change: Environment, message: str
) -> None:
    result = run(environment | change)
    assert result.returncode == 1
    [line] = result.stderr.splitlines()
    assert line.startswith(f"run-grafana: {message}")
    assert "secret-1" not in line


def test_grafana_reads_this_repository_and_stays_on_this_machine(environment: Environment) -> None:
    seen = started(environment)
    assert seen["ARGUMENTS"] == f"server --homepath {environment['GRAFANA_HOME']}"
    assert seen["GF_PATHS_PROVISIONING"] == str(ROOT / "provisioning")
    assert seen["BUTLR_DASHBOARDS_DIR"] == str(ROOT / "grafana-dashboards")
    assert seen["BUTLR_BACKEND_URL"] == "http://127.0.0.1:8080"
    assert seen["BUTLR_PROMETHEUS_URL"] == "http://127.0.0.1:9090"
    assert (seen["GF_SERVER_HTTP_ADDR"], seen["GF_SERVER_HTTP_PORT"]) == ("127.0.0.1", "3000")
    assert seen["GF_PLUGINS_PREINSTALL_DISABLED"] == "true"
    assert "GF_PLUGINS_ALLOW_LOADING_UNSIGNED_PLUGINS" not in seen


def test_settings_of_the_caller_win(environment: Environment) -> None:
    seen = started(environment | {"BUTLR_BACKEND_URL": "http://b:1", "GF_SERVER_HTTP_PORT": "3999"})
    assert (seen["BUTLR_BACKEND_URL"], seen["GF_SERVER_HTTP_PORT"]) == ("http://b:1", "3999")


def test_without_a_token_no_header_is_sent(environment: Environment) -> None:
    assert started(environment)["BUTLR_BACKEND_AUTHORIZATION"] == ""


@pytest.mark.parametrize(
    ("tokens", "first"),
    [
        ("token-one", "token-one"),
        ("token-one=space_1+space_2,token-two", "token-one"),
        (" token-one , token-two\n", "token-one"),
        ("q2Fz+/8=", "q2Fz+/8="),
        ("q2Fz+/8==,token-two", "q2Fz+/8=="),
        ("q2Fz+/8===space_1+space_2-b", "q2Fz+/8=="),
        ("pass=word+word", "pass=word+word"),
    ],
)
@pytest.mark.parametrize("as_file", [False, True])
def test_grafana_gets_the_first_token_through_a_file(
    environment: Environment, tmp_path: Path, tokens: str, first: str, as_file: bool
) -> None:
    (tmp_path / "given").write_text(tokens)
    given = {"BACKEND_TOKEN_FILE": str(tmp_path / "given")} if as_file else {"BACKEND_TOKEN": tokens}
    file = tmp_path / "data" / "butlr-token"
    assert started(environment | given)["BUTLR_BACKEND_AUTHORIZATION"] == f"Bearer $__file{{{file}}}"
    assert file.read_text() == first == read(given).tokens[0].text
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("written", [b"\xef\xbb\xbftoken-one\r\n", b"token-one\r\n", b"token-one\n\n"])
def test_a_mark_or_a_line_end_in_the_file_is_no_part_of_the_token(
    environment: Environment, tmp_path: Path, written: bytes
) -> None:
    (tmp_path / "given").write_bytes(written)
    started(environment | {"BACKEND_TOKEN_FILE": str(tmp_path / "given")})
    assert (tmp_path / "data" / "butlr-token").read_bytes() == b"token-one"


def test_a_file_in_utf_16_is_refused_in_words(environment: Environment, tmp_path: Path) -> None:
    """As Windows PowerShell writes it; the backend reads it, this shell cannot."""
    (tmp_path / "given").write_bytes("token-one\r\n".encode("utf-16"))
    result = run(environment | {"BACKEND_TOKEN_FILE": str(tmp_path / "given")})
    assert result.returncode == 1
    assert "is UTF-16; save it as UTF-8" in result.stderr


def test_a_token_of_an_earlier_run_does_not_stay(environment: Environment, tmp_path: Path) -> None:
    started(environment | {"BACKEND_TOKEN": "token-one"})
    started(environment)
    assert not (tmp_path / "data" / "butlr-token").exists()
