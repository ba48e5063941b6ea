"""How compose's Grafana starts: only where its user can read all that it reads at the start.

The script of docker-compose.yml, with a program in place of Grafana, as a user who is not root.
tests/containers has it run by an engine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support import cannot_run

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
PROGRAMS = ("sh", "find", "cat", "head", "id")
"""What the script runs; in Grafana's image, which is an Alpine, they are BusyBox."""

on_each_system = pytest.mark.parametrize("system", ["here", "busybox"])


def script() -> str:
    """As compose passes it on: with each `$$` as `$`."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    shell, option, text, name = services["grafana"]["entrypoint"]
    assert (shell, option, name) == ("sh", "-c", "grafana")
    return str(text.replace("$$", "$"))


class Machine:
    """Folders as compose mounts them, of another user than Grafana's where root runs the tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("provisioning", "grafana-dashboards"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        # Whatever the umask was with which they were checked out.
        subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
        self.password = folder / "smtp_password"

    def start(self, *arguments: str, system: str = "here") -> tuple[int, str, str]:
        """Exit code, what was said, and with which options Grafana was started, if it was."""
        grafana = self.folder / "run.sh"
        grafana.write_text('#!/bin/sh\necho "started with: $*"\n', "utf-8")
        grafana.chmod(0o755)
        environment = {
            "PATH": os.environ["PATH"] if system == "here" else str(self.busybox()),
            "LC_ALL": "C",
            "GF_PATHS_PROVISIONING": str(self.folder / "provisioning"),
            "BUTLR_DASHBOARDS_DIR": str(self.folder / "grafana-dashboards"),
            "GF_SMTP_PASSWORD__FILE": str(self.password) if self.password.exists() else "",
        }
        text = script()
        assert text.count("/run.sh") == 1
        as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        done = subprocess.run(
            ["sh", "-c", text.replace("/run.sh", str(grafana)), "grafana", *arguments],
            env=environment,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            **as_nobody,  # type: ignore[call-overload]
        )
        return done.returncode, done.stderr, done.stdout

    def busybox(self) -> Path:
        """A folder with nothing but its programs."""
        program = shutil.which("busybox")
        if program is None:
            cannot_run("WITH BUSYBOX", "busybox is not installed")
        folder = self.folder / "bin"
        folder.mkdir(exist_ok=True)
        for name in PROGRAMS:
            if not (folder / name).exists():
                (folder / name).symlink_to(program)
        return folder

    def mend(self, message: str) -> None:
        """By the command that was said."""
        [command] = [
            line.split(": ", 1)[1] for line in message.splitlines() if line.startswith("Beside docker-")
        ]
        command = command.split(". Then")[0].replace(
            "the file that SMTP_PASSWORD_FILE names in .env", "smtp_password"
        )
        subprocess.run(command.split(), cwd=self.folder, check=True)


@pytest.fixture
def machine() -> Iterator[Machine]:
    """Not below pytest's own folder, into which no other user may."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Machine(Path(folder))
        subprocess.run(["chmod", "-R", "u+rwX", folder], check=True)


STARTED = "started with: --version\n"


@on_each_system
def test_grafana_starts_with_its_options_where_all_can_be_read(machine: Machine, system: str) -> None:
    assert machine.start("--version", system=system) == (0, "", STARTED)
    assert machine.start("look", system=system) == (0, "", "")


UNREADABLE = {
    "provisioning": 0o600,
    "provisioning/datasources": 0o600,
    "provisioning/dashboards": 0o711,
    "provisioning/alerting": 0o700,
    "provisioning/datasources/butlr.yaml": 0o600,
    "provisioning/datasources/butlr-prometheus.yaml": 0o200,
    "provisioning/dashboards/butlr.yaml": 0o600,
    "provisioning/alerting/butlr.yaml": 0o600,
    "provisioning/alerting/own.json": 0o600,
    "provisioning/plugins/own.yml": 0o600,
    "grafana-dashboards": 0o600,
    "grafana-dashboards/butlr-floor.json": 0o600,
    # Grafana walks through every folder beside the pages, and ends at one that it cannot list.
    "grafana-dashboards/dashboards/panels": 0o711,
    "smtp_password": 0o600,
}


@on_each_system
@pytest.mark.parametrize(("name", "mode"), UNREADABLE.items(), ids=UNREADABLE)
def test_it_does_not_start_where_something_cannot_be_read_and_says_what_mends_it(
    machine: Machine, name: str, mode: int, system: str
) -> None:
    path = machine.folder / name
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text("", "utf-8")
    # Where this user owns the files, it is the owner's rights that count.
    path.chmod(mode if os.geteuid() == 0 else mode & 0o100)
    code, text, started = machine.start("--version", system=system)
    assert (code, started) == (1, "")
    assert f"user {NOBODY if os.geteuid() == 0 else os.geteuid()}, as which it runs, cannot read" in text
    assert str(path) in text
    assert machine.start("look", system=system)[0] == 1
    if os.geteuid() == 0:
        machine.mend(text)
        assert machine.start("--version", system=system) == (0, "", STARTED)


NOT_READ = {
    "provisioning": 0o311,
    "provisioning/haproxy": 0,
    "provisioning/prometheus": 0,
    "provisioning/prometheus/rules.yml": 0,
    "provisioning/run-grafana": 0,
    "provisioning/datasources/butlr.yaml.bak": 0,
    "provisioning/datasources/old.json": 0,
    "provisioning/datasources/old": 0,
    "grafana-dashboards/build.py": 0,
    "grafana-dashboards/.git": 0,
}


@on_each_system
@pytest.mark.parametrize(("name", "mode"), NOT_READ.items(), ids=NOT_READ)
def test_what_grafana_does_not_read_is_no_reason_not_to_start(
    machine: Machine, name: str, mode: int, system: str
) -> None:
    path = machine.folder / name
    if not path.exists() and path.name in ("old", ".git"):
        path.mkdir()
    elif not path.exists():
        path.write_text("", "utf-8")
    path.chmod(mode)
    assert machine.start("--version", system=system) == (0, "", STARTED)


def test_a_kind_of_file_that_is_not_there_is_none_to_be_read(machine: Machine) -> None:
    shutil.rmtree(machine.folder / "provisioning/alerting")
    assert machine.start("--version") == (0, "", STARTED)
