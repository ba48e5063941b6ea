"""Looks at tiny floors, as alert rules have them."""

from __future__ import annotations

from butlr_grafana.insight.hot_events import Watch
from butlr_grafana.insight.zones import ZoneHeat

WATCH = Watch("room", 600, threshold=30.0, release=24.0)


IN_PEOPLE = Watch("room", 600, threshold=0.5, release=0.4, unit="people")


def zone(name: str, heat: float | None, space: str = "f", people: float | None = None) -> ZoneHeat:
    """A room with so many detections per m² and hour, and people per m²; `None`: it has no data."""
    return ZoneHeat(
        zone_id=f"room_{name}",
        zone=name,
        level="room",
        space=space,
        floor=f"Floor {space}",
        has_data=heat is not None,
        reason="" if heat is not None else "its sensors are offline",
        detections=None,
        per_hour=None,
        per_m2_hour=heat,
        share=None,
        area_m2=None,
        people_per_m2=people,
    )
