"""YAML of this repository, read once a process and by libyaml: the alert rules take a second otherwise."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml


def read(path: Path) -> Any:
    """What a file says, for the caller alone."""
    return deepcopy(_read(path))


@cache
def _read(path: Path) -> Any:
    return yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
