"""`make` leaves an environment that works: half made, broken, moved or of another Python, it is made anew."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MADE_ANEW = "it is made anew"

QUICK = """#!/bin/sh
# This Python, but its environments are made at once: pip, and what it would install, only say what they were
# called with.
case "$1 $2" in
"-m venv")
  {python} -m venv --without-pip "$3" || exit
  packages=$(echo "$3"/lib/python*/site-packages)
  mkdir "$packages/pip"
  touch "$packages/pip/__init__.py"
  for program in pip butlr-grafana; do
    printf '#!%s/bin/python\\nimport sys\\nprint("{message}", *sys.argv[1:])\\n' "$PWD/$3" >"$3/bin/$program"
    chmod +x "$3/bin/$program"
  done
  ;;
*) exec {python} "$@" ;;
esac
"""


def program(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


class Clone:
    """A folder with what `make` reads, and a Python that is quick."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / ".ci").mkdir(parents=True)
        for name in ("Makefile", ".ci/venv", "pyproject.toml", "requirements.lock", "requirements-dev.lock"):
            shutil.copy(ROOT / name, folder / name)
        # The real one: in an environment, `python -m venv` makes another of the same.
        self.python = program(
            folder / "quick-python", QUICK.format(python=sys.executable, message=f"from-{folder.name}")
        )

    @property
    def venv(self) -> Path:
        return self.folder / ".venv"

    def make(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "PYTHON", "VIRTUAL_ENV"))}
        return subprocess.run(
            ["make", *arguments],
            cwd=self.folder,
            env=clean | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def demo(self, **environment: str) -> str:
        """What `make demo` prints where it succeeds: what pip was called with, then what our command was."""
        done = self.make("demo", **{"PYTHON": self.python, **environment})
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "clone")


def test_a_fresh_clone_is_set_up_once(clone: Clone) -> None:
    first, second = clone.demo(), clone.demo()
    assert first.count("from-clone install") == 2
    assert first.endswith("from-clone demo\n")
    assert MADE_ANEW not in first
    assert second == "from-clone demo\n"


def half_made(clone: Clone) -> None:
    """As Debian's `python3 -m venv` leaves it without `python3-venv`."""
    shutil.rmtree(clone.venv)
    (clone.venv / "bin").mkdir(parents=True)
    (clone.venv / "bin" / "python").symlink_to(sys.executable)


def without_pip(clone: Clone) -> None:
    [pip] = clone.venv.glob("lib/python*/site-packages/pip")
    shutil.rmtree(pip)


def its_python_gone(clone: Clone) -> None:
    """As after an upgrade that takes the old one away."""
    for link in (clone.venv / "bin").glob("python*"):
        link.unlink()
    (clone.venv / "bin" / "python").symlink_to("/nowhere/python3")


def its_python_upgraded(clone: Clone) -> None:
    """The same path is another version now."""
    made_for = clone.venv / ".made-for"
    made_for.write_text(made_for.read_text().replace(sys.version.split()[0], "3.10.1"))


def ended_while_it_was_made(clone: Clone) -> None:
    (clone.venv / ".made-for").write_text("")


def made_before_it_was_looked_at(clone: Clone) -> None:
    (clone.venv / ".made-for").unlink()


@pytest.mark.parametrize(
    "break_it",
    [
        half_made,
        without_pip,
        its_python_gone,
        its_python_upgraded,
        ended_while_it_was_made,
        made_before_it_was_looked_at,
    ],
)
def test_one_that_does_not_work_is_made_anew_with_all_that_is_in_it(clone: Clone, break_it: object) -> None:
    whole = clone.demo()
    assert callable(break_it)
    break_it(clone)
    again = clone.demo()
    assert MADE_ANEW in again
    assert again.count("from-clone install") == whole.count("from-clone install") == 2
    assert clone.demo() == "from-clone demo\n"


def test_a_moved_folder_is_set_up_where_it_is_now(clone: Clone, tmp_path: Path) -> None:
    clone.demo()
    moved = Clone(tmp_path / "moved")
    shutil.copytree(clone.venv, moved.venv, symlinks=True)
    shutil.rmtree(clone.folder)
    assert moved.demo().endswith("from-moved demo\n")


def test_a_python_that_is_named_is_used(clone: Clone) -> None:
    """And one that is not named, the environment keeps: `make test` after `make PYTHON=… demo`."""
    clone.demo()
    other = program(clone.folder / "other-python", f'#!/bin/sh\nexec {clone.python} "$@"\n')
    assert clone.demo(PYTHON=other) == "from-clone demo\n", "another name of the same Python"
    real = clone.python
    pretends = f"""#!/bin/sh
case "$2" in *realpath*) echo "of another version" ;; *) exec {real} "$@" ;; esac
"""
    assert MADE_ANEW in clone.demo(PYTHON=program(clone.folder / "new-python", pretends))
    assert clone.demo(PYTHON="") == "from-clone demo\n"


@pytest.mark.parametrize(
    ("fails_at", "message"),
    [
        ("*version_info*", "Python 3.11 or newer is needed, and PYTHON is none; name one with: make PYTHON="),
        ("*ensurepip*", "PYTHON cannot make environments, for it lacks its modules venv and ensurepip."),
    ],
)
def test_a_python_that_will_not_do_is_told_and_leaves_nothing(
    clone: Clone, fails_at: str, message: str
) -> None:
    broken = program(
        clone.folder / "broken",
        f'#!/bin/sh\ncase "$2" in {fails_at}) exit 1 ;; *) exec {clone.python} "$@" ;; esac\n',
    )
    done = clone.make("demo", PYTHON=broken)
    assert done.returncode != 0
    assert (
        message.replace("PYTHON is", f"{broken} is").replace("PYTHON cannot", f"{broken} cannot")
        in done.stderr
    )
    assert not clone.venv.exists()
    assert clone.demo().endswith("from-clone demo\n")


def test_a_newer_python_is_found_where_python3_is_old(clone: Clone) -> None:
    """As on macOS, whose own python3 is 3.9."""
    programs = clone.folder / "programs"
    programs.mkdir()
    program(programs / "python3", "#!/bin/sh\nexit 1\n")
    for minor in range(11, 15):
        name = f"python3.{minor}"
        text = f'exec {clone.python} "$@"' if minor == sys.version_info.minor else "exit 1"
        program(programs / name, f"#!/bin/sh\n{text}\n")
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    assert clone.demo(PYTHON="", PATH=path).endswith("from-clone demo\n")


def test_a_real_environment_works(tmp_path: Path) -> None:
    """With Python's own `venv`: pip starts, and by its own program too."""
    subprocess.run(
        [ROOT / ".ci" / "venv", ".venv"],
        cwd=tmp_path,
        env={**os.environ, "PYTHON": sys.executable},
        check=True,
        capture_output=True,
    )
    requested = subprocess.run(
        [tmp_path / ".venv/bin/pip", "--version"], capture_output=True, text=True, check=True
    )
    assert f"python {sys.version_info.major}.{sys.version_info.minor}" in requested.stdout
