"""`meta.custom` and notices of a table's frame, for one floor or several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from butlr_grafana.base.errors import BackendError, Busy, UpstreamLate
from butlr_grafana.insight.compare import silences
from butlr_grafana.model.choices import names_together
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.queries import HeatMap
from butlr_grafana.model.time import iso
from butlr_grafana.present.frames import comparison
from butlr_grafana.present.frames.notices import (
    DEMO,
    custom,
    notices,
    series_notices,
    statistics_notices,
    unit_notices,
    why_nothing,
)
from butlr_grafana.targets.base import Result, TableTarget
from butlr_grafana.targets.compare_zones import ZoneComparison
from butlr_grafana.targets.pattern import WeekPattern
from butlr_grafana.targets.shapes import FilmResult

Row = dict[str, Any]
Notice = dict[str, str]

MOST_NAMED = 5
"""Of more floors with one cause only their number is told."""


def meta(result: Result[Any], *, found: Sequence[Row] | None = None, demo: bool) -> dict[str, Any]:
    """`found`: the rows, where it is a table."""
    notices = [*_of_results(result), *faults(result)]
    if found is not None and isinstance(result.target, TableTarget):
        if found:
            notices += map(_info, result.target.notes(result, found))
        else:
            # First: Grafana shows the notices in this order, and a reader of an empty table looks for this.
            notices.insert(0, _info(_why_empty(result, result.target)))
    if demo and (result.results or result.target.renews_topology):
        notices.append(_info(DEMO))
    return {"custom": _custom(result), "notices": notices}


def _why_empty(result: Result[Any], target: TableTarget[Any]) -> str:
    served = result.topology.floors
    floors = {part.query.floor.id: part.query.floor for part in result.results} or served
    return target.why_empty(result) or why_nothing(result.parsed.level or "room", list(floors.values()))


def faults(result: Result[Any]) -> list[Notice]:
    """Why floors, or a column, are missing."""
    names = _names(result)
    floors = [*_of_floors(result.fetched.faults, names), *_follow(result)]
    if result.target.needs_presence(result.parsed):
        return floors  # the maps tell what they lack
    if what := result.target.filled_aside:
        missing = _of_floors(result.fetched.partial_errors, names)
        return floors + [
            {"severity": "warning", "text": f"{what} is missing. {one['text']}"} for one in missing
        ]
    partial_errors = [(floor, fault.message) for floor, fault in result.fetched.partial_errors]
    return floors + statistics_notices(result.fetched.stats, partial_errors, "mean_when_used", names)


def _names(result: Result[Any]) -> dict[str, str]:
    """By id, how notices name the floors of a result."""
    floors = {**result.topology.floors, **{one.query.floor.id: one.query.floor for one in result.results}}
    return names_together(floors.values())


def _of_floors(faults: Sequence[tuple[Floor, BackendError]], names: Mapping[str, str]) -> Iterator[Notice]:
    """One notice for each floor; where many have failed, for each cause."""
    if len(faults) <= MOST_NAMED:
        texts = [f"{names[floor.id]}: {fault.message}" for floor, fault in faults]
    else:
        floors: dict[str, list[str]] = {}
        for floor, fault in faults:
            floors.setdefault(fault.message, []).append(names[floor.id])
        texts = [
            f"{', '.join(named)}: {message}"
            if len(named) <= MOST_NAMED
            else f"{len(named)} floors: {message}"
            for message, named in floors.items()
        ]
    return ({"severity": "error", "text": text} for text in texts)


def _follow(result: Result[Any]) -> Iterator[Notice]:
    """How many of many floors are there, where Butlr is still being asked for the others."""
    floor_count = len(result.topology.floors)
    late = sum(isinstance(fault, UpstreamLate | Busy) for _, fault in result.fetched.faults)
    if late and floor_count > 1:
        there = floor_count - len(result.fetched.faults)
        yield {"severity": "warning", "text": f"{there} of {floor_count} floors; the rest follows."}


def _custom(result: Result[Any]) -> dict[str, Any]:
    if isinstance(result.content, ZoneComparison):
        return comparison.both(result.content.current, result.content.baseline)
    maps = _maps(result)
    own = result.target.custom(result) if isinstance(result.target, TableTarget) else {}
    return {**own, **_custom_of(result, maps)}


def _custom_of(result: Result[Any], maps: tuple[HeatMap, ...]) -> dict[str, Any]:
    if not maps:
        return {"complete": result.complete}
    if len(maps) == 1:
        own = {**custom(maps[0]), "complete": result.complete}
        if isinstance(result.content, FilmResult):
            # One window is drawn at a time: the fullest cell is one window's.
            own |= {"max_value": max(window.peak for window in result.maps), "windows": len(result.maps)}
        return own
    return {
        "complete": result.complete,
        "as_of": min(iso(m.coverage.as_of_s or m.query.period.end_s) for m in maps),
        "floors": {m.query.floor.id: custom(m) for m in maps},
    }


def _of_results(result: Result[Any]) -> Iterator[Notice]:
    """What the heat maps and series say, each thing once; with the floor's name where there are several."""
    maps = _maps(result)
    if isinstance(result.content, ZoneComparison):
        current, baseline = result.content.current, result.content.baseline
        yield from comparison.notices_of_both(current, baseline, silences(current, baseline), demo=False)
        return
    several = len({part.query.floor.id for part in result.results}) > 1
    # One for all floors that lack a factor: at first none has one.
    units = unit_notices(maps)
    names = _names(result)
    found = [
        (names[m.query.floor.id], [n for n in notices(m, demo=False) if n not in unit_notices([m])])
        for m in maps
    ]
    found += [(names[s.query.floor.id], series_notices(s, demo=False)) for s in result.fetched.series]
    yield from _once(
        {**notice, "text": f"{name}: {notice['text']}"} if several else notice
        for name, own in found
        for notice in own
    )
    yield from units


def _info(text: str) -> Notice:
    return {"severity": "info", "text": text}


def _once(found: Iterable[Notice]) -> list[Notice]:
    return list({notice["text"]: notice for notice in found}.values())


def _maps(result: Result[Any]) -> tuple[HeatMap, ...]:
    """The heat maps that the notices are about; windows of one period are one map."""
    match result.content:
        case FilmResult(whole=whole):
            return (whole,)
        case WeekPattern(whole=HeatMap() as whole):
            return (whole,)
    return result.maps
