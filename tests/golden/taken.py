"""Answers as golden files keep them, and what differs between two of them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from PIL import Image, ImageSequence

from butlr_grafana.service import floor_results, service
from tests.golden.cases import PICTURES, Case
from tests.golden.worlds import WORLDS
from tests.support import HANG_S

FILES = Path(__file__).parent / "files"
RESPONSES = "responses.json"
"""Of each golden file: the response's status line and headers; of a picture its size and frames."""

CALLER = {"X-Request-Id": "golden"}
"""The backend makes up an id for each request that has none."""

THUMBNAIL_PX = 64

MEAN_TOLERANCE, MOST_TOLERANCE = 2.0, 48
"""Grey levels of 256 by which the pixels of a thumbnail may differ: in the mean, and at one place. Another
version of Pillow or FreeType sets letters otherwise by less.
"""

MOST_TOLD = 12


@dataclass(frozen=True)
class Taken:
    """An answer: `head` of JSON values, `body` as it is kept: the very bytes, but for pictures."""

    head: dict[str, Any]
    body: bytes


def take(case: Case) -> Taken:
    """The answer to a case, in a world of its own."""
    # Seconds of the real clock: on a loaded machine too whatever comes is waited for.
    patience = patch.object(floor_results, "PATIENCE_S", float(HANG_S))
    with patience, patch.multiple(service, DRAWING_S=float(HANG_S), STATUS_S=float(HANG_S)):
        return _taken(case)


def _taken(case: Case) -> Taken:
    world = WORLDS[case.world]()
    try:
        for _ in range(case.times):
            if case.by == "GET":
                response = world.http.get(case.url, query_string=case.parameters, headers=CALLER)
            else:
                response = world.http.post(case.url, json=case.body or case.parameters, headers=CALLER)
        body = response.get_data()
    finally:
        world.close()
    head: dict[str, Any] = {"status": response.status, "headers": dict(sorted(response.headers.items()))}
    if case.format in PICTURES and response.status_code == 200:
        for of_the_bytes in ("Content-Length", "ETag"):
            del head["headers"][of_the_bytes]
        return Taken({**head, **pictured(body)}, thumbnails(body))
    return Taken(head, body)


def pictured(body: bytes) -> dict[str, Any]:
    """What of a picture is the same with any version of what draws it."""
    with Image.open(io.BytesIO(body)) as image:
        durations = []
        for frame in ImageSequence.Iterator(image):
            frame.load()
            durations.append(frame.info.get("duration"))
        return {"kind": image.format, "size": list(image.size), "durations_ms": durations}


def thumbnails(body: bytes) -> bytes:
    """A picture's frames as one small PNG, one below the other."""
    with Image.open(io.BytesIO(body)) as image:
        small = [
            frame.convert("RGB").resize((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BOX)
            for frame in ImageSequence.Iterator(image)
        ]
    sheet = Image.new("RGB", (THUMBNAIL_PX, THUMBNAIL_PX * len(small)))
    for index, frame in enumerate(small):
        sheet.paste(frame, (0, THUMBNAIL_PX * index))
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()


def stored_response(case: Case, heads: dict[str, Any]) -> Taken | None:
    """The golden answer; `heads` of `stored_heads`."""
    path = FILES / case.file_name
    if case.file_name not in heads or not path.exists():
        return None
    return Taken(heads[case.file_name], path.read_bytes())


def stored_heads() -> dict[str, Any]:
    path = FILES / RESPONSES
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found


def differences(case: Case, golden: Taken, now: Taken) -> list[str]:
    """What is otherwise now, a line each; empty where the answers are the same."""
    reported = list(in_values(golden.head, now.head, "response"))
    if case.format in PICTURES and not golden.body.startswith(b"{"):
        reported += in_pixels(golden.body, now.body)
    elif golden.body != now.body:
        reported += list(in_text(golden.body, now.body)) or ["the same values are written as other bytes"]
    return reported[:MOST_TOLD] + (
        [f"… and {len(reported) - MOST_TOLD} more"] if len(reported) > MOST_TOLD else []
    )


def in_pixels(golden: bytes, now: bytes) -> list[str]:
    if not now.startswith(b"\x89PNG"):
        return ["no picture any more"]
    a, b = (np.asarray(Image.open(io.BytesIO(sheet)), dtype=float) for sheet in (golden, now))
    if a.shape != b.shape:
        return []  # the heads differ
    off = np.abs(a - b)
    if off.mean() <= MEAN_TOLERANCE and off.max() <= MOST_TOLERANCE:
        return []
    return [f"the pixels of the thumbnail differ by {off.mean():.2f} in the mean, {off.max():.0f} at most"]


def in_text(golden: bytes, now: bytes) -> Iterator[str]:
    try:
        a, b = json.loads(golden), json.loads(now)
    except ValueError:
        pass
    else:
        yield from in_values(a, b, "body")
        return
    before, after = (text.decode("utf-8").splitlines() for text in (golden, now))
    if len(before) != len(after):
        yield f"{len(before)} lines are {len(after)} now"
    for number, (x, y) in enumerate(zip(before, after, strict=False), 1):
        if x != y:
            yield f"line {number}: {x!r} is {y!r} now"


def in_values(golden: Any, now: Any, path: str) -> Iterator[str]:
    """Of JSON values, place by place. The order of names counts where bytes are compared, not here."""
    if isinstance(golden, dict) and isinstance(now, dict):
        for name in [*golden, *(name for name in now if name not in golden)]:
            if name not in now:
                yield f"{path}.{name} is gone"
            elif name not in golden:
                yield f"{path}.{name} is new: {shown(now[name])}"
            else:
                yield from in_values(golden[name], now[name], f"{path}.{name}")
    elif isinstance(golden, list) and isinstance(now, list) and len(golden) == len(now):
        for index, (x, y) in enumerate(zip(golden, now, strict=True)):
            yield from in_values(x, y, f"{path}[{index}]")
    elif golden != now or type(golden) is not type(now):
        if isinstance(golden, list) and isinstance(now, list):
            yield f"{path} has {len(now)} items, not {len(golden)}"
        else:
            yield f"{path}: {shown(golden)} is {shown(now)} now"


def shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}…"
