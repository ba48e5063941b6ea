"""Empty environments, and the package as others install it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import requests

from tests.processes import running
from tests.support import PARIS, cannot_run

ROOT = Path(__file__).resolve().parents[2]
BUILT_FROM = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")
FOLDERS = ("backend", "grafana-dashboards", "provisioning", "docs/runbooks")


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """What a command prints, of which nothing of ours is in the environment."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("BUTLR_", "BACKEND_", "PYTHON"))}
    done = subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def built(folder: Path) -> tuple[Path, Path]:
    """The wheel, built from the source package alone, and that."""
    source = folder / "source"
    source.mkdir()
    for name in BUILT_FROM:
        shutil.copy(ROOT / name, source / name)
    for name in FOLDERS:
        shutil.copytree(
            ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", source)
    [wheel], [packed] = (folder / "dist").glob("*.whl"), (folder / "dist").glob("*.tar.gz")
    return wheel, packed


class Environment:
    """An environment of this Python with nothing in it, outside the repository.

    The pip of this Python fills it: an environment's own would be unpacked for each first.
    """

    def __init__(self, folder: Path) -> None:
        python = folder / "bin" / "python"
        run(sys.executable, "-m", "venv", "--without-pip", folder)
        self._pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python))
        self.command = [str(folder / "bin" / "butlr-grafana")]

    def install(self, lock: Path, wheel: Path) -> None:
        """What a lock names, and the package itself without looking for more. What is imported is compiled
        then.
        """
        install = (*self._pip, "install", "--quiet", "--no-compile")
        wanted = [*install, "--require-hashes", "--only-binary", ":all:", "-r", str(lock)]
        done = subprocess.run(wanted, capture_output=True, text=True, check=False)
        if done.returncode and "No matching distribution" not in done.stderr:
            cannot_run("IN AN EMPTY ENVIRONMENT", f"pip cannot install {lock.name}: {done.stderr[-300:]}")
        assert done.returncode == 0, done.stderr
        run(*install, "--no-deps", wheel)
        run(*self._pip, "check")

    def responds(self, **settings: str) -> None:
        """The demo starts, and what its dependencies are for works."""
        with running("demo", command=self.command, **settings) as (_, url):
            period = {"space": PARIS, "from": "2026-06-10T07:00:00Z", "to": "2026-06-10T10:00:00Z"}
            for target, form, begins in (
                ("heatmap", "frames", b"["),
                ("heatmap", "png", b"\x89PNG"),
                ("hot-zones", "csv", b"room_id"),
                ("occupancy", "rows", b"["),
                ("utilization", "rows", b"["),
                ("playback", "webp", b"RIFF"),
            ):
                arguments = {**period, "format": form, "holidays": "out"}
                response = requests.get(f"{url}/api/v1/{target}", params=arguments, timeout=60)
                assert response.status_code == 200, response.text
                assert response.content.lstrip(b"\xef\xbb\xbf").startswith(begins), response.content[:80]
            assert "butlr_calls_total" in requests.get(f"{url}/metrics", timeout=60).text
