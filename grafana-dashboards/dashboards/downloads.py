"""Download links in a panel's header."""

from __future__ import annotations

from collections.abc import Mapping

from dashboards.page import panel_link
from dashboards.panels.parts import Query
from dashboards.sources import Parameters, Source, through_grafana
from dashboards.style import Json

NAMES = {
    "png": "Open as picture (PNG)",
    "csv": "Download as table (CSV)",
    "webp": "Open as film (WebP)",
    "geojson": "Open the plan (GeoJSON)",
}


FORMS: Mapping[str, Parameters] = {form: {"format": form} for form in NAMES} | {
    # Excel takes a file without the mark for one of the machine's own letters.
    "csv": {"format": "csv", "bom": "1"}
}


def downloads(source: Source, query: Query, *formats: str) -> list[Json]:
    """Links to a panel's result in other formats, through Grafana's proxy."""
    return [
        panel_link(NAMES[f], through_grafana(source, query.target, {**query.parameters, **FORMS[f]}))
        for f in formats
    ]
