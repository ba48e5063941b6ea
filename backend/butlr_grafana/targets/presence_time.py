"""`presence`: how long somebody was there, over time."""

from butlr_grafana.targets.over_time import OverTime


class PresenceTime(OverTime):
    name = "presence"
    title = "Presence time"
    description = "Seconds per window in which at least one person was there."
