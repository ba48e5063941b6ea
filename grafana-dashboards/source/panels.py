"""Panels: each takes what it shows and where it stands, and returns Grafana's JSON."""

from __future__ import annotations

from dataclasses import dataclass

from source.house import CALM, HEAT, METRES, Json, steps
from source.sources import Source, Words

ONLY_FRAMES_WITH_FIELDS: Json = {
    "id": "filterFieldsByName",
    "options": {"include": {"pattern": ".*"}},
}
"""Infinity sends an error with a frame without fields, over which the Heatmap panel stumbles (TypeError)."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a panel stands on the page, in columns (of 24) and rows."""

    x: int
    y: int
    width: int
    height: int

    @property
    def grid(self) -> Json:
        return {"x": self.x, "y": self.y, "w": self.width, "h": self.height}


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a row: the field it comes from, its title, its unit, and how its value is said."""

    field: str
    title: str
    unit: str
    decimals: int | None = None
    mappings: tuple[Json, ...] = ()
    thresholds: Json | None = None


def heat_map(
    source: Source, target: str, words: Words, *, title: str, description: str, links: list[Json], at: Place
) -> Json:
    """The floor as cells; the value's unit comes with the frame, as it depends on the words.

    The ticks of x go without a unit: the panel has none for an x axis that is no time.
    """
    return {
        **_panel("heatmap", source, target, words, title=title, description=description, at=at),
        "links": links,
        "transformations": [ONLY_FRAMES_WITH_FIELDS],
        "fieldConfig": {
            "defaults": {
                "custom": {
                    "hideFrom": {"legend": False, "tooltip": False, "viz": False},
                    "scaleDistribution": {"type": "linear"},
                },
            },
            "overrides": [],
        },
        "options": {
            "calculate": False,
            "color": HEAT,
            "cellGap": 0,
            "filterValues": {"le": 1e-9},
            "rowsFrame": {"layout": "auto"},
            "showValue": "never",
            "yAxis": {"axisPlacement": "left", "unit": METRES, "reverse": False},
            "legend": {"show": True},
            "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": True},
            "exemplars": {"color": "rgba(255,0,255,0.7)"},
            # Not one of Grafana's own x, y, xy: with these, dragging over the map takes its metres for
            # milliseconds, and sends the whole dashboard to 1970.
            "selectionMode": "none",
        },
    }


def figures(
    source: Source,
    target: str,
    words: Words,
    shown: tuple[Figure, ...],
    *,
    title: str,
    description: str,
    at: Place,
) -> Json:
    """The figures of an answer of one row, in the order given; times come as ISO texts."""
    times = [f.field for f in shown if f.unit.startswith("time:")]
    return {
        **_panel("stat", source, target, words, title=title, description=description, at=at),
        "transformations": [
            {"id": "filterFieldsByName", "options": {"include": {"names": [f.field for f in shown]}}},
            {
                "id": "convertFieldType",
                "options": {"conversions": [{"targetField": t, "destinationType": "time"} for t in times]},
            },
            {"id": "organize", "options": {"indexByName": {f.field: i for i, f in enumerate(shown)}}},
        ],
        "fieldConfig": {
            "defaults": {"color": {"mode": "thresholds"}, "thresholds": steps((None, CALM)), "noValue": "-"},
            "overrides": [_override(f) for f in shown],
        },
        "options": {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "/.*/", "values": False},
            "orientation": "horizontal",
            "textMode": "value_and_name",
            "wideLayout": True,
            "colorMode": "value",
            "graphMode": "none",
            "justifyMode": "auto",
            # Left to itself, Grafana makes all as small as the longest needs it.
            "text": {"titleSize": 14, "valueSize": 22},
            "showPercentChange": False,
        },
    }


def _override(figure: Figure) -> Json:
    properties: Json = {"displayName": figure.title, "unit": figure.unit}
    if figure.decimals is not None:
        properties["decimals"] = figure.decimals
    if figure.mappings:
        properties["mappings"] = list(figure.mappings)
    if figure.thresholds:
        properties["thresholds"] = figure.thresholds
    return {
        "matcher": {"id": "byName", "options": figure.field},
        "properties": [{"id": key, "value": value} for key, value in properties.items()],
    }


def _panel(
    kind: str, source: Source, target: str, words: Words, *, title: str, description: str, at: Place
) -> Json:
    return {
        "type": kind,
        "title": title,
        "description": description,
        "gridPos": at.grid,
        "datasource": source.ref,
        "targets": [source.target(target, words)],
    }
