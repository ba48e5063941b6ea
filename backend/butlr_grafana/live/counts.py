"""How many events arrived in the last minutes, by type and outcome."""

from __future__ import annotations

from collections import Counter

from butlr_grafana.live.events import EventOutcome
from butlr_grafana.live.ring import STORED_MINUTES
from butlr_grafana.model.time import MINUTE_S

Counts = Counter[tuple[str, EventOutcome]]


class EventCounts:
    """Not thread-safe. As many minutes as are kept of everything else."""

    def __init__(self) -> None:
        self._by_minute: dict[int, Counts] = {}

    def add(self, type_: str, outcome: EventOutcome, at_s: float) -> None:
        self._by_minute.setdefault(int(at_s // MINUTE_S), Counter())[type_, outcome] += 1

    def of_last(self, minutes: int, now_s: float) -> Counts:
        """The running minute too."""
        total: Counts = Counter()
        for minute, counts in self._by_minute.items():
            if minute > int(now_s // MINUTE_S) - minutes:
                total += counts
        return total

    def forget(self, now_minute: int) -> None:
        for old in [known for known in self._by_minute if known <= now_minute - STORED_MINUTES]:
            del self._by_minute[old]
