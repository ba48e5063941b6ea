"""What a table's frame says of itself: `meta.custom` and notices, of one floor or of several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from butlr_grafana.answers import Answer
from butlr_grafana.insight.busiest import busiest
from butlr_grafana.insight.compare import silences
from butlr_grafana.insight.people import unknown_why
from butlr_grafana.model import HeatMap, iso
from butlr_grafana.present import comparison
from butlr_grafana.present.account import (
    DEMO,
    custom,
    notices,
    series_notices,
    statistics_notices,
    unit_notices,
    why_nothing,
)
from butlr_grafana.sightings import tells_rooms_apart

Row = dict[str, Any]
Notice = dict[str, str]

BASES = "Mean, median and p95 are of hourly means; the peak is of minutes."
"""A percentile says nothing without what it is of."""


def meta(answer: Answer, *, found: Sequence[Row] | None = None, demo: bool) -> dict[str, Any]:
    """`found`: the rows, where it is a table."""
    said = [*_of_parts(answer), *faults(answer)]
    if found is not None:
        said += map(_info, _of_rows(answer, found))
    if demo and answer.parts:
        said.append(_info(DEMO))
    return {"custom": _custom(answer), "notices": said}


def _of_rows(answer: Answer, found: Sequence[Row]) -> Iterator[str]:
    """Why there is no row, or no value in a column; what values are of."""
    if not found:
        yield _why_empty(answer)
        return
    if answer.asked.target == "utilization":
        yield BASES
    if any(now.is_provisional for now in answer.now):
        yield "Some people are counted by doors; Butlr corrects those counts after the end of the day."
    of_capacity = answer.asked.target in ("occupancy-now", "utilization")
    if of_capacity and all(row["capacity"] is None for row in found):
        yield "Butlr knows no capacity here, so there is no share of it."


def _why_empty(answer: Answer) -> str:
    if answer.asked.target == "hotspots":
        if answer.maps[0].unit == "people" and (why := unknown_why(answer.maps[0])):
            return f"No hot spot is known: {why}."
        return "No cell reaches the threshold."
    served = answer.topology.floors.values() if answer.topology else ()
    floors = {part.query.floor.id: part.query.floor for part in answer.parts} or {f.id: f for f in served}
    return why_nothing(answer.asked.level or "room", list(floors.values()))


def faults(answer: Answer) -> list[Notice]:
    """Why floors, or a column, are missing."""
    floors = [
        {"severity": "error", "text": f"{floor.name}: {fault.message}"} for floor, fault in answer.faults
    ]
    if tells_rooms_apart(answer.asked):
        return floors  # the maps tell what they lack
    lacking = [(floor, fault.message) for floor, fault in answer.lacking]
    return floors + statistics_notices(answer.stats, lacking, column="mean_when_used")


def _custom(answer: Answer) -> dict[str, Any]:
    maps = _maps(answer)
    if answer.asked.target == "compare-zones":
        return comparison.both(*maps)
    if answer.pattern:
        zones = {part.query.floor.id: part.query.timezone for part in answer.series}
        of_floor = {"timezone": next(iter(zones.values()))} if len(zones) == 1 else {}
        return {**of_floor, **_custom_of(answer, maps), "busiest": _busiest(answer)}
    return _custom_of(answer, maps)


WHAT = {"occupancy": "people", "traffic": "people", "presence": "s in use"}


def _busiest(answer: Answer) -> dict[str, Any] | None:
    """The busiest hour of the week, and a sentence that says it."""
    found = busiest(answer.pattern)
    if found is None:
        return None
    in_people = bool(answer.maps) and answer.maps[0].unit == "people"
    what = WHAT.get(answer.asked.metric, "people" if in_people else "detections")
    value = f"{found.value:.0f}" if found.value >= 10 else f"{found.value:.1f}"
    text = f"Busiest: {found.when}, {value} {what}"
    return {"weekday": found.weekday + 1, "hour": found.hour, "value": found.value, "text": text}


def _custom_of(answer: Answer, maps: tuple[HeatMap, ...]) -> dict[str, Any]:
    if not maps:
        return {"complete": answer.complete}
    if len(maps) == 1:
        own = {**custom(maps[0]), "complete": answer.complete}
        if answer.asked.target == "playback":
            # One window is drawn at a time: the fullest cell is one window's.
            own |= {"max_value": max(window.peak for window in answer.maps), "windows": len(answer.maps)}
        return own
    return {
        "complete": answer.complete,
        "as_of": min(iso(m.coverage.as_of_s or m.query.period.end_s) for m in maps),
        "floors": {m.query.floor.id: custom(m) for m in maps},
    }


def _of_parts(answer: Answer) -> Iterator[Notice]:
    """What the heat maps and series say, each thing once; with the floor's name where there are several."""
    maps = _maps(answer)
    if answer.asked.target == "compare-zones":
        current, baseline = maps
        yield from comparison.said_of_both(current, baseline, silences(current, baseline), demo=False)
        return
    several = len({part.query.floor.id for part in answer.parts}) > 1
    # One for all floors that lack a factor: at first none has one.
    units = unit_notices(maps)
    said = [
        (m.query.floor.name, [n for n in notices(m, demo=False) if n not in unit_notices([m])]) for m in maps
    ]
    said += [(s.query.floor.name, series_notices(s, demo=False)) for s in answer.series]
    yield from _once(
        {**notice, "text": f"{name}: {notice['text']}"} if several else notice
        for name, own in said
        for notice in own
    )
    yield from units


def _info(text: str) -> Notice:
    return {"severity": "info", "text": text}


def _once(said: Iterable[Notice]) -> list[Notice]:
    return list({notice["text"]: notice for notice in said}.values())


def _maps(answer: Answer) -> tuple[HeatMap, ...]:
    """The heat maps that are spoken of; windows of one period are spoken of together."""
    return answer.maps if answer.whole is None else (answer.whole,)
