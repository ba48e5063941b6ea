"""The floor plan: heat over it in Grafana's Geomap, and the backend's own pictures of it."""

from __future__ import annotations

from source.house import Json
from source.panels.parts import ONLY_FRAMES_WITH_FIELDS, Frame, panel, where
from source.sources import Source, Words, through_grafana
from source.titles import DETECTIONS

METRES_A_DEGREE = "111319.49"
"""Of latitude and, at the equator, of longitude: the backend's GeoJSON lies around 0, 0."""

NO_TILE = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
"""A pixel of nothing: without an address Grafana asks the internet for tiles, hidden or not."""

CELLS = "Cells"
WEIGHT = "weight"
"""The root of a cell's detections, as on the other maps: some desks in use all day would hide the rest."""


def heat_over_plan(source: Source, frame: Frame, space: str) -> Json:
    """Cells as a smooth gradient on the plan. The plan comes as GeoJSON, the cells from the panel's query.

    Point at a cell for its value: the squares are there, nearly transparent, for that and because only
    markers tell the view where to look.
    """
    place = {"mode": "coords", "latitude": "latitude", "longitude": "longitude"}
    return panel(
        "geomap",
        source,
        frame,
        transformations=[
            ONLY_FRAMES_WITH_FIELDS,
            # The Heatmap panel wants the cells without a detection; a map has no use for them.
            where(DETECTIONS, "isNotNull"),
            _calculated("longitude", left="x", operator="/", right=METRES_A_DEGREE),
            _calculated("latitude", left="y", operator="/", right=METRES_A_DEGREE),
            *_square_root(DETECTIONS, WEIGHT),
        ],
        fieldConfig={
            "defaults": {"color": {"mode": "continuous-YlRd"}},
            "overrides": [],
        },
        options={
            "basemap": {"type": "xyz", "name": "None", "config": {"url": NO_TILE}, "opacity": 0},
            "controls": {
                "mouseWheelZoom": False,
                "showAttribution": False,
                "showDebug": False,
                "showMeasure": False,
                "showScale": False,
                "showZoom": True,
            },
            "layers": [
                _plan(source, space),
                {
                    "type": "heatmap",
                    "name": "Heat",
                    "location": place,
                    "config": {
                        "weight": {"field": WEIGHT, "fixed": 1, "min": 0, "max": 1},
                        "radius": 7,
                        "blur": 12,
                    },
                    "opacity": 0.9,
                    "tooltip": False,
                },
                {
                    "type": "markers",
                    "name": CELLS,
                    "location": place,
                    "config": {
                        "showLegend": False,
                        "style": {
                            "size": {"fixed": 4, "min": 2, "max": 8},
                            "symbol": {"mode": "fixed", "fixed": "img/icons/marker/square.svg"},
                            "symbolAlign": {"horizontal": "center", "vertical": "center"},
                            "color": {"fixed": "text"},
                            "opacity": 0.02,
                        },
                    },
                    "tooltip": True,
                },
            ],
            "tooltip": {"mode": "details"},
            "view": {
                "id": "fit",
                "layer": CELLS,
                "allLayers": False,
                "padding": 8,
                "zoom": 28,
                "maxZoom": 28,
            },
        },
    )


def picture(source: Source, frame: Frame, target: str, words: Words, alternative: str) -> Json:
    """A picture (or an animation) that the backend draws, as wide as the panel."""
    # Without a leading slash: the page's base is Grafana's sub-path, which a slash would leave.
    address = through_grafana(source, target, words).removeprefix("/")
    # Both at most, so that it keeps its proportions; Grafana takes `object-fit` out.
    html = f'<img src="{address}" alt="{alternative}" style="max-width: 100%; max-height: 100%" />'
    return panel("text", source, frame, targets=[], options={"mode": "html", "content": html})


def _plan(source: Source, space: str) -> Json:
    # Resolved under Grafana's public folder, so that it works behind any host and sub-path.
    address = "../" + through_grafana(source, "floorplan", {"space": space}, period={})
    return {
        "type": "geojson",
        "name": "Plan",
        "config": {
            "src": address,
            "style": {
                "color": {"fixed": "text"},
                "opacity": 0.06,
                "lineWidth": 1,
                "text": {"mode": "field", "field": "name", "fixed": ""},
                "textConfig": {
                    "fontSize": 11,
                    "textAlign": "center",
                    "textBaseline": "middle",
                    "offsetX": 0,
                    "offsetY": 0,
                },
            },
            "rules": [],
        },
        "tooltip": False,
    }


def _square_root(of: str, name: str) -> list[Json]:
    """By way of the logarithm: Grafana calculates no powers."""
    logarithm, half = f"logarithm of {of}", f"half the logarithm of {of}"
    return [
        _calculated(logarithm, mode="unary", fieldName=of, operator="ln"),
        _calculated(half, left=logarithm, operator="*", right="0.5"),
        _calculated(name, mode="unary", fieldName=half, operator="exp"),
    ]


def _calculated(name: str, *, mode: str = "binary", **operation: str) -> Json:
    return {
        "id": "calculateField",
        "options": {"mode": mode, "alias": name, mode: operation, "replaceFields": False},
    }
