"""Questions of several floors in one call to Butlr."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

from butlr_grafana.base.errors import BackendError
from butlr_grafana.model.chunk import Chunk, Segment, SeriesSubject

Outcome = Chunk | BackendError
"""What came of one question of several."""


@dataclass(frozen=True, slots=True)
class Together:
    """Questions for one measurement, level, time zone and period can go in one call.

    `room_left`: whether Butlr's limits allow one more segment beside others; `ask`: asks for segments of one
    group, and tells what came of each, in their order. It raises `BackendError` where that came of all.
    """

    room_left: Callable[[Sequence[Segment], Segment], bool]
    ask: Callable[[Sequence[Segment]], Sequence[Outcome]]

    def group(self, segment: Segment) -> Hashable:
        """What those have in common that can go in one call; `None`: it goes alone."""
        if not isinstance(segment.subject, SeriesSubject):
            return None
        return replace(segment.subject, items=()), segment.period

    def fits(self, segments: Sequence[Segment], one: Segment) -> bool:
        """Whether there is room for one more beside those."""
        return all(one.space != other.space for other in segments) and self.room_left(segments, one)
