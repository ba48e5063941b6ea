"""*Rooms*: how well each is used, and which nobody needs."""

from __future__ import annotations

from source import variables
from source.downloads import downloads
from source.floor import FULL, room_page
from source.house import COOL, WARNING, Json
from source.page import page
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
from source.panels.over_time import strips
from source.panels.parts import Frame, Place, Question, where
from source.sources import Source
from source.titles import title
from source.words import AREA, HERE

UID = "butlr-rooms"

USE = Question("utilization", {**HERE, **AREA, "underused": "${underused}"})
PRESENCE = Question("presence", {**HERE, "every": "1d"})

USE_TEXT = """\
Every room in the time range, within the hours and days chosen. *Utilization* is the mean of its people by \
its capacity. *Mean* and *95th percentile* are of hourly means, *Peak* is the fullest minute. *When used* \
is the mean while anybody is there: a room for ten that is always used by two. *Time in use* is the share \
of the hours in which somebody was there. *People per m²* is from the heat map, by the floor's own rate of \
detections; empty where that is not known. *Dwell* is presence for each entry, where the doors are counted.

A room whose sensors are offline, or that none counts, has no data, and is never called underused. A \
room's name leads to its map."""

UNDERUSED_TEXT = """\
Rooms with data that were in use for less than the share of hours chosen above. Rooms without data are not \
among them: the ranking says why they have none."""

FULL_TEXT = """\
How full rooms get beside what they are for: the 95th percentile of the hours, without their few fullest, \
and the fullest minute of all. A capacity far above both is a room too large for its use."""

PRESENCE_TEXT = """\
For each room how long somebody was there on each day, within the hours and days chosen: the darker, the \
longer."""

AXIS: Json = {"unit": "locale", "decimals": 0}
"""One for all bars: fields with different units would each have their own."""


def dashboard(source: Source) -> Json:
    name = Column("room", {**leads_to("The map of this room", room_page(source, "room_id")), **width(150)})
    ids = (Column("room_id", hidden=True), Column("space", hidden=True))
    return page(
        source,
        UID,
        "Rooms",
        "How well each room is used, and which nobody needs.",
        variables=[
            variables.floor(source),
            variables.rooms(source),
            variables.hours(working=True),
            variables.days(working=True),
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
                    Column("rank", {**width(55), "custom__align": "left"}),
                    name,
                    Column("capacity", width(80)),
                    Column("mean", {"displayName": "Mean", "decimals": 1, **width(70)}),
                    Column("mean_when_used", {"displayName": "When used", "decimals": 1, **width(80)}),
                    Column("p95", {"displayName": "95th percentile", "decimals": 1, **width(95)}),
                    Column("peak", {"displayName": "Peak", "decimals": 0, **width(65)}),
                    Column("utilization", {**gauge(1, *FULL), "decimals": 0}),
                    Column(
                        "in_use_share",
                        {"displayName": "Time in use", **gauge(1, (None, COOL)), "decimals": 0},
                    ),
                    Column("entries", {"decimals": 0, **width(75)}),
                    Column("dwell_s", {"displayName": "Dwell", "decimals": 0, **width(85)}),
                    Column("people_per_m2", {**shade("continuous-YlRd"), "decimals": 3, **width(95)}),
                    Column("people_per_ft2", {**shade("continuous-YlRd"), "decimals": 4, **width(95)}),
                    Column("per_m2_hour", {"decimals": 2, **width(95)}),
                    Column("per_ft2_hour", {"decimals": 3, **width(95)}),
                    Column("underused", {**flag("underused", WARNING), **width(95)}),
                    Column("reason", wrapped(120)),
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
            strips(
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
