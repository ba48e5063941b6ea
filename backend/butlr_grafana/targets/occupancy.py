"""`occupancy`: people over time."""

from butlr_grafana.targets.over_time import OverTime
from butlr_grafana.targets.parameter_groups import SERIES


class Occupancy(OverTime):
    name = "occupancy"
    title = "Occupancy over time"
    description = "People in each room, zone or floor over time, a frame an asset; gaps are gaps."
    parameters = (*SERIES, "statistic")
