"""The requests of one class that wait: by lane, floor and subject."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from butlr_grafana.model.call_class import CallClass
from butlr_grafana.pipeline.fair_share import FairShare
from butlr_grafana.pipeline.lanes import OTHER_WEIGHTS, RULE_WEIGHTS, Lane

Key = TypeVar("Key", bound=Hashable)

REMEMBERED = 10_000
"""For so many floors, and subjects of floors, the last turn is remembered while they request nothing."""


@dataclass(slots=True)
class QueuedRequest(Generic[Key]):
    """A request in the queue. `number`, `rank`: the highest number goes first, and within one number the
    lowest rank. `outlives`: worth fetching when nobody waits any more. `group`: requests of one group can go
    in one call; `None`: it goes alone. `slides`: a newer one of its floor and subject makes it useless.
    `call_class` and `wanted_until` (by class) are set by the queue.
    """

    key: Key
    floor: Hashable
    subject: Hashable
    number: int
    rank: int = 0
    lane: Lane = Lane.MINUTES
    outlives: bool = False
    group: Hashable = None
    slides: bool = False
    call_class: CallClass = CallClass.BACKGROUND
    wanted_until: dict[CallClass, float] = field(default_factory=dict)

    def next_class(self, now: float) -> CallClass | None:
        """The first class that still needs it."""
        return min(
            (call_class for call_class, until in self.wanted_until.items() if until > now), default=None
        )


Subjects = dict[Hashable, dict[Key, QueuedRequest[Key]]]


class ClassQueue(Generic[Key]):
    """The requests of a class. Lanes by their weights; within a lane the floors in turn, on a floor its
    subjects in turn, and of a subject the newest request first. Not thread-safe.
    """

    def __init__(self, call_class: CallClass) -> None:
        self._lanes: dict[Lane, dict[Hashable, Subjects[Key]]] = {lane: {} for lane in Lane}
        self._lane_share = FairShare(RULE_WEIGHTS if call_class is CallClass.RULE else OTHER_WEIGHTS)
        self._last_served: OrderedDict[Hashable, int] = OrderedDict()
        self._served_count = 0
        self.size = 0

    def add(self, entry: QueuedRequest[Key]) -> None:
        floors = self._lanes[entry.lane]
        if not floors:
            self._lane_share.joins(entry.lane)
        floors.setdefault(entry.floor, {}).setdefault(entry.subject, {})[entry.key] = entry
        self.size += 1
        # A new name comes after those that wait already: else what is new each time would always go first.
        for name in _names(entry):
            self._last_served.setdefault(name, self._served_count)

    def remove(self, entry: QueuedRequest[Key]) -> None:
        floors = self._lanes[entry.lane]
        subjects = floors[entry.floor]
        del subjects[entry.subject][entry.key]
        if not subjects[entry.subject]:
            del subjects[entry.subject]
        if not subjects:
            del floors[entry.floor]
        self.size -= 1

    def last_turn(self, entry: QueuedRequest[Key]) -> int:
        """When the floor of a request had its last turn; the lowest is longest ago."""
        return self._last_served.get((entry.lane, entry.floor), -1)

    def first(self) -> QueuedRequest[Key]:
        """Of the floor, and on it of the subject, whose last turn is longest ago."""
        lane = self._lane_share.first(lane for lane, floors in self._lanes.items() if floors)
        floors = self._lanes[lane]
        floor = min(floors, key=lambda name: self._last_served.get((lane, name), -1))
        subjects = floors[floor]
        subject = min(subjects, key=lambda name: self._last_served.get((lane, floor, name), -1))
        return min(subjects[subject].values(), key=lambda entry: (-entry.number, entry.rank))

    def superseded_by(self, newer: QueuedRequest[Key]) -> list[QueuedRequest[Key]]:
        """The waiting requests that `newer` makes useless."""
        if not newer.slides:
            return []
        own = self._lanes[newer.lane].get(newer.floor, {}).get(newer.subject, {})
        return [entry for entry in own.values() if entry.slides and entry.number < newer.number]

    def use_share(self, entry: QueuedRequest[Key]) -> None:
        """A call is made for this request: it counts for its lane."""
        self._lane_share.serve(entry.lane)

    def mark_served(self, entry: QueuedRequest[Key]) -> None:
        self._served_count += 1
        for name in _names(entry):
            self._last_served[name] = self._served_count
            self._last_served.move_to_end(name)
        while len(self._last_served) > 2 * REMEMBERED:
            self._last_served.popitem(last=False)

    def __iter__(self) -> Iterator[QueuedRequest[Key]]:
        return (
            entry
            for floors in self._lanes.values()
            for own in floors.values()
            for keys in own.values()
            for entry in keys.values()
        )


def _names(entry: QueuedRequest[Key]) -> tuple[Hashable, Hashable]:
    return (entry.lane, entry.floor), (entry.lane, entry.floor, entry.subject)
