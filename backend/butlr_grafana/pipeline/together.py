"""Segments of several floors in one call to Butlr."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

from butlr_grafana.model.chunk import FetchTogether, Segment, SeriesSubject


@dataclass(frozen=True, slots=True)
class Together:
    """Segments of one measurement, level, time zone and period can go in one call.

    `room_left`: whether Butlr's limits allow one more segment beside others; `fetch`: fetches segments of one
    group.
    """

    room_left: Callable[[Sequence[Segment], Segment], bool]
    fetch: FetchTogether

    def group(self, segment: Segment) -> Hashable:
        """The key that segments of one call share; `None`: the segment needs a call of its own."""
        if not isinstance(segment.subject, SeriesSubject):
            return None
        return replace(segment.subject, items=()), segment.period

    def fits(self, segments: Sequence[Segment], one: Segment) -> bool:
        """Whether there is room for one more beside those."""
        return all(one.space != other.space for other in segments) and self.room_left(segments, one)
