"""`floorplan`: outline, rooms and zones."""

from __future__ import annotations

from butlr_grafana.targets.base import Fetched, Sources, Target
from butlr_grafana.targets.parameter_groups import IMAGE
from butlr_grafana.targets.shapes import FloorPlan


class FloorPlanTarget(Target[FloorPlan]):
    name = "floorplan"
    title = "Floor plan"
    description = "Outline, rooms and zones, as GeoJSON (1 metre is 1/111319.49 degree) or as a picture."
    parameters = ("space", *IMAGE, "format")
    formats = ("geojson", "png")
    shape = FloorPlan
    note_topics = frozenset({"places"})

    def build(self, fetched: Fetched, sources: Sources) -> FloorPlan:
        return FloorPlan(next(iter(fetched.scope.topology.floors.values())))
