"""The lanes of the queue: requests of one class, by how old their data may become."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

from butlr_grafana.model.calendar import hour_before
from butlr_grafana.model.call_class import CallClass
from butlr_grafana.model.chunk import HeatMapSubject, Segment, SeriesSubject, StatsSubject

RULE_REPEAT_S = 300.0
"""How often rules about heat maps and about hours repeat their requests."""


class Lane(IntEnum):
    """`MINUTES`: series that change by the minute; `ROOM_MINUTES`: those of rooms and zones, which need many
    calls, if they are not for a rule; `HEAT_MAPS`; `WINDOWS`: series of full hours or days, and statistics.
    """

    MINUTES = 0
    ROOM_MINUTES = 1
    HEAT_MAPS = 2
    WINDOWS = 3


RULE_WEIGHTS: Mapping[Lane, int] = MappingProxyType(
    {Lane.MINUTES: 5, Lane.ROOM_MINUTES: 5, Lane.HEAT_MAPS: 5, Lane.WINDOWS: 1}
)
"""The shipped rules accept minutes that are five minutes old, heat maps of ten minutes, and windows of an
hour. So at the full hour, when all floors request windows, heat maps do not become older than they may.
"""

OTHER_WEIGHTS: Mapping[Lane, int] = MappingProxyType(
    {Lane.MINUTES: 5, Lane.ROOM_MINUTES: 1, Lane.HEAT_MAPS: 1, Lane.WINDOWS: 1}
)
"""Of the other classes. On a page, people on the floors now come first: a few calls bring all of them. And no
panel waits until the others are complete.
"""


def lane_of(segment: Segment, call_class: CallClass) -> Lane:
    subject = segment.subject
    if isinstance(subject, HeatMapSubject):
        return Lane.HEAT_MAPS
    if isinstance(subject, StatsSubject):
        return Lane.WINDOWS
    end_s = segment.period.end_s
    changes_by_the_minute = (
        subject.is_by_the_minute or hour_before(end_s, ZoneInfo(subject.timezone)) != end_s
    )
    if not changes_by_the_minute:
        return Lane.WINDOWS
    is_of_many = subject.level in ("room", "zone") and call_class is not CallClass.RULE
    return Lane.ROOM_MINUTES if is_of_many else Lane.MINUTES


def min_expiry_of(segment: Segment, call_class: CallClass) -> float:
    """How long a request stays in the queue at least, in seconds, while nobody repeats it. With many floors
    it takes longer than a minute to fetch all that slow rules request at once.
    """
    subject = segment.subject
    is_by_the_minute = isinstance(subject, SeriesSubject) and subject.is_by_the_minute
    return RULE_REPEAT_S if call_class is CallClass.RULE and not is_by_the_minute else 0.0
