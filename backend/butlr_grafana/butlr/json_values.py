"""Values of a JSON document of any form: each is read as the expected type, or counts as missing."""

from __future__ import annotations

from math import isfinite
from typing import Any

LARGEST = 1e9
"""No floor's number, capacity or length is beyond it; an answer could not even hold some that are."""


def at(raw: object, *keys: str) -> object:
    """What lies at the end of the keys; `None` where the way ends before."""
    for key in keys:
        raw = raw.get(key) if isinstance(raw, dict) else None
    return raw


def dicts(raw: object) -> list[dict[str, Any]]:
    """The objects of a list."""
    return [item for item in raw if isinstance(item, dict)] if isinstance(raw, list) else []


def text(raw: object) -> str:
    return raw if isinstance(raw, str) else ""


def flag(raw: object) -> bool | None:
    return raw if isinstance(raw, bool) else None


def number(raw: object) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    return float(raw) if abs(raw) <= LARGEST and isfinite(raw) else None


def whole(raw: object) -> int | None:
    found = number(raw)
    return None if found is None else int(found)


def instant_s(raw: object) -> int | None:
    """Unix seconds; Butlr's heartbeats are such (seen). Milliseconds are told by their size."""
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not isfinite(raw) or raw <= 0:
        return None
    seconds = raw / 1000 if raw > 1e11 else raw
    return int(seconds) if seconds < 1e11 else None
