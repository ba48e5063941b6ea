"""Commands as a person runs them: with settings of their own, in real processes or in this one."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from butlr_grafana.app import open_verdicts, redis_of
from butlr_grafana.cli.main import main
from butlr_grafana.model.verdicts import CHANGES_NUMBERS, Verdicts
from butlr_grafana.settings import read
from tests.support import HANG_S, logging_as_before

COMMAND = [sys.executable, "-m", "butlr_grafana.cli"]


def environment(**settings: str) -> dict[str, str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("BUTLR_", "BACKEND_"))}
    return {**clean, "BACKEND_PORT": "0", **settings}


def run(*arguments: str, timeout_s: float = 60, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def measured(**settings: str) -> dict[str, str]:
    """The settings of a process that has nothing to measure: what is assumed is written down as measured,
    where it keeps things, and how late data come is set.
    """
    known = {**settings, "BUTLR_SETTLE_S": "3600"}
    read_settings = read(known)
    assumed = Verdicts()
    with contextlib.ExitStack() as stack:
        redis = None
        if read_settings.cache_url:
            redis = stack.enter_context(contextlib.closing(redis_of(read_settings, demo=False)))
        verdict_store = open_verdicts(read_settings, demo=False, redis=redis)
        verdict_store.record({name: getattr(assumed, name) for name in CHANGES_NUMBERS})
    return known


def called(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """As `run`, but in this process, for whatever is not about signals or imports."""
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        logging_as_before(),
    ):
        for name in os.environ.keys() - environment().keys():
            patch.delenv(name)
        for name, value in environment(**settings).items():
            patch.setenv(name, value)
        code = main(arguments)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


@contextmanager
def started(
    *arguments: str, command: Sequence[str] = COMMAND, **settings: str
) -> Iterator[subprocess.Popen[str]]:
    """A command that runs until it ends, or the context does."""
    process = subprocess.Popen(
        [*command, *arguments],
        env=environment(**settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def running(
    *arguments: str, command: Sequence[str] = COMMAND, **settings: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A serving command and its URL, as it says itself."""
    with started(*arguments, command=command, **settings) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, line + (process.stderr.read() if process.stderr and process.poll() else "")
        yield process, found.group().rstrip("/")


@contextmanager
def saying_json(
    *arguments: str, **settings: str
) -> Iterator[tuple[subprocess.Popen[str], str, Callable[[], str]]]:
    """A serving command that logs JSON, its URL, and what gives all it has said once it has ended."""
    with started(*arguments, BACKEND_LOG="json", **settings) as process:
        assert process.stderr is not None
        text: list[str] = []
        listening = threading.Event()
        url: list[str] = []

        def listen() -> None:
            for line in process.stderr or ():
                text.append(line)
                if found := re.search(r'"message": "listening".*?(http://[^"\s]+)', line):
                    url.append(found.group(1).rstrip("/"))
                    listening.set()

        def all_said() -> str:
            process.wait(HANG_S)
            listener.join(HANG_S)
            return "".join(text)

        listener = threading.Thread(target=listen)
        listener.start()
        assert listening.wait(60), "".join(text)
        yield process, url[0], all_said
        process.kill()
        listener.join(HANG_S)


def _stat(pid: int | str) -> list[str]:
    """What the kernel says of a process, from its state on; empty where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def children_of(pid: int) -> set[int]:
    """The process and all below it."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    parents = {each: int(found[1]) for each in pids if (found := _stat(each))}
    family = {pid}
    while grown := {p for p, q in parents.items() if q in family} - family:
        family |= grown
    return family


def alive(pid: int) -> bool:
    found = _stat(pid)
    return bool(found) and found[0] != "Z"
