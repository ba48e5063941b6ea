"""*Rooms*: how much each room is used, what has changed, and which rooms are not needed."""

from __future__ import annotations

from dashboards import variables
from dashboards.compare import signed
from dashboards.downloads import downloads
from dashboards.floor import FULL, room_page
from dashboards.page import page
from dashboards.panels.charts import presence_strips
from dashboards.panels.figures import (
    PER_FT2,
    PER_M2,
    Bar,
    Column,
    coloured,
    flag,
    grouped_bars,
    leads_to,
    table,
    why_unknown,
    width,
)
from dashboards.panels.parts import Frame, Place, Query
from dashboards.parameters import AREA, HERE
from dashboards.sources import Source
from dashboards.style import COOL, UNDERUSED, Json

UID = "butlr-rooms"

USE = Query("utilization", {**HERE, **AREA, "underused": "${underused}"})
UNDERUSED_ROOMS = Query(USE.target, {**USE.parameters, "only": "underused"})
CHANGE = Query("compare-utilization", {**HERE, "baseline": "${baseline}", "underused": "${underused}"})
PRESENCE = Query("presence", {**HERE, "every": "1d"})

USE_TEXT = """\
Every room in the time range, within the hours and days chosen. *Utilization* is the mean number of people \
divided by the capacity. *People, mean* and *People, p95* are of hourly means; *People, peak* is the \
fullest minute. *Mean when used* is the mean of the times with people. *Time in use* is the share of the \
hours in which people were there. *People per m²* is from the heat map; it is empty if the number of \
detections per person is not known. *Stay* is the time in use divided by the people who came in, if the \
doors are counted.

Point at the mark of a room without numbers to see why it has none; such a room is never listed as \
underused. A room's name opens its map."""

CHANGE_TEXT = """\
People and time in use in the time range (*now*) and in the earlier period chosen above (*then*), within the \
hours and days chosen. People are the mean of the hours; both are per hour with data, so that periods of \
different lengths can be compared. The change of time in use is in percentage points. Rooms are sorted by \
the size of their change in people, up or down. If one of the periods has no data, there is no change; the \
mark shows why."""

UNDERUSED_TEXT = """\
Rooms that were in use for less than a share of the hours, within the hours and days chosen. The share is \
10 %; to change it, choose *Underused below* in the menu beside the time range. Rooms without data are \
not listed here."""

FULL_TEXT = """\
How many people are in a room, beside its capacity: the 95th percentile of the hours, and the fullest \
minute. A room whose capacity is far above both is too large for its use."""

PRESENCE_TEXT = """\
How long people were in each room on each day of the floor's own calendar, within the hours and days \
chosen."""

AXIS: Json = {"unit": "locale", "decimals": 0, "custom__axisLabel": "people"}
"""One axis for all bars. Otherwise fields with different units would have different axes."""


def dashboard(source: Source) -> Json:
    name = Column(
        "room", {**leads_to("The map of this room", room_page(source, "room_id")), "custom__minWidth": 120}
    )
    ids = (Column("room_id", hidden=True), Column("space", hidden=True))
    mark = why_unknown(room_page(source, "room_id"))
    return page(
        source,
        UID,
        "Rooms",
        "How much each room is used, and which rooms nobody needs.",
        variables=[
            variables.floor(source),
            variables.rooms(source),
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
                    Column("rank", {**width(44), "custom__align": "left"}),
                    name,
                    *mark,
                    Column("capacity", width(76)),
                    Column("mean", {"displayName": "People, mean", "decimals": 1, **width(65)}),
                    Column("mean_when_used", {"displayName": "People when used", "decimals": 1, **width(65)}),
                    Column("p95", {"displayName": "People, p95", "decimals": 1, **width(65)}),
                    Column("peak", {"displayName": "People, peak", "decimals": 0, **width(65)}),
                    Column("utilization", {"decimals": 0, **width(72)}, bar=Bar(1, FULL)),
                    Column(
                        "in_use_share",
                        {"displayName": "Time in use", "decimals": 0, **width(62)},
                        bar=Bar(1, ((None, COOL),)),
                    ),
                    Column("entries", {"decimals": 0, **width(64)}),
                    Column("dwell_s", {"displayName": "Stay", "decimals": 0, **width(70)}),
                    Column("people_per_m2", {**PER_M2, **width(68)}),
                    Column("people_per_ft2", {**PER_FT2, **width(68)}),
                    Column("underused", {**flag("underused", UNDERUSED), **width(98)}),
                    *ids,
                ],
            ),
            table(
                source,
                Frame(
                    "Then and now",
                    CHANGE_TEXT,
                    Place(0, 14, 14, 12),
                    [CHANGE],
                    downloads(source, CHANGE, "csv"),
                ),
                [
                    name,
                    *mark,
                    Column("mean_before", {"decimals": 1, **width(65)}),
                    Column("mean", {"decimals": 1, **width(65)}),
                    Column("mean_change", {**signed(0.05), "decimals": 1, **width(70)}),
                    Column("in_use_share_before", {"decimals": 0, **width(62)}),
                    Column("in_use_share", {"decimals": 0, **width(62)}),
                    Column("in_use_change", {**signed(0.005), "decimals": 0, **width(76)}),
                    *ids,
                ],
            ),
            table(
                source,
                Frame(
                    "Underused rooms",
                    UNDERUSED_TEXT,
                    Place(14, 14, 10, 12),
                    [UNDERUSED_ROOMS],
                    downloads(source, UNDERUSED_ROOMS, "csv"),
                ),
                [
                    name,
                    Column("capacity", width(85)),
                    Column("in_use_share", {"decimals": 1, **width(80)}, bar=Bar(1, ((None, UNDERUSED),))),
                    Column("in_use_s", {"decimals": 1, **width(95)}),
                    *ids,
                ],
            ),
            grouped_bars(
                source,
                Frame("People against capacity", FULL_TEXT, Place(0, 26, 24, 10), [USE]),
                "room",
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
                    Place(0, 36, 24, 12),
                    [PRESENCE],
                    downloads(source, PRESENCE, "csv"),
                ),
            ),
        ],
        since="now-30d",
    )
