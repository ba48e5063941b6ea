"""The real programs of Debian's package `prometheus`."""

from __future__ import annotations

import shutil

import pytest

from tests.support import cannot_run


def program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        cannot_run("WITH PROMETHEUS", f"{name} is not installed (Debian: apt-get install prometheus)")
    return path


@pytest.fixture(scope="session")
def prometheus_program() -> str:
    return program("prometheus")


@pytest.fixture(scope="session")
def promtool() -> str:
    return program("promtool")
