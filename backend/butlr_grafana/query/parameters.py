"""The table of query words, and how each word's text becomes a value.

With `targets` the one place that knows them: `read` (query.py), `POST /metrics`, OpenAPI and the README
come from these two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from butlr_grafana.base.errors import BadParameter, choose
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
class Parameter:
    """One query word. `parse(word's name, text)` → the value of `ParsedQuery`'s field, or `BadParameter`.

    `is_name`: its texts are names of rooms or tags, which may hold any sign (see `texts.Name`). `is_time`:
    `parse` takes a third argument, the zone of a time that names none.
    """

    name: str
    description: str
    parse: Callable[..., Any]
    default: str | None = None
    choices: tuple[str, ...] = ()
    example: str | None = None
    many: bool = False
    is_name: bool = False
    url_only: bool = False
    stored_as: str | None = None
    is_time: bool = False

    @property
    def field(self) -> str:
        """The field of `ParsedQuery` that holds it (`from` is no name in Python)."""
        return self.stored_as or self.name


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a period is compared with: the one before it, one `count` of `unit` (`d`, `w`, `y`) earlier by
    the floor's calendar, or `span` in seconds.
    """

    count: int = 0
    unit: str = ""
    span: tuple[int, int] | None = None


def _ident(name: str, text: str) -> str:
    if not re.fullmatch(r"[\w.:-]{1,100}", text, re.ASCII):
        raise BadParameter(name, f"{text[:60]!r} is not an id; it may have letters, digits and _ - . : only")
    return text


def _statistic(name: str, text: str) -> str:
    percentile = re.fullmatch(r"p(\d{1,2}(\.\d)?|100)", text, re.ASCII)
    if text not in STATISTICS and not percentile:
        raise BadParameter(
            name, f"{text[:60]!r} is not known; it may be {', '.join(STATISTICS)}, or a percentile (p95)"
        )
    return text


def _baseline(name: str, text: str, timezone: str = "UTC") -> Baseline:
    if text == "previous":
        return Baseline()
    offset = re.fullmatch(r"-(\d{1,3})([dwy])", text, re.ASCII)
    if offset and int(offset[1]) > 0:
        return Baseline(count=int(offset[1]), unit=offset[2])
    start, slash, end = text.partition("/")
    if not slash:
        raise BadParameter(
            name, f"{text[:60]!r} is not a baseline; it may be previous, an offset (-7d, -4w, -1y) or ISO/ISO"
        )
    span = (instant(name, start, timezone), instant(name, end, timezone))
    if span[0] >= span[1]:
        raise BadParameter(name, f"{start[:40]} is not before {end[:40]}")
    return Baseline(span=span)


def _as_it_is(_: str, text: str) -> str:
    return text


def _one_of(*values: str) -> Callable[[str, str], str]:
    def parse(name: str, text: str) -> str:
        if text not in values:
            raise BadParameter(name, choose(text, values))
        return text

    return parse


def _resolution(name: str, text: str) -> float | None:
    if text == "auto":
        return None
    try:
        metres = float(text)
    except ValueError:
        metres = -1.0
    if metres not in RESOLUTIONS_M:
        raise BadParameter(
            name, f"{text[:60]!r} is not a cell size of Butlr; it may be auto, 0.25, 0.5, 1.0 (metres)"
        )
    return metres


def _is_within(text: str, least: int, most: int) -> bool:
    """Whether a text is a whole number in ASCII digits from `least` to `most`. Python reads no number of
    thousands of digits, so the length is looked at first.
    """
    return bool(re.fullmatch(r"\d{1,9}", text, re.ASCII)) and least <= int(text) <= most


def _columns(name: str, text: str) -> int:
    if not _is_within(text, 1, MAX_COLUMNS):
        raise BadParameter(name, f"{text[:60]!r} is not a number of columns; it may be 1 to {MAX_COLUMNS}")
    return int(text)


def instant(name: str, text: str, timezone: str = "UTC") -> int:
    """Seconds since the epoch, from ISO 8601 or epoch milliseconds.

    A time without an offset is one of `timezone`; a date alone is the first instant of that day.
    """
    try:
        if re.fullmatch(r"-?\d{1,16}", text, re.ASCII):
            seconds = int(text) // 1000
        else:
            # A plus sign in a URL that nobody escaped arrives as a blank.
            moment = datetime.fromisoformat(re.sub(r" (\d\d:?\d\d)$", r"+\1", text))
            seconds = int(moment.timestamp() // 1) if moment.tzinfo else _of_wall(moment, timezone)
    except (ValueError, OverflowError):
        problem = f"{text[:60]!r} is not a time; it may be ISO 8601 (2024-01-31T08:00:00Z) or epoch ms"
        raise BadParameter(name, problem) from None
    if seconds < EARLIEST_S:
        # Grafana's Heatmap panel takes metres for milliseconds when its map is double-clicked.
        hint = "after a double-click on a map, go back in the browser"
        raise BadParameter(name, f"{text[:60]!r} is before 2010; it may be epoch ms from 2010 on ({hint})")
    if seconds > LATEST_S:
        raise BadParameter(name, f"{text[:60]!r} is after 2099; it may be ISO 8601 or epoch ms up to 2099")
    return seconds


def _of_wall(moment: datetime, timezone: str) -> int:
    """The first instant at which the zone's clock shows the time, or a later one where it leaves it out."""
    minute = moment.hour * 60 + moment.minute
    return instant_of(moment.date(), minute, ZoneInfo(timezone)) + moment.second


def _least_capacity(name: str, text: str) -> int:
    if not _is_within(text, 0, LARGEST_ROOM):
        problem = f"{text[:60]!r} is not a number of people; it may be 0 to {LARGEST_ROOM:,} (6)"
        raise BadParameter(name, problem)
    return int(text)


def _width(name: str, text: str) -> int:
    if not _is_within(text, NARROWEST_PX, WIDEST_PX):
        problem = f"{text[:60]!r} is not a width; it may be {NARROWEST_PX} to {WIDEST_PX} (pixels)"
        raise BadParameter(name, problem)
    return int(text)


def _share(name: str, text: str) -> float:
    if not re.fullmatch(r"0?\.\d{1,6}|[01](\.0{1,6})?", text, re.ASCII):
        raise BadParameter(name, f"{text[:60]!r} is not a share; it may be 0 to 1 (0.1)")
    return float(text)


def _window(name: str, text: str) -> int:
    found = re.fullmatch(r"(\d{1,4})([mh])", text, re.ASCII)
    minutes = int(found[1]) * (60 if found[2] == "h" else 1) if found else 0
    if not 1 <= minutes <= LONGEST_WINDOW_MIN:
        raise BadParameter(name, f"{text[:60]!r} is not a length of time; it may be 1m to 24h (10m, 8h)")
    return minutes * MINUTE_S


def _max_age(name: str, text: str) -> int:
    found = re.fullmatch(r"0|(\d{1,2})m", text, re.ASCII)
    minutes = int(found[1] or 0) if found else LONGEST_MAX_AGE_MIN + 1
    if minutes > LONGEST_MAX_AGE_MIN:
        raise BadParameter(
            name, f"{text[:60]!r} is not an age; it may be 0, or 1m to {LONGEST_MAX_AGE_MIN}m (5m)"
        )
    return minutes * MINUTE_S


def _release(name: str, text: str) -> float:
    found = threshold.parse(name, text)
    if found.is_percentile:
        raise BadParameter(name, f"{text[:60]!r} is a percentile; it may be a number from 0 up (2.5)")
    return found.value


def _hours(name: str, text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,2}):(\d\d)-(\d{1,2}):(\d\d)", text.replace(" ", ""), re.ASCII)
    parts = [int(g) for g in found.groups()] if found else [99] * 4
    opens, closes = parts[0] * 60 + parts[1], parts[2] * 60 + parts[3]
    if max(parts[1], parts[3]) > 59 or opens >= 24 * 60 or closes > 24 * 60:
        raise BadParameter(
            name,
            f"{text[:60]!r} are not hours; it may be 08:00-18:00, or overnight 22:00-06:00 (00:00 to 24:00)",
        )
    return opens, closes


def _days(name: str, text: str) -> frozenset[int]:
    days: set[int] = set()
    for piece in text.lower().replace(" ", "").split(","):
        first, dash, last = piece.partition("-")
        if first not in DAY_NAMES or (dash and last not in DAY_NAMES):
            raise BadParameter(
                name, f"{piece[:60]!r} is not a day; it may be mon-fri or mon,wed ({', '.join(DAY_NAMES)})"
            )
        a, b = DAY_NAMES.index(first), DAY_NAMES.index(last if dash else first)
        days.update((a + i) % 7 for i in range((b - a) % 7 + 1))
    return frozenset(days)


def _zone(name: str, text: str) -> str:
    if text not in TIME_ZONES:
        raise BadParameter(
            name, f"{text[:60]!r} is not an IANA time zone; it may be Europe/Paris, America/New_York, …"
        )
    return text


FORMATS = ("frames", "rows", "matrix", "csv", "png", "webp", "geojson")
EMPTY = ("omit", "zero")
AREAS = ("m2", "ft2")
UNITS = ("auto", "people", "detections")
METRICS = ("occupancy", "traffic", "presence", "heatmap")
THEMES = ("light", "dark")
STYLES = ("gradient", "opacity", "smooth")
NARROWEST_PX, WIDEST_PX = 100, 4096
LONGEST_WINDOW_MIN = 24 * 60
LONGEST_MAX_AGE_MIN = 60
ASKERS = ("viewer", "rule", "wall")
LEVELS = ("floor", "room", "zone")
BY = ("building", "tag")
KINDS = ("sensor", "hive")
ONLY = ("all", "faults")
STATISTICS = ("mean", "max", "min", "sum", "median", "first", "last")
EVERY = ("auto", "1m", "5m", "15m", "1h", "1d")
NORMALIZE = ("none", "max", "hour", "share")

PARAMETERS: Mapping[str, Parameter] = MappingProxyType(
    {
        w.name: w
        for w in (
            Parameter(
                "space",
                "floor id; optional if the backend serves one floor; tables also take a list or `all`",
                _ident,
                stored_as="spaces",
                many=True,
                example="space_1",
            ),
            Parameter(
                "from",
                "start: ISO 8601 or epoch ms; a time without offset is in `tz`, or in UTC; a date means "
                "its midnight",
                instant,
                is_time=True,
                url_only=True,
                stored_as="start_s",
                example="2024-01-01T00:00:00Z",
            ),
            Parameter(
                "to",
                "end, not included: in the forms of `from`; a date means the midnight at which it begins",
                instant,
                is_time=True,
                url_only=True,
                stored_as="end_s",
                example="1706745600000",
            ),
            Parameter(
                "resolution",
                "cell size in metres; auto: 0.5, or 1.0 if 0.5 gives more than `columns` columns; 0.25 "
                "is finer than the sensors see",
                _resolution,
                default="auto",
                choices=("auto", "0.25", "0.5", "1.0"),
            ),
            Parameter("columns", "most columns of cells with `resolution=auto`", _columns, default="100"),
            Parameter(
                "normalize",
                "none: detections; max: share of the largest cell, 0 to 1; hour: per hour counted; "
                "share: of all detections",
                _one_of(*NORMALIZE),
                default="none",
                choices=NORMALIZE,
            ),
            Parameter(
                "empty",
                "cells without a detection: omit leaves them out (null in dense frames), zero makes "
                "them 0 within "
                "the floor's outline; cells without data stay null; pictures show neither",
                _one_of(*EMPTY),
                default="omit",
                choices=EMPTY,
            ),
            Parameter(
                "hours",
                "counts only these local hours; overnight hours belong to the day on which they start",
                _hours,
                example="08:00-18:00",
            ),
            Parameter("days", "counts only these local days", _days, example="mon-fri"),
            Parameter(
                "tz",
                "IANA time zone of hours, days and windows; default: each floor's own",
                _zone,
                example="Europe/Paris",
            ),
            Parameter(
                "holidays",
                "out: the dates of BACKEND_HOLIDAYS are not counted",
                _one_of("in", "out"),
                default="in",
                choices=("in", "out"),
            ),
            Parameter(
                "room",
                "room ids or names: only cells whose centre is in one of these rooms",
                _as_it_is,
                many=True,
                is_name=True,
                example="room_1",
            ),
            Parameter(
                "tag",
                "room tags: only cells whose centre is in a room with one of these tags",
                _as_it_is,
                many=True,
                is_name=True,
                example="quiet",
            ),
            Parameter(
                "type",
                "room types: only rooms of these types, and cells whose centre is in one of these rooms",
                _as_it_is,
                many=True,
                is_name=True,
                example="meeting_room",
            ),
            Parameter(
                "least_capacity",
                "only rooms for at least so many people; 0: all, also those whose capacity is not known",
                _least_capacity,
                default="0",
                example="6",
            ),
            Parameter(
                "require",
                "complete: an error instead of a partial or old result",
                _one_of("any", "complete"),
                default="any",
                choices=("any", "complete"),
            ),
            Parameter(
                "max_age",
                "greatest age at which a result about now still counts as complete, if newer data do not "
                "arrive in time: 0, or 1m to 60m",
                _max_age,
                default="0",
                example="5m",
                stored_as="max_age_s",
            ),
            Parameter(
                "for",
                "who waits for the result: an alert rule, a wall or a viewer; calls to Butlr are shared out "
                "by this; default: rule with `require=complete`, otherwise viewer",
                _one_of(*ASKERS),
                choices=ASKERS,
                example="rule",
                stored_as="asker",
                url_only=True,
            ),
            Parameter(
                "baseline",
                "period to compare with: the previous one, a calendar offset, or ISO/ISO",
                _baseline,
                is_time=True,
                default="previous",
                example="-4w",
            ),
            Parameter(
                "threshold",
                "limit above which it is hot: a percentile of the result, or a number; the number is "
                "people per "
                "m² with `unit=people`, otherwise detections per m² and hour (also with area=ft2)",
                threshold.parse,
                default="p95",
                example="2.5",
            ),
            Parameter(
                "release",
                "limit below which a hot zone is no longer hot, for `events`; default: 80 % of a number as "
                "`threshold`",
                _release,
                example="2",
            ),
            Parameter(
                "window",
                "length of the window up to now, from 1m to 24h",
                _window,
                default="10m",
                example="8h",
                stored_as="window_s",
            ),
            Parameter(
                "area",
                "unit of areas; with ft2, columns have names such as `area_ft2` and `people_per_ft2`",
                _one_of(*AREAS),
                default="m2",
                choices=AREAS,
            ),
            Parameter(
                "unit",
                "unit of heat; people needs the floor's measured factor; auto uses people if the factor "
                "is known, "
                "but detections with `normalize=hour` or a number as `threshold`",
                _one_of(*UNITS),
                default="auto",
                choices=UNITS,
            ),
            Parameter(
                "underused",
                "a room is underused if people were there for less than this share (0 to 1) of the hours "
                "counted",
                _share,
                default="0.1",
            ),
            Parameter(
                "metric",
                "metric of `pattern` and `freshness`",
                _one_of(*METRICS),
                default="occupancy",
                choices=METRICS,
            ),
            Parameter("every", "length of the windows", _one_of(*EVERY), default="auto", choices=EVERY),
            Parameter(
                "statistic",
                "statistic of each window's values: mean, max, min, sum, median, first, last, p95 …",
                _statistic,
                default="mean",
                example="p95",
            ),
            Parameter(
                "level",
                "floors, rooms or zones; default of most tables: `room`",
                _one_of(*LEVELS),
                choices=LEVELS,
            ),
            Parameter(
                "by",
                "what the rows of `totals` are of: buildings, or tags of floors; a floor with several tags "
                "counts in each",
                _one_of(*BY),
                default="building",
                choices=BY,
            ),
            Parameter(
                "kind",
                "only devices of this kind; default: both",
                _one_of(*KINDS),
                choices=KINDS,
            ),
            Parameter(
                "only",
                "faults: only devices that are offline, whose state Butlr does not tell, or whose battery is "
                "due; and only rooms and zones without a working sensor",
                _one_of(*ONLY),
                default="all",
                choices=ONLY,
            ),
            Parameter("width", "width of a picture in pixels", _width, default="1200", url_only=True),
            Parameter(
                "theme",
                "colour theme of a picture",
                _one_of(*THEMES),
                default="light",
                choices=THEMES,
                url_only=True,
            ),
            Parameter(
                "style",
                "style of a heat map's picture or film; gradient: a colour per cell; opacity: one "
                "colour, stronger "
                "with more people; smooth: colours that blend into each other",
                _one_of(*STYLES),
                default="gradient",
                choices=STYLES,
                url_only=True,
            ),
            Parameter(
                "bom",
                "1: a CSV begins with a byte-order mark, so that Excel reads it as UTF-8",
                _one_of("0", "1"),
                default="0",
                choices=("0", "1"),
                url_only=True,
            ),
            Parameter(
                "format",
                "format of the result",
                _one_of(*FORMATS),
                default="frames",
                choices=FORMATS,
                url_only=True,
            ),
        )
    }
)
