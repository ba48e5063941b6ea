"""What is watched: a rule each for all rooms or floors, an alert for each of them."""

from __future__ import annotations

from source import sensors
from source.alerting import limits
from source.alerting.form import Group, Page, Rule, duration, label, percent, value

EVERYWHERE = {"space": "all", "for": "rule", "max_age": limits.AGE}
COMPLETE = {**EVERYWHERE, "require": "complete"}
"""Every floor; a number of a floor is whole and at most that old, or marked as repeated, or not there."""

FLOOR = ("space", "floor")
ROOM = (*FLOOR, "room_id", "room")
LATE = f"{limits.LATE_S.fires_above / 60:g} min"
PLACE = f"{label('room')} ({label('floor')})"

HOT_ZONE = Rule(
    uid="butlr-hot-zone",
    title="Hot zone",
    target="hot-zones",
    words={
        **COMPLETE,
        "max_age": limits.HEAT_AGE,
        "unit": "people",
        "threshold": f"{limits.HOT_ZONE.fires_above:g}",
        "release": f"{limits.HOT_ZONE.ends_below:g}",
    },
    labels=(*FLOOR, "zone_id", "zone"),
    value="people_per_m2",
    limit=limits.HOT_ZONE,
    severity="warning",
    summary=f"{label('zone')} ({label('floor')}) is crowded: {value('%.2f')} people per m², "
    f"the limit is {limits.HOT_ZONE.fires_above:g}.",
    description="In the last ten minutes more people were seen on this room's area than it is meant for. It "
    f"ends below {limits.HOT_ZONE.ends_below:g}. A floor on which the backend does not know yet how many "
    "detections a person gives has no number, and no alert.",
    page=Page("Hot zones", room="zone_id"),
)

UNUSUAL = Rule(
    uid="butlr-unusually-busy",
    title="Unusually busy",
    target="unusual",
    words=COMPLETE,
    labels=ROOM,
    value="ratio",
    limit=limits.UNUSUAL,
    severity="info",
    summary=f"{PLACE} is unusually busy: {value('%.1f')} times the people usual at this hour of the week, "
    f"the limit is {limits.UNUSUAL.fires_above:g}.",
    description="The people of the last ten minutes against the mean of the same hour and weekday in the "
    "last four whole weeks; what is usually less than four people counts as four.",
    page=Page("People in rooms now", room="room_id"),
)

CAPACITY = Rule(
    uid="butlr-over-capacity",
    title="Room over capacity",
    target="occupancy-now",
    words=COMPLETE,
    labels=ROOM,
    value="share",
    limit=limits.CAPACITY,
    severity="warning",
    summary=f"{PLACE} holds more people than it has places: {percent()} of its capacity.",
    description="What the sensors see or who came through the doors, whichever is more, in the last five "
    "minutes.",
    page=Page("People in rooms now", room="room_id"),
)

DEAD_ROOM = Rule(
    uid="butlr-dead-room",
    title="Nobody seen in a room all day",
    target="unusual",
    words={**COMPLETE, "max_age": limits.DAY_AGE, "window": limits.ABSENT_WINDOW},
    labels=ROOM,
    value="absent",
    limit=limits.ABSENT,
    severity="info",
    summary=f"Nobody was seen in {PLACE} for {limits.ABSENT_WINDOW}; {value('%.1f')} people are usual at "
    "these hours.",
    description="The room is not used as it used to be, or its sensor does not see: look at the sensor "
    "first.",
    page=Page("Presence by room", room="room_id"),
)

UNBALANCED = Rule(
    uid="butlr-entries-without-exits",
    title="Entries without exits",
    target="balance",
    words={**COMPLETE, "max_age": limits.DAY_AGE},
    labels=FLOOR,
    value="beyond",
    limit=limits.UNBALANCED,
    severity="info",
    summary=f"The doors of {label('floor')} do not add up today: {value()} people beyond what can be, the "
    f"limit is {limits.UNBALANCED.fires_above:g}.",
    description="Entries less exits since local midnight are above the floor's capacity or below zero, or "
    "people came for six hours and nobody left: an entrance sensor misses people, or there is a crowd.",
    page=Page("In and out"),
)

DEVICE = (*FLOOR, "room", "device_id", "device")
DEVICES = {**COMPLETE, "kind": "sensor"}
NAME = f"{label('device')} ({label('floor')})"

HIVE_OFFLINE = Rule(
    uid="butlr-hive-offline",
    title="Hive offline",
    target="devices",
    words={**COMPLETE, "kind": "hive"},
    labels=(*FLOOR, "device_id", "device"),
    value="offline_s",
    limit=limits.HIVE_OFFLINE_S,
    severity="critical",
    summary=f"The hive {NAME} has been offline for {duration()}, the limit is "
    f"{limits.HIVE_OFFLINE_S.fires_above / 60:g} min.",
    description="The sensors that report to it cannot be heard: their rooms have no data, and the floor's "
    "figures lack their people. Their own alerts stand still.",
    page=Page("Floors", of=sensors),
)

SENSOR_OFFLINE = Rule(
    uid="butlr-sensor-offline",
    title="Sensor offline",
    target="devices",
    words=DEVICES,
    labels=DEVICE,
    value="offline_s",
    limit=limits.SENSOR_OFFLINE_S,
    severity="warning",
    summary=f"The sensor {NAME} has been offline for {duration()}, the limit is "
    f"{limits.SENSOR_OFFLINE_S.fires_above / 60:g} min.",
    description="A room whose sensors are all offline has no data. A sensor whose hive is offline has no "
    "number here: the hive has an alert of its own.",
    page=Page("Devices that need somebody", of=sensors),
)

BATTERY_DUE = Rule(
    uid="butlr-battery-due",
    title="Battery due",
    target="devices",
    words=DEVICES,
    labels=DEVICE,
    value="battery_overdue_days",
    limit=limits.BATTERY_OVERDUE_DAYS,
    severity="info",
    summary=f"The battery of the sensor {NAME} is due: {value('%+.0f')} days since its date (negative: days "
    f"that are left), the limit is {limits.BATTERY_OVERDUE_DAYS.fires_above:g}.",
    description="The date by which the battery is to be changed is Butlr's. A sensor of which Butlr gives no "
    "date has no number, and no alert.",
    page=Page("Devices that need somebody", of=sensors),
)

FLOOR_OFFLINE = Rule(
    uid="butlr-floor-sensors-offline",
    title="Sensors of a floor offline",
    target="devices",
    words={**COMPLETE, "level": "floor"},
    labels=FLOOR,
    value="offline_share",
    limit=limits.FLOOR_OFFLINE_SHARE,
    severity="warning",
    summary=f"{percent()} of the sensors of {label('floor')} are offline, the limit is "
    f"{100 * limits.FLOOR_OFFLINE_SHARE.fires_above:g} %.",
    description="What is shown of this floor lacks the people whom these sensors would see. Sensors whose "
    "hive is offline count too.",
    page=Page("Floors", of=sensors),
)

LATE_PEOPLE = Rule(
    uid="butlr-late-people",
    title="People counts late",
    target="freshness",
    words={**EVERYWHERE, "metric": "occupancy"},
    labels=FLOOR,
    value="age_s",
    limit=limits.LATE_S,
    severity="warning",
    summary=f"The newest people counts of {label('floor')} are {duration()} old, the limit is {LATE}.",
    description="Alerts on this floor's people stand still until there are newer ones.",
    page=Page("People over time"),
)

LATE_HEAT = Rule(
    uid="butlr-late-heat",
    title="Heat map late",
    target="freshness",
    words={**EVERYWHERE, "max_age": limits.HEAT_AGE, "metric": "heatmap"},
    labels=FLOOR,
    value="age_s",
    limit=limits.LATE_S,
    severity="warning",
    summary=f"The newest heat map of {label('floor')} is {duration()} old, the limit is {LATE}.",
    description="Alerts on this floor's hot zones stand still until there is a newer one.",
    page=Page("Heat on the plan"),
)

UNREACHABLE = Rule(
    uid="butlr-unreachable",
    title="Butlr unreachable",
    target="status",
    words={},
    labels=("source",),
    value="age_s",
    limit=limits.SILENT_S,
    severity="critical",
    summary="Butlr, or the backend between it and Grafana, does not answer.",
    description="Pages show what was known, with its age; all other Butlr alerts stay as they were. The only "
    "alert that also rings when Grafana cannot ask the backend.",
    page=Page("Now"),
    pages_on_error=True,
)

STARVED = Rule(
    uid="butlr-rules-starved",
    title="Rules starved",
    target="status",
    words={},
    labels=("source",),
    value="rules_without_data_s",
    limit=limits.STARVED_S,
    severity="warning",
    summary=f"An alert rule has had no whole data of a floor for {duration()}, the limit is "
    f"{limits.STARVED_S.fires_above / 60:g} min.",
    description="Its alerts on that floor stand still. Butlr answers, but not all that the rules ask for: "
    "mostly because more is asked than the account's calls a minute allow.",
    page=Page("Now"),
)

GROUPS = (
    Group("Butlr, people", "1m", 60, (UNUSUAL, CAPACITY, LATE_PEOPLE, UNREACHABLE, STARVED)),
    Group("Butlr, heat", "5m", 300, (HOT_ZONE, LATE_HEAT, DEAD_ROOM, UNBALANCED)),
    Group("Butlr, devices", "5m", 300, (HIVE_OFFLINE, SENSOR_OFFLINE, FLOOR_OFFLINE, BATTERY_DUE)),
)
