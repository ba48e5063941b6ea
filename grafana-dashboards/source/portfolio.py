"""*Portfolio*: all floors at a glance, each a link down."""

from __future__ import annotations

from source import variables
from source.downloads import downloads
from source.floor import FULL, ON_FLOOR, floor_page, room_page
from source.house import FREE_COLOUR, IN_MENU, TAKEN, UNKNOWN, WARNING, Json
from source.page import page
from source.panels.charts import by_day
from source.panels.figures import Column, gauge, leads_to, shade, state, table, width, wrapped
from source.panels.over_time import lines
from source.panels.parts import Alertable, Frame, Place, Question, joined, where
from source.sources import Source
from source.titles import title
from source.words import AREA, EVERYWHERE, FITTING

UID = "butlr-portfolio"

AREAS = ("people_per_m2", "people_per_ft2", "per_m2_hour", "per_ft2_hour")
"""Those of one unit of area are in an answer."""

NOW = Question("occupancy-now", {"space": "all", "level": "floor"})
FLOORS = Question("hot-zones", {**EVERYWHERE, **AREA, "level": "floor"})
PEOPLE = Question("occupancy", {**EVERYWHERE, "level": "floor"})
ROOMS = Question("hot-zones", {**EVERYWHERE, **AREA})
USE = Question("utilization", {**EVERYWHERE, **AREA, "underused": "${underused}"})
FREE = Question("free-rooms", {"space": "all", **FITTING})
DOORS = Question("traffic", {**EVERYWHERE, "level": "floor", "every": "1d"})

PEOPLE_OF_FLOORS = Alertable(
    "occupancy-now",
    {"space": "all", "level": "floor", "require": "complete"},
    {**ON_FLOOR, "people": ("people", "number")},
)

FLOORS_TEXT = """\
Every floor. *People now* and *Of capacity now* are of the last five full minutes. The columns *in range* \
are of the time range, within the hours and days chosen. A floor's name opens its page."""

PEOPLE_TEXT = """\
People on each floor: the mean of each window. A gap means that nothing is known, not that nobody was \
there. Times are those of this page; hours and days are counted by each floor's own clock."""

ROOMS_TEXT = """\
The hottest rooms of all floors in the time range, by people per area. Where the number of detections a \
person gives is not known on any floor, they are ranked by detections per area and hour. A room's name \
opens its map."""

UNDERUSED_TEXT = """\
Rooms of all floors that were in use for less than the share of hours chosen above, largest first. Rooms \
without data are not listed here."""

FREE_TEXT = """\
Every room: free ones first, then the smallest. A room is free when nobody was counted in it for five \
minutes. *Unknown* is not free: *Why* says what is missing. *Free for* says *at least* where the room may \
have been free for longer than was asked for.

*Room for* above limits the rooms, and *Room type* in the menu beside it. With *Room for*, rooms whose \
capacity Butlr does not know are left out. A room's name opens its map."""

DOORS_TEXT = """\
People who came in through each floor's own entrances on each day. A day begins at midnight in the \
floor's own time zone."""


STATES = {"free": ("Free", FREE_COLOUR), "occupied": ("Occupied", TAKEN), "unknown": ("Unknown", UNKNOWN)}


def in_range(what: str) -> Json:
    """A column of the time range, beside those of now."""
    return {"displayName": f"{what} in range", **gauge(None, (None, "dark-orange"))}


def dashboard(source: Source) -> Json:
    return page(
        source,
        UID,
        "Portfolio",
        "All floors at a glance.",
        variables=[
            variables.hours(),
            variables.days(),
            variables.underused(),
            variables.least_capacity(),
            # What a line of a small screen has no room for.
            {**variables.room_types(source), "hide": IN_MENU},
            variables.area(),
            *variables.kept(source),
        ],
        panels=[
            table(
                source,
                Frame(
                    "Floors",
                    FLOORS_TEXT,
                    Place(0, 0, 24, 7),
                    [NOW, FLOORS],
                    downloads(source, FLOORS, "csv"),
                    PEOPLE_OF_FLOORS,
                ),
                [
                    Column("floor", {**leads_to("This floor", floor_page(source)), **width(220)}),
                    Column("people", {"displayName": "People now", "decimals": 0, **width(80)}),
                    Column("capacity", width(90)),
                    Column("share", {"displayName": "Of capacity now", **gauge(1, *FULL), "decimals": 0}),
                    Column(
                        "detections",
                        {"displayName": "Detections in range", "unit": "locale", **width(110)},
                        of="hot-zones",
                    ),
                    Column("people_per_m2", {**in_range("People per m²"), "decimals": 3}),
                    Column("people_per_ft2", {**in_range("People per ft²"), "decimals": 4}),
                    Column(
                        "per_m2_hour",
                        {"displayName": "Per m² and hour in range", "decimals": 2, **width(150)},
                    ),
                    Column(
                        "per_ft2_hour",
                        {"displayName": "Per ft² and hour in range", "decimals": 3, **width(150)},
                    ),
                    Column("space", hidden=True),
                ],
                before=joined("space", B=("floor", "people", "capacity", "share"), C=("detections", *AREAS)),
            ),
            table(
                source,
                Frame(
                    "Free now",
                    FREE_TEXT,
                    Place(0, 7, 24, 10),
                    [FREE],
                    downloads(source, FREE, "csv"),
                ),
                [
                    Column("state", {**state(**STATES), **width(85)}),
                    Column(
                        "room",
                        {**leads_to("The map of this room", room_page(source, "room_id")), **width(150)},
                    ),
                    Column("floor", width(160)),
                    Column("building", width(95)),
                    Column("capacity", width(80)),
                    Column("free_for", wrapped(130)),
                    Column("type", width(110)),
                    Column("reason", {"custom__wrapText": True}),
                    Column("room_id", hidden=True),
                    Column("space", hidden=True),
                ],
            ),
            lines(
                source,
                Frame(
                    "People by floor",
                    PEOPLE_TEXT,
                    Place(0, 17, 14, 9),
                    [PEOPLE],
                    downloads(source, PEOPLE, "csv"),
                    PEOPLE_OF_FLOORS,
                ),
            ),
            by_day(
                source,
                Frame(
                    "Came in, by each floor's own day",
                    DOORS_TEXT,
                    Place(14, 17, 10, 9),
                    [DOORS],
                    downloads(source, DOORS, "csv"),
                ),
                "in",
                "people",
            ),
            table(
                source,
                Frame(
                    "Hottest rooms",
                    ROOMS_TEXT,
                    Place(0, 26, 12, 12),
                    [ROOMS],
                    downloads(source, ROOMS, "csv"),
                ),
                [
                    Column("rank", {**width(55), "custom__align": "left"}),
                    Column(
                        "zone",
                        {
                            "displayName": "Room",
                            **leads_to("The map of this room", room_page(source, "zone_id")),
                        },
                    ),
                    Column("floor"),
                    Column("people_per_m2", {**shade("continuous-YlRd"), "decimals": 3, **width(110)}),
                    Column("people_per_ft2", {**shade("continuous-YlRd"), "decimals": 4, **width(110)}),
                    Column("per_m2_hour", {"decimals": 2, **width(100)}),
                    Column("per_ft2_hour", {"decimals": 3, **width(100)}),
                    Column("zone_id", hidden=True),
                    Column("space", hidden=True),
                ],
            ),
            table(
                source,
                Frame(
                    "Underused rooms",
                    UNDERUSED_TEXT,
                    Place(12, 26, 12, 12),
                    [USE],
                    downloads(source, USE, "csv"),
                ),
                [
                    Column("room", leads_to("The map of this room", room_page(source, "room_id"))),
                    Column("floor"),
                    Column("capacity", width(105)),
                    Column("in_use_share", {**gauge(1, (None, WARNING)), "decimals": 1}),
                    Column("room_id", hidden=True),
                    Column("space", hidden=True),
                ],
                before=[where(title("utilization", "underused"), "equal", value=1)],
                sorted_by="capacity",
            ),
        ],
    )
