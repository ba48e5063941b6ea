"""*Compare periods*: changes since an earlier period."""

from __future__ import annotations

from dashboards import variables
from dashboards.downloads import downloads
from dashboards.floor import room_page
from dashboards.page import page
from dashboards.panels.cells import relative_map
from dashboards.panels.charts import picture
from dashboards.panels.figures import Column, leads_to, row_figures, table, why_unknown, width
from dashboards.panels.parts import Frame, Place, Query
from dashboards.parameters import HERE
from dashboards.sources import Parameters, Source
from dashboards.style import BAD, CALM, COOL, Json, steps

UID = "butlr-compare"

BOTH: Parameters = {**HERE, "baseline": "${baseline}"}
FLOOR = Query("compare-zones", {**BOTH, "level": "floor"})
ROOMS = Query("compare-zones", {**BOTH, "level": "room"})
CELLS = Query("compare", BOTH)
RELATIVE = Query("compare", {**BOTH, "normalize": "max"})

PER_HOUR = "Both are per hour counted, so that periods of different lengths can be compared. "

FLOOR_TEXT = f"""\
The floor, or the rooms chosen, in the time range and in the earlier period. {PER_HOUR}The hours and days \
chosen apply to both. *Hours now* and *Hours then* are the hours that are counted. If one of the periods has \
no data, there is no change."""

DATES_TEXT = """\
The two periods that are compared, on the clock of the time zone shown: it is the floor's own. If the floors \
have several time zones, it is UTC. *Compared with*, above or in the menu beside the time range, chooses the \
earlier period. *The period before* is as long as the time range and ends where it begins. *Then* and *Now* \
mean these dates on this page. *Rooms* and *Portfolio* compare whole hours, without the current hour."""

MAP_TEXT = f"""\
Red cells had more people than in the earlier period, blue cells fewer, grey cells the same number. The unit \
is people per m² if the number of detections per person is known, otherwise detections per hour; the legend \
shows which. {PER_HOUR}The scale is the same on both sides of zero."""

ROOMS_TEXT = f"""\
Rooms by the size of their change, up or down. {PER_HOUR}*Now*, *Then* and *Change* are the mean number of \
people if the number of detections per person is known, otherwise detections per hour. *Change of share* \
is the change in the room's share of the floor's detections, in percentage points: it shows where people \
moved. A room whose sensors were offline for all of one period has no change. A room's name opens its map."""

ONE_SCALE = """\
Each cell is a share of the fullest cell of both periods, so both maps have the same scale. Point at a \
cell for its value."""


def sign(none: float) -> Json:
    """The colours of a change, as on the map: red is more, blue is less. A value closer to zero than `none`
    is shown as zero, and has no colour.
    """
    return steps((None, COOL), (-none, CALM), (none, BAD))


def signed(none: float) -> Json:
    """The colours of a change for a column."""
    return {"thresholds": sign(none), "custom__cellOptions": {"type": "color-text"}}


def dates(source: Source, at: Place, query: Query, *more: Column) -> Json:
    """The two periods of a comparison, and `more` that is the same in each row."""
    shown = [
        Column("then_dates", {"displayName": "Then"}),
        Column("now_dates", {"displayName": "Now"}),
        Column("timezone"),
        *more,
    ]
    return row_figures(
        source, Frame("Dates of both periods", DATES_TEXT, at, [query]), shown, vertical=at.width < 24
    )


def dashboard(source: Source) -> Json:
    return page(
        source,
        UID,
        "Compare periods",
        "What changed on a floor since an earlier time.",
        variables=[
            variables.floor(source),
            variables.rooms(source),
            variables.types(source),
            variables.hours(),
            variables.days(),
            variables.baseline(),
        ],
        panels=[
            row_figures(
                source,
                Frame("Then and now", FLOOR_TEXT, Place(0, 0, 13, 4), [FLOOR]),
                [
                    Column("current", {"decimals": 1}),
                    Column("baseline", {"decimals": 1}),
                    Column("change", {"thresholds": sign(0.05), "decimals": 1}),
                    Column(
                        "change_pct",
                        {"displayName": "Change in %", "thresholds": sign(0.05), "decimals": 1},
                    ),
                    Column("now_hours", {"displayName": "Hours now", "decimals": 1}),
                    Column("then_hours", {"displayName": "Hours then", "decimals": 1}),
                ],
            ),
            dates(source, Place(13, 0, 11, 4), FLOOR),
            picture(
                source,
                Frame(
                    "Change on the plan",
                    MAP_TEXT,
                    Place(0, 4, 12, 15),
                    [FLOOR],
                    downloads(source, CELLS, "png", "csv"),
                ),
                CELLS,
                "Map of the change between two periods",
                "change",
            ),
            table(
                source,
                Frame(
                    "Change by room",
                    ROOMS_TEXT,
                    Place(12, 4, 12, 15),
                    [ROOMS],
                    downloads(source, ROOMS, "csv"),
                ),
                [
                    Column(
                        "zone",
                        {
                            "displayName": "Room",
                            "custom__minWidth": 90,
                            "custom__wrapText": True,
                            **leads_to("The map of this room", room_page(source, "zone_id")),
                        },
                    ),
                    *why_unknown(room_page(source, "zone_id")),
                    Column("current", {"displayName": "Now", "unit": "short", "decimals": 1, **width(70)}),
                    Column("baseline", {"displayName": "Then", "unit": "short", "decimals": 1, **width(70)}),
                    Column(
                        "change",
                        {
                            **signed(0.05),
                            "displayName": "Change",
                            "unit": "short",
                            "decimals": 1,
                            **width(70),
                        },
                    ),
                    Column("change_pct", {**signed(0.5), "displayName": "In %", "decimals": 0, **width(60)}),
                    Column(
                        "share_change",
                        {**signed(0.0005), "displayName": "Change of share", "decimals": 1, **width(70)},
                    ),
                    Column("zone_id", hidden=True),
                    Column("space", hidden=True),
                ],
            ),
            *(
                relative_map(
                    source,
                    Frame(
                        f"{title}, in parts of the fullest cell",
                        text,
                        Place(12 * column, 19, 12, 13),
                        [RELATIVE],
                    ),
                    field,
                )
                for column, (field, title, text) in enumerate(
                    (
                        ("baseline", "Then", f"The period that is compared with. {ONE_SCALE}"),
                        ("current", "Now", f"The time range of the page. {ONE_SCALE}"),
                    )
                )
            ),
        ],
    )
