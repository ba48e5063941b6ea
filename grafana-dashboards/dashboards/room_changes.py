"""Tables that list rooms of several floors, and what changed in these rooms."""

from __future__ import annotations

from dashboards.compare import signed
from dashboards.downloads import downloads
from dashboards.floor import room_page
from dashboards.panels.figures import Bar, Column, leads_to, table, why_unknown, width
from dashboards.panels.parts import Frame, Place, Query
from dashboards.sources import Source
from dashboards.style import COOL, UNDERUSED, Json

WRAPPED: Json = {"custom__wrapText": True}

ORDER_TEXT = "The rooms with the most seats come first. A room's name opens its map."


def place_of_room(source: Source, *, has_type: bool = False, are_known: bool = False) -> tuple[Column, ...]:
    """A room, its floor and its building, and a mark with the reason if the room has no data. `are_known`:
    rooms without data are not listed.
    """
    link = room_page(source, "room_id")
    return (
        Column("room", {**leads_to("The map of this room", link), **WRAPPED, "custom__minWidth": 95}),
        Column("floor", {**WRAPPED, "custom__minWidth": 98}),
        Column("building", {**WRAPPED, "custom__minWidth": 95}),
        *([Column("type", width(118))] if has_type else []),
        *(() if are_known else why_unknown(link)),
        Column("room_id", hidden=True),
        Column("space", hidden=True),
    )


def changes(*, of_underused: bool = False) -> tuple[Column, ...]:
    """The use of a room in both periods, and its change. `of_underused`: as in `underused_rooms`, which is
    sorted by capacity.
    """
    colour = UNDERUSED if of_underused else COOL
    return (
        Column("capacity", width(102 if of_underused else 78)),
        Column("in_use_share_before", {"decimals": 1, **width(64)}),
        Column("in_use_share", {"decimals": 1, **width(66)}, bar=Bar(1, ((None, colour),))),
        Column(
            "in_use_change",
            {**signed(0.0005), "displayName": "Change (points)", "decimals": 1, **width(70)},
        ),
        Column("mean_before", {"decimals": 2, **width(66)}),
        Column("mean", {"decimals": 2, **width(66)}),
        Column("mean_change", {**signed(0.005), "decimals": 2, **width(68)}),
    )


def underused_rooms(source: Source, title: str, text: str, at: Place, query: Query) -> Json:
    """The rooms of a query that lists underused ones, those with the most seats first."""
    return table(
        source,
        Frame(title, text, at, [query], downloads(source, query, "csv")),
        [*place_of_room(source, has_type=True, are_known=True), *changes(of_underused=True)],
        sorted_by="capacity",
        no_rows="No underused room is known",
    )
