"""Checks on the words of a request: each returns the value, or refuses with a 400 that names the word."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from .messages import Refusal


def section(words: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """An object within the request."""
    value = words.get(key)
    if not isinstance(value, dict):
        raise Refusal(400, f"{key}: an object")
    return value


def flag(words: Mapping[str, Any], key: str, *, default: bool) -> bool:
    """True or false."""
    value = words.get(key, default)
    if not isinstance(value, bool):
        raise Refusal(400, f"{key}: true or false")
    return value


def instant(words: Mapping[str, Any], key: str, name: str) -> float:
    """An absolute time in UTC epoch seconds; relative ones, and times without a zone, are refused."""
    try:
        at = datetime.fromisoformat(words[key])
    except (KeyError, TypeError, ValueError):
        at = None
    if at is None or at.tzinfo is None or not 1970 < at.year < 2100:
        raise Refusal(400, f"{name}: an ISO 8601 time with its zone, such as 2024-01-01T00:00:00Z")
    return at.timestamp()


def choice(words: Mapping[str, Any], key: str, name: str, known: Collection[str]) -> str:
    """One of the known words."""
    value = words.get(key)
    if not isinstance(value, str) or value not in known:
        raise Refusal(400, f"{name}: one of {', '.join(known)}")
    return value


def texts(value: Any, name: str) -> tuple[str, ...]:
    """A list of texts, with at least one."""
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise Refusal(400, f"{name}: a list of texts, not empty")
    return tuple(value)


def choices(value: Any, name: str, known: Collection[str]) -> tuple[str, ...]:
    """A list of known words, with at least one."""
    chosen = texts(value, name)
    unknown = [word for word in chosen if word not in known]
    if unknown:
        raise Refusal(400, f"{name}: {', '.join(unknown)} unknown; there are {', '.join(known)}")
    return chosen


def whole(words: Mapping[str, Any], key: str, name: str, *, most: int, default: int | None = None) -> int:
    """A whole number from 1 on."""
    value = words.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise Refusal(400, f"{name}: a whole number from 1 to {most}")
    return value


def zone(words: Mapping[str, Any], key: str, name: str) -> ZoneInfo:
    """A time zone of the IANA database; none said: UTC."""
    try:
        return ZoneInfo(words.get(key, "UTC"))
    # A folder's name is an OSError, a path out of the database a ValueError.
    except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
        raise Refusal(400, f"{name}: an IANA time zone, such as Europe/Paris") from error
