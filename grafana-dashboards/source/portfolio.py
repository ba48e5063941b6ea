"""*Portfolio*: all floors at a glance, each a link down."""

from __future__ import annotations

from source import variables
from source.downloads import downloads
from source.floor import FULL, floor_page, room_page
from source.house import GOOD, Json
from source.page import page
from source.panels.figures import Column, gauge, leads_to, shade, table, width
from source.panels.over_time import lines, step_lines
from source.panels.parts import Frame, Place, Question, joined, where
from source.sources import Source
from source.titles import title
from source.words import AREA, EVERYWHERE

UID = "butlr-portfolio"

AREAS = ("people_per_m2", "people_per_ft2", "per_m2_hour", "per_ft2_hour")
"""Those of one unit of area are in an answer."""

NOW = Question("occupancy-now", {"space": "all", "level": "floor"})
FLOORS = Question("hot-zones", {**EVERYWHERE, **AREA, "level": "floor"})
PEOPLE = Question("occupancy", {**EVERYWHERE, "level": "floor"})
ROOMS = Question("hot-zones", {**EVERYWHERE, **AREA})
USE = Question("utilization", {**EVERYWHERE, **AREA, "underused": "${underused}"})
DOORS = Question("traffic", {**EVERYWHERE, "level": "floor", "every": "1d"})

FLOORS_TEXT = """\
Every floor: who is there now (the last full five minutes) and how much it was used in the time range. \
*Partial* or *no data* means that a floor's figures are not all there; the marker beside the title says \
why. A floor's name leads to its page."""

PEOPLE_TEXT = """\
People on each floor, the mean of each window. A gap is a time of which nothing is known, not an empty \
floor."""

ROOMS_TEXT = """\
The hottest rooms of all floors, by people per area; by detections per area and hour counted, which stand \
beside, where the rate of no floor is known. A room's name leads to its map."""

UNDERUSED_TEXT = """\
Rooms of all floors with data that were in use for less than the share of hours chosen above, largest \
first. Rooms without data are not among them."""

DOORS_TEXT = """\
People who came in through each floor's own entrances, day by day."""


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
            variables.area(),
            *variables.kept(source),
        ],
        panels=[
            table(
                source,
                Frame(
                    "Floors", FLOORS_TEXT, Place(0, 0, 24, 7), [NOW, FLOORS], downloads(source, FLOORS, "csv")
                ),
                [
                    Column("floor", {**leads_to("This floor", floor_page(source)), **width(220)}),
                    Column("people", {"decimals": 0, **width(90)}),
                    Column("capacity", width(90)),
                    Column("share", {**gauge(1, *FULL), "decimals": 0}),
                    Column("detections", {"unit": "locale", **width(110)}, of="hot-zones"),
                    Column("people_per_m2", {**gauge(None, (None, "dark-orange")), "decimals": 3}),
                    Column("people_per_ft2", {**gauge(None, (None, "dark-orange")), "decimals": 4}),
                    Column("per_m2_hour", {"decimals": 2, **width(150)}),
                    Column("per_ft2_hour", {"decimals": 3, **width(150)}),
                    Column("space", hidden=True),
                ],
                before=joined("space", A=("floor", "people", "capacity", "share"), B=("detections", *AREAS)),
            ),
            lines(
                source,
                Frame(
                    "People by floor",
                    PEOPLE_TEXT,
                    Place(0, 7, 14, 9),
                    [PEOPLE],
                    downloads(source, PEOPLE, "csv"),
                ),
            ),
            step_lines(
                source,
                Frame(
                    "Came in, day by day",
                    DOORS_TEXT,
                    Place(14, 7, 10, 9),
                    [DOORS],
                    downloads(source, DOORS, "csv"),
                ),
                "in",
            ),
            table(
                source,
                Frame(
                    "Hottest rooms",
                    ROOMS_TEXT,
                    Place(0, 16, 12, 12),
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
                    Place(12, 16, 12, 12),
                    [USE],
                    downloads(source, USE, "csv"),
                ),
                [
                    Column("room", leads_to("The map of this room", room_page(source, "room_id"))),
                    Column("floor"),
                    Column("capacity", width(105)),
                    Column("in_use_share", {**gauge(1, (None, GOOD)), "decimals": 1}),
                    Column("room_id", hidden=True),
                    Column("space", hidden=True),
                ],
                before=[where(title("utilization", "underused"), "equal", value=1)],
                sorted_by="capacity",
            ),
        ],
    )
