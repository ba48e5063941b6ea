"""Viewers of one backend, all in one process: `python -m tests.soak.viewers URL VIEWERS SECONDS EVERY_S`.

Each has one kept connection and asks its page's panels one after the other, then rests until its next
refresh; a page that takes longer than that is late, and the next begins at once. What comes of it is printed
as one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.soak.questions import page, requests_of_view

ANSWER_WITHIN_S = 60.0


@dataclass
class ViewerStats:
    """`seconds`: of each request. `kinds`: requests by status, or by what went wrong."""

    seconds: list[float] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    first_errors: list[str] = field(default_factory=list)
    partial: int = 0
    pages: int = 0
    late_pages: int = 0

    def as_dict(self) -> dict[str, Any]:
        ordered = sorted(self.seconds) or [float("nan")]
        return {
            "requests": len(self.seconds),
            "errors": sum(n for kind, n in self.kinds.items() if kind != "200"),
            "kinds": dict(self.kinds),
            "first_errors": self.first_errors,
            "partial": self.partial,
            "pages": self.pages,
            "late_pages": self.late_pages,
            "p50_ms": 1000 * ordered[len(ordered) // 2],
            "p99_ms": 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))],
        }


class Connection:
    """One kept HTTP connection, opened anew where it was closed."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname, parts.port)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> tuple[int, bytes]:
        """Status and body; raises `OSError`, `EOFError`, `TimeoutError`."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await self._get(path)
        except BaseException:
            self.close()
            raise

    async def _get(self, path: str) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address)
        reader, writer = self._streams
        writer.write(f"GET {path} HTTP/1.1\r\nHost: soak\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection") == "close":
            self.close()
        return int(head[0].split()[1]), body

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def view(url: str, ends_at: float, every_s: float, stats: ViewerStats) -> None:
    connection, (paths, length_s) = Connection(url), page()
    due_at = time.monotonic() + random.uniform(0, every_s)
    while due_at < ends_at:
        await asyncio.sleep(max(0.0, due_at - time.monotonic()))
        for path in requests_of_view(paths, length_s):
            await send_query(connection, path, stats)
        stats.pages += 1
        due_at += every_s
        if due_at < time.monotonic():
            stats.late_pages += 1
            due_at = time.monotonic()
    connection.close()


async def send_query(connection: Connection, path: str, stats: ViewerStats) -> None:
    began = time.monotonic()
    try:
        status, body = await connection.get(path)
        kind = str(status)
        stats.partial += b'"complete":false' in body
    except (OSError, EOFError, TimeoutError) as fault:
        kind, body = type(fault).__name__, b""
    stats.seconds.append(time.monotonic() - began)
    stats.kinds[kind] += 1
    if kind != "200" and len(stats.first_errors) < 5:
        stats.first_errors.append(f"{kind} {path[:80]} {body[:200].decode('utf-8', 'replace')}")


async def main(url: str, viewers: int, seconds: float, every_s: float) -> None:
    stats, ends_at = ViewerStats(), time.monotonic() + seconds
    await asyncio.gather(*(view(url, ends_at, every_s, stats) for _ in range(viewers)))
    print(json.dumps(stats.as_dict()), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))
