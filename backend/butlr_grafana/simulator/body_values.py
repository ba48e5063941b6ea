"""Checks of the values in a request body: each returns the value, or raises a 400 that names the key."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from .messages import Refusal


def json_object(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """An object within the request."""
    value = body.get(key)
    if not isinstance(value, dict):
        raise Refusal(400, f"{key}: is not an object")
    return value


def flag(body: Mapping[str, Any], key: str, *, default: bool) -> bool:
    """True or false."""
    value = body.get(key, default)
    if not isinstance(value, bool):
        raise Refusal(400, f"{key}: is not true or false")
    return value


def instant(body: Mapping[str, Any], key: str, name: str) -> float:
    """An absolute time in UTC epoch seconds; relative ones, and times without a zone, are refused."""
    try:
        at = datetime.fromisoformat(body[key])
    except (KeyError, TypeError, ValueError):
        at = None
    if at is None or at.tzinfo is None or not 1970 < at.year < 2100:
        raise Refusal(400, f"{name}: is not a time; use ISO 8601 with a zone, such as 2024-01-01T00:00:00Z")
    return at.timestamp()


def choice(body: Mapping[str, Any], key: str, name: str, known: Collection[str]) -> str:
    """One of the known texts."""
    value = body.get(key)
    if not isinstance(value, str) or value not in known:
        raise Refusal(400, f"{name}: is missing or unknown; allowed: {', '.join(known)}")
    return value


def texts(value: Any, name: str) -> tuple[str, ...]:
    """A list of texts, with at least one."""
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise Refusal(400, f"{name}: is not a list of texts with at least one item")
    return tuple(value)


def choices(value: Any, name: str, known: Collection[str]) -> tuple[str, ...]:
    """A list of known texts, with at least one."""
    chosen = texts(value, name)
    unknown = [text for text in chosen if text not in known]
    if unknown:
        raise Refusal(400, f"{name}: {', '.join(unknown)} unknown; allowed: {', '.join(known)}")
    return chosen


def whole_number(
    body: Mapping[str, Any], key: str, name: str, *, most: int, default: int | None = None
) -> int:
    """A whole number from 1 to `most`."""
    value = body.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise Refusal(400, f"{name}: is not a whole number from 1 to {most}")
    return value


def zone(body: Mapping[str, Any], key: str, name: str) -> ZoneInfo:
    """A time zone of the IANA database; UTC if the key is missing."""
    try:
        return ZoneInfo(body.get(key, "UTC"))
    # A folder's name is an OSError, a path out of the database a ValueError.
    except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
        raise Refusal(400, f"{name}: is not an IANA time zone, such as Europe/Paris") from error
