"""The dashboards' source: plain functions that return Grafana's JSON (schema version 42, Grafana 12.3).

`house` names what all dashboards share, `sources` knows the data sources, `words` the questions,
`variables`, `panels/` and `page` are the parts, and each dashboard is a module of its own, listed in
`DASHBOARDS`.
"""

from __future__ import annotations

from source import compare, floor, free_rooms, operations, patterns, portfolio, rooms, sensors, wall
from source.house import Json
from source.sources import INFINITY, SIMPOD

DASHBOARDS: tuple[Json, ...] = (
    portfolio.dashboard(INFINITY),
    floor.dashboard(INFINITY),
    floor.dashboard(SIMPOD),
    compare.dashboard(INFINITY),
    rooms.dashboard(INFINITY),
    patterns.dashboard(INFINITY),
    sensors.dashboard(INFINITY),
    wall.dashboard(INFINITY),
    free_rooms.dashboard(INFINITY),
    operations.dashboard(),
)
"""Every dashboard, as Grafana reads it; its file is named after its uid."""
