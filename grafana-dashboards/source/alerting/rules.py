"""What is watched: a rule each for all rooms or floors, an alert for each of them."""

from __future__ import annotations

from source.alerting import limits
from source.alerting.form import Group, Page, Rule, duration, label, percent, value

EVERYWHERE = {"space": "all"}
COMPLETE = {**EVERYWHERE, "require": "complete"}
"""Every floor; a number of a floor is of now and whole, or marked as repeated, or not there."""

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
        "unit": "people",
        "threshold": f"{limits.HOT_ZONE.fires_above:g}",
        "release": f"{limits.HOT_ZONE.ends_below:g}",
    },
    labels=(*FLOOR, "zone_id", "zone"),
    value="people_per_m2",
    limit=limits.HOT_ZONE,
    severity="warning",
    summary=f"{label('zone')} ({label('floor')}) is crowded: {value('%.2f')} people per m²; "
    f"the limit is {limits.HOT_ZONE.fires_above:g}.",
    description="For ten minutes, this room had more people per m² than the limit. The alert ends below "
    f"{limits.HOT_ZONE.ends_below:g}. A floor whose number of detections per person is not known has no "
    "value, so it has no alert.",
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
    summary=f"{PLACE} is unusually busy: {value('%.1f')} times the people usual at this hour of the week; "
    f"the limit is {limits.UNUSUAL.fires_above:g}.",
    description="The people of the last ten minutes, divided by the mean of the same hour and weekday in the "
    "last four whole weeks. A mean of less than four people counts as four.",
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
    summary=f"{PLACE} has more people than its capacity: {percent()} of it.",
    description="The people of the last five minutes, counted by sensors in the room or by doors, whichever "
    "is higher.",
    page=Page("People in rooms now", room="room_id"),
)

DEAD_ROOM = Rule(
    uid="butlr-dead-room",
    title="Nobody seen in a room all day",
    target="unusual",
    words={**COMPLETE, "window": limits.ABSENT_WINDOW},
    labels=ROOM,
    value="absent",
    limit=limits.ABSENT,
    severity="info",
    summary=f"Nobody was seen in {PLACE} for {limits.ABSENT_WINDOW}; {value('%.1f')} people are usual at "
    "these hours.",
    description="The room is used less than before, or its sensor does not work. Check the sensor first.",
    page=Page("Presence by room", room="room_id"),
)

UNBALANCED = Rule(
    uid="butlr-entries-without-exits",
    title="Entries without exits",
    target="balance",
    words=COMPLETE,
    labels=FLOOR,
    value="beyond",
    limit=limits.UNBALANCED,
    severity="info",
    summary=f"The door counts of {label('floor')} are implausible today, by {value()} people; the "
    f"limit is {limits.UNBALANCED.fires_above:g}.",
    description="Entries minus exits since local midnight are above the floor's capacity or below zero, or "
    "people came for six hours and nobody left. An entrance sensor misses people, or the floor is too full.",
    page=Page("In and out"),
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
    summary=f"The newest people counts of {label('floor')} are {duration()} old; the limit is {LATE}.",
    description="Alerts about people on this floor do not change until newer counts arrive.",
    page=Page("People over time"),
)

LATE_HEAT = Rule(
    uid="butlr-late-heat",
    title="Heat map late",
    target="freshness",
    words={**EVERYWHERE, "metric": "heatmap"},
    labels=FLOOR,
    value="age_s",
    limit=limits.LATE_S,
    severity="warning",
    summary=f"The newest heat map of {label('floor')} is {duration()} old; the limit is {LATE}.",
    description="Alerts about hot zones on this floor do not change until a newer heat map arrives.",
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
    description="Dashboards show the last known data and their age. All other Butlr alerts keep their state. "
    "Only this alert also fires when Grafana cannot reach the backend.",
    page=Page("Now"),
    pages_on_error=True,
)

GROUPS = (
    Group("Butlr, people", "1m", 60, (UNUSUAL, CAPACITY, LATE_PEOPLE, UNREACHABLE)),
    Group("Butlr, heat", "5m", 300, (HOT_ZONE, LATE_HEAT, DEAD_ROOM, UNBALANCED)),
)
