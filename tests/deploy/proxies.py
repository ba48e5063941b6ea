"""HAProxy with compose's own file, on this machine."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.deploy.names import Names
from tests.support import HANG_S

FILE = Path(__file__).resolve().parents[2] / "provisioning/haproxy/haproxy.cfg"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def proxy(program: str, folder: Path, names: Names, backend_port: int) -> Iterator[str]:
    """With compose's own file; only addresses are others."""
    text, port = FILE.read_text("utf-8"), free_port()
    for ours, here in (
        ("bind :8080", f"bind 127.0.0.1:{port}"),
        ("127.0.0.11:53", f"127.0.0.1:{names.port}"),
        (" backend:8080", f" backend:{backend_port}"),
        (" rules:8080", f" rules:{backend_port}"),
        ("bind 127.0.0.1:8404", f"bind 127.0.0.1:{free_port()}"),
        ("bind unix@/tmp/replicas.sock", f"bind unix@{folder}/replicas.sock"),
        ("server replicas unix@/tmp/replicas.sock", f"server replicas unix@{folder}/replicas.sock"),
    ):
        assert text.count(ours) == 1
        text = text.replace(ours, here)
    config = folder / "haproxy.cfg"
    config.write_text(text, "utf-8")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([program, "-f", str(config)], stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(HANG_S)


def status(url: str) -> int:
    try:
        return requests.get(f"{url}/readyz", timeout=HANG_S).status_code
    except requests.ConnectionError:
        return 0
