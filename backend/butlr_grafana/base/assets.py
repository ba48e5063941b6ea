"""The files for Grafana, Prometheus and people: where they are, and a copy for users without the repository.

`setup.py` reads this file before anything is installed, so it imports nothing of ours.
"""

from __future__ import annotations

import shutil
from pathlib import Path

FOLDER = "asset_files"
"""Of the package, in a wheel; no import finds it."""

PATTERNS = ("grafana-dashboards/*.json", "provisioning/**/*", "docs/runbooks/*.md")


def names(root: Path) -> list[str]:
    """The files' paths in `root`, a folder that is laid out as the repository is.

    Raises `FileNotFoundError` where a part of them is missing: a package without them is no package.
    """
    found: list[str] = []
    for pattern in PATTERNS:
        files = sorted(path for path in root.glob(pattern) if path.is_file())
        if not files:
            raise FileNotFoundError(f"{root} holds no {pattern}")
        found += [str(path.relative_to(root)) for path in files if path.suffix != ".pyc"]
    return found


def assets_root() -> Path:
    """Where they are: in the package, or, of an editable install, in the repository."""
    package = Path(__file__).resolve().parents[1]
    packed = package / FOLDER
    return packed if packed.is_dir() else package.parents[1]


def runbooks() -> dict[str, str]:
    """What to do about each alert rule, by its uid without `butlr-`."""
    return {
        path.stem: path.read_text("utf-8") for path in sorted((assets_root() / "docs/runbooks").glob("*.md"))
    }


def write_out(folder: Path) -> list[Path]:
    """Copies them into `folder`, as they lie in the repository; files of the same names are replaced.

    Raises `OSError` where a file cannot be written.
    """
    root = assets_root()
    written: list[Path] = []
    for name in names(root):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        written.append(Path(shutil.copy(root / name, target)))
    return written
