"""What pyproject.toml cannot say: a wheel holds the files that Grafana and Prometheus read.

They have one place, the repository's own folders, and are copied into the package when it is built.
"""

from __future__ import annotations

import runpy
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent


class WithAssets(build_py):
    """Not for an editable install, which finds them where they are."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        assets = runpy.run_path(str(ROOT / "backend/butlr_grafana/base/assets.py"))
        for name in assets["names"](ROOT):
            target = Path(self.build_lib, "butlr_grafana", assets["FOLDER"], name)
            self.mkpath(str(target.parent))
            self.copy_file(str(ROOT / name), str(target))


setup(cmdclass={"build_py": WithAssets})
