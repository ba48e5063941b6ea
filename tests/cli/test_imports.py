"""A command imports what it needs, and no more: help and short commands are there at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import environment

SLOW = {"numpy", "PIL", "flask", "shapely", "redis", "requests", "cryptography", "butlr_grafana.app"}
"""What takes long to import."""

IMPORTED = """
import sys
from butlr_grafana.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert not end.code
finally:
    print("imported", *sys.modules)
"""


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["prepare"], ["assets", "files"]], ids=" ".join
)
def test_what_needs_no_numbers_imports_nothing_for_them(arguments: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *arguments],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    [imported] = [line.split() for line in done.stdout.splitlines() if line.startswith("imported ")]
    assert "butlr_grafana.cli.main" in imported
    assert not SLOW & set(imported)
