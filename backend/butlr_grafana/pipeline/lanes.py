"""The lanes of the queue: requests of one class, by how old their data may become."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType

from butlr_grafana.model.call_class import CallClass
from butlr_grafana.model.chunk import HeatMapSubject, Segment, SeriesSubject

RULE_REPEAT_S = 300.0
"""How often rules about heat maps and about hours repeat their requests."""


class Lane(IntEnum):
    """`MINUTES`: series by the minute; `HEAT_MAPS`; `WINDOWS`: series by the hour or day, and statistics."""

    MINUTES = 0
    HEAT_MAPS = 1
    WINDOWS = 2


LANE_WEIGHTS: Mapping[Lane, int] = MappingProxyType({Lane.MINUTES: 6, Lane.HEAT_MAPS: 6, Lane.WINDOWS: 1})
"""The shipped rules accept minutes that are five minutes old, heat maps of ten minutes, and windows of an
hour. So at the full hour, when all floors request windows, heat maps do not become older than they may.
"""


def lane_of(segment: Segment) -> Lane:
    subject = segment.subject
    if isinstance(subject, HeatMapSubject):
        return Lane.HEAT_MAPS
    is_of_minutes = isinstance(subject, SeriesSubject) and subject.every == "1m"
    return Lane.MINUTES if is_of_minutes else Lane.WINDOWS


def min_expiry_of(segment: Segment, call_class: CallClass) -> float:
    """How long a request stays in the queue at least, in seconds, while nobody repeats it. With many floors
    it takes longer than a minute to fetch all that slow rules request at once.
    """
    is_of_slow_rule = call_class is CallClass.RULE and lane_of(segment) is not Lane.MINUTES
    return RULE_REPEAT_S if is_of_slow_rule else 0.0
