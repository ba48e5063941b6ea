"""The values of settings: each function reads one text, or raises `ValueError` that names what is allowed."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from butlr_grafana.base.access import BackendToken
from butlr_grafana.base.urls import host_and_port

HOLIDAY_YEARS = range(2015, 2046)


def number(low: float, high: float, kind: type = int) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            raise ValueError(f"use a number from {low:g} to {high:g}") from None
        if not low <= value <= high:
            raise ValueError(f"use a number from {low:g} to {high:g}")
        return value

    return parse


def one_of(names: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in names:
            raise ValueError(f"allowed: {', '.join(names)}")
        return text.lower()

    return parse


def flag(text: str) -> bool:
    if text.lower() not in ("0", "1", "true", "false"):
        raise ValueError("allowed: 0, 1")
    return text.lower() in ("1", "true")


def url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise ValueError("use an address such as https://api.butlr.io, without user and query")
    return text.rstrip("/")


def redis_url(text: str) -> str:
    parts = urlsplit(text)
    known = all(name.startswith("ssl_") for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    if parts.scheme not in ("redis", "rediss") or not parts.hostname or not known:
        raise ValueError("use an address such as redis://host:6379/0 or rediss://:password@host")
    if not re.fullmatch(r"(/\d*)?", parts.path) or parts.port == 0:
        raise ValueError("the path must be the number of a database, as in redis://host:6379/0")
    return text


def path(text: str) -> str:
    if not re.fullmatch(r"(/[\w.~-]+)+/?", text, re.ASCII):
        raise ValueError("use a path such as /v3/detections")
    return text


def comma_list(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (t.strip() for t in text.split(","))))


def hosts(text: str) -> tuple[str, ...]:
    hosts = comma_list(text)
    for host in hosts:
        host_and_port(host)
    return hosts


FLOOR_ID = r"space_[A-Za-z0-9_-]+"
_LIMITED_TOKEN = re.compile(rf"(?P<token>.*)=(?P<floors>{FLOOR_ID}(?:\+{FLOOR_ID})*)")
"""A token may contain `=` and `+` (those of `openssl rand -base64` end in `=`). So only a `=` that is
followed by floor ids up to the end begins a limit. Everything else belongs to the token.
"""


def tokens(text: str) -> tuple[BackendToken, ...]:
    return tuple(_token(item) for item in comma_list(text))


def _token(item: str) -> BackendToken:
    limited = _LIMITED_TOKEN.fullmatch(item)
    token = limited["token"] if limited else item
    if len(token) < 8:
        raise ValueError("a token must have at least 8 characters; token=space_…+space_… limits it to floors")
    return BackendToken(token, frozenset(limited["floors"].split("+")) if limited else None)


def wall_tokens(text: str) -> tuple[BackendToken, ...]:
    return tuple(replace(token, for_walls=True) for token in tokens(text))


def webhook_keys(text: str) -> tuple[str, ...]:
    keys = comma_list(text)
    if any(not re.fullmatch(r"[!#-\[\]-~]{16,200}", key) for key in keys):
        raise ValueError(
            "a key must have 16 to 200 letters, digits and signs, without quotation marks, "
            "backslashes and spaces"
        )
    return keys


def holidays(text: str) -> frozenset[date]:
    """The dates in a file (one ISO date per line), or the holidays of a country code (`FR`, `US-NY`)."""
    if re.fullmatch(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", text):
        import holidays as calendars  # noqa: PLC0415  # slow to import, and most run without

        country, _, region = text.partition("-")
        try:
            return frozenset(calendars.country_holidays(country, subdiv=region or None, years=HOLIDAY_YEARS))
        except NotImplementedError:
            raise ValueError(
                f"{text} is not a country or region with known holidays; use FR, US-NY, or a file of dates"
            ) from None
    lines = [line.partition("#")[0].strip() for line in text_of_file(text).splitlines()]
    return frozenset(date.fromisoformat(line) for line in lines if line)


def text_of_file(path: str) -> str:
    """The text of a file, without its byte-order mark (editors on Windows write one). UTF-8, or UTF-16 if the
    mark says so. Raises `ValueError`; its text says what to do and contains nothing of the file.
    """
    try:
        raw = Path(path).read_bytes()
        is_utf16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return raw.decode("utf-16" if is_utf16 else "utf-8-sig")
    except PermissionError:
        user = os.geteuid()
        mounted = (
            " (if the file is mounted, run this on the host, with its name there)"
            if path.startswith("/run/")
            else ""
        )
        raise ValueError(
            f"user {user} cannot read this file; run: sudo chown {user} {path}{mounted}"
        ) from None
    except IsADirectoryError:
        raise ValueError(
            "this is a folder, not a file; Docker creates a folder when a file is missing"
        ) from None
    except UnicodeDecodeError:
        raise ValueError("this file is not UTF-8 text") from None
    except OSError as error:
        raise ValueError(f"this file cannot be read: {os.strerror(error.errno or 0)}") from None
