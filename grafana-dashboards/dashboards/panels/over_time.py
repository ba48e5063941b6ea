"""Values over time: lines, and bars upwards and downwards."""

from __future__ import annotations

from dashboards.panels.parts import Frame, panel
from dashboards.sources import Source
from dashboards.style import Json


def lines(source: Source, frame: Frame) -> Json:
    """People, one line for each asset. A gap in the data is a gap in the line."""
    return panel(
        "timeseries",
        source,
        frame,
        fieldConfig={
            "defaults": {
                # By their order: by name two floors may be alike, and each theme would have others.
                "color": {"mode": "palette-classic"},
                "min": 0,
                "custom": {
                    "axisLabel": "people",
                    "drawStyle": "line",
                    "lineWidth": 1,
                    "fillOpacity": 15,
                    "showPoints": "never",
                    "spanNulls": False,
                    "axisSoftMin": 0,
                },
            },
            "overrides": [],
        },
        options=_legend(),
    )


def in_and_out(source: Source, frame: Frame) -> Json:
    """Bars: upwards for entries, downwards for exits."""
    mirrored = {
        "matcher": {"id": "byRegexp", "options": "/ out$/"},
        "properties": [
            {"id": "custom.transform", "value": "negative-Y"},
            {"id": "color", "value": {"mode": "fixed", "fixedColor": "orange"}},
        ],
    }
    return panel(
        "timeseries",
        source,
        frame,
        fieldConfig={
            "defaults": {
                "color": {"mode": "fixed", "fixedColor": "blue"},
                "custom": {
                    "axisLabel": "people",
                    "drawStyle": "bars",
                    "lineWidth": 0,
                    "fillOpacity": 80,
                    "barAlignment": 1,
                    "showPoints": "never",
                    "axisCenteredZero": False,
                },
            },
            "overrides": [mirrored],
        },
        options=_legend(),
    )


def _legend() -> Json:
    return {
        "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
