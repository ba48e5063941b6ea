"""Business Charts (ECharts with ECharts-GL): what Grafana's own panels cannot draw, in `scripts/`."""

from __future__ import annotations

from pathlib import Path

from source.house import Json
from source.panels.parts import Frame, panel
from source.sources import Source

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"


def script(name: str) -> str:
    return (SCRIPTS / name).read_text("utf-8")


def surface(source: Source, frame: Frame) -> Json:
    """The heat map as a surface in three dimensions."""
    return panel("volkovlabs-echarts-panel", source, frame, options=_runs("surface.js"))


def week(source: Source, frame: Frame) -> Json:
    """Weekday by hour, from rows of a `pattern`, with the busiest hour in words. Grafana's own Heatmap panel
    names an hour by its end.
    """
    return panel("volkovlabs-echarts-panel", source, frame, options=_runs("week.js"))


def wall(source: Source, frame: Frame) -> Json:
    """A floor as large as the screen. The query is Grafana's own: it only tells the script when to look."""
    tick = {"type": "grafana", "uid": "grafana"}
    return {
        **panel("volkovlabs-echarts-panel", source, frame, options=_runs("wall.js")),
        "datasource": tick,
        "targets": [{"refId": "A", "datasource": tick, "queryType": "randomWalk"}],
        "transformations": [],
        "transparent": True,
    }


def _runs(name: str) -> Json:
    return {
        "renderer": "canvas",
        "map": "none",
        "editorMode": "code",
        "getOption": script(name),
        "editor": {"format": "auto"},
        "themeEditor": {"name": "default", "config": "{}"},
    }
