"""When nothing was received: there is a mark for each minute in which something was received.

Marks may be set in any order: an event that another replica received earlier can be added later. So the gaps
of all replicas together are the minutes that none of them has marked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from butlr_grafana.live.ring import STORED_MINUTES
from butlr_grafana.model.time import MINUTE_S

SILENT_MINUTES = 2
"""So many whole minutes without an event are a gap. Butlr pushes each minute of people five times, so one
missing minute of arrivals loses nothing."""

_NOT_RECEIVED, _RECEIVED, _FILLED, _LOST = range(4)


@dataclass(frozen=True, slots=True)
class Gap:
    """Nothing was received in `start_s <= t < end_s` (whole minutes). `is_open`: it goes on."""

    start_s: int
    end_s: int
    is_open: bool = False

    def __str__(self) -> str:
        return f"{(self.end_s - self.start_s) // MINUTE_S} min from {self.start_s}"


class Silence:
    """Not thread-safe. `since_s`: when this process began to listen; before that nothing was received."""

    def __init__(self, since_s: float) -> None:
        self._listens_from = -int(-since_s // MINUTE_S)
        self._minute = [0] * STORED_MINUTES
        self._mark = bytearray(STORED_MINUTES)
        self.newest_s = float("-inf")
        """When the newest event arrived."""

    def received(self, at_s: float, *, elsewhere: bool = False) -> None:
        """Something arrived. `elsewhere`: at another replica, which may have listened for longer."""
        self.newest_s = max(self.newest_s, at_s)
        minute = int(at_s // MINUTE_S)
        # Half of the minute in which the process began was not received.
        if elsewhere or minute >= self._listens_from:
            self._set(minute, _RECEIVED)

    def lost(self, at_s: float) -> None:
        """What arrived in this minute may not be all that arrived: it counts as not received."""
        self._set(int(at_s // MINUTE_S), _LOST)

    def filled(self, gap: Gap) -> None:
        """Reporting was queried for it: it is no gap any more."""
        for minute in range(gap.start_s // MINUTE_S, gap.end_s // MINUTE_S):
            if self._of(minute) in (_NOT_RECEIVED, _LOST):
                self._set(minute, _FILLED)

    def gaps(self, now_s: float) -> list[Gap]:
        """All that are still to be filled, within what is kept, oldest first."""
        return list(self._runs(int(now_s // MINUTE_S)))

    def _runs(self, now: int) -> Iterator[Gap]:
        first = now - STORED_MINUTES + 1
        start: int | None = None
        is_lost = False
        for minute in range(first, now + 1):
            mark = self._of(minute) if minute < now else _RECEIVED
            if mark in (_NOT_RECEIVED, _LOST):
                start = minute if start is None else start
                is_lost = is_lost or mark == _LOST
                continue
            if start is not None and (is_lost or minute - start >= SILENT_MINUTES):
                # The running minute is not over: whether something is received in it is not known yet.
                is_open = minute == now and self._of(now) != _RECEIVED
                yield Gap(start * MINUTE_S, minute * MINUTE_S, is_open)
            start, is_lost = None, False

    def _of(self, minute: int) -> int:
        at = minute % STORED_MINUTES
        return self._mark[at] if self._minute[at] == minute else _NOT_RECEIVED

    def _set(self, minute: int, mark: int) -> None:
        at = minute % STORED_MINUTES
        # What was lost stays lost, whatever else arrives in that minute.
        stays_lost = self._minute[at] == minute and self._mark[at] == _LOST and mark == _RECEIVED
        if self._minute[at] <= minute and not stays_lost:
            self._minute[at], self._mark[at] = minute, mark
