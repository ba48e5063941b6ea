"""Rooms, zones or the floor in two periods, each per hour counted."""

from __future__ import annotations

from dataclasses import dataclass

from butlr_grafana.insight.compare import silences
from butlr_grafana.insight.together import zones_of
from butlr_grafana.insight.zones import Level, ZoneHeat
from butlr_grafana.model.queries import HeatMap
from butlr_grafana.model.threshold import Threshold


@dataclass(frozen=True, slots=True)
class ZoneChange:
    """A room, zone or floor in both periods; what cannot be told is `None`, and `reason` says why.

    `current`, `baseline`: detections per hour counted, in people the mean number of people; `change`: their
    difference; `change_pct`: 100 is twice as much, `None` where the baseline has none. `share_change`: of
    the floor's detections, in points of 1: who moved where, whether or not the floor as a whole is fuller.
    """

    zone_id: str
    zone: str
    level: Level
    space: str
    floor: str
    has_data: bool
    reason: str
    current: float | None
    baseline: float | None
    change: float | None
    change_pct: float | None
    share_change: float | None


def zone_changes(current: HeatMap, baseline: HeatMap, *, level: Level) -> tuple[ZoneChange, ...]:
    """All of the floor, the largest change up or down first; those without data last.

    A period without any data is said, and no fall to zero.
    """
    why_silent = "; ".join(silences(current, baseline))
    then = {z.zone_id: z for z in _zones(baseline, level)}
    unit = current.unit
    rows = [_change(now, then[now.zone_id], why_silent, unit) for now in _zones(current, level)]
    return tuple(sorted(rows, key=lambda r: (r.change is None, -abs(r.change or 0.0), r.zone)))


def _zones(heat_map: HeatMap, level: Level) -> tuple[ZoneHeat, ...]:
    return zones_of([heat_map], level=level, threshold=Threshold(100.0, is_percentile=True))


def _change(now: ZoneHeat, then: ZoneHeat, why_silent: str, unit: str) -> ZoneChange:
    reason = now.reason or then.reason or why_silent
    sides = (now.people, then.people) if unit == "people" else (now.per_hour, then.per_hour)
    a, b = (None, None) if reason else sides
    change = None if a is None or b is None else a - b
    shares = None if reason or now.share is None or then.share is None else now.share - then.share
    return ZoneChange(
        zone_id=now.zone_id,
        zone=now.zone,
        level=now.level,
        space=now.space,
        floor=now.floor,
        has_data=not reason,
        reason=reason,
        current=a,
        baseline=b,
        change=change,
        change_pct=None if change is None or not b else 100 * change / b,
        share_change=shares,
    )
