"""One look at a floor's zones → what changes in the record. Pure; instants in seconds since the epoch.

An event begins when a zone is seen above the threshold and ends when it is seen below the release, so that
one that hovers about the threshold makes one event, not many.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from butlr_grafana.insight.zones import ZoneHeat
from butlr_grafana.model.floor import Floor, Topology
from butlr_grafana.model.queries import HeatMap
from butlr_grafana.model.time import HOUR_S, Period
from butlr_grafana.query.parse import ParsedQuery

RELEASE_SHARE = 0.8
"""Of the threshold, where no `release` is asked for."""

UNSEEN_S = HOUR_S
"""A zone that nobody has looked at for longer is not known to be hot any more: its event ended when it was
last seen. Much longer than the time between two looks of a rule, and than a short outage.
"""

LONGEST_LOOK_S = HOUR_S
STALE_LOOK_S = 120
"""A look is of at most an hour that ended at most two minutes ago: a question about last month is none."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What a rule looks for. Rules that differ in any of it have events of their own.

    `threshold`, `release`: in `unit`, people per m² or detections per m² and hour; `length_s`: of the time
    that is looked at.
    """

    level: str
    length_s: int
    threshold: float
    release: float
    unit: str = "detections"

    @property
    def key(self) -> str:
        """Names the watch where events are kept; those in detections as before there were others."""
        name = f"{self.level}/{self.length_s}/{self.threshold:.6g}/{self.release:.6g}"
        return name if self.unit == "detections" else f"{name}/{self.unit}"


@dataclass(frozen=True, slots=True)
class Event:
    """A zone's time above a threshold; `end_s` `None`: it goes on, as far as was `seen_s`. `peak`: the
    hottest that was seen, in the watch's unit.
    """

    watch: Watch
    space: str
    zone_id: str
    start_s: int
    seen_s: int
    peak: float
    end_s: int | None = None

    def ended_by(self, now_s: float) -> int | None:
        """When it ended, also where it was lost sight of; `None`: it goes on."""
        return self.seen_s if self.end_s is None and now_s - self.seen_s > UNSEEN_S else self.end_s


def watch_of(asked: ParsedQuery, period: Period) -> Watch | None:
    """The watch behind a question, where it is one that records: a number as threshold, nothing but complete
    answers, every hour of a short time. `period`: the one answered for, which may be a minute shorter or
    longer than the one asked for.
    """
    length_s = period.length_s
    if asked.start_s is not None and asked.end_s is not None:
        length_s = asked.end_s - asked.start_s
    every_hour = asked.hours is None and asked.days is None and asked.holidays == "in"
    if asked.target != "hot-zones" or asked.require != "complete" or asked.threshold.is_percentile:
        return None
    if not every_hour or length_s > LONGEST_LOOK_S:
        return None
    threshold = asked.threshold.value
    release = RELEASE_SHARE * threshold if asked.release is None else min(asked.release, threshold)
    # A number as threshold without a unit is in detections (see `insight.people.unit_of`).
    unit = "people" if asked.unit == "people" else "detections"
    return Watch(asked.level or "room", length_s, threshold, release, unit)


def is_of_now(heat_map: HeatMap, now_s: float) -> bool:
    """Whether a floor's map is a look that counts: whole, and of the minutes just over."""
    return heat_map.coverage.complete and now_s - heat_map.query.period.end_s <= STALE_LOOK_S


def changes(
    watch: Watch, zones: Sequence[ZoneHeat], going_on: Mapping[str, Event], seen_s: int
) -> list[Event]:
    """The events that begin, go on or end, of the zones of one floor as seen at `seen_s`.

    `going_on`: those that have not ended, by zone. A zone without data is not seen.
    """
    changed: list[Event] = []
    for zone in zones:
        heat, event = zone.heat(watch.unit), going_on.get(zone.zone_id)
        if heat is None:
            continue
        if event is not None and seen_s - event.seen_s > UNSEEN_S:
            changed.append(replace(event, end_s=event.seen_s))
            event = None
        if event is not None and heat < watch.release:
            changed.append(replace(event, end_s=seen_s, seen_s=seen_s))
        elif event is not None:
            changed.append(replace(event, seen_s=seen_s, peak=max(event.peak, heat)))
        elif heat > watch.threshold:
            changed.append(Event(watch, zone.space, zone.zone_id, seen_s, seen_s, heat))
    return changed


def told(events: Iterable[Event], asked: ParsedQuery, topology: Topology) -> Iterator[Event]:
    """The events of the level and rooms asked for, and of nothing that the topology does not tell of: what
    was recorded of a room that is gone, or is not to be told of any more, stays untold.
    """
    names = {space: names_of(floor) for space, floor in topology.floors.items()}
    limits = [{room.text for room in asked.room}] if asked.room else []
    limits += [set(one.values) for one in asked.filters if one.key == "room"]
    for event in events:
        name = names.get(event.space, {}).get((event.watch.level, event.zone_id))
        is_level = asked.level in (None, event.watch.level)
        is_room = all({name, event.zone_id} & texts for texts in limits)
        if name is not None and is_level and is_room:
            yield event


def names_of(floor: Floor) -> dict[tuple[str, str], str]:
    """The names of what can be hot on a floor, by level and id."""
    return {
        ("floor", floor.id): floor.name,
        **{("room", room.id): room.name for room in floor.rooms},
        **{("zone", zone.id): zone.name for zone in floor.zones},
    }
