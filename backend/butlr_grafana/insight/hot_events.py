"""One snapshot of a floor's zones → the changes to the event log. Pure; instants in seconds since the epoch.

An event begins when a zone is above the threshold and ends when it is below the release. So a value near the
threshold makes one event, not many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from butlr_grafana.insight.zones import ZoneHeat
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.queries import HeatMap
from butlr_grafana.model.time import HOUR_S

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


@dataclass(frozen=True, slots=True)
class HotZoneSnapshot:
    """What one rule's query saw of a floor's zones at `seen_s`."""

    watch: Watch
    space: str
    zones: tuple[ZoneHeat, ...]
    seen_s: int


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


def names_of(floor: Floor) -> dict[tuple[str, str], str]:
    """The names of what can be hot on a floor, by level and id."""
    return {
        ("floor", floor.id): floor.name,
        **{("room", room.id): room.name for room in floor.rooms},
        **{("zone", zone.id): zone.name for zone in floor.zones},
    }
