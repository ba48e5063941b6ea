"""Requests to Butlr that failed a short time ago: they are not repeated at once."""

from __future__ import annotations

from butlr_grafana.base.errors import UpstreamError
from butlr_grafana.model.chunk import Chunk, Segment

FAILURE_REST_S = 5.0
"""A request that failed is not repeated for this long, however many viewers there are."""

REMEMBERED = 1_000
"""With more failures than these, those whose time is over are forgotten."""


def rest_s(error: UpstreamError) -> float:
    """How long a request that failed so is not repeated."""
    return max(FAILURE_REST_S, error.retry_after_s or 0.0)


class RecentFailures:
    """Not thread-safe. `now`: seconds of a clock that does not go back."""

    def __init__(self) -> None:
        self._failed: dict[Segment, tuple[float, UpstreamError]] = {}

    def of(self, segment: Segment, now: float) -> UpstreamError | None:
        """Why this request is not repeated yet."""
        retry_at, error = self._failed.get(segment, (0.0, None))
        return error if now < retry_at else None

    def remember(self, segment: Segment, result: Chunk | Exception, now: float) -> None:
        """What came of a request: only failures of Butlr are remembered."""
        if len(self._failed) > REMEMBERED:
            self._failed = {s: f for s, f in self._failed.items() if f[0] > now}
        if isinstance(result, UpstreamError):
            self._failed[segment] = (now + rest_s(result), result)
        else:
            self._failed.pop(segment, None)
