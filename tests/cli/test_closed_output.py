"""Somebody reads only the beginning of a command's output, as with `| head`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_a_command_ends_quietly_if_nobody_reads_its_output(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "butlr_grafana.cli", "assets", str(tmp_path / "files")],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writer)
    assert (ended.returncode, ended.stderr) == (141, "")
    assert (tmp_path / "files" / "grafana-dashboards" / "butlr-floor.json").is_file()
