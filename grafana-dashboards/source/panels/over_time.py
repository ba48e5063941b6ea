"""Values over time: lines, and a strip an asset."""

from __future__ import annotations

from source.house import Json
from source.panels.parts import Frame, panel
from source.sources import Source


def lines(source: Source, frame: Frame) -> Json:
    """People, a line an asset; a gap in the data is a gap in the line."""
    return panel(
        "timeseries",
        source,
        frame,
        fieldConfig={
            "defaults": {
                "color": {"mode": "palette-classic-by-name"},
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
    """Bars up for who came in, down for who left."""
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


def strips(source: Source, frame: Frame, *, largest: float | None = None) -> Json:
    """A row an asset, a box a window, coloured by the value; a window without data has no box."""
    return panel(
        "status-history",
        source,
        frame,
        fieldConfig={
            "defaults": {
                "color": {"mode": "continuous-blues"},
                "min": 0,
                **({} if largest is None else {"max": largest}),
                "custom": {"fillOpacity": 90, "lineWidth": 0},
            },
            "overrides": [],
        },
        options={
            "rowHeight": 0.9,
            "colWidth": 1,
            "showValue": "never",
            "legend": {"showLegend": False, "displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "single", "sort": "none"},
        },
    )


def _legend() -> Json:
    return {
        "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
