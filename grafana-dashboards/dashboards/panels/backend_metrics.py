"""Values of the backend, from Prometheus: current values, lines over time, incidents as strips. Prometheus
has no units and no titles, so the panels have them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboards.panels.parts import Frame, Place, Query, override, panel
from dashboards.sources import PROMETHEUS
from dashboards.style import BAD, CALM, GOOD, Json, steps

Limit = tuple[float | None, str]


def line(expression: str, legend: str) -> Query:
    """A query for a panel over time. `legend` may contain `{{label}}`."""
    return Query(expression, {"legend": legend})


@dataclass(frozen=True, slots=True)
class Figure:
    """A current value: its name, expression, unit, and the colour from each limit upwards."""

    name: str
    expression: str
    unit: str
    limits: Sequence[Limit] = ((None, CALM),)


def figures(title: str, description: str, at: Place, shown: Sequence[Figure]) -> Json:
    """Current values side by side. A missing value is left out."""
    # A value of the time range would stand there for hours after the last one.
    queries = [Query(f.expression, {"legend": f.name, "when": "now"}) for f in shown]
    return panel(
        "stat",
        PROMETHEUS,
        Frame(title, description, at, queries),
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


def lines(
    frame: Frame,
    unit: str,
    *,
    largest: float | None = None,
    right: str | None = None,
    is_many: bool = False,
) -> Json:
    """One line for each series. `right`: the unit of the last query, which has its own axis. `is_many`: the
    names of the series are beside the lines.
    """
    own_axis = {
        "matcher": {"id": "byFrameRefID", "options": "ABCD"[len(frame.queries) - 1]},
        "properties": [
            {"id": "unit", "value": right},
            {"id": "custom.axisPlacement", "value": "right"},
            {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [6, 4]}},
            {"id": "custom.fillOpacity", "value": 0},
        ],
    }
    limits = {} if largest is None else {"max": largest}
    made = _over_time(frame, {"unit": unit, **limits}, {"fillOpacity": 10}, [own_axis] if right else [])
    return _with_legend(made, frame, is_many=is_many)


def areas(frame: Frame, unit: str, colours: Mapping[str, str], *, is_many: bool = False) -> Json:
    """Stacked areas. The named series have fixed colours, the others any colour."""
    coloured = [
        {
            "matcher": {"id": "byName", "options": name},
            "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}],
        }
        for name, colour in colours.items()
    ]
    # Without lines: that of a series of zeros would lie on the whole stack, as if all of it were that one.
    stacked = {"fillOpacity": 70, "lineWidth": 0, "stacking": {"mode": "normal", "group": "A"}}
    made = _over_time(frame, {"unit": unit, "noValue": "Nothing in this time range"}, stacked, coloured)
    return _with_legend(made, frame, is_many=is_many)


def _with_legend(made: Json, frame: Frame, *, is_many: bool) -> Json:
    """One line that the title names needs no legend; the names of many beside the lines take less than below,
    where they would take half of the panel.
    """
    legend: Json = {
        "showLegend": is_many or len(frame.queries) > 1 or "{{" in frame.queries[0].parameters["legend"],
        "displayMode": "list",
        "placement": "right" if is_many else "bottom",
        "calcs": [],
        **({"width": 150} if is_many else {}),
    }
    return {**made, "options": {**made["options"], "legend": legend}}


def strips(frame: Frame) -> Json:
    """One row for each series: one colour while it is 0, another while it is 1."""
    texts = {
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
                "mappings": [{"type": "value", "options": texts}],
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
        options={"tooltip": {"mode": "multi", "sort": "desc"}},
    )
