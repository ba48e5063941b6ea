"""`POST /api/v4/reporting/stats`: one figure an item over the minutes that the filters leave.

Occupancy from traffic is calibrated, as Butlr documents, each day on the items' clock. `used` leaves out the
minutes with nobody. An item that is unknown, or that no sensor of the kind sees, or without any minute left,
is not in the answer; a figure of no minute is null.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from .body_values import choices, instant, json_object, texts
from .forms import Forms
from .geometry import Bools, Floats
from .measuring import CountingOptions, Span, minute_values
from .messages import Refusal
from .minutes import MINUTE_S
from .people import People
from .rows import number
from .series import Series, all_series
from .series import measurements as all_measurements
from .world import Floor, Office

_FIGURES: Mapping[str, Callable[[Floats], Any]] = {
    "avg": np.mean,
    "median": np.median,
    "used_avg": lambda people: _used(np.mean, people),
    "used_median": lambda people: _used(np.median, people),
}
_SENSORS = {
    "presence": ("floor_occupancy", "room_occupancy", "zone_occupancy"),
    "traffic": ("traffic_floor_occupancy", "traffic_room_occupancy"),
}
MEASUREMENTS = tuple(f"occupancy_{figure}_{sensors}" for sensors in _SENSORS for figure in _FIGURES)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_QUARTER_S = 900
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")


@dataclass(frozen=True)
class StatsQuery:
    """A checked request. `time_ranges` are minutes since local midnight, half-open."""

    measurements: tuple[str, ...]
    items: tuple[str, ...]
    start_s: float
    stop_s: float
    time_ranges: tuple[tuple[int, int], ...]
    excluded_weekdays: frozenset[int]


def parse(body: Mapping[str, Any], forms: Forms) -> StatsQuery:
    """Checks the values of a request. The first wrong value is a 400 that names it."""
    measurements = choices(body.get("measurements"), "measurements", MEASUREMENTS)
    items = texts(body.get("items"), "items")
    start_s, stop_s = (_instant_or_date(body, name) for name in ("start", "stop"))
    if start_s >= stop_s:
        raise Refusal(400, "stop: is not after start")
    filters = json_object(body, "filters") if "filters" in body else {}
    ranges, days = filters.get("time_ranges", []), filters.get("exclude_days_of_week", [])
    if not isinstance(ranges, list):
        raise Refusal(400, "filters.time_ranges: a list")
    if not isinstance(days, list) or not all(isinstance(day, str) for day in days):
        raise Refusal(400, "filters.exclude_days_of_week: is not a list of texts")
    return StatsQuery(
        measurements,
        items,
        start_s,
        stop_s,
        tuple(_time_range(words) for words in ranges),
        frozenset(number for number, name in enumerate(DAYS) if _excluded(name, days, forms)),
    )


def _excluded(name: str, days: Sequence[str], forms: Forms) -> bool:
    """A day that is written otherwise than Butlr writes it is silently ignored."""
    match forms.weekday_case:
        case "capital":
            return name in days
        case "lower":
            return name.lower() in days
        case _:
            return name.lower() in {day.lower() for day in days}


def _instant_or_date(body: Mapping[str, Any], name: str) -> float:
    """Butlr's examples have bare dates too: the midnight of UTC."""
    text = body.get(name)
    if isinstance(text, str) and _DATE.fullmatch(text):
        return instant({name: f"{text}T00:00:00Z"}, name, name)
    return instant(body, name, name)


def build_response(people: People, query: StatsQuery, until_s: float, forms: Forms) -> Any:
    """The values as JSON. Items in several time zones are a 400."""
    floors = _floors(people.office)
    items = [item for item in query.items if item in floors]
    zones = {floors[item].timezone for item in items}
    if len(zones) > 1:
        raise Refusal(400, f"items: must have one time zone, but have {', '.join(sorted(zones))}")
    span = Span.beginning_within(query.start_s, query.stop_s, until_s)
    if not items or not span.minutes:
        return {"data": {}}
    tz = ZoneInfo(zones.pop())
    counted = _counted(query, span, tz)
    data: dict[str, dict[str, Any]] = {}
    for measurement in query.measurements:
        figure, _, sensors = measurement.removeprefix("occupancy_").rpartition("_")
        series = _series(people.office, items, _SENSORS[sensors], forms)
        values = minute_values(people, list(series.values()), span, CountingOptions(tz, "true", forms))
        for item, line in zip(series, values[:, counted], strict=True):
            known = line[np.isfinite(line)]
            if len(known):
                data.setdefault(item, {})[measurement] = number(_FIGURES[figure](known))
    return {"data": data}


def _used(figure: Callable[[Floats], Any], people: Floats) -> Any:
    used = people[people > 0]
    return figure(used) if len(used) else np.nan


def _floors(office: Office) -> dict[str, Floor]:
    """The floor of every item there is."""
    placed = {one.id: floor for floor in office.floors for one in floor.placed}
    return {floor.id: floor for floor in office.floors} | placed


def _series(office: Office, items: Sequence[str], names: Sequence[str], forms: Forms) -> dict[str, Series]:
    """Those items that are measured."""
    known = all_measurements(forms)
    found = [one for name in names for one in all_series(office, known[name], forms)]
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
        raise Refusal(400, 'filters.time_ranges: use {"start": "HH:MM", "stop": "HH:MM"}')
    start, stop = (int(clock[:2]) * 60 + int(clock[3:]) for clock in clocks)
    if start >= stop:
        raise Refusal(400, "filters.time_ranges: stop is not after start on the same day")
    return start, stop
