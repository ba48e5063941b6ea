"""*Floor*: who is there now, where people were, and when."""

from __future__ import annotations

from source import variables
from source.downloads import downloads
from source.house import BAD, COOL, GOOD, WARNING, Json, steps
from source.page import hot_zones, page, to_page
from source.panels.cells import heat_map
from source.panels.figures import Column, gauge, leads_to, row_figures, shade, table, width, wrapped
from source.panels.over_time import in_and_out, lines, strips
from source.panels.parts import Frame, Place, Question
from source.panels.plan import heat_over_plan
from source.sources import Source
from source.words import AREA, FLOOR, HERE, ROOMS, UNIT

UID = "butlr-floor"

NOW = Question("occupancy-now", {**FLOOR, **ROOMS, "level": "floor"})
SUMMARY = Question("heatmap-summary", {**HERE, **AREA, **UNIT})
CELLS = Question("heatmap", {**HERE, **UNIT, "normalize": "${normalize}", "resolution": "${resolution}"})
PLAN = Question("heatmap", {**HERE, **UNIT, "resolution": "${resolution}"})
ROOMS_NOW = Question("occupancy-now", {**FLOOR, **ROOMS})
HOT = Question("hot-zones", {**HERE, **AREA, **UNIT})
PEOPLE = Question("occupancy", {**HERE, "level": "floor"})
DOORS = Question("traffic", {**HERE, "level": "floor"})
PRESENCE = Question("presence", HERE)

MAP_TEXT = """\
Each cell is a square of the floor. Its colour is the mean number of people a square metre in the time \
range, within the hours and days chosen (by the floor's own clock). Where the backend does not know how many \
detections a person gives on this floor, the colour counts detections instead; the legend says which. A cell \
without colour had no detection.

x grows to the right and y upwards, both in metres. The colour scale is the square root's, from zero to \
the fullest cell.

Cells are 0.5 m wide, or 1 m on a wide floor. The menu beside the variables offers 0.25 m too: that is finer \
than the sensors see, which place a person to 0.3 to 0.6 m.

Point at a cell for its value. Below it Grafana writes the cell's y; above it, however, the x of the next \
cell to the right.

A marker beside the title says when something is missing."""

PLAN_TEXT = """\
The same detections as a smooth gradient over the floor plan, for the eye; exact figures are in the map of \
cells below. Point at the colour for a cell's place and count. The link in this panel's head is the plan \
with the cells drawn by the backend, with room names, scale and legend."""

SUMMARY_TEXT = """\
The heat map of the time range in figures. *Person-hours* are detections by the floor's own rate, empty \
where it is not known. *Fullest cell* counts the detections of one cell. *Area in use* \
is that of the cells with at least one. *Hours counted* are those within the hours and days chosen. \
*Partial* means that some of the time range is missing or older than it should be; the marker beside the \
title says which."""

HOT_TEXT = """\
Rooms by people per area, hottest first; by detections per area and hour counted, which stand beside, where \
people are not known. Detections of a cell on a wall are shared by area, so that rooms and *outside any \
room* add up to the floor. Above the 95th percentile a room is *hot*. \
A room without an outline, or whose sensors are offline, has no figures rather than zeros. A room's name \
leads to the map of that room alone."""

NOW_TEXT = """\
The last full five minutes by their median: what the sensors see or who came through the doors, whichever \
is higher, as Butlr advises. Share of the capacity that Butlr knows."""

PEOPLE_TEXT = """\
People on the floor, the mean of each window. A gap is a time of which nothing is known, not an empty \
floor. Up to a day in minutes, above in hours, from 45 days on in days. Marked are the times in which a \
room was a hot zone, as the alert rule saw it."""

DOORS_TEXT = """\
People through the floor's own entrances: in upwards, out downwards. Doors between its rooms do not count."""

PRESENCE_TEXT = """\
For each room how long somebody was there in each window: the darker, the longer. A room without a strip \
has no sensor that tells; a box that is missing is a time of which nothing is known."""

ANSWER: Json = {
    "mappings": [
        {
            "type": "value",
            "options": {"0": {"text": "Partial", "index": 1}, "1": {"text": "Complete", "index": 0}},
        }
    ],
    "thresholds": steps((None, WARNING), (1, GOOD)),
}
FULL = ((None, GOOD), (0.8, WARNING), (1.0, BAD))
"""Of the capacity: tight from 80 % on, and more people than places from 100 %."""


def room_page(source: Source, field: str) -> str:
    """This page, limited to the room whose id is in a row's `field`."""
    space, room = "${__data.fields.space}", f"${{__data.fields.{field}}}"
    return to_page(f"{UID}{source.suffix}", space=space, room=room)


def floor_page(source: Source) -> str:
    """This page for the floor of a row."""
    return to_page(f"{UID}{source.suffix}", space="${__data.fields.space}")


def dashboard(source: Source) -> Json:
    return page(
        source,
        UID,
        "Floor",
        "Who is there now, where people were, and when, by Butlr's sensors.",
        variables=[
            variables.floor(source),
            variables.rooms(source),
            variables.hours(),
            variables.days(),
            variables.normalize(),
            variables.unit(),
            variables.resolution(),
            variables.area(),
        ],
        marks=hot_zones(source, {**FLOOR, **ROOMS}),
        panels=[
            row_figures(
                source,
                Frame("Now: ${space:text}", NOW_TEXT, Place(0, 0, 8, 3), [NOW]),
                [
                    Column("people", {"decimals": 0}),
                    Column("capacity", {"decimals": 0}),
                    Column("share", {"thresholds": steps(*FULL), "decimals": 0}),
                    Column("as_of", {"unit": "time:HH:mm"}),
                ],
            ),
            row_figures(
                source,
                Frame(
                    "In this time range",
                    SUMMARY_TEXT,
                    Place(8, 0, 16, 3),
                    [SUMMARY],
                    downloads(source, SUMMARY, "csv"),
                ),
                [
                    Column("person_hours", {"unit": "locale", "decimals": 0}),
                    Column("total_detections", {"unit": "locale"}),
                    Column("peak", {"unit": "locale"}),
                    Column("area_in_use_m2", {"decimals": 0}),
                    Column("area_in_use_ft2", {"decimals": 0}),
                    Column("hours", {"decimals": 0}),
                    Column("complete", ANSWER),
                    Column("as_of", {"unit": "time:HH:mm"}),
                ],
            ),
            heat_over_plan(
                source,
                Frame(
                    "Heat over the plan: ${space:text}",
                    PLAN_TEXT,
                    Place(0, 3, 14, 14),
                    [PLAN],
                    [
                        *downloads(source, PLAN, "png"),
                        *downloads(source, Question("floorplan", FLOOR), "geojson"),
                    ],
                ),
                "${space}",
            ),
            table(
                source,
                Frame(
                    "People in rooms now",
                    NOW_TEXT,
                    Place(14, 3, 10, 14),
                    [ROOMS_NOW],
                    downloads(source, ROOMS_NOW, "csv"),
                ),
                [
                    Column("room", leads_to("The map of this room", room_page(source, "room_id"))),
                    Column("people", {"decimals": 0, **width(80)}),
                    Column("capacity", width(85)),
                    Column("share", {**gauge(1, *FULL), "decimals": 0}),
                    Column("reason", wrapped(110)),
                    Column("room_id", hidden=True),
                    Column("space", hidden=True),
                ],
                sorted_by="share",
            ),
            heat_map(
                source,
                Frame(
                    "Where people were, cell by cell",
                    MAP_TEXT,
                    Place(0, 17, 14, 15),
                    [CELLS],
                    downloads(source, CELLS, "png", "csv"),
                ),
            ),
            table(
                source,
                Frame("Hot zones", HOT_TEXT, Place(14, 17, 10, 15), [HOT], downloads(source, HOT, "csv")),
                [
                    Column("rank", {**width(50), "custom__align": "left"}),
                    Column(
                        "zone",
                        {
                            "displayName": "Room",
                            "custom__minWidth": 140,
                            **leads_to("The map of this room", room_page(source, "zone_id")),
                        },
                    ),
                    Column("people_per_m2", {**shade("continuous-YlRd"), "decimals": 3, **width(110)}),
                    Column("people_per_ft2", {**shade("continuous-YlRd"), "decimals": 4, **width(110)}),
                    Column("per_m2_hour", {"decimals": 2, **width(100)}),
                    Column("per_ft2_hour", {"decimals": 3, **width(100)}),
                    Column("share", {**gauge(None, (None, COOL)), "decimals": 1}),
                    Column("reason", wrapped(110)),
                    Column("zone_id", hidden=True),
                    Column("space", hidden=True),
                ],
            ),
            lines(
                source,
                Frame(
                    "People on the floor",
                    PEOPLE_TEXT,
                    Place(0, 32, 12, 8),
                    [PEOPLE],
                    downloads(source, PEOPLE, "csv"),
                ),
            ),
            in_and_out(
                source,
                Frame(
                    "In and out", DOORS_TEXT, Place(12, 32, 12, 8), [DOORS], downloads(source, DOORS, "csv")
                ),
            ),
            strips(
                source,
                Frame(
                    "Presence by room",
                    PRESENCE_TEXT,
                    Place(0, 40, 24, 12),
                    [PRESENCE],
                    downloads(source, PRESENCE, "csv"),
                ),
            ),
        ],
    )
