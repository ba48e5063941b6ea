"""*Rooms*: how much each room of the floors chosen is used, what has changed, and which are not needed."""

from __future__ import annotations

from dashboards import variables
from dashboards.compare import dates
from dashboards.downloads import downloads
from dashboards.floor import FULL
from dashboards.page import ROOMS_UID, page
from dashboards.panels.charts import presence_strips
from dashboards.panels.figures import (
    Bar,
    Column,
    coloured,
    grouped_bars,
    table,
    width,
)
from dashboards.panels.parts import Frame, Place, Query
from dashboards.parameters import AREA, FLOORS
from dashboards.room_changes import ORDER_TEXT, changes, place_of_room, underused_rooms
from dashboards.sources import Source
from dashboards.style import Json

USE = Query("utilization", {**FLOORS, **AREA, "underused": "${underused}"})
CHANGE = Query("compare-utilization", {**FLOORS, "baseline": "${baseline}", "underused": "${underused}"})
UNDERUSED_ROOMS = Query(CHANGE.target, {**CHANGE.parameters, "only": "underused"})
PRESENCE = Query("presence", {**FLOORS, "every": "1d"})

USE_TEXT = """\
Every room of the floors chosen, within the time range, hours and days chosen; by whole hours, without the \
current hour. The people of the last minutes are on *Floor*. *Utilization* is the mean \
number of people divided by the capacity. *People, mean* is of all hours; *People, peak* \
is the fullest minute. *People when used* is the mean of the times with people. *Time in use* is the \
share of the hours in which people were there. *Download as table* has more columns, for example the 95th \
percentile and people per m².

*Time in use per entry* is the time in use divided by the number of people who came in. It is not how long \
one person stayed: while two people are in a room together, the time counts once, but both entries count. It \
is empty if the doors are not counted.

Point at the mark of a room without numbers to see why it has none; such a room is never listed as \
underused. A room's name opens its map."""

CHANGE_TEXT = """\
People and time in use in the time range (*now*) and in the earlier period chosen above (*then*), within the \
hours and days chosen. People are the mean of the hours; both are per hour with data, so that periods of \
different lengths can be compared. The change of time in use is in percentage points. Rooms are sorted by \
the size of their change in people, up or down. If one of the periods has no data, there is no change; the \
mark shows why."""

UNDERUSED_TEXT = f"""\
Rooms of the floors chosen that were in use for less than a share of the hours (*now*), and their use in the \
earlier period (*then*), within the hours and days chosen. The title has the share; to change it, choose \
*Underused below* in the menu beside the time range. The change of time in use is in percentage points. \
Rooms without data are not listed here. {ORDER_TEXT}"""

FULL_TEXT = """\
How many people are in a room, beside its capacity: the 95th percentile of the hours, and the fullest \
minute. A room whose capacity is far above both is too large for its use. If there are many rooms, choose \
one floor above."""

PRESENCE_TEXT = """\
How long people were in each room on each day of the floor's own calendar, within the hours and days \
chosen."""

AXIS: Json = {"unit": "locale", "decimals": 0, "custom__axisLabel": "people"}
"""One axis for all bars. Otherwise fields with different units would have different axes."""


def dashboard(source: Source) -> Json:
    return page(
        source,
        ROOMS_UID,
        "Rooms",
        "How much each room of the floors chosen is used, what has changed, and which rooms nobody needs.",
        variables=[
            variables.floors(source),
            variables.rooms_of_floors(source),
            variables.types(source),
            variables.hours(),
            variables.days(),
            variables.baseline(),
            variables.underused(hide=variables.IN_MENU),
            variables.area(),
        ],
        panels=[
            table(
                source,
                Frame(
                    "Utilization",
                    USE_TEXT,
                    Place(0, 0, 24, 14),
                    [USE],
                    downloads(source, USE, "csv"),
                ),
                [
                    *place_of_room(source),
                    Column("capacity", width(78)),
                    Column("mean", {"displayName": "People, mean", "decimals": 1, **width(66)}),
                    Column("mean_when_used", {"displayName": "People when used", "decimals": 1, **width(66)}),
                    Column("peak", {"displayName": "People, peak", "decimals": 0, **width(66)}),
                    Column("utilization", {"decimals": 0, **width(86)}, bar=Bar(1, FULL)),
                    Column(
                        "in_use_share",
                        {"displayName": "Time in use", "decimals": 0, **width(62)},
                    ),
                    Column("entries", {"decimals": 0, **width(68)}),
                    Column("dwell_s", {"decimals": 0, **width(86)}),
                ],
            ),
            dates(source, Place(0, 14, 24, 3), CHANGE, Column("underused_rooms")),
            table(
                source,
                Frame(
                    "Then and now",
                    CHANGE_TEXT,
                    Place(0, 17, 24, 12),
                    [CHANGE],
                    downloads(source, CHANGE, "csv"),
                ),
                [*place_of_room(source, has_type=True), *changes()],
            ),
            underused_rooms(
                source,
                "Rooms used less than ${underused:text}",
                UNDERUSED_TEXT,
                Place(0, 29, 24, 10),
                UNDERUSED_ROOMS,
            ),
            grouped_bars(
                source,
                Frame("People against capacity", FULL_TEXT, Place(0, 39, 24, 13), [USE]),
                "choice",
                [
                    Column("capacity", {**coloured("#8e8e8e"), **AXIS}),
                    Column("p95", {"displayName": "95th percentile of hours", **coloured("blue"), **AXIS}),
                    Column("peak", {"displayName": "Fullest minute", **coloured("purple"), **AXIS}),
                ],
            ),
            presence_strips(
                source,
                Frame(
                    "Presence by day",
                    PRESENCE_TEXT,
                    Place(0, 52, 24, 17),
                    [PRESENCE],
                    downloads(source, PRESENCE, "csv"),
                ),
            ),
        ],
    )
