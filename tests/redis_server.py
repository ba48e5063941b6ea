"""A real Redis server on this machine, and what can happen to it."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support import HANG_S, cannot_run, until

PASSWORD = "pa55word-that-nobody-may-see"


class RedisServer:
    """Debian's `redis-server`, in memory only, on a port of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        program = shutil.which("redis-server")
        if program is None:
            cannot_run("WITH REDIS", "redis-server is not installed (Debian: apt-get install redis-server)")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._command = [
            *(program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder)),
            *("--save", "", "--appendonly", "no", "--requirepass", PASSWORD, *options),
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"
        # Patient, unlike the backend: it is there to arrange things and to look.
        self.client: Any = redis.Redis.from_url(self.url, retry=Retry(NoBackoff(), 0), socket_timeout=10)
        self.start()

    def start(self) -> None:
        """Empty, as it begins."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        until(self._is_there)
        self._answers = True

    def stop(self) -> None:
        """Nobody listens any more, and what it held is gone."""
        self._answers = False
        if self._process is not None:
            self._process.kill()
            self._process.wait(HANG_S)
            self._process = None

    def hang(self) -> None:
        """Takes connections, and answers nothing."""
        self._answers = False
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        self._send(signal.SIGCONT)
        self._answers = self._process is not None

    def names(self, pattern: str = "*") -> list[str]:
        return sorted(key.decode() for key in self.client.scan_iter(f"butlr:*:{pattern}", count=1000))

    def forget(self, pattern: str) -> None:
        """As if the time of these keys had come, where it is there to forget them."""
        for key in self.names(pattern) if self._answers else ():
            self.client.delete(key)

    def passes(self, seconds: float, pattern: str) -> None:
        """So much of these keys' time, where it is there to let it pass, and may."""
        with contextlib.suppress(redis.ReadOnlyError):
            for key in self.names(pattern) if self._answers else ():
                self.client.pexpire(key, self.client.pttl(key) - int(1000 * seconds))

    def is_full(self) -> None:
        """It refuses to write, and gives nothing away."""
        self.client.config_set("maxmemory-policy", "noeviction")
        self.client.config_set("maxmemory", 1)

    def is_read_only(self) -> None:
        """A replica of a server that is not there."""
        self.client.replicaof("127.0.0.1", 1)

    def is_well_again(self) -> None:
        if self._process is None:
            self.start()
        self.go_on()
        until(self._is_there)
        self.client.replicaof("NO", "ONE")
        self.client.config_set("maxmemory", 0)

    def close(self) -> None:
        self.go_on()
        self.stop()
        self.client.close()

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _is_there(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False


class RedisProxy:
    """Stands before a Redis: hands on what it says, each time after `delay_s`; or says `instead`."""

    def __init__(self, port: int, *, delay_s: float = 0.0, instead: bytes | None = None) -> None:
        self.delay_s = delay_s
        self.instead = instead
        self._behind = port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(here,), daemon=True).start()

    def _serve(self, here: socket.socket) -> None:
        there = socket.create_connection(("127.0.0.1", self._behind))
        with here, there, contextlib.suppress(OSError):
            while requested := here.recv(2**20):
                if self.instead is not None:
                    here.sendall(self.instead)
                    continue
                there.sendall(requested)
                time.sleep(self.delay_s)  # noqa: TID251  # a Redis is called slow by the seconds it takes
                here.sendall(there.recv(2**20))
