"""Grafana's own Heatmap panel: the floor as cells."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from dashboards.panels.parts import ONLY_FRAMES_WITH_FIELDS, Frame, only, override, panel
from dashboards.sources import Source
from dashboards.style import HEAT, METRES, Json

UNITS = {
    "people_per_m2": "suffix: people/m²",
    "detections": "suffix: detections",
    "detections_per_hour": "suffix: detections/h",
}
"""What the scale of colours counts, by the field that is drawn; a share says % by itself."""


def heat_map(source: Source, frame: Frame) -> Json:
    """The floor as cells. The unit of the value is in the frame, because it depends on the parameters.

    The ticks of x have no unit: the panel has none for an x axis that is not time.
    """
    return _heatmap(source, frame, color=HEAT, hidden_below=1e-9, units=UNITS)


def relative_map(source: Source, frame: Frame, field: str) -> Json:
    """One side of a comparison. Both sides are relative to the same number, so they have the same scale.

    Their difference is a picture of the backend: the panel's diverging colour schemes are white in the
    middle, which is too bright on a dark page.
    """
    return _heatmap(
        source,
        frame,
        color={**HEAT, "max": 1},
        hidden_below=1e-9,
        transformations=[ONLY_FRAMES_WITH_FIELDS, only("x", "y", field)],
    )


def _heatmap(
    source: Source,
    frame: Frame,
    *,
    color: Json,
    hidden_below: float,
    transformations: list[Json] | None = None,
    units: Mapping[str, str] = MappingProxyType({}),
) -> Json:
    return panel(
        "heatmap",
        source,
        frame,
        transformations=transformations or [ONLY_FRAMES_WITH_FIELDS],
        fieldConfig={
            "defaults": {
                "custom": {
                    "hideFrom": {"legend": False, "tooltip": False, "viz": False},
                    "scaleDistribution": {"type": "linear"},
                },
            },
            "overrides": [override(field, unit=unit) for field, unit in units.items()],
        },
        options={
            "calculate": False,
            "color": color,
            "cellGap": 0,
            "filterValues": {"le": hidden_below},
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
    )
