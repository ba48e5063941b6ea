"""The mark `fast` keeps what it promises: no process, and no connection out of this one."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.fast import NotFast, alone

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.fast
def test_no_process_is_started() -> None:
    with pytest.raises(NotFast):
        subprocess.run([sys.executable, "-c", "pass"], check=False)
    with pytest.raises(NotFast):
        os.system("true")


@pytest.mark.fast
@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("butlr.example.com", 443)])
def test_nothing_elsewhere_is_connected_to(address: tuple[str, int]) -> None:
    with socket.socket() as connection, pytest.raises(NotFast):
        connection.connect(address)


@pytest.mark.fast
def test_no_socket_of_another_process_is_connected_to(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as connection, pytest.raises(NotFast):
        connection.connect(str(tmp_path / "socket"))


@pytest.mark.fast
def test_this_process_may_be_connected_to() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as connection:
        connection.connect(server.getsockname())


def test_other_tests_may_do_all_that() -> None:
    assert subprocess.run([sys.executable, "-c", "pass"], check=False).returncode == 0
    with alone():
        pass
    assert subprocess.run([sys.executable, "-c", "pass"], check=False).returncode == 0


def test_the_hooks_before_a_commit_are_the_commands_of_make_lint_and_fetch_nothing() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    assert {hook["language"] for hook in hooks} == {"system"}
    makefile = (ROOT / "Makefile").read_text("utf-8")
    [lint, contract] = (
        re.findall(rf"^{name}:[^\n]*\n((?:\t[^\n]*\n)+)", makefile, re.MULTILINE)
        for name in ("lint", "contract")
    )
    run = re.findall(r"\$\(BIN\)/([^\n]+)", lint[0] + contract[0])
    without_files = {re.sub(r"( --check)? \.$", "", command) for command in run}
    assert {hook["entry"].removeprefix(".venv/bin/") for hook in hooks} == without_files
