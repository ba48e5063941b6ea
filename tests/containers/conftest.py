"""What `make containers` needs: an engine, compose, and the images, or stand-ins for them.

Collected by `make containers` only (`CONTAINERS=1`): it takes minutes, and starts containers.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.containers import stand_ins
from tests.containers.project import ROOT, Project, docker
from tests.support import cannot_run

if not os.environ.get("CONTAINERS"):
    collect_ignore_glob = ["test_*.py"]

ROWS: list[tuple[str, str]] = []
Record = Callable[[str, object], None]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if ROWS:
        terminalreporter.section("containers")
        for name, value in ROWS:
            terminalreporter.write_line(f"{name:<50} {value}")


@pytest.fixture(scope="session")
def record() -> Record:
    """A row of the table that is printed at the end."""
    return lambda name, value: ROWS.append((name, str(value)))


def succeeds(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def pinned_images() -> list[str]:
    """Those of docker-compose.yml, with every profile, and the one that our image starts from."""
    command = ["docker", "compose", "--profile", "*", "config", "--format", "json"]
    config = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)
    images = {service["image"] for service in config["services"].values()} - {"butlr-grafana"}
    return sorted({*images, *re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text("utf-8"), re.M)})


@pytest.fixture(scope="session", autouse=True)
def engine(record: Record) -> None:
    if not succeeds("docker", "info"):
        cannot_run("WITH CONTAINERS", "no container engine answers `docker info`")
    if not succeeds("docker", "compose", "version"):
        cannot_run("WITH CONTAINERS", "docker has no compose (`docker compose version`)")
    if os.environ.get("CONTAINERS_STAND_INS"):
        stand_ins.make(pinned_images())
    images = "stand-ins from Debian's packages" if os.environ.get("CONTAINERS_STAND_INS") else "as pinned"
    record("engine", docker("version", "--format", "{{.Server.Version}}"))
    record("compose", docker("compose", "version", "--short"))
    record("images of others", images)


@pytest.fixture(scope="module")
def make_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Project]]:
    """Projects that end with the module, with their volumes."""
    made: list[Project] = []

    def make(name: str, **settings: str) -> Project:
        made.append(Project(Path(tmp_path_factory.mktemp("checkout")), f"butlr-test-{name}", **settings))
        return made[-1]

    yield make
    for project in made:
        project.end()
