"""`occupancy`: people over time."""

from butlr_grafana.targets.over_time import OverTime
from butlr_grafana.targets.parameter_groups import SERIES


class Occupancy(OverTime):
    name = "occupancy"
    title = "Occupancy over time"
    description = "People over time: one frame per room, zone or floor. Missing data stay a gap."
    parameters = (*SERIES, "statistic")
