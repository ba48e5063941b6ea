"""*Portfolio*: all floors on one page, each with a link to its page."""

from __future__ import annotations

from dashboards import variables
from dashboards.compare import dates
from dashboards.downloads import downloads
from dashboards.floor import FULL, ON_FLOOR, floor_page, room_page
from dashboards.page import page, to_page
from dashboards.panels.charts import by_day
from dashboards.panels.figures import (
    Bar,
    Column,
    badge,
    leads_to,
    people_per_area,
    table,
    why_unknown,
    width,
)
from dashboards.panels.over_time import lines
from dashboards.panels.parts import Alertable, Frame, Place, Query
from dashboards.parameters import AREA, EVERYWHERE, FITTING, ROOMS_EVERYWHERE
from dashboards.room_changes import ORDER_TEXT, WRAPPED, underused_rooms
from dashboards.sources import Source
from dashboards.style import FREE_COLOUR, TAKEN, UNKNOWN, Json

UID = "butlr-portfolio"
SENSORS_UID = "butlr-sensors"

BUILDINGS = Query("totals", {"space": "all", "by": "building"})
TAGS = Query("totals", {"space": "all", "by": "tag"})
NOW = Query("floors-now", {"space": "all"})
FLOORS = Query("hot-zones", {**EVERYWHERE, **AREA, "level": "floor"})
PEOPLE = Query("occupancy", {**EVERYWHERE, "level": "floor"})
ROOMS = Query("hot-zones", {**ROOMS_EVERYWHERE, **AREA})
CHANGE = Query(
    "compare-utilization", {**ROOMS_EVERYWHERE, "baseline": "${baseline}", "underused": "${underused}"}
)
USE = Query(CHANGE.target, {**CHANGE.parameters, "only": "underused"})
FREE = Query("free-rooms", {"space": "all", **FITTING})
DOORS = Query("traffic", {**EVERYWHERE, "level": "floor", "every": "1d"})

PEOPLE_OF_FLOORS = Alertable(
    "occupancy-now",
    {"space": "all", "level": "floor", "require": "complete"},
    {**ON_FLOOR, "people": ("people", "number")},
)

TOTALS_TEXT = """\
For all floors of a {group} together: *People* is the number of people now, *Peak* is the largest number in \
the time range. Each sum adds up the floors at the same time, so *Peak* is not a sum of peaks at different \
times.

In a range of more than a day, *Peak* is a mean of one hour, so *People* may be above it for some minutes.

*Peak at* is a time on the clock of these floors; it says UTC if they have several time zones. *Floors in \
the sum* is the number of floors whose people are known. If it is less than *Floors*, people are \
missing in the sum; the link in that column shows why. The variables *Hours*, *Days* and *Types* do not \
limit this panel.{more}"""

NOW_TEXT = """\
Every floor, in the last five full minutes. *Usual at this hour* is the mean of the same hour of the week \
over the last four whole weeks, in the floor's own time zone. A floor's name opens the dashboard *Floor*. \
The variable *Types* does not limit this panel."""

FLOORS_TEXT = """\
Every floor in the time range, within the hours and days chosen. *Per m² and hour* counts detections. A \
floor's name opens the dashboard *Floor*. The variable *Types* does not limit this panel."""

PEOPLE_TEXT = """\
People on each floor: the mean of each window. A gap means that nothing is known; it does not mean that \
nobody was there. Times are in the time zone of this dashboard; hours and days are counted in each floor's \
own time zone."""

ROOMS_TEXT = """\
The hottest rooms of all floors in the time range, by people per area. If the number of detections per \
person is not known on any floor, rooms are ranked by detections per area and hour. A room's name \
opens its map."""

UNDERUSED_TEXT = f"""\
Rooms of all floors that were in use for less than the share of hours chosen above (*now*), and their use in \
the earlier period (*then*), within the hours and days chosen. Choose *Types* above to list only meeting \
rooms. The change of time in use is in percentage points. Rooms without data are not listed here. \
{ORDER_TEXT}"""

FREE_TEXT = """\
Every room. Free rooms come first, the smallest of them at the top. A room is free if nobody was counted in \
it for five minutes. *Unknown* does not mean free; *Why* shows what is missing. *Has been free for* shows \
*at least* if the room may have been free for longer than the minutes that were requested.

The variables *Capacity* and *Types* at the top limit the rooms. With *Capacity*, rooms whose capacity Butlr \
does not know are left out. A room's name opens its map."""

DOORS_TEXT = """\
People who came in through each floor's own entrances on each day. A day begins at midnight in the \
floor's own time zone."""


STATES = {"free": ("Free", FREE_COLOUR), "occupied": ("Occupied", TAKEN), "unknown": ("Unknown", UNKNOWN)}


def dashboard(source: Source) -> Json:
    name = Column("floor", {**leads_to("This floor", floor_page(source)), "custom__minWidth": 150})
    return page(
        source,
        UID,
        "Portfolio",
        "All floors at a glance.",
        variables=[
            variables.hours(),
            variables.days(),
            variables.types(source),
            variables.underused(),
            variables.baseline(hide=variables.IN_MENU),
            variables.least_capacity(),
            variables.area(),
        ],
        panels=[
            _totals(source, "People by building", BUILDINGS, Place(0, 0, 24, 6), "building"),
            _totals(source, "People by tag", TAGS, Place(0, 6, 24, 5), "tag"),
            table(
                source,
                Frame(
                    "Floors now",
                    NOW_TEXT,
                    Place(0, 11, 24, 7),
                    [NOW],
                    downloads(source, NOW, "csv"),
                    PEOPLE_OF_FLOORS,
                ),
                [
                    name,
                    Column("building", {**WRAPPED, "custom__minWidth": 130}),
                    *why_unknown(floor_page(source)),
                    Column("people", {"decimals": 0, **width(62)}),
                    Column("usual", {"decimals": 0, **width(80)}),
                    Column("capacity", width(78)),
                    Column(
                        "share",
                        {"displayName": "Of capacity", "decimals": 0, **width(76)},
                        bar=Bar(1, FULL),
                    ),
                    Column("space", hidden=True),
                ],
            ),
            table(
                source,
                Frame(
                    "Floors in the time range",
                    FLOORS_TEXT,
                    Place(0, 18, 24, 7),
                    [FLOORS],
                    downloads(source, FLOORS, "csv"),
                ),
                [
                    name,
                    Column("building", {**WRAPPED, "custom__minWidth": 105}),
                    Column("detections", {"unit": "short", "decimals": 1, **width(94)}),
                    *people_per_area(68),
                    Column("per_m2_hour", {"decimals": 0, **width(78)}),
                    Column("per_ft2_hour", {"decimals": 1, **width(78)}),
                    Column("space", hidden=True),
                ],
            ),
            table(
                source,
                Frame(
                    "Free now",
                    FREE_TEXT,
                    Place(0, 25, 24, 10),
                    [FREE],
                    downloads(source, FREE, "csv"),
                ),
                [
                    Column("state", {**badge(**STATES), **width(85)}),
                    Column(
                        "room",
                        {
                            **leads_to("The map of this room", room_page(source, "room_id")),
                            **WRAPPED,
                            **width(175),
                        },
                    ),
                    Column("floor", {**WRAPPED, "custom__minWidth": 120}),
                    Column("building", {**WRAPPED, "custom__minWidth": 110}),
                    Column("capacity", width(80)),
                    Column("free_for", {**WRAPPED, **width(130)}),
                    Column("type", width(118)),
                    Column("reason", WRAPPED),
                    Column("room_id", hidden=True),
                    Column("space", hidden=True),
                ],
            ),
            # Of all rooms: there are dates also if no room is underused.
            dates(source, Place(0, 35, 24, 3), CHANGE, Column("underused_rooms")),
            underused_rooms(
                source,
                "Rooms used less than ${underused:text}, then and now",
                UNDERUSED_TEXT,
                Place(0, 38, 24, 11),
                USE,
            ),
            lines(
                source,
                Frame(
                    "People by floor",
                    PEOPLE_TEXT,
                    Place(0, 49, 14, 9),
                    [PEOPLE],
                    downloads(source, PEOPLE, "csv"),
                    PEOPLE_OF_FLOORS,
                ),
            ),
            by_day(
                source,
                Frame(
                    "People who came in, by day",
                    DOORS_TEXT,
                    Place(14, 49, 10, 9),
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
                    Place(0, 58, 24, 12),
                    [ROOMS],
                    downloads(source, ROOMS, "csv"),
                ),
                [
                    Column(
                        "zone",
                        {
                            "displayName": "Room",
                            "custom__minWidth": 105,
                            **leads_to("The map of this room", room_page(source, "zone_id")),
                        },
                    ),
                    Column("floor", {**WRAPPED, "custom__minWidth": 125}),
                    Column("building", {**WRAPPED, "custom__minWidth": 120}),
                    *people_per_area(68),
                    Column("per_m2_hour", {"decimals": 0, **width(76)}),
                    Column("per_ft2_hour", {"decimals": 1, **width(76)}),
                    Column("zone_id", hidden=True),
                    Column("space", hidden=True),
                ],
            ),
        ],
    )


def _totals(source: Source, name: str, query: Query, place: Place, group: str) -> Json:
    more = " A floor with several tags counts in each." if group == "tag" else ""
    frame = Frame(
        name,
        TOTALS_TEXT.format(group=group, more=more),
        place,
        [query],
        downloads(source, query, "csv"),
    )
    columns = [
        Column(group, {"custom__minWidth": 110}),
        Column("people", {"decimals": 0, **width(62)}),
        Column("capacity", width(78)),
        Column("share", {"displayName": "Of capacity", "decimals": 0, **width(76)}, bar=Bar(1, FULL)),
        Column("peak", {"decimals": 0, **width(58)}),
        Column("peak_local", {"displayName": "Peak at", **width(175)}),
        Column("floors", width(60)),
        Column(
            "floors_now",
            {
                **leads_to("Not in the sum: ${__data.fields.reason}", to_page(source, SENSORS_UID)),
                **width(80),
            },
        ),
        Column("reason", hidden=True),
    ]
    return table(source, frame, columns)
