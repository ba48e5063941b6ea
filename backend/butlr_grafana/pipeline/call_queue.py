"""Which request goes to Butlr next: a fair queue, in which no class starves.

A request has a class: alert rule, viewer, wall or background work. Each class has a capacity of its own and a
share of the calls. The others get what a class does not use. Within a class the lanes have shares
(`pipeline.lanes`), in a lane the floors come in turn, on a floor its subjects come in turn, and of a subject
the newest request comes first. A request leaves the queue when nobody waits for it any more.

Pure: it holds no lock and no clock; the caller passes the time.

A class that always has something waiting gets at least `(n - classes) * weight / weights - 1` of any `n`
requests that are sent (`pipeline.fair_share`). So one of its requests is among any
`2 * weights / weight + classes` (`longest_wait`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Generic

from butlr_grafana.model.call_class import CallClass
from butlr_grafana.pipeline.class_queue import ClassQueue, Key, QueuedRequest
from butlr_grafana.pipeline.fair_share import FairShare


@dataclass(frozen=True, slots=True)
class Share:
    """Of a class: its weight in calls, the most requests that wait, and how long one stays that nobody
    repeats.
    """

    weight: int
    capacity: int
    expires_after_s: float

    def __post_init__(self) -> None:
        assert self.weight > 0


SHARES: Mapping[CallClass, Share] = MappingProxyType(
    {
        CallClass.RULE: Share(64, 8_000, 60.0),
        CallClass.VIEWER: Share(18, 4_000, 60.0),
        CallClass.WALL: Share(15, 1_000, 60.0),
        CallClass.BACKGROUND: Share(3, 2_000, 600.0),
    }
)
"""Rules and walls repeat their requests every minute, so these stay for one; slower rules pass
`min_expiry_s`. Settled data is fetched in the background when its viewers have gone, so that the next page
view has more.
"""

SWEEP_S = 1.0
"""How often expired requests are searched for."""


OF_CLASS = {
    CallClass.RULE: "of alert rules",
    CallClass.VIEWER: "of viewers",
    CallClass.WALL: "of walls",
    CallClass.BACKGROUND: "in the background",
}


class ClassFull(Exception):
    """A class has reached its capacity; the others may have room."""

    def __init__(self, call_class: CallClass, capacity: int) -> None:
        calls = f"{capacity:,} calls {OF_CLASS[call_class]}"
        super().__init__(f"{calls} are already waiting for Butlr; try again later")


class CallQueue(Generic[Key]):
    """Not thread-safe. `now` never goes back."""

    def __init__(self, shares: Mapping[CallClass, Share] = SHARES) -> None:
        self._shares = dict(shares)
        self._class_queues: dict[CallClass, ClassQueue[Key]] = {
            call_class: ClassQueue(call_class) for call_class in shares
        }
        self._all: dict[Key, QueuedRequest[Key]] = {}
        self._groups: dict[Hashable, dict[Key, None]] = {}
        self._fair_share = FairShare({call_class: share.weight for call_class, share in shares.items()})
        self._swept_at = -math.inf
        self._dropped: list[Key] = []

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, key: Key) -> bool:
        return key in self._all

    def waiting(self, call_class: CallClass) -> int:
        """How many requests of a class wait."""
        return self._class_queues[call_class].size

    def longest_wait(self, call_class: CallClass) -> int:
        """Among so many requests that are sent one is of this class, if it always has one waiting."""
        weights = sum(share.weight for share in self._shares.values())
        return math.ceil(2 * weights / self._shares[call_class].weight) + len(self._shares)

    def push(
        self, entry: QueuedRequest[Key], call_class: CallClass, *, now: float, min_expiry_s: float = 0.0
    ) -> None:
        """Adds a request; those that it makes useless leave. `min_expiry_s`: how long it stays at least.
        Raises `ClassFull`.
        """
        self._sweep(now)
        if self._is_full(call_class):
            self._sweep(now, at_once=True)
        if self._is_full(call_class):
            raise ClassFull(call_class, self._shares[call_class].capacity)
        for older in self._class_queues[call_class].superseded_by(entry):
            older.wanted_until[call_class] = now
            self._expire(older, now)
        entry.wanted_until[call_class] = now + max(min_expiry_s, self._shares[call_class].expires_after_s)
        self._all[entry.key] = entry
        if entry.group is not None:
            self._groups.setdefault(entry.group, {})[entry.key] = None
        self._enqueue(entry, call_class)

    def renew(
        self,
        key: Key,
        *,
        call_class: CallClass,
        number: int,
        rank: int,
        min_expiry_s: float = 0.0,
        now: float,
    ) -> None:
        """A waiting request is repeated: it stays for longer, and perhaps goes sooner."""
        entry = self._all.get(key)
        if entry is None:
            return
        entry.wanted_until[call_class] = now + max(min_expiry_s, self._shares[call_class].expires_after_s)
        if number > entry.number:
            entry.number, entry.rank = number, rank
        if call_class < entry.call_class and not self._is_full(call_class):
            self._class_queues[entry.call_class].remove(entry)
            self._enqueue(entry, call_class)

    def take(self, now: float) -> tuple[Key, CallClass] | None:
        """Removes and returns the next request."""
        self._sweep(now)
        while True:
            classes = [
                call_class for call_class, class_queue in self._class_queues.items() if class_queue.size
            ]
            if not classes:
                return None
            call_class = self._fair_share.first(classes)
            class_queue = self._class_queues[call_class]
            entry = class_queue.first()
            if entry.wanted_until[call_class] <= now:
                self._expire(entry, now)
                continue
            self._dequeue(entry)
            self._fair_share.serve(call_class)
            class_queue.use_share(entry)
            return entry.key, call_class

    def take_group(self, group: Hashable, fits: Callable[[Key], bool], now: float) -> list[Key]:
        """Removes and returns the others of a group that fit in the call of one just taken. The first class
        comes first, then the floor whose last turn is longest ago, then the oldest request.

        They cost no call, so no share of their class.
        """
        waiting = [self._all[key] for key in self._groups.get(group, ())]
        taken = []
        for entry in sorted(waiting, key=self._turn_of):
            if entry.wanted_until[entry.call_class] > now and fits(entry.key):
                self._dequeue(entry)
                taken.append(entry.key)
        return taken

    def _turn_of(self, entry: QueuedRequest[Key]) -> tuple[CallClass, int]:
        return entry.call_class, self._class_queues[entry.call_class].last_turn(entry)

    def dropped(self) -> list[Key]:
        """The requests that have expired since the last call of this."""
        dropped, self._dropped = self._dropped, []
        return dropped

    def clear(self) -> list[Key]:
        """Removes and returns all."""
        keys = list(self._all)
        self._all.clear()
        self._groups.clear()
        self._class_queues = {call_class: ClassQueue(call_class) for call_class in self._shares}
        return keys

    def _dequeue(self, entry: QueuedRequest[Key]) -> None:
        class_queue = self._class_queues[entry.call_class]
        class_queue.remove(entry)
        class_queue.mark_served(entry)
        self._remove(entry)

    def _remove(self, entry: QueuedRequest[Key]) -> None:
        del self._all[entry.key]
        if entry.group is not None:
            del self._groups[entry.group][entry.key]
            if not self._groups[entry.group]:
                del self._groups[entry.group]

    def _is_full(self, call_class: CallClass) -> bool:
        return self._class_queues[call_class].size >= self._shares[call_class].capacity

    def _enqueue(self, entry: QueuedRequest[Key], call_class: CallClass) -> None:
        if not self._class_queues[call_class].size:
            self._fair_share.joins(call_class)
        entry.call_class = call_class
        self._class_queues[call_class].add(entry)

    def _sweep(self, now: float, *, at_once: bool = False) -> None:
        if not at_once and now - self._swept_at < SWEEP_S:
            return
        self._swept_at = now
        for class_queue in self._class_queues.values():
            for entry in [entry for entry in class_queue if entry.wanted_until[entry.call_class] <= now]:
                self._expire(entry, now)

    def _expire(self, entry: QueuedRequest[Key], now: float) -> None:
        """Out of its class: into the next one that needs it, else it is dropped."""
        self._class_queues[entry.call_class].remove(entry)
        if entry.outlives and entry.call_class is not CallClass.BACKGROUND:
            entry.outlives = False
            left_at = max(entry.wanted_until.values())
            entry.wanted_until.setdefault(
                CallClass.BACKGROUND, left_at + self._shares[CallClass.BACKGROUND].expires_after_s
            )
        call_class = entry.next_class(now)
        if call_class is None or self._is_full(call_class):
            self._remove(entry)
            self._dropped.append(entry.key)
        else:
            self._enqueue(entry, call_class)


def shares_for(patience_s: float) -> Mapping[CallClass, Share]:
    """The shares where a viewer waits `patience_s` at most."""
    longest = {CallClass.VIEWER: patience_s}
    return {
        call_class: replace(
            share, expires_after_s=longest.get(call_class, max(share.expires_after_s, patience_s))
        )
        for call_class, share in SHARES.items()
    }
