"""The values of query parameters. Each function parses one text, or raises `BadParameter` with the allowed
values.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from butlr_grafana.base.errors import BadParameter, unknown_value
from butlr_grafana.model import threshold
from butlr_grafana.model.calendar import instant_of
from butlr_grafana.model.chunk import RESOLUTIONS_M
from butlr_grafana.model.time import MINUTE_S
from butlr_grafana.model.timezones import TIME_ZONES

MAX_COLUMNS = 2000
LARGEST_ROOM = 10_000
EARLIEST_S, LATEST_S = 1_262_304_000, 4_102_444_799
DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Baseline:
    """The period of comparison: the previous one, or `count` units (`d`, `w`, `y`) earlier by the floor's
    calendar, or `span` (start and end in seconds since the epoch).
    """

    count: int = 0
    unit: str = ""
    span: tuple[int, int] | None = None


def identifier(name: str, text: str) -> str:
    if not re.fullmatch(r"[\w.:-]{1,100}", text, re.ASCII):
        raise BadParameter(name, f"{text[:60]!r} is not an id; use letters, digits and _ - . : only")
    return text


def statistic(name: str, text: str) -> str:
    percentile = re.fullmatch(r"p(\d{1,2}(\.\d)?|100)", text, re.ASCII)
    if text not in STATISTICS and not percentile:
        raise BadParameter(
            name, f"{text[:60]!r} is unknown; allowed: {', '.join(STATISTICS)}, or a percentile (p95)"
        )
    return text


def baseline(name: str, text: str, timezone: str = "UTC") -> Baseline:
    if text == "previous":
        return Baseline()
    offset = re.fullmatch(r"-(\d{1,3})([dwy])", text, re.ASCII)
    if offset and int(offset[1]) > 0:
        return Baseline(count=int(offset[1]), unit=offset[2])
    start, slash, end = text.partition("/")
    if not slash:
        raise BadParameter(
            name, f"{text[:60]!r} is not a baseline; use previous, an offset (-7d, -4w, -1y) or ISO/ISO"
        )
    span = (instant(name, start, timezone), instant(name, end, timezone))
    if span[0] >= span[1]:
        raise BadParameter(name, f"{start[:40]} is not before {end[:40]}")
    return Baseline(span=span)


def plain_text(_: str, text: str) -> str:
    return text


def one_of(*values: str) -> Callable[[str, str], str]:
    def parse(name: str, text: str) -> str:
        if text not in values:
            raise BadParameter(name, unknown_value(text, values))
        return text

    return parse


def resolution(name: str, text: str) -> float | None:
    if text == "auto":
        return None
    try:
        metres = float(text)
    except ValueError:
        metres = -1.0
    if metres not in RESOLUTIONS_M:
        raise BadParameter(
            name, f"{text[:60]!r} is not a cell size of Butlr; allowed: auto, 0.25, 0.5, 1.0 (metres)"
        )
    return metres


def _is_within(text: str, least: int, most: int) -> bool:
    """Whether a text is a whole number in ASCII digits from `least` to `most`. Python reads no number of
    thousands of digits, so the length is looked at first.
    """
    return bool(re.fullmatch(r"\d{1,9}", text, re.ASCII)) and least <= int(text) <= most


def columns(name: str, text: str) -> int:
    if not _is_within(text, 1, MAX_COLUMNS):
        raise BadParameter(name, f"{text[:60]!r} is not a number of columns; use 1 to {MAX_COLUMNS}")
    return int(text)


def instant(name: str, text: str, timezone: str = "UTC") -> int:
    """Parses ISO 8601 or epoch milliseconds to seconds since the epoch.

    A time without an offset is in `timezone`. A date is the first instant of that day.
    """
    try:
        if re.fullmatch(r"-?\d{1,16}", text, re.ASCII):
            seconds = int(text) // 1000
        else:
            # A plus sign in a URL that nobody escaped arrives as a blank.
            moment = datetime.fromisoformat(re.sub(r" (\d\d:?\d\d)$", r"+\1", text))
            seconds = int(moment.timestamp() // 1) if moment.tzinfo else _of_wall(moment, timezone)
    except (ValueError, OverflowError):
        problem = f"{text[:60]!r} is not a time; use ISO 8601 (2024-01-31T08:00:00Z) or epoch ms"
        raise BadParameter(name, problem) from None
    if seconds < EARLIEST_S:
        # Grafana's Heatmap panel takes metres for milliseconds when its map is double-clicked.
        hint = "after a double-click on a map, go back in the browser"
        raise BadParameter(name, f"{text[:60]!r} is before 2010; use epoch ms from 2010 on ({hint})")
    if seconds > LATEST_S:
        raise BadParameter(name, f"{text[:60]!r} is after 2099; use ISO 8601 or epoch ms up to 2099")
    return seconds


def _of_wall(moment: datetime, timezone: str) -> int:
    """The first instant at which the zone's clock shows the time, or a later one where it leaves it out."""
    minute = moment.hour * 60 + moment.minute
    return instant_of(moment.date(), minute, ZoneInfo(timezone)) + moment.second


def least_capacity(name: str, text: str) -> int:
    if not _is_within(text, 0, LARGEST_ROOM):
        problem = f"{text[:60]!r} is not a number of people; use 0 to {LARGEST_ROOM:,}, such as 6"
        raise BadParameter(name, problem)
    return int(text)


def width(name: str, text: str) -> int:
    if not _is_within(text, NARROWEST_PX, WIDEST_PX):
        problem = f"{text[:60]!r} is not a width; use {NARROWEST_PX} to {WIDEST_PX} pixels"
        raise BadParameter(name, problem)
    return int(text)


def share(name: str, text: str) -> float:
    if not re.fullmatch(r"0?\.\d{1,6}|[01](\.0{1,6})?", text, re.ASCII):
        raise BadParameter(name, f"{text[:60]!r} is not a share; use a number from 0 to 1, such as 0.1")
    return float(text)


def window(name: str, text: str) -> int:
    found = re.fullmatch(r"(\d{1,4})([mh])", text, re.ASCII)
    minutes = int(found[1]) * (60 if found[2] == "h" else 1) if found else 0
    if not 1 <= minutes <= LONGEST_WINDOW_MIN:
        raise BadParameter(name, f"{text[:60]!r} is not a duration; use 1m to 24h, such as 10m or 8h")
    return minutes * MINUTE_S


def max_age(name: str, text: str) -> int:
    found = re.fullmatch(r"0|(\d{1,2})m", text, re.ASCII)
    minutes = int(found[1] or 0) if found else LONGEST_MAX_AGE_MIN + 1
    if minutes > LONGEST_MAX_AGE_MIN:
        raise BadParameter(
            name, f"{text[:60]!r} is not an age; use 0, or 1m to {LONGEST_MAX_AGE_MIN}m, such as 5m"
        )
    return minutes * MINUTE_S


def release(name: str, text: str) -> float:
    found = threshold.parse(name, text)
    if found.is_percentile:
        raise BadParameter(name, f"{text[:60]!r} is a percentile; use a number of 0 or more, such as 2.5")
    return found.value


def hours(name: str, text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,2}):(\d\d)-(\d{1,2}):(\d\d)", text.replace(" ", ""), re.ASCII)
    parts = [int(g) for g in found.groups()] if found else [99] * 4
    opens, closes = parts[0] * 60 + parts[1], parts[2] * 60 + parts[3]
    if max(parts[1], parts[3]) > 59 or opens >= 24 * 60 or closes > 24 * 60:
        raise BadParameter(
            name,
            f"{text[:60]!r} is not a range of hours; use 08:00-18:00, or 22:00-06:00 for nights "
            "(00:00 to 24:00)",
        )
    return opens, closes


def days(name: str, text: str) -> frozenset[int]:
    days: set[int] = set()
    for piece in text.lower().replace(" ", "").split(","):
        first, dash, last = piece.partition("-")
        if first not in DAY_NAMES or (dash and last not in DAY_NAMES):
            raise BadParameter(
                name, f"{piece[:60]!r} is not a day; use mon-fri or mon,wed ({', '.join(DAY_NAMES)})"
            )
        a, b = DAY_NAMES.index(first), DAY_NAMES.index(last if dash else first)
        days.update((a + i) % 7 for i in range((b - a) % 7 + 1))
    return frozenset(days)


def time_zone(name: str, text: str) -> str:
    if text not in TIME_ZONES:
        raise BadParameter(
            name, f"{text[:60]!r} is not an IANA time zone; use Europe/Paris, America/New_York, …"
        )
    return text


NARROWEST_PX, WIDEST_PX = 100, 4096
LONGEST_WINDOW_MIN = 24 * 60
LONGEST_MAX_AGE_MIN = 60
STATISTICS = ("mean", "max", "min", "sum", "median", "first", "last")
