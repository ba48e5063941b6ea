"""Links by which what a panel shows is had as a file."""

from __future__ import annotations

from source.house import Json
from source.page import panel_link
from source.panels.parts import Question
from source.sources import Source, through_grafana

NAMES = {
    "png": "Open as picture (PNG)",
    "csv": "Download as table (CSV)",
    "webp": "Open as film (WebP)",
    "geojson": "Open the plan (GeoJSON)",
}


def downloads(source: Source, question: Question, *formats: str) -> list[Json]:
    """The answer to a panel's question in other formats, through Grafana's proxy."""
    return [
        panel_link(NAMES[f], through_grafana(source, question.target, {**question.words, "format": f}))
        for f in formats
    ]
