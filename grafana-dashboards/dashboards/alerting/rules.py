"""The alert rules. Each rule covers all rooms or floors, and has one alert for each of them."""

from __future__ import annotations

from dashboards import sensors
from dashboards.alerting import limits
from dashboards.alerting.form import Group, Page, Rule, duration, label, percent, value

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
    parameters={
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
    summary=f"People per m² in {label('zone')} ({label('floor')}): {value('%.2f')}; the limit is "
    f"{limits.HOT_ZONE.fires_above:g}.",
    description="For ten minutes, this room had more people per m² than the limit. The alert ends below "
    f"{limits.HOT_ZONE.ends_below:g}. A floor whose number of detections per person is not known has no "
    "value, so it has no alert.",
    page=Page(room="zone_id"),
)

UNUSUAL = Rule(
    uid="butlr-unusually-busy",
    title="Unusually busy",
    target="unusual",
    parameters=COMPLETE,
    labels=ROOM,
    value="ratio",
    limit=limits.UNUSUAL,
    severity="info",
    summary=f"People in {PLACE}, compared with the people usual at this hour of the week: {value('%.1f')} "
    f"times as many; the limit is {limits.UNUSUAL.fires_above:g}.",
    description="The people of the last ten minutes, divided by the mean of the same hour and weekday in the "
    "last four whole weeks. A mean of less than four people counts as four.",
    page=Page(room="room_id"),
)

CAPACITY = Rule(
    uid="butlr-over-capacity",
    title="Room over capacity",
    target="occupancy-now",
    parameters=COMPLETE,
    labels=ROOM,
    value="share",
    limit=limits.CAPACITY,
    severity="warning",
    summary=f"People in {PLACE}: {percent()} of the room's capacity; the limit is "
    f"{100 * limits.CAPACITY.fires_above:g} %.",
    description="The people of the last five minutes, counted by sensors in the room or by doors, whichever "
    "is higher.",
    page=Page(room="room_id"),
)

DEAD_ROOM = Rule(
    uid="butlr-dead-room",
    title="Nobody seen in a room all day",
    target="unusual",
    parameters={**COMPLETE, "max_age": limits.DAY_AGE, "window": limits.ABSENT_WINDOW},
    labels=ROOM,
    value="absent",
    limit=limits.ABSENT,
    severity="info",
    summary=f"People usual in {PLACE} although nobody was seen for {limits.ABSENT_WINDOW}: {value('%.1f')}; "
    f"the limit is {limits.ABSENT.fires_above:g}.",
    description="The room is used less than before, or its sensor does not work. Check the sensor first. "
    "When somebody is seen again, the value is 0.",
    page=Page(room="room_id"),
)

UNBALANCED = Rule(
    uid="butlr-entries-without-exits",
    title="Entries without exits",
    target="balance",
    parameters={**COMPLETE, "max_age": limits.DAY_AGE},
    labels=FLOOR,
    value="beyond",
    limit=limits.UNBALANCED,
    severity="info",
    summary=f"Implausible door counts of {label('floor')} today: by {value()} people; the "
    f"limit is {limits.UNBALANCED.fires_above:g}.",
    description="Entries minus exits since local midnight are above the floor's capacity or below zero, or "
    "people came for six hours and nobody left. An entrance sensor misses people, or the floor is too full.",
    page=Page(),
)

DEVICE = (*FLOOR, "room", "device_id", "device")
OF_DEVICES = {"space": "all", "for": "rule", "require": "complete"}
"""What is known of devices comes with the floors, which no rule waits for."""

DEVICES = {**OF_DEVICES, "kind": "sensor"}
NAME = f"{label('device')} ({label('floor')})"

HIVE_OFFLINE = Rule(
    uid="butlr-hive-offline",
    title="Hive offline",
    target="devices",
    parameters={**OF_DEVICES, "kind": "hive"},
    labels=(*FLOOR, "device_id", "device"),
    value="offline_s",
    limit=limits.HIVE_OFFLINE_S,
    severity="critical",
    summary=f"Time for which the hive {NAME} has been offline: {duration()}; the limit is "
    f"{limits.HIVE_OFFLINE_S.fires_above / 60:g} min.",
    description="The data of its sensors do not reach Butlr: their rooms have no data, and the floor's "
    "figures lack the people there. The alerts of these sensors keep their state.",
    page=Page(sensors),
)

SENSOR_OFFLINE = Rule(
    uid="butlr-sensor-offline",
    title="Sensor offline",
    target="devices",
    parameters=DEVICES,
    labels=DEVICE,
    value="offline_s",
    limit=limits.SENSOR_OFFLINE_S,
    severity="warning",
    summary=f"Time for which the sensor {NAME} has been offline: {duration()}; the limit is "
    f"{limits.SENSOR_OFFLINE_S.fires_above / 60:g} min.",
    description="A room whose sensors are all offline has no data. A sensor whose hive is offline has no "
    "number here: the hive has an alert of its own.",
    page=Page(sensors),
)

BATTERY_DUE = Rule(
    uid="butlr-battery-due",
    title="Battery due",
    target="devices",
    parameters=DEVICES,
    labels=DEVICE,
    value="battery_overdue_days",
    limit=limits.BATTERY_OVERDUE_DAYS,
    severity="info",
    summary=f"Battery of the sensor {NAME}: {value('%+.0f')} days since its date (negative: days before it); "
    f"the limit is {limits.BATTERY_OVERDUE_DAYS.fires_above:g}.",
    description="Butlr gives the date by which the battery must be changed. A sensor for which Butlr gives "
    "no date has no number, and no alert.",
    page=Page(sensors),
)

FLOOR_OFFLINE = Rule(
    uid="butlr-floor-sensors-offline",
    title="Sensors of a floor offline",
    target="devices",
    parameters={**OF_DEVICES, "level": "floor"},
    labels=FLOOR,
    value="offline_share",
    limit=limits.FLOOR_OFFLINE_SHARE,
    severity="warning",
    summary=f"Sensors of {label('floor')} that are offline: {percent()}; the limit is "
    f"{100 * limits.FLOOR_OFFLINE_SHARE.fires_above:g} %.",
    description="The figures of this floor lack the people whom these sensors would see. Sensors whose hive "
    "is offline count as offline.",
    page=Page(sensors),
)

LATE_PEOPLE = Rule(
    uid="butlr-late-people",
    title="People counts late",
    target="freshness",
    parameters={**EVERYWHERE, "metric": "occupancy"},
    labels=FLOOR,
    value="age_s",
    limit=limits.LATE_S,
    severity="warning",
    summary=f"The newest people counts of {label('floor')} are {duration()} old; the limit is {LATE}.",
    description="Alerts about people on this floor do not change until newer counts arrive.",
    page=Page(),
)

LATE_HEAT = Rule(
    uid="butlr-late-heat",
    title="Heat map late",
    target="freshness",
    parameters={**EVERYWHERE, "max_age": limits.HEAT_AGE, "metric": "heatmap"},
    labels=FLOOR,
    value="age_s",
    limit=limits.LATE_S,
    severity="warning",
    summary=f"The newest heat map of {label('floor')} is {duration()} old; the limit is {LATE}.",
    description="Alerts about hot zones on this floor do not change until a newer heat map arrives.",
    page=Page(),
)

UNREACHABLE = Rule(
    uid="butlr-unreachable",
    title="Butlr unreachable",
    target="status",
    parameters={},
    labels=("source",),
    value="age_s",
    limit=limits.SILENT_S,
    severity="critical",
    summary="No answer from Butlr, or from the backend between it and Grafana.",
    description="Dashboards show the last known data and their age. All other Butlr alerts keep their state. "
    "Only this alert also fires when Grafana cannot reach the backend.",
    page=Page(),
    pages_on_error=True,
)

RULES_WITHOUT_DATA = Rule(
    uid="butlr-rules-starved",
    title="Rules without data",
    target="status",
    parameters={},
    labels=("source",),
    value="rules_without_data_s",
    limit=limits.WITHOUT_DATA_S,
    severity="warning",
    summary=f"Time for which an alert rule has had no complete data of a floor: {duration()}; the limit is "
    f"{limits.WITHOUT_DATA_S.fires_above / 60:g} min.",
    description="Its alerts on that floor keep their state. Butlr answers, but not all requests of the "
    "rules: usually because the rules need more calls per minute than the account allows.",
    page=Page(),
)

GROUPS = (
    Group("Butlr, people", "1m", 60, (UNUSUAL, CAPACITY, LATE_PEOPLE, UNREACHABLE, RULES_WITHOUT_DATA)),
    Group("Butlr, heat", "5m", 300, (HOT_ZONE, LATE_HEAT, DEAD_ROOM, UNBALANCED)),
    Group("Butlr, devices", "5m", 300, (HIVE_OFFLINE, SENSOR_OFFLINE, FLOOR_OFFLINE, BATTERY_DUE)),
)
