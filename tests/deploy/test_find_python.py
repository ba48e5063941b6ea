"""`.ci/find-python`: the Pythons that CI runs the suite on, wherever a machine has them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WANTED = "3.99"
"""No machine has it."""


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine whose programs are those in `bin`, before the system's; its user is no root."""
    (tmp_path / "bin").mkdir()
    program(tmp_path / "bin" / "id", "echo 1000")
    return tmp_path


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def found(machine: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(machine / "bin"), "/usr/bin", "/bin"])
    return subprocess.run(
        [ROOT / ".ci" / "find-python", WANTED],
        env={"PATH": path, "HOME": str(machine)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_one_on_the_path_is_found(machine: Path) -> None:
    program(machine / "bin" / f"python{WANTED}", f"echo {WANTED}")
    assert found(machine).stdout == f"python{WANTED}\n"


def test_one_of_pyenv_is_found_behind_a_shim_that_does_not_answer(machine: Path) -> None:
    program(machine / "bin" / f"python{WANTED}", "echo 'pyenv: command not found' >&2; exit 127")
    own = program(
        machine / ".pyenv" / "versions" / f"{WANTED}.1" / "bin" / f"python{WANTED}", f"echo {WANTED}"
    )
    assert found(machine).stdout == f"{own}\n"


def test_one_that_is_of_another_version_is_none(machine: Path) -> None:
    program(machine / "bin" / f"python{WANTED}", "echo 3.9")
    assert found(machine).returncode == 1


def test_root_has_it_installed(machine: Path) -> None:
    program(machine / "bin" / "id", "echo 0")
    here = machine / "bin" / f"python{WANTED}"
    write = f'printf "#!/bin/sh\\necho {WANTED}\\n" >{here}; chmod +x {here}'
    installs = f'case "$*" in *python{WANTED}-venv*) {write} ;; esac'
    program(machine / "bin" / "apt-get", installs)
    assert found(machine).stdout == f"python{WANTED}\n"


@pytest.mark.parametrize("user", [0, 1000])
def test_none_is_a_failure_that_is_told(machine: Path, user: int) -> None:
    program(machine / "bin" / "id", f"echo {user}")
    program(machine / "bin" / "apt-get", "exit 100")
    done = found(machine)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"THE SUITE MUST RUN ON PYTHON {WANTED}" in done.stderr
