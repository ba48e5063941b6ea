"""`events`: recorded periods in which zones were hot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from butlr_grafana.insight.hot_events import Event, names_of
from butlr_grafana.model.floor import Topology
from butlr_grafana.model.time import MINUTE_S, iso
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.period import to_the_minute
from butlr_grafana.targets.base import Fetched, Result, Row, Sources, TableTarget
from butlr_grafana.targets.parameter_groups import FLOOR, FRAMES_ROWS_CSV


@dataclass(frozen=True, slots=True)
class RecordedEvents:
    events: tuple[Event, ...]


class Events(TableTarget[RecordedEvents]):
    name = "events"
    title = "Hot zone events"
    description = "One row for each time that a zone was hot for an alert rule: start, end, threshold, peak."
    parameters = ("space", "from", "to", "tz", "level", "room", "type", "format")
    formats = FRAMES_ROWS_CSV
    many_floors = True
    cacheable = False
    mixes_levels = True

    def build(self, fetched: Fetched, sources: Sources) -> RecordedEvents:
        scope = fetched.scope
        period = to_the_minute(*scope.range_s, now_s=scope.now_s, limits=scope.limits)
        found = sources.events(period, scope.topology.floors)
        return RecordedEvents(tuple(visible_events(found, scope.parsed, scope.topology)))

    def columns(self, parsed: ParsedQuery) -> tuple[str, ...]:
        return (
            *("time", "timeEnd", "text", "tags", *FLOOR, "level", "zone_id", "zone"),
            *("unit", "threshold", "release", "window_s"),
            *("peak_per_m2_hour", "peak_people_per_m2", "going_on"),
        )

    def rows_of(self, content: RecordedEvents, result: Result[RecordedEvents]) -> list[Row]:
        """`time`, `timeEnd`, `text` and `tags` are the names under which Grafana takes annotations from a
        table; an ongoing one ends now.
        """
        return [_row(event, result.topology, result.now_s) for event in content.events]

    def why_empty(self, result: Result[RecordedEvents]) -> str:
        return "No alert rule recorded a hot zone in this period."


def visible_events(events: Iterable[Event], parsed: ParsedQuery, topology: Topology) -> Iterator[Event]:
    """The events of the level and rooms asked for, and of nothing that the topology does not list: what was
    recorded of a room that is gone, or hidden for privacy, stays hidden.
    """
    names = {space: names_of(floor) for space, floor in topology.floors.items()}
    limits = [{room.text for room in parsed.room}] if parsed.room else []
    limits += [set(one.values) for one in parsed.filters if one.key == "room"]
    typed = [one for one in parsed.filters if one.key == "type"]
    limits += [
        {id_ for floor in topology.floors.values() for id_ in one.matching_rooms(floor)} for one in typed
    ]
    for event in events:
        name = names.get(event.space, {}).get((event.watch.level, event.zone_id))
        is_level = parsed.level in (None, event.watch.level)
        is_room = all({name, event.zone_id} & texts for texts in limits)
        if name is not None and is_level and is_room:
            yield event


def _row(event: Event, topology: Topology, now_s: float) -> Row:
    floor, end_s = topology.floors[event.space], event.ended_by(now_s)
    in_people = event.watch.unit == "people"
    return {
        "time": iso(event.start_s),
        "timeEnd": iso(end_s or now_s),
        "text": f"{title_of(event, topology, now_s)}: {text_of(event)}",
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
        "peak_per_m2_hour": None if in_people else event.peak,
        "peak_people_per_m2": event.peak if in_people else None,
        "going_on": int(end_s is None),
    }


def title_of(event: Event, topology: Topology, now_s: float) -> str:
    verb = "is" if event.ended_by(now_s) is None else "was"
    return f"{_name(event, topology)} ({topology.floors[event.space].name}) {verb} hot"


def text_of(event: Event) -> str:
    watch = event.watch
    minutes = f"{watch.length_s / MINUTE_S:g} min"
    if watch.unit == "people":
        return f"above {watch.threshold:g} people per m² over {minutes}, peak {event.peak:.2f}"
    limit = f"above {watch.threshold:g} detections per m² and hour over {minutes}"
    return f"{limit}, peak {event.peak:.1f}"


def _name(event: Event, topology: Topology) -> str:
    return names_of(topology.floors[event.space])[event.watch.level, event.zone_id]
