"""Grafana annotations: gaps in the data's coverage, and the times in which zones were hot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from butlr_grafana.insight.hot_events import Event, names_of
from butlr_grafana.model.floor import Floor, Topology
from butlr_grafana.model.queries import HeatMap
from butlr_grafana.model.time import DAY_S, MINUTE_S, Period, iso


def gaps(answer: HeatMap) -> list[dict[str, Any]]:
    """Regions that an answer does not cover, and whole days or more without a single detection."""
    floor = answer.query.floor.name
    why = "; ".join(answer.coverage.reasons)
    missing = [_region(g, f"{floor}: no data", why, "missing") for g in answer.coverage.gaps]
    silent = [
        _region(p.period, f"{floor}: no detections", "nobody was there, or the sensors were off", "silent")
        for p in answer.parts
        if p.period.length_s >= DAY_S and not p.grid.value.size
    ]
    return sorted(missing + silent, key=lambda region: int(region["time"]))


def unanswered(floor: Floor, period: Period, why: str) -> list[dict[str, Any]]:
    """The one region of a period of which no answer could be had."""
    return [_region(period, f"{floor.name}: no data", why, "missing")]


def event_rows(events: Sequence[Event], topology: Topology, now_s: float) -> list[dict[str, Any]]:
    """A row an event. `time`, `timeEnd`, `text` and `tags` are the names under which Grafana takes
    annotations from a table; one that goes on ends now.
    """
    return [_row(event, topology, now_s) for event in events]


def event_regions(events: Sequence[Event], topology: Topology, now_s: float) -> list[dict[str, Any]]:
    """The same events as the JSON data source's older clients take annotations. Those of rules that differ in
    nothing that is seen are one region.
    """
    regions = [
        _region(
            Period(event.start_s, max(event.ended_by(now_s) or int(now_s), event.start_s + 1)),
            _title(event, topology, now_s),
            _text(event),
            "hot",
        )
        for event in events
    ]
    seen = ("time", "timeEnd", "title", "text")
    return list({tuple(region[name] for name in seen): region for region in regions}.values())


def _row(event: Event, topology: Topology, now_s: float) -> dict[str, Any]:
    floor, end_s = topology.floors[event.space], event.ended_by(now_s)
    return {
        "time": iso(event.start_s),
        "timeEnd": iso(end_s or now_s),
        "text": f"{_title(event, topology, now_s)}: {_text(event)}",
        "tags": "butlr,hot",
        "space": floor.id,
        "floor": floor.name,
        "level": event.watch.level,
        "zone_id": event.zone_id,
        "zone": _name(event, topology),
        "unit": event.watch.unit,
        "threshold": event.watch.threshold,
        "release": event.watch.release,
        "window_s": event.watch.length_s,
        "peak_per_m2_hour": None if event.watch.unit == "people" else event.peak,
        "peak_people_per_m2": event.peak if event.watch.unit == "people" else None,
        "going_on": int(end_s is None),
    }


def _name(event: Event, topology: Topology) -> str:
    return names_of(topology.floors[event.space])[event.watch.level, event.zone_id]


def _title(event: Event, topology: Topology, now_s: float) -> str:
    verb = "is" if event.ended_by(now_s) is None else "was"
    return f"{_name(event, topology)} ({topology.floors[event.space].name}) {verb} hot"


def _text(event: Event) -> str:
    watch = event.watch
    minutes = f"{watch.length_s / MINUTE_S:g} min"
    if watch.unit == "people":
        return f"above {watch.threshold:g} people per m² over {minutes}, at most {event.peak:.2f}"
    limit = f"above {watch.threshold:g} detections per m² and hour over {minutes}"
    return f"{limit}, at most {event.peak:.1f}"


def _region(period: Period, title: str, text: str, tag: str) -> dict[str, Any]:
    return {
        "time": period.start_s * 1000,
        "timeEnd": period.end_s * 1000,
        "isRegion": True,
        "title": title,
        "text": text,
        "tags": ["butlr", tag],
    }
