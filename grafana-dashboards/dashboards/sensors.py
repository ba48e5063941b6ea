"""*Sensors*: which sensors and hives work, and which rooms have no data because of the others."""

from __future__ import annotations

from dashboards import variables
from dashboards.downloads import downloads
from dashboards.floor import floor_page, room_page
from dashboards.page import page
from dashboards.panels.figures import Bar, Column, leads_to, state, table, totals, width
from dashboards.panels.parts import Frame, Place, Query
from dashboards.room_changes import WRAPPED
from dashboards.sources import Parameters, Source
from dashboards.style import BAD, CALM, GOOD, WARNING, Json, steps

UID = "butlr-sensors"

ALL: Parameters = {"space": "all"}
FLOORS = Query("devices", {**ALL, "level": "floor"})
FAULTS = Query("devices", {**ALL, "only": "faults"})
ROOMS = Query("devices", {**ALL, "level": "room", "only": "faults"})
DEVICES = Query("devices", {"space": "${floors:csv}"})

STATES = {
    "online": ("online", GOOD),
    "offline": ("offline", BAD),
    "hive offline": ("hive offline", BAD),
    "unknown": ("unknown", WARNING),
    "asleep": ("asleep", CALM),
    "not installed": ("not installed", CALM),
}

ANY = ((None, CALM), (1, BAD))
DUE = ((None, CALM), (1, WARNING))
SHARE = ((None, GOOD), (0.1, WARNING), (0.25, BAD))

NOW_TEXT = """\
All floors. The data come from Butlr and are at most five minutes old. A hive is the device that receives \
the sensors' radio signals and sends them to Butlr. Only physical devices count: a clone or a mirror of a \
sensor is not a device. A sensor counts as offline if Butlr says so, or if its hive is offline. A battery is \
due from 30 days before its date, if Butlr has a date."""

FAULTS_TEXT = """\
Devices of all floors that are offline, whose hive is offline, whose state is not known, or whose battery is \
due. If the hive of a sensor is offline, it is not known whether the sensor itself works: *Offline for* is \
then empty."""

ROOMS_TEXT = """\
Rooms that have sensors, but none of them sends data, and since when. On maps and in rankings such a room \
has no data; it is never shown as empty. Rooms without any sensor are not listed here. A room's name opens \
its map."""

FLOORS_TEXT = """\
Every floor. *Hive offline since*: since when a hive of the floor is offline; point at it to see which. All \
dashboards that show such a floor say so in a notice. A floor's name opens the dashboard *Floor*."""

DEVICES_TEXT = """\
Every physical sensor and hive of the floors chosen above; those that are offline come first. *Last reading* \
is the last message about people. If Butlr has no date for a battery, the date is empty. Point at a device \
to see its hive, its zone, its power supply, its MAC address, and its place on the floor plan (x and y in \
metres). *Download as table* in the panel's header has these columns too."""

DEVICE_TITLE = """\
Hive: ${__data.fields.hive}. Zone: ${__data.fields.zone}. Power: ${__data.fields.power}. \
MAC: ${__data.fields.mac}. x: ${__data.fields.x}, y: ${__data.fields.y}."""
"""What a viewer sees who points at a device: these columns do not fit beside the others."""


def dashboard(source: Source) -> Json:
    # A device that is listed for its battery is not offline.
    nothing = {"type": "value", "options": {"0": {"text": "", "index": 0}}}
    offline = Column("offline_s", {"decimals": 1, "mappings": [nothing], **width(88)})
    due = Column("battery_due", {"unit": "time:D MMM YYYY", **width(105)})
    of_state = Column("state", {**state(STATES), **width(102)})
    # Floors have clocks of their own; "2 hours ago" is true by each.
    since = {"unit": "dateTimeFromNow", **width(146)}
    floor = Column("floor", {**WRAPPED, "custom__minWidth": 120})
    building = Column("building", {**WRAPPED, "custom__minWidth": 110})
    space, room_id = Column("space", hidden=True), Column("room_id", hidden=True)
    built = page(
        source,
        UID,
        "Sensors",
        "Which sensors and hives work, and which rooms and floors have no data because of those that do not.",
        variables=[
            variables.floors(source),
        ],
        panels=[
            totals(
                source,
                Frame("Sensors and hives now", NOW_TEXT, Place(0, 0, 24, 3), [FLOORS]),
                [
                    Column("sensors"),
                    Column("sensors_offline", {"thresholds": steps(*ANY)}),
                    Column("sensors_unknown", {"thresholds": steps(*DUE)}),
                    Column("hives"),
                    Column("hives_offline", {"thresholds": steps(*ANY)}),
                    Column("rooms_unavailable", {"thresholds": steps(*ANY)}),
                    Column("batteries_due", {"thresholds": steps(*DUE)}),
                ],
            ),
            table(
                source,
                Frame(
                    "Devices that need attention",
                    FAULTS_TEXT,
                    Place(0, 3, 24, 9),
                    [FAULTS],
                    downloads(source, FAULTS, "csv"),
                ),
                [
                    Column("device", {**WRAPPED, **width(190)}),
                    floor,
                    building,
                    of_state,
                    offline,
                    Column("reason", {"displayName": "Because", **WRAPPED}),
                    space,
                ],
            ),
            table(
                source,
                Frame(
                    "Rooms without data now",
                    ROOMS_TEXT,
                    Place(0, 12, 24, 8),
                    [ROOMS],
                    downloads(source, ROOMS, "csv"),
                ),
                [
                    Column(
                        "room",
                        {
                            **leads_to(
                                "The map of this room", room_page(source, "room_id", without=("type",))
                            ),
                            **WRAPPED,
                        },
                    ),
                    floor,
                    building,
                    Column("unknown_since", {"displayName": "No data since", **since}),
                    room_id,
                    space,
                ],
            ),
            table(
                source,
                Frame("Floors", FLOORS_TEXT, Place(0, 20, 24, 8), [FLOORS], downloads(source, FLOORS, "csv")),
                [
                    Column("floor", {**leads_to("This floor", floor_page(source)), **WRAPPED}),
                    building,
                    Column("sensors", width(80)),
                    Column("sensors_offline", width(80)),
                    Column("offline_share", width(62), bar=Bar(1, SHARE)),
                    Column("hives_offline", width(80)),
                    Column("rooms_unavailable", width(120)),
                    Column("batteries_due", width(86)),
                    Column(
                        "unknown_since",
                        {
                            "displayName": "Hive offline since",
                            **since,
                            **leads_to("${__data.fields.reason}", floor_page(source)),
                        },
                    ),
                    Column("reason", hidden=True),
                    space,
                ],
            ),
            table(
                source,
                Frame(
                    "Devices: ${floors:text}",
                    DEVICES_TEXT,
                    Place(0, 28, 24, 14),
                    [DEVICES],
                    downloads(source, DEVICES, "csv"),
                ),
                [
                    Column("kind", {"custom__filterable": True, **width(70)}),
                    Column("device", {**leads_to(DEVICE_TITLE, floor_page(source)), **WRAPPED, **width(152)}),
                    Column("floor", {"custom__filterable": True, **WRAPPED, **width(122)}),
                    Column("building", {**WRAPPED, "custom__minWidth": 80}),
                    Column("room", {"custom__filterable": True, **WRAPPED, **width(118)}),
                    Column("state", {**of_state.look, "custom__filterable": True}),
                    Column("last_heartbeat", {**since, **WRAPPED, **width(120)}),
                    Column("last_reading", {**since, **WRAPPED, **width(120)}),
                    due,
                    *(Column(name, hidden=True) for name in ("hive", "zone", "power", "mac")),
                    *(Column(name, {"decimals": 1}, hidden=True) for name in ("x", "y")),
                    space,
                ],
            ),
        ],
    )
    # Everything here is of now; the time range is only handed on by the links.
    return {**built, "timepicker": {"hidden": True}}
