"""What a test marked `fast` may do: `make check` runs these before each commit.

It starts no process, and connects to this one only, as to the simulator that it runs itself.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest


class NotFast(BaseException):
    """A test marked `fast` does what none may. No `Exception`, so that nothing under test handles it."""


@contextmanager
def alone() -> Iterator[None]:
    """Within, processes and connections to elsewhere are refused."""
    connect = socket.socket.connect

    def only_here(self: socket.socket, address: Any) -> None:
        if not is_here(self, address):
            raise NotFast(f"it connects to {address}: remove its mark `fast`")
        connect(self, address)

    def no_process(*_: Any, **__: Any) -> NoReturn:
        raise NotFast("it starts a process: remove its mark `fast`")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", only_here)
        patch.setattr(subprocess.Popen, "__init__", no_process)
        for name in ("fork", "posix_spawn", "system"):
            patch.setattr(os, name, no_process)
        yield


def is_here(connection: socket.socket, address: Any) -> bool:
    if connection.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    try:
        return ipaddress.ip_address(address[0]).is_loopback
    except ValueError:
        return bool(address[0] == "localhost")
