"""*Rooms*: how well each is used, and which nobody needs."""

from __future__ import annotations

from source import variables
from source.downloads import downloads
from source.floor import FULL, room_page
from source.house import COOL, WARNING, Json
from source.page import page
from source.panels.charts import daily_strips
from source.panels.figures import (
    Column,
    coloured,
    flag,
    gauge,
    grouped_bars,
    leads_to,
    shade,
    table,
    width,
    wrapped,
)
from source.panels.parts import Frame, Place, Question, where
from source.sources import Source
from source.titles import title
from source.words import AREA, HERE

UID = "butlr-rooms"

USE = Question("utilization", {**HERE, **AREA, "underused": "${underused}"})
PRESENCE = Question("presence", {**HERE, "every": "1d"})

USE_TEXT = """\
Every room in the time range, within the hours and days chosen. *Utilization* is the mean number of people \
divided by the capacity. *People, mean* and *People, p95* are of hourly means; *People, peak* is the \
fullest minute. *Mean when used* is the mean of the times with people. *Time in use* is the share of the \
hours in which people were there. *People per m²* is from the heat map; it is empty if the number of \
detections per person is not known. *Stay* is the time in use divided by the people who came in, if the \
doors are counted.

*No data because* explains why a room has no numbers; such a room is never listed as underused. A room's \
name opens its map."""

UNDERUSED_TEXT = """\
Rooms that were in use for less than the share of hours chosen above, within the hours and days chosen. \
Rooms without data are not listed here."""

FULL_TEXT = """\
How many people are in a room, beside its capacity: the 95th percentile of the hours, and the fullest \
minute. A room whose capacity is far above both is too large for its use."""

PRESENCE_TEXT = """\
How long people were in each room on each day of the floor's own calendar, within the hours and days \
chosen. Darker means longer."""

AXIS: Json = {"unit": "locale", "decimals": 0, "custom__axisLabel": "people"}
"""One for all bars: fields with different units would each have their own."""


def dashboard(source: Source) -> Json:
    name = Column("room", {**leads_to("The map of this room", room_page(source, "room_id")), **width(140)})
    ids = (Column("room_id", hidden=True), Column("space", hidden=True))
    return page(
        source,
        UID,
        "Rooms",
        "How much each room is used, and which rooms nobody needs.",
        variables=[
            variables.floor(source),
            variables.rooms(source),
            variables.hours(),
            variables.days(),
            variables.underused(),
            variables.area(),
        ],
        panels=[
            table(
                source,
                Frame(
                    "Utilization: ${space:text}",
                    USE_TEXT,
                    Place(0, 0, 24, 14),
                    [USE],
                    downloads(source, USE, "csv"),
                ),
                [
                    Column("rank", {**width(48), "custom__align": "left"}),
                    name,
                    Column("capacity", width(72)),
                    Column("mean", {"displayName": "People, mean", "decimals": 1, **width(65)}),
                    Column("mean_when_used", {"displayName": "People when used", "decimals": 1, **width(75)}),
                    Column("p95", {"displayName": "People, p95", "decimals": 1, **width(65)}),
                    Column("peak", {"displayName": "People, peak", "decimals": 0, **width(65)}),
                    Column("utilization", {**gauge(1, *FULL), "decimals": 0, **width(85)}),
                    Column(
                        "in_use_share",
                        {"displayName": "Time in use", **gauge(1, (None, COOL)), "decimals": 0, **width(85)},
                    ),
                    Column("entries", {"decimals": 0, **width(65)}),
                    Column("dwell_s", {"displayName": "Stay", "decimals": 0, **width(72)}),
                    Column("people_per_m2", {**shade("continuous-YlRd"), "decimals": 3, **width(75)}),
                    Column("people_per_ft2", {**shade("continuous-YlRd"), "decimals": 4, **width(75)}),
                    Column("underused", {**flag("underused", WARNING), **width(88)}),
                    Column("reason", wrapped(110)),
                    Column("per_m2_hour", {"decimals": 2, **width(95)}),
                    Column("per_ft2_hour", {"decimals": 3, **width(75)}),
                    *ids,
                ],
            ),
            table(
                source,
                Frame("Underused rooms", UNDERUSED_TEXT, Place(0, 14, 10, 10), [USE]),
                [
                    name,
                    Column("capacity", width(80)),
                    Column("in_use_share", {**gauge(1, (None, WARNING)), "decimals": 1}),
                    Column("in_use_s", {"decimals": 1, **width(100)}),
                    *ids,
                ],
                before=[where(title("utilization", "underused"), "equal", value=1)],
            ),
            grouped_bars(
                source,
                Frame("People against capacity", FULL_TEXT, Place(10, 14, 14, 10), [USE]),
                "room",
                [
                    Column("capacity", {**coloured("#8e8e8e"), **AXIS}),
                    Column("p95", {**coloured("blue"), **AXIS}),
                    Column("peak", {**coloured("orange"), **AXIS}),
                ],
            ),
            daily_strips(
                source,
                Frame(
                    "Presence by day",
                    PRESENCE_TEXT,
                    Place(0, 24, 24, 12),
                    [PRESENCE],
                    downloads(source, PRESENCE, "csv"),
                ),
            ),
        ],
        since="now-30d",
    )
