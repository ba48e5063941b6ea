"""`traffic`: entries and exits over time."""

from butlr_grafana.targets.over_time import OverTime


class Traffic(OverTime):
    name = "traffic"
    title = "Traffic"
    description = "People in and out, through the doors of each room or floor."
    note_topics = OverTime.note_topics | {"traffic"}
