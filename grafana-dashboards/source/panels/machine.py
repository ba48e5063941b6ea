"""Figures of the backend itself, by Prometheus: the present value large, lines over time, troubles as strips.

Prometheus knows no units and no titles: both are the panels'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from source.house import BAD, CALM, GOOD, Json, steps
from source.panels.parts import Frame, Place, Question, override, panel
from source.sources import PROMETHEUS

Limit = tuple[float | None, str]


def line(expression: str, legend: str) -> Question:
    """A question whose answer is drawn over time; `legend` may hold `{{label}}`."""
    return Question(expression, {"legend": legend})


@dataclass(frozen=True, slots=True)
class Figure:
    """A present value: its name, its expression, its unit, and its colour from each limit upwards."""

    name: str
    expression: str
    unit: str
    limits: Sequence[Limit] = ((None, CALM),)


def figures(title: str, description: str, at: Place, shown: Sequence[Figure]) -> Json:
    """Present values side by side; one that there is not is left out."""
    # A value of the time range would stand there for hours after the last one.
    asks = [Question(f.expression, {"legend": f.name, "when": "now"}) for f in shown]
    return panel(
        "stat",
        PROMETHEUS,
        Frame(title, description, at, asks),
        transformations=[],
        fieldConfig={
            "defaults": {
                "unit": "none",
                "color": {"mode": "thresholds"},
                "thresholds": steps((None, CALM)),
                "noValue": "-",
            },
            "overrides": [override(f.name, unit=f.unit, thresholds=steps(*f.limits)) for f in shown],
        },
        options={
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "orientation": "vertical",
            "textMode": "value_and_name",
            "wideLayout": False,
            "colorMode": "value",
            "graphMode": "none",
            "justifyMode": "auto",
            "text": {"titleSize": 14, "valueSize": 22},
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
        "0": {"text": "OK", "color": GOOD, "index": 0},
        "1": {"text": "Problem", "color": BAD, "index": 1},
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
                "custom": {"fillOpacity": 60, "lineWidth": 0},
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
                # Where nothing is counted there is no series at all.
                "noValue": "Nothing in this time range",
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
            # Beside the lines: below, the names of all targets take half of the panel.
            "legend": {
                "showLegend": True,
                "displayMode": "list",
                "placement": "right",
                "calcs": [],
                "width": 140,
            },
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    )
