"""`POST /api/v4/reporting/stats`: one figure an item over the minutes that the filters leave.

Occupancy from traffic is calibrated, as Butlr documents. `used` leaves out the minutes with nobody. An item
that no sensor of the kind sees, or without any minute left, has null.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from .geometry import Bools, Floats
from .grouping import number
from .messages import Refusal
from .minutes import MINUTE_S
from .people import People
from .series import Series, Span, all_series, minute_values
from .words import choices, instant, section, texts
from .world import Floor, Office

_FIGURES: Mapping[str, Callable[[Floats], Any]] = {
    "avg": np.mean,
    "max": np.max,
    "median": np.median,
    "used_avg": lambda people: _used(np.mean, people),
    "used_median": lambda people: _used(np.median, people),
}
_SENSORS = {
    "presence": ("floor_occupancy", "room_occupancy", "zone_occupancy"),
    "traffic": ("traffic_floor_occupancy", "traffic_room_occupancy"),
}
MEASUREMENTS = tuple(f"occupancy_{figure}_{sensors}" for sensors in _SENSORS for figure in _FIGURES)
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_QUARTER_S = 900
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")


@dataclass(frozen=True)
class StatsQuery:
    """What is asked, checked. `time_ranges` are minutes since midnight on the clock, half-open."""

    measurements: tuple[str, ...]
    items: tuple[str, ...]
    start_s: float
    stop_s: float
    time_ranges: tuple[tuple[int, int], ...]
    excluded_weekdays: frozenset[int]


def parse(body: Mapping[str, Any]) -> StatsQuery:
    """Checks a request's words; the first that is wrong is a 400 that names it."""
    measurements = choices(body.get("measurements"), "measurements", MEASUREMENTS)
    items = texts(body.get("items"), "items")
    start_s, stop_s = instant(body, "start", "start"), instant(body, "stop", "stop")
    if start_s >= stop_s:
        raise Refusal(400, "stop: must be after start")
    filters = section(body, "filters") if "filters" in body else {}
    ranges = filters.get("time_ranges", [])
    if not isinstance(ranges, list):
        raise Refusal(400, "filters.time_ranges: a list")
    days = filters.get("exclude_days_of_week", [])
    days = [day.lower() if isinstance(day, str) else day for day in days] if isinstance(days, list) else days
    excluded = choices(days, "filters.exclude_days_of_week", DAYS) if days != [] else ()
    return StatsQuery(
        measurements,
        items,
        start_s,
        stop_s,
        tuple(_time_range(words) for words in ranges),
        frozenset(map(DAYS.index, excluded)),
    )


def answer(people: People, query: StatsQuery, until_s: float) -> Any:
    """The figures as JSON. An unknown item, or items of more than one time zone, is a 400."""
    floors = _floors(people.office)
    unknown = [item for item in query.items if item not in floors]
    if unknown:
        raise Refusal(400, f"items: {', '.join(unknown)} unknown")
    zones = {floors[item].timezone for item in query.items}
    if len(zones) > 1:
        raise Refusal(400, f"items: of one time zone only, not of {', '.join(sorted(zones))}")
    tz = ZoneInfo(zones.pop())
    span = Span.of(query.start_s, query.stop_s, until_s)
    counted = _counted(query, span, tz) if span.minutes else np.zeros(0, dtype=np.bool_)
    data: dict[str, dict[str, Any]] = {item: {} for item in query.items}
    for measurement in query.measurements:
        figure, _, sensors = measurement.removeprefix("occupancy_").rpartition("_")
        series = _series(people.office, query.items, _SENSORS[sensors])
        values = minute_values(people, list(series.values()), span, tz, calibrated=True)
        lines = dict(zip(series, values[:, counted], strict=True))
        for item, figures in data.items():
            line = lines.get(item, np.empty(0))
            line = line[np.isfinite(line)]
            figures[measurement] = number(_FIGURES[figure](line)) if len(line) else None
    return {"data": data}


def _used(figure: Callable[[Floats], Any], people: Floats) -> Any:
    used = people[people > 0]
    return figure(used) if len(used) else np.nan


def _floors(office: Office) -> dict[str, Floor]:
    """The floor of every item there is."""
    return {
        item_id: floor
        for floor in office.floors
        for item_id in (floor.id, *(room.id for room in floor.rooms), *(zone.id for zone in floor.zones))
    }


def _series(office: Office, items: Sequence[str], measurements: Sequence[str]) -> dict[str, Series]:
    """Those items that are measured."""
    found = [one for measurement in measurements for one in all_series(office, measurement)]
    by_item = {one.item_id: one for one in found}
    return {item: by_item[item] for item in items if item in by_item}


def _counted(query: StatsQuery, span: Span, tz: ZoneInfo) -> Bools:
    """Which minutes of the span the filters leave, by the clock on the wall."""
    # Clocks are changed on a quarter of an hour, if at all.
    first_s = span.start_s // _QUARTER_S * _QUARTER_S
    walls = [datetime.fromtimestamp(at_s, tz) for at_s in range(first_s, span.stop_s, _QUARTER_S)]
    within = np.arange(_QUARTER_S // MINUTE_S)
    clock = (np.array([wall.hour * 60 + wall.minute for wall in walls])[:, None] + within).ravel()
    weekday = np.repeat([wall.weekday() for wall in walls], len(within))
    counted = ~np.isin(weekday, list(query.excluded_weekdays))
    if query.time_ranges:
        counted &= np.any([(clock >= start) & (clock < stop) for start, stop in query.time_ranges], axis=0)
    skipped = (span.start_s - first_s) // MINUTE_S
    return counted[skipped : skipped + span.minutes]


def _time_range(words: Any) -> tuple[int, int]:
    bounds = [words.get(key) for key in ("start", "stop")] if isinstance(words, dict) else [None]
    clocks = [text for text in bounds if isinstance(text, str) and _CLOCK.fullmatch(text)]
    if len(clocks) < 2:
        raise Refusal(400, 'filters.time_ranges: {"start": "HH:MM", "stop": "HH:MM"}')
    start, stop = (int(clock[:2]) * 60 + int(clock[3:]) for clock in clocks)
    if start >= stop:
        raise Refusal(400, "filters.time_ranges: stop must be after start, on the same day")
    return start, stop
