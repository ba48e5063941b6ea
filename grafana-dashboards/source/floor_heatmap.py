"""*Floor heat map*: where people were on a floor, large, and beside it the same in figures."""

from __future__ import annotations

from source import variables
from source.house import COUNT, GOOD, HOURS, METRES, MOMENT, SQUARE_METRES, WARNING, Json, steps
from source.page import page, panel_link
from source.panels import Figure, Place, figures, heat_map
from source.sources import Source, Words, through_grafana

UID = "butlr-floor-heatmap"

WORDS: Words = {
    "space": "${space}",
    "room": "${room:csv}",
    "hours": "${hours}",
    "days": "${days}",
    "normalize": "${normalize}",
    "resolution": "${resolution}",
}

MAP_TEXT = """\
Each cell is a square of the floor. Its colour counts how often Butlr's sensors detected somebody there in
the time range, within the hours and days chosen (by the floor's own clock). A cell without colour had no
detection.

x grows to the right and y upwards, both in metres, as in the picture (the link in this panel's head). The
colour scale is the square root's, from zero to the fullest cell.

Point at a cell for its value. Below it Grafana writes the cell's y; above it, however, the x of the next cell
to the right.

A marker beside the title says when something is missing."""

FIGURES_TEXT = """\
The same answer as the map's. *Detections* and *Fullest cell* count detections, whatever the map shows. *Area
in use* is that of the cells with at least one. *Hours counted* are those within the hours and days chosen.

*Partial* means that some of the time range is missing or older than it should be; the marker beside the
title says which."""

COMPLETE: Json = {
    "type": "value",
    "options": {"0": {"text": "Partial", "index": 1}, "1": {"text": "Complete", "index": 0}},
}

SHOWN = (
    Figure("total_detections", "Detections", COUNT),
    Figure("peak", "Fullest cell", COUNT),
    Figure("peak_x", "Fullest cell at x", METRES, decimals=2),
    Figure("peak_y", "Fullest cell at y", METRES, decimals=2),
    Figure("area_in_use_m2", "Area in use", SQUARE_METRES, decimals=0),
    Figure("hours", "Hours counted", HOURS, decimals=1),
    Figure(
        "complete",
        "Answer",
        "none",
        mappings=(COMPLETE,),
        thresholds=steps((None, WARNING), (1, GOOD)),
    ),
    Figure("as_of", "As of", MOMENT),
)


def dashboard(source: Source) -> Json:
    map_at, figures_at = Place(0, 0, 19, 16), Place(19, 0, 5, 16)
    by_simpod = " (JSON data source)" if source.suffix else ""
    return page(
        f"{UID}{source.suffix}",
        f"Floor heat map{by_simpod}",
        "Where people were on a floor, by Butlr's sensors.",
        variables=[
            variables.floor(source),
            variables.rooms(source),
            variables.hours(),
            variables.days(),
            variables.normalize(),
            variables.resolution(),
        ],
        panels=[
            heat_map(
                source,
                "heatmap",
                WORDS,
                title="Where people were: ${space:text}",
                description=MAP_TEXT,
                links=_downloads(source),
                at=map_at,
            ),
            figures(
                source,
                "heatmap-summary",
                WORDS,
                SHOWN,
                title="In figures",
                description=FIGURES_TEXT,
                at=figures_at,
            ),
        ],
    )


def _downloads(source: Source) -> list[Json]:
    """The map that is shown, as files."""
    picture, table = (through_grafana(source, "heatmap", {**WORDS, "format": f}) for f in ("png", "csv"))
    return [panel_link("Picture (PNG)", picture), panel_link("Table (CSV)", table)]
