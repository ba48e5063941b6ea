"""The processes of a benchmark. Each prints its URL."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import IO

from tests.processes import measured


@contextmanager
def process(*arguments: str, lines: IO[bytes] | None = None, **settings: str) -> Iterator[str]:
    """Runs `python ARGUMENTS…` and yields the first URL that it prints. `lines`: the file for its log."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("BUTLR_", "BACKEND_"))}
    child = subprocess.Popen(
        [sys.executable, *arguments],
        env={**environment, **settings},
        stdout=subprocess.PIPE,
        stderr=lines,
        text=True,
    )
    try:
        assert child.stdout is not None
        found = re.search(r"http://[\w.:]+", child.stdout.readline())
        assert found, f"{arguments} did not start"
        yield found.group()
    finally:
        child.terminate()
        child.wait()


def upstream(latency_s: float) -> AbstractContextManager[str]:
    return process("-m", "tests.bench.upstream", str(latency_s))


def simulator(latency_s: float) -> AbstractContextManager[str]:
    return process("-m", "butlr_grafana.simulator", "--port", "0", "--latency", str(latency_s))


@contextmanager
def backend(butlr_url: str, lines: IO[bytes] | None = None, **settings: str) -> Iterator[str]:
    """A backend with nothing to measure, so that each of its calls is for a panel."""
    access = {"BUTLR_API_URL": butlr_url, "BUTLR_CLIENT_ID": "demo", "BUTLR_CLIENT_SECRET": "demo"}
    with tempfile.TemporaryDirectory() as folder:
        known = measured(**{"BACKEND_CACHE_DIR": folder, **access, **settings})
        with process(
            "-m",
            "butlr_grafana.cli",
            "serve",
            lines=lines,
            **{"BACKEND_PORT": "0", "BACKEND_LOG_LEVEL": "warning", **known},
        ) as url:
            yield url


def bare(kind: str, body_file: str) -> AbstractContextManager[str]:
    return process("-m", "tests.bench.bare", kind, body_file)
