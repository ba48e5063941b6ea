"""The command `prepare`: checks everything that `serve` needs, before `serve` starts.

Compose runs it once before the backends. It creates the tokens between Grafana and the backend, and reads the
settings in the same way as `serve`, so that a wrong setting ends `docker compose up` at once.
"""

from __future__ import annotations

import argparse
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from butlr_grafana.base.access import SettingError
from butlr_grafana.settings import read

TOKEN_FILES = ("BACKEND_TOKEN_FILE", "BACKEND_WALL_TOKEN_FILE")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=run)


def run(_: argparse.Namespace) -> int:
    prepare(os.environ)
    return 0


def prepare(environment: Mapping[str, str]) -> None:
    """Creates the missing files of `TOKEN_FILES`. Raises `SettingError`."""
    for name in TOKEN_FILES:
        path = environment.get(name, "").strip()
        if path:
            try:
                _make_token(Path(path))
            except OSError as error:
                raise SettingError(f"{name}={path}: cannot be created ({error.strerror})") from None
    read(environment).check_exposure()


def _make_token(file: Path) -> None:
    if file.exists():
        return
    new = file.with_suffix(".new")
    new.write_text(secrets.token_urlsafe(32))
    new.chmod(0o444)  # Grafana and Prometheus read it too, each as a user of its own
    new.rename(file)
