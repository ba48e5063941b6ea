"""The files for Grafana, Prometheus and people: their place, and a copy for users without the repository.

`setup.py` reads this file before anything is installed, so it imports nothing of ours.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

FOLDER = "asset_files"
"""The folder in the package of a wheel. It cannot be imported."""

PATTERNS = ("grafana-dashboards/*.json", "provisioning/**/*", "docs/runbooks/*.md")


def names(root: Path) -> list[str]:
    """The paths of the files, relative to `root`. `root` has the same folders as the repository.

    Raises `FileNotFoundError` if a part of them is missing, so that no incomplete package is built.
    """
    found: list[str] = []
    for pattern in PATTERNS:
        files = sorted(path for path in root.glob(pattern) if path.is_file())
        if not files:
            raise FileNotFoundError(f"{root} has no file {pattern}")
        found += [str(path.relative_to(root)) for path in files if path.suffix != ".pyc"]
    return found


def assets_root() -> Path:
    """The folder with the files: in the package, or in the repository for an editable install."""
    package = Path(__file__).resolve().parents[1]
    packed = package / FOLDER
    return packed if packed.is_dir() else package.parents[1]


@cache
def runbooks() -> Mapping[str, str]:
    """The text of each runbook, by the uid of its alert rule without `butlr-`. Read once."""
    files = sorted((assets_root() / "docs/runbooks").glob("*.md"))
    return MappingProxyType({path.stem: path.read_text("utf-8") for path in files})


def write_out(folder: Path) -> list[Path]:
    """Copies the files into `folder`, with the same folders as in the repository. Files with the same names
    are replaced.

    Raises `OSError` if a file cannot be written.
    """
    root = assets_root()
    written: list[Path] = []
    for name in names(root):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        written.append(Path(shutil.copy(root / name, target)))
    return written
