"""The dashboards' source: plain functions that return Grafana's JSON (schema version 42, Grafana 12.3).

`style`: what all dashboards share. `sources`: the data sources. `parameters`: query parameters. `variables`,
`panels/` and `page`: the parts of a dashboard. Each dashboard is one module, listed in `DASHBOARDS`.
"""

from __future__ import annotations

from dashboards import compare, floor, free_rooms, operations, patterns, portfolio, rooms, sensors, wall
from dashboards.sources import INFINITY, SIMPOD
from dashboards.style import Json

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
