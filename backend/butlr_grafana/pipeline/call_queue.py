"""Which request goes to Butlr next: a fair queue, in which no class starves.

A request has a class: alert rule, viewer, wall or background work. Each class has a capacity of its own and a
share of the calls. The others get what a class does not use. Within a class the floors come in turn, on a
floor its subjects come in turn, and of a subject the newest request comes first. A request leaves the queue
when nobody waits for it any more.

Pure: it holds no lock and no clock; the caller passes the time.

A class that always has something waiting gets at least `(n - classes) * weight / weights - 1` of any `n`
requests that are sent: self-clocked fair queueing (Golestani 1994) with requests of one length. So one of its
requests is among any `2 * weights / weight + classes` (`longest_wait`).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Generic, TypeVar

from butlr_grafana.model.call_class import CallClass
from butlr_grafana.model.chunk import Segment, SeriesSubject

Key = TypeVar("Key", bound=Hashable)


SLOW_RULES_S = 240.0
"""How long a rule's request for anything but minutes stays: such rules repeat it after five minutes. With
many floors it takes longer than a minute to fetch all that they request at once. The last minute is left to
rules that are evaluated each minute, so that neither starves where the rate is used up.
"""


def min_expiry_of(segment: Segment, call_class: CallClass) -> float:
    """How long a request stays at least, while nobody repeats it."""
    subject = segment.subject
    is_of_minutes = isinstance(subject, SeriesSubject) and subject.every == "1m"
    return SLOW_RULES_S if call_class is CallClass.RULE and not is_of_minutes else 0.0


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
        CallClass.RULE: Share(70, 8_000, 60.0),
        CallClass.VIEWER: Share(20, 4_000, 60.0),
        CallClass.WALL: Share(7, 1_000, 60.0),
        CallClass.BACKGROUND: Share(3, 2_000, 600.0),
    }
)
"""Rules and walls repeat their requests every minute, so these stay for one; slower rules pass
`min_expiry_s`. Settled data is fetched in the background when its viewers have gone, so that the next page
view has more.
"""

REMEMBERED = 10_000
"""For so many floors, and subjects of floors, the last turn is remembered while they request nothing."""

SWEEP_S = 1.0
"""How often expired requests are searched for."""


class ClassFull(Exception):
    """A class has reached its capacity; the others may have room."""

    def __init__(self, call_class: CallClass, capacity: int) -> None:
        super().__init__(f"the queue of {call_class.name} is full ({capacity:,})")
        self.call_class, self.capacity = call_class, capacity


@dataclass(slots=True)
class _QueuedRequest(Generic[Key]):
    """A request in the queue. `wanted_until`: by class; `number`, `rank`: the highest number goes
    first, and within one number the lowest rank. `outlives`: worth fetching when nobody waits any more.
    `group`: requests of one group can go in one call; `None`: it goes alone.
    """

    key: Key
    floor: Hashable
    subject: Hashable
    call_class: CallClass
    number: int
    rank: int
    outlives: bool
    group: Hashable = None
    wanted_until: dict[CallClass, float] = field(default_factory=dict)

    def next_class(self, now: float) -> CallClass | None:
        """The first class that still needs it."""
        return min(
            (call_class for call_class, until in self.wanted_until.items() if until > now), default=None
        )


class _ClassQueue(Generic[Key]):
    """The requests of a class, by floor and subject."""

    def __init__(self) -> None:
        self._floors: dict[Hashable, dict[Hashable, dict[Key, _QueuedRequest[Key]]]] = {}
        self._last_served: OrderedDict[Hashable, int] = OrderedDict()
        self._served_count = 0
        self.size = 0

    def add(self, entry: _QueuedRequest[Key]) -> None:
        self._floors.setdefault(entry.floor, {}).setdefault(entry.subject, {})[entry.key] = entry
        self.size += 1
        # A new name comes after those that wait already: else what is new each time would always go first.
        for name in (entry.floor, (entry.floor, entry.subject)):
            self._last_served.setdefault(name, self._served_count)

    def remove(self, entry: _QueuedRequest[Key]) -> None:
        subjects = self._floors[entry.floor]
        del subjects[entry.subject][entry.key]
        if not subjects[entry.subject]:
            del subjects[entry.subject]
        if not subjects:
            del self._floors[entry.floor]
        self.size -= 1

    def last_served(self, name: Hashable) -> int:
        return self._last_served.get(name, -1)

    def first(self) -> _QueuedRequest[Key]:
        """Of the floor, and on it of the subject, whose last turn is longest ago."""
        floor = min(self._floors, key=self.last_served)
        subjects = self._floors[floor]
        subject = min(subjects, key=lambda name: self.last_served((floor, name)))
        return min(subjects[subject].values(), key=lambda entry: (-entry.number, entry.rank))

    def mark_served(self, entry: _QueuedRequest[Key]) -> None:
        self._served_count += 1
        for name in (entry.floor, (entry.floor, entry.subject)):
            self._last_served[name] = self._served_count
            self._last_served.move_to_end(name)
        while len(self._last_served) > 2 * REMEMBERED:
            self._last_served.popitem(last=False)

    def __iter__(self) -> Iterator[_QueuedRequest[Key]]:
        return (entry for own in self._floors.values() for keys in own.values() for entry in keys.values())


class CallQueue(Generic[Key]):
    """Not thread-safe. `now` never goes back."""

    def __init__(self, shares: Mapping[CallClass, Share] = SHARES) -> None:
        self._shares = dict(shares)
        self._class_queues: dict[CallClass, _ClassQueue[Key]] = {
            call_class: _ClassQueue() for call_class in shares
        }
        self._all: dict[Key, _QueuedRequest[Key]] = {}
        self._groups: dict[Hashable, dict[Key, None]] = {}
        self._served = dict.fromkeys(shares, 0.0)
        self._virtual = 0.0
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
        self,
        key: Key,
        *,
        floor: Hashable,
        subject: Hashable,
        call_class: CallClass,
        number: int,
        rank: int = 0,
        outlives: bool = False,
        group: Hashable = None,
        min_expiry_s: float = 0.0,
        now: float,
    ) -> None:
        """Adds a request. `group`: those that can go in one call; `min_expiry_s`: how long it stays at least.
        Raises `ClassFull`.
        """
        self._sweep(now)
        if self._is_full(call_class):
            self._sweep(now, at_once=True)
        if self._is_full(call_class):
            raise ClassFull(call_class, self._shares[call_class].capacity)
        entry = _QueuedRequest(key, floor, subject, call_class, number, rank, outlives, group)
        entry.wanted_until[call_class] = now + max(min_expiry_s, self._shares[call_class].expires_after_s)
        self._all[key] = entry
        if group is not None:
            self._groups.setdefault(group, {})[key] = None
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
            call_class = min(classes, key=lambda waiting: (self._tag(waiting), waiting))
            entry = self._class_queues[call_class].first()
            if entry.wanted_until[call_class] <= now:
                self._expire(entry, now)
                continue
            self._dequeue(entry)
            self._virtual = self._served[call_class] = self._tag(call_class)
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

    def _turn_of(self, entry: _QueuedRequest[Key]) -> tuple[CallClass, int]:
        return entry.call_class, self._class_queues[entry.call_class].last_served(entry.floor)

    def dropped(self) -> list[Key]:
        """The requests that have expired since the last call of this."""
        dropped, self._dropped = self._dropped, []
        return dropped

    def clear(self) -> list[Key]:
        """Removes and returns all."""
        keys = list(self._all)
        self._all.clear()
        self._groups.clear()
        self._class_queues = {call_class: _ClassQueue() for call_class in self._shares}
        return keys

    def _dequeue(self, entry: _QueuedRequest[Key]) -> None:
        class_queue = self._class_queues[entry.call_class]
        class_queue.remove(entry)
        class_queue.mark_served(entry)
        self._remove(entry)

    def _remove(self, entry: _QueuedRequest[Key]) -> None:
        del self._all[entry.key]
        if entry.group is not None:
            del self._groups[entry.group][entry.key]
            if not self._groups[entry.group]:
                del self._groups[entry.group]

    def _tag(self, call_class: CallClass) -> float:
        """When the next request of a class is served, in calls by weight; the lowest goes first."""
        return self._served[call_class] + 1.0 / self._shares[call_class].weight

    def _is_full(self, call_class: CallClass) -> bool:
        return self._class_queues[call_class].size >= self._shares[call_class].capacity

    def _enqueue(self, entry: _QueuedRequest[Key], call_class: CallClass) -> None:
        if not self._class_queues[call_class].size:
            # It begins with the others: what it did not use before is not saved up.
            self._served[call_class] = max(self._served[call_class], self._virtual)
        entry.call_class = call_class
        self._class_queues[call_class].add(entry)

    def _sweep(self, now: float, *, at_once: bool = False) -> None:
        if not at_once and now - self._swept_at < SWEEP_S:
            return
        self._swept_at = now
        for class_queue in self._class_queues.values():
            for entry in [entry for entry in class_queue if entry.wanted_until[entry.call_class] <= now]:
                self._expire(entry, now)

    def _expire(self, entry: _QueuedRequest[Key], now: float) -> None:
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
