"""The dashboards' source: plain functions that return Grafana's JSON (schema version 42, Grafana 12.3).

`house` names what all dashboards share, `sources` knows the two data sources, `variables`, `panels` and
`page` are the parts, and each dashboard is a module of its own, listed in `DASHBOARDS`.
"""

from __future__ import annotations

from source import floor_heatmap
from source.house import Json
from source.sources import INFINITY, SIMPOD

DASHBOARDS: tuple[Json, ...] = tuple(floor_heatmap.dashboard(source) for source in (INFINITY, SIMPOD))
"""Every dashboard, as Grafana reads it; its file is named after its uid."""
