"""Figures of the backend itself, by Prometheus: the present value large, lines over time, troubles as strips.

Prometheus knows no units and no titles: both are the panels'.
"""

from __future__ import annotations

from collections.abc import Mapping

from source.house import BAD, CALM, GOOD, Json, steps
from source.panels.parts import Frame, Place, Question, panel
from source.sources import PROMETHEUS

Limit = tuple[float | None, str]


def line(expression: str, legend: str) -> Question:
    """A question whose answer is drawn over time; `legend` may hold `{{label}}`."""
    return Question(expression, {"legend": legend})


def figure(title: str, description: str, at: Place, expression: str, unit: str, *limits: Limit) -> Json:
    """The present value, coloured from each limit upwards; `-` where there is none."""
    # A value of the time range would stand there for hours after the last one.
    question = Question(expression, {"legend": title, "when": "now"})
    return panel(
        "stat",
        PROMETHEUS,
        Frame(title, description, at, [question]),
        transformations=[],
        fieldConfig={
            "defaults": {
                "unit": unit,
                "color": {"mode": "thresholds"},
                "thresholds": steps(*(limits or ((None, CALM),))),
                "noValue": "-",
            },
            "overrides": [],
        },
        options={
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "orientation": "auto",
            "textMode": "value",
            "colorMode": "value",
            "graphMode": "none",
            "justifyMode": "center",
            "showPercentChange": False,
        },
    )


def lines(frame: Frame, unit: str, *, largest: float | None = None, right: str | None = None) -> Json:
    """A line a series. `right`: the unit of the last question, which has an axis of its own."""
    own_axis = {
        "matcher": {"id": "byFrameRefID", "options": "ABCD"[len(frame.asks) - 1]},
        "properties": [
            {"id": "unit", "value": right},
            {"id": "custom.axisPlacement", "value": "right"},
            {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [6, 4]}},
            {"id": "custom.fillOpacity", "value": 0},
        ],
    }
    limits = {} if largest is None else {"max": largest}
    return _over_time(frame, {"unit": unit, **limits}, {"fillOpacity": 10}, [own_axis] if right else [])


def areas(frame: Frame, unit: str, colours: Mapping[str, str]) -> Json:
    """Areas one above the other; series by name in a colour that means something, the others in any."""
    coloured = [
        {
            "matcher": {"id": "byName", "options": name},
            "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}],
        }
        for name, colour in colours.items()
    ]
    stacked = {"fillOpacity": 40, "stacking": {"mode": "normal", "group": "A"}}
    return _over_time(frame, {"unit": unit}, stacked, coloured)


def strips(frame: Frame) -> Json:
    """A row a series: one colour while it is 0, another while it is 1."""
    said = {
        "0": {"text": "well", "color": GOOD, "index": 0},
        "1": {"text": "trouble", "color": BAD, "index": 1},
    }
    return panel(
        "state-timeline",
        PROMETHEUS,
        frame,
        transformations=[],
        fieldConfig={
            "defaults": {
                "unit": "none",
                "mappings": [{"type": "value", "options": said}],
                "custom": {"fillOpacity": 60, "lineWidth": 0, "spanNulls": False},
            },
            "overrides": [],
        },
        options={
            "mergeValues": True,
            "showValue": "never",
            "alignValue": "left",
            "rowHeight": 0.8,
            "legend": {"showLegend": False, "displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "single", "sort": "none"},
        },
    )


def _over_time(frame: Frame, defaults: Json, drawn: Json, overrides: list[Json]) -> Json:
    return panel(
        "timeseries",
        PROMETHEUS,
        frame,
        transformations=[],
        fieldConfig={
            "defaults": {
                "color": {"mode": "palette-classic-by-name"},
                "min": 0,
                **defaults,
                "custom": {
                    "drawStyle": "line",
                    "lineWidth": 1,
                    "showPoints": "never",
                    "spanNulls": False,
                    "axisSoftMin": 0,
                    **drawn,
                },
            },
            "overrides": overrides,
        },
        options={
            "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    )
