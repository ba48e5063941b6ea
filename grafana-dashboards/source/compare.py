"""*Compare periods*: what changed since an earlier time."""

from __future__ import annotations

from source import variables
from source.downloads import downloads
from source.floor import room_page
from source.house import BAD, COOL, Json, steps
from source.page import page
from source.panels.cells import relative_map
from source.panels.charts import picture
from source.panels.figures import Column, leads_to, row_figures, table, width, wrapped
from source.panels.parts import Frame, Place, Question
from source.sources import Source, Words
from source.words import HERE

UID = "butlr-compare"

BOTH: Words = {**HERE, "baseline": "${baseline}"}
FLOOR = Question("compare-zones", {**BOTH, "level": "floor"})
ROOMS = Question("compare-zones", {**BOTH, "level": "room"})
CELLS = Question("compare", BOTH)
RELATIVE = Question("compare", {**BOTH, "normalize": "max"})

PER_HOUR = "Both are per hour counted, so that periods of different lengths can be compared. "

FLOOR_TEXT = f"""\
The whole floor, whichever rooms are chosen, in the time range and in the period that it is compared \
with. {PER_HOUR}The hours and days chosen apply to both. A period without any data is said to have none, \
and is no fall to zero."""

MAP_TEXT = f"""\
Red cells had more people than in the earlier period, blue ones fewer; grey ones are alike. In people per m² \
where the floor's rate of detections is known, else in detections; the legend says which. \
{PER_HOUR}Drawn by the backend on the floor plan; the scale is the same on both sides of zero."""

ROOMS_TEXT = f"""\
Rooms by the size of their change, up or down. {PER_HOUR}*Now*, *then* and *change* are the mean \
number of people where the floor's rate of detections is known, else detections per hour. *Of share* is the \
change in points of the floor's detections: it tells who moved where, whether or not the floor as a whole \
is fuller. A room whose sensors were offline in one of the periods has no change. A room's name leads to its
map."""

ONE_SCALE = """\
In parts of the fullest cell of either period, so that both maps share one scale. Point at a cell for its \
value."""

SIGN: Json = {"thresholds": steps((None, COOL), (0, BAD)), "custom__cellOptions": {"type": "color-text"}}
"""As on the map: red is more, blue is less."""


def dashboard(source: Source) -> Json:
    return page(
        source,
        UID,
        "Compare periods",
        "What changed on a floor since an earlier time.",
        variables=[
            variables.floor(source),
            variables.rooms(source),
            variables.hours(),
            variables.days(),
            variables.baseline(),
        ],
        panels=[
            row_figures(
                source,
                Frame("Then and now: ${space:text}", FLOOR_TEXT, Place(0, 0, 24, 3), [FLOOR]),
                [
                    Column("current", {"decimals": 1}),
                    Column("baseline", {"decimals": 1}),
                    Column("change", {"thresholds": SIGN["thresholds"], "decimals": 1}),
                    Column("change_pct", {"thresholds": SIGN["thresholds"], "decimals": 1}),
                ],
            ),
            picture(
                source,
                Frame(
                    "Change on the plan: ${space:text}",
                    MAP_TEXT,
                    Place(0, 3, 12, 15),
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
                    Place(12, 3, 12, 15),
                    [ROOMS],
                    downloads(source, ROOMS, "csv"),
                ),
                [
                    Column(
                        "zone",
                        {
                            "displayName": "Room",
                            **leads_to("The map of this room", room_page(source, "zone_id")),
                        },
                    ),
                    Column("current", {"displayName": "Now", "unit": "short", "decimals": 1, **width(70)}),
                    Column("baseline", {"displayName": "Then", "unit": "short", "decimals": 1, **width(70)}),
                    Column(
                        "change",
                        {**SIGN, "displayName": "Change", "unit": "short", "decimals": 1, **width(75)},
                    ),
                    Column("change_pct", {**SIGN, "displayName": "In percent", "decimals": 0, **width(75)}),
                    Column("share_change", {**SIGN, "displayName": "Of share", "decimals": 1, **width(75)}),
                    Column("reason", wrapped(110)),
                    Column("zone_id", hidden=True),
                    Column("space", hidden=True),
                ],
            ),
            *(
                relative_map(
                    source,
                    Frame(title, text, Place(12 * column, 18, 12, 13), [RELATIVE]),
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
