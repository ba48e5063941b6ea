"""*Floor*: where people are now, and where they were in a period."""

from __future__ import annotations

from collections.abc import Collection

from dashboards import variables
from dashboards.downloads import downloads
from dashboards.page import ROOMS_UID, hot_zones, of_rooms, page, panel_link, to_page
from dashboards.panels.cells import heat_map
from dashboards.panels.charts import presence_strips, styled_picture
from dashboards.panels.figures import (
    Bar,
    Column,
    leads_to,
    people_per_area,
    row_figures,
    table,
    why_unknown,
    width,
)
from dashboards.panels.over_time import in_and_out, lines
from dashboards.panels.parts import Alertable, Frame, Place, Query
from dashboards.parameters import AREA, FLOOR, HERE, ROOMS, UNIT
from dashboards.sources import SIMPOD, Columns, Source
from dashboards.style import BAD, COOL, GOOD, MOMENT, WARNING, Json, steps

UID = "butlr-floor"

NOW = Query("occupancy-now", {**FLOOR, **ROOMS, "level": "floor"})
SUMMARY = Query("heatmap-summary", {**HERE, **AREA, **UNIT})
CELLS = Query("heatmap", {**HERE, **UNIT, "normalize": "${normalize}", "resolution": "${resolution}"})
PLAN = Query("heatmap", {**HERE, **UNIT, "resolution": "${resolution}"})
DRAWN = Query("heatmap", {**PLAN.parameters, "style": "${look}"})
ROOMS_NOW = Query("occupancy-now", {**FLOOR, **ROOMS})
HOT = Query("hot-zones", {**HERE, **AREA, **UNIT})
PEOPLE = Query("occupancy", {**HERE, "level": "floor"})
DOORS = Query("traffic", {**HERE, "level": "floor"})
PRESENCE = Query("presence", HERE)

ON_FLOOR: Columns = {"floor": ("floor", "string"), "space": ("space", "string")}
PEOPLE_OF_FLOOR = Alertable(
    "occupancy-now",
    {**FLOOR, "level": "floor", "require": "complete"},
    {**ON_FLOOR, "people": ("people", "number")},
)
PEOPLE_OF_ROOMS = Alertable(
    "occupancy-now",
    {**FLOOR, **ROOMS, "require": "complete"},
    {
        **ON_FLOOR,
        "room": ("room", "string"),
        "room_id": ("room_id", "string"),
        "people": ("people", "number"),
    },
)

MAP_TEXT = """\
Each cell is a square of the floor. Its colour is the mean number of people per square metre in the time \
range, within the hours and days chosen, in the floor's own time zone. If the number of detections per \
person is not known, the colour counts detections; the legend shows which. A cell without colour had no \
detection.

x grows to the right and y upwards, both in metres. The colour scale is a square root scale from zero to \
the fullest cell.

Cells are 0.5 m wide, or 1 m on a wide floor. The menu beside the variables offers 0.25 m too. That is \
finer than the accuracy of the sensors, which is 0.3 to 0.6 m.

Point at a cell for its value. Grafana's tooltip shows the y of this cell, but the x of the next cell to \
the right.

A marker beside the title shows that something is missing."""

PLAN_TEXT = """\
Where people were in the time range, within the hours and days chosen. *Look* above chooses how: colours \
by cell, one colour that is stronger where more people were, smooth colours, or a surface in three \
dimensions (drag to turn it, scroll to zoom, point at it for a value). The picture that *Open as picture* \
opens has the same look; of the surface it shows the colours by cell. Hatched rooms have no data."""

SUMMARY_TEXT = """\
The heat map of the time range in numbers. *Person-hours* are empty if the number of detections per person \
is not known. *Fullest cell* counts the detections of one cell. *Area in use* is the area of the cells \
with a detection. *Hours counted* are those within the hours and days chosen. *Fetched* says whether Butlr's \
data of the time range are there: *In part* means that a part is missing or old; the marker beside the title \
shows which. Rooms whose sensors were offline are named on the plan below."""

HOT_TEXT = """\
Rooms by people per area in the time range, hottest first. If people are not known, rooms are ranked by \
detections per area and hour. Detections in a cell on a wall are shared by area, so that rooms and \
*outside any room* add up to the floor. A room counts only the hours in which its sensors worked. Point at \
the mark of a room without numbers to see why it has none. A room's name opens the map of that room."""

NOW_TEXT = """\
The median of the last five full minutes, of the floor or of the rooms chosen. People are counted by \
sensors in the room and by doors; the higher count is shown. So a floor may have more people than its rooms \
together. Its capacity is the one in Butlr, not the sum of its rooms. A room whose sensors are offline has \
no number, because its doors alone would make it look empty; its mark shows why, and since when."""

PEOPLE_TEXT = """\
People on the floor or in the rooms chosen: the mean of each window. A gap means that nothing is known; it \
does not mean that nobody was there. Windows are minutes up to a day, hours up to 45 days, and days in a \
longer range. The shaded times are those in which a room was a hot zone."""

DOORS_TEXT = """\
People through the floor's own entrances, or through the doors of the rooms chosen. Bars upwards are \
people who came in, bars downwards people who went out."""

PRESENCE_TEXT = """\
How long people were in each room, in each window, in the floor's own time zone. A room without \
boxes has no sensor. A missing box means that nothing is known for that time."""

ANSWER: Json = {
    "mappings": [
        {
            "type": "value",
            "options": {"0": {"text": "In part", "index": 1}, "1": {"text": "All", "index": 0}},
        }
    ],
    "thresholds": steps((None, WARNING), (1, GOOD)),
}
FULL = ((None, GOOD), (0.8, WARNING), (1.0, BAD))
"""Shares of the capacity: nearly full from 80 %, and full from 100 %."""


def room_page(source: Source, field: str, *, without: Collection[str] = ()) -> str:
    """A link to this page, limited to the room whose id is in `field` of a row.

    `without`: choices that do not limit the rows, so that they may not take the room.
    """
    space, room = "${__data.fields.space}", f"${{__data.fields.{field}}}"
    return to_page(source, f"{UID}{source.suffix}", without=without, space=space, room=room)


def floor_page(source: Source) -> str:
    """A link to this page for the floor of a row, without the chosen rooms: these are of another floor."""
    return to_page(source, f"{UID}{source.suffix}", without=("room",), space="${__data.fields.space}")


def use_of_rooms(source: Source) -> list[Json]:
    """A link in a panel's header to *Rooms* with this floor, because that page has a choice of several
    floors. The JSON data source has no such page.
    """
    if source is SIMPOD:
        return []
    shown = ("space", "room")
    return [panel_link("Open Rooms: use of these rooms", to_page(source, ROOMS_UID, **of_rooms(shown)))]


def dashboard(source: Source) -> Json:
    return page(
        source,
        UID,
        "Floor",
        "Who is there now, where people were, and when, by Butlr's sensors.",
        variables=[
            variables.floor(source),
            variables.rooms(source),
            variables.types(source),
            variables.hours(),
            variables.days(),
            variables.look(),
            variables.normalize(),
            variables.unit(),
            variables.resolution(),
            variables.area(),
        ],
        marks=hot_zones(source, {**FLOOR, **ROOMS}),
        panels=[
            row_figures(
                source,
                Frame("Now", NOW_TEXT, Place(0, 0, 9, 4), [NOW], alertable=PEOPLE_OF_FLOOR),
                [
                    Column("people", {"decimals": 0}),
                    Column("capacity", {"decimals": 0}),
                    Column(
                        "share", {"displayName": "Of capacity", "thresholds": steps(*FULL), "decimals": 0}
                    ),
                    Column("as_of", {"unit": MOMENT}),
                ],
            ),
            row_figures(
                source,
                Frame(
                    "In this time range",
                    SUMMARY_TEXT,
                    Place(9, 0, 15, 4),
                    [SUMMARY],
                    downloads(source, SUMMARY, "csv"),
                ),
                [
                    Column("person_hours", {"unit": "locale", "decimals": 0}),
                    Column("total_detections", {"unit": "short", "decimals": 1}),
                    Column("peak", {"unit": "short", "decimals": 1}),
                    Column("area_in_use_m2", {"decimals": 0}),
                    Column("area_in_use_ft2", {"decimals": 0}),
                    Column("hours", {"decimals": 0}),
                    Column("complete", {"displayName": "Fetched", **ANSWER}),
                    Column("as_of", {"unit": MOMENT}),
                ],
            ),
            styled_picture(
                source,
                Frame(
                    "Heat on the plan",
                    PLAN_TEXT,
                    Place(0, 4, 12, 15),
                    [PLAN],
                    [
                        *downloads(source, DRAWN, "png"),
                        *downloads(source, Query("floorplan", FLOOR), "geojson"),
                    ],
                ),
                DRAWN,
                "Heat map on the floor plan",
            ),
            table(
                source,
                Frame(
                    "People in rooms now",
                    NOW_TEXT,
                    Place(12, 4, 12, 15),
                    [ROOMS_NOW],
                    [*downloads(source, ROOMS_NOW, "csv"), *use_of_rooms(source)],
                    PEOPLE_OF_ROOMS,
                ),
                [
                    Column(
                        "room",
                        {
                            "custom__minWidth": 110,
                            "custom__wrapText": True,
                            **leads_to("The map of this room", room_page(source, "room_id")),
                        },
                    ),
                    *why_unknown(room_page(source, "room_id")),
                    Column("people", {"decimals": 0, **width(90)}),
                    Column("capacity", width(78)),
                    Column(
                        "share",
                        {"displayName": "Of capacity", "decimals": 0, **width(76)},
                        bar=Bar(1, FULL),
                    ),
                    Column("room_id", hidden=True),
                    Column("space", hidden=True),
                ],
                sorted_by="people",
            ),
            heat_map(
                source,
                Frame(
                    "Cell by cell",
                    MAP_TEXT,
                    Place(0, 19, 12, 15),
                    [CELLS],
                    downloads(source, CELLS, "png", "csv"),
                ),
            ),
            table(
                source,
                Frame(
                    "Hot zones",
                    HOT_TEXT,
                    Place(12, 19, 12, 15),
                    [HOT],
                    [*downloads(source, HOT, "csv"), *use_of_rooms(source)],
                ),
                [
                    Column(
                        "zone",
                        {
                            "displayName": "Room",
                            "custom__minWidth": 105,
                            "custom__wrapText": True,
                            **leads_to("The map of this room", room_page(source, "zone_id")),
                        },
                    ),
                    *why_unknown(room_page(source, "zone_id")),
                    *people_per_area(64),
                    Column("per_m2_hour", {"decimals": 1, **width(70)}),
                    Column("per_ft2_hour", {"decimals": 2, **width(70)}),
                    Column(
                        "share",
                        {"displayName": "Of all detections", "decimals": 0, **width(88)},
                        bar=Bar(1, ((None, COOL),)),
                    ),
                    Column("zone_id", hidden=True),
                    Column("space", hidden=True),
                ],
            ),
            lines(
                source,
                Frame(
                    "People over time",
                    PEOPLE_TEXT,
                    Place(0, 34, 12, 8),
                    [PEOPLE],
                    downloads(source, PEOPLE, "csv"),
                    PEOPLE_OF_FLOOR,
                ),
            ),
            in_and_out(
                source,
                Frame(
                    "In and out", DOORS_TEXT, Place(12, 34, 12, 8), [DOORS], downloads(source, DOORS, "csv")
                ),
            ),
            presence_strips(
                source,
                Frame(
                    "Presence by room",
                    PRESENCE_TEXT,
                    Place(0, 42, 24, 12),
                    [PRESENCE],
                    downloads(source, PRESENCE, "csv"),
                ),
            ),
        ],
    )
