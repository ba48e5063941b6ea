"""Every threshold of the alert rules. Change it here, then `make dashboards`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """An alert fires if the value is above `fires_above` for `lasts`, and ends if the value is below
    `ends_below`.

    The gap between the two prevents that a value near the limit fires again and again.
    """

    fires_above: float
    ends_below: float
    lasts: str


HOT_ZONE = Limit(0.5, 0.4, "10m")
"""People per m²: a person on every two square metres is more than a full meeting room. Look at the hottest
rooms of an ordinary month on the Portfolio page before you change it.
"""

UNUSUAL = Limit(3, 2, "10m")
"""Times the usual people at this hour of the week; what is usually less than four people counts as four."""

CAPACITY = Limit(1, 0.95, "5m")
"""Of the room's capacity."""

ABSENT = Limit(0.5, 0.1, "1h")
"""People who usually are in the room, on average over the hours in which nobody was."""

ABSENT_WINDOW = "10h"
"""Over how many hours nobody was seen. With the usual people counted over the same hours it is a working day,
whatever the hour at which the building's begins.
"""

UNBALANCED = Limit(5, 2, "15m")
"""People by whom the doors' count cannot be: more inside than the capacity, fewer than none, or who came over
six hours in which nobody left.
"""

HIVE_OFFLINE_S = Limit(600, 300, "5m")
"""Seconds since an offline hive was heard last. Butlr calls one offline after some two minutes."""

SENSOR_OFFLINE_S = Limit(3600, 600, "5m")
"""Seconds since an offline sensor was heard last."""

BATTERY_OVERDUE_DAYS = Limit(-30, -31, "1h")
"""Days since a battery was to be changed; negative: days until then."""

FLOOR_OFFLINE_SHARE = Limit(0.25, 0.2, "15m")
"""Of the sensors of a floor."""

LATE_S = Limit(900, 300, "5m")
"""Age of the newest data in seconds; ordinarily about a minute."""

AGE = "5m"
"""How old what a rule of people is told may be, where Butlr's limit does not let it be newer."""

HEAT_AGE = "10m"
DAY_AGE = "60m"
"""The same of maps, and of what is over a whole day."""

WITHOUT_DATA_S = Limit(900, 300, "5m")
"""Seconds for which a rule has had no whole data of a floor: three times five minutes."""

SILENT_S = Limit(420, 120, "5m")
"""Seconds without any response of Butlr. The backend calls Butlr every five minutes at least."""
