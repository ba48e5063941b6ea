"""Builds the dashboards' JSON files beside this file.

`python build.py` writes them; `python build.py --check` writes nothing, and exits 1 with a diff where a file
and its source differ, or where a file has no source.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from pathlib import Path

from source import DASHBOARDS

HERE = Path(__file__).resolve().parent


def built() -> dict[str, str]:
    """File name → its text."""
    return {f"{d['uid']}.json": json.dumps(d, indent=2, ensure_ascii=False) + "\n" for d in DASHBOARDS}


def present() -> dict[str, str]:
    """The files that are there, file name → text."""
    return {path.name: path.read_text("utf-8") for path in sorted(HERE.glob("*.json"))}


def difference(files: dict[str, str], wanted: dict[str, str]) -> str:
    """A unified diff from the files to what the source says; empty where they agree."""
    lines: list[str] = []
    for name in sorted(files.keys() | wanted.keys()):
        old, new = (texts.get(name, "").splitlines(keepends=True) for texts in (files, wanted))
        lines += difflib.unified_diff(old, new, f"{name} (file)", f"{name} (source)")
    return "".join(lines)


def write(wanted: dict[str, str]) -> None:
    for name in present().keys() - wanted.keys():
        (HERE / name).unlink()
    for name, text in wanted.items():
        (HERE / name).write_text(text, "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description="Builds the dashboards' JSON files.")
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 with a diff")
    if not parser.parse_args().check:
        write(built())
        return 0
    found = difference(present(), built())
    sys.stdout.write(found)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
