"""Which question goes to Butlr next: a queue in which nobody starves.

Questions are of a class: alert rules, people who look, walls, background work. Each class has places of its
own, and a share of the calls. What a class does not use, the others have. Within a class the floors come in
turn, on a floor its subjects come in turn, and of a subject the question that was asked last comes first. A
question leaves when those who asked it have gone.

Pure: it holds no lock and no clock; whoever uses it says what time it is.

A class that always has something waiting gets at least `(n - classes) * weight / weights - 1` of any `n`
questions that go: self-clocked fair queueing (Golestani 1994) with questions of one length. So one of its
questions is among any `2 * weights / weight + classes` (`longest_wait`).
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
"""How long a rule's question about anything but minutes stays: such rules ask again after five minutes. With
many floors it takes longer than a minute to answer all that they ask at once. The last minute is left to
rules that ask each minute, so that neither starves where the rate is used up.
"""


def least_stay_s(segment: Segment, need: CallClass) -> float:
    """How long a question stays at least, while nobody repeats it."""
    subject = segment.subject
    is_of_minutes = isinstance(subject, SeriesSubject) and subject.every == "1m"
    return SLOW_RULES_S if need is CallClass.RULE and not is_of_minutes else 0.0


@dataclass(frozen=True, slots=True)
class Share:
    """Of a class: its weight in calls, the most questions that wait, and how long one stays that nobody
    repeats.
    """

    weight: int
    places: int
    stays_s: float

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
"""Rules and walls ask again every minute, so their questions stay for one; those of slower rules say so. What
has settled goes on in the background when its viewers have gone, so that the next look finds more of it.
"""

REMEMBERED = 10_000
"""So many floors, and subjects of floors, keep their place in the turn while they ask nothing."""

SWEEP_S = 1.0
"""How often those whose askers have gone are looked for."""


class ClassFull(Exception):
    """All places of a class are taken; the others may have some."""

    def __init__(self, need: CallClass, places: int) -> None:
        super().__init__(f"all {places:,} places of {need.name} are taken")
        self.need, self.places = need, places


@dataclass(slots=True)
class _Waiting(Generic[Key]):
    """A question in the queue. `wanted`: until when, by class; `asking`, `rank`: the latest asking goes
    first, and of one asking the lowest rank. `outlives`: worth having after its askers have gone. `group`:
    questions of one group can go in one call; `None`: it goes alone.
    """

    key: Key
    floor: Hashable
    subject: Hashable
    need: CallClass
    asking: int
    rank: int
    outlives: bool
    group: Hashable = None
    wanted: dict[CallClass, float] = field(default_factory=dict)

    def next_class(self, now: float) -> CallClass | None:
        """The first class that still wants it."""
        return min((need for need, until in self.wanted.items() if until > now), default=None)


class _Line(Generic[Key]):
    """The questions of a class, by floor and subject."""

    def __init__(self) -> None:
        self._floors: dict[Hashable, dict[Hashable, dict[Key, _Waiting[Key]]]] = {}
        self._turns: OrderedDict[Hashable, int] = OrderedDict()
        self._turn = 0
        self.size = 0

    def add(self, one: _Waiting[Key]) -> None:
        self._floors.setdefault(one.floor, {}).setdefault(one.subject, {})[one.key] = one
        self.size += 1
        # Who is new comes after those who wait already: else what is new each time would always go first.
        for name in (one.floor, (one.floor, one.subject)):
            self._turns.setdefault(name, self._turn)

    def remove(self, one: _Waiting[Key]) -> None:
        subjects = self._floors[one.floor]
        del subjects[one.subject][one.key]
        if not subjects[one.subject]:
            del subjects[one.subject]
        if not subjects:
            del self._floors[one.floor]
        self.size -= 1

    def first(self) -> _Waiting[Key]:
        """Of the floor, and on it of the subject, whose last turn is longest ago."""
        floor = min(self._floors, key=lambda name: self._turns.get(name, -1))
        subjects = self._floors[floor]
        subject = min(subjects, key=lambda name: self._turns.get((floor, name), -1))
        return min(subjects[subject].values(), key=lambda one: (-one.asking, one.rank))

    def had_its_turn(self, one: _Waiting[Key]) -> None:
        self._turn += 1
        for name in (one.floor, (one.floor, one.subject)):
            self._turns[name] = self._turn
            self._turns.move_to_end(name)
        while len(self._turns) > 2 * REMEMBERED:
            self._turns.popitem(last=False)

    def __iter__(self) -> Iterator[_Waiting[Key]]:
        return (one for own in self._floors.values() for keys in own.values() for one in keys.values())


class CallQueue(Generic[Key]):
    """Not thread-safe. `now` never goes back."""

    def __init__(self, shares: Mapping[CallClass, Share] = SHARES) -> None:
        self._shares = dict(shares)
        self._lines: dict[CallClass, _Line[Key]] = {need: _Line() for need in shares}
        self._all: dict[Key, _Waiting[Key]] = {}
        self._groups: dict[Hashable, dict[Key, None]] = {}
        self._served = dict.fromkeys(shares, 0.0)
        self._virtual = 0.0
        self._swept_at = -math.inf
        self._gone: list[Key] = []

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, key: Key) -> bool:
        return key in self._all

    def waiting(self, need: CallClass) -> int:
        """How many questions of a class wait."""
        return self._lines[need].size

    def longest_wait(self, need: CallClass) -> int:
        """Among so many questions that go one is of this class, where it always has one waiting."""
        weights = sum(share.weight for share in self._shares.values())
        return math.ceil(2 * weights / self._shares[need].weight) + len(self._shares)

    def push(
        self,
        key: Key,
        *,
        floor: Hashable,
        subject: Hashable,
        need: CallClass,
        asking: int,
        rank: int = 0,
        outlives: bool = False,
        group: Hashable = None,
        least_s: float = 0.0,
        now: float,
    ) -> None:
        """A question that is to wait. `group`: those that can go in one call; `least_s`: how long it stays at
        least. Raises `ClassFull`.
        """
        self._sweep(now)
        if self._is_full(need):
            self._sweep(now, at_once=True)
        if self._is_full(need):
            raise ClassFull(need, self._shares[need].places)
        one = _Waiting(key, floor, subject, need, asking, rank, outlives, group)
        one.wanted[need] = now + max(least_s, self._shares[need].stays_s)
        self._all[key] = one
        if group is not None:
            self._groups.setdefault(group, {})[key] = None
        self._enter(one, need)

    def want(
        self, key: Key, *, need: CallClass, asking: int, rank: int, least_s: float = 0.0, now: float
    ) -> None:
        """Somebody asks for what waits already: it stays for longer, and perhaps goes sooner."""
        one = self._all.get(key)
        if one is None:
            return
        one.wanted[need] = now + max(least_s, self._shares[need].stays_s)
        if asking > one.asking:
            one.asking, one.rank = asking, rank
        if need < one.need and not self._is_full(need):
            self._lines[one.need].remove(one)
            self._enter(one, need)

    def take(self, now: float) -> tuple[Key, CallClass] | None:
        """The next question, which waits no more."""
        self._sweep(now)
        while True:
            needs = [need for need, line in self._lines.items() if line.size]
            if not needs:
                return None
            need = min(needs, key=lambda one: (self._tag(one), one))
            one = self._lines[need].first()
            if one.wanted[need] <= now:
                self._leave(one, now)
                continue
            self._go(one)
            self._virtual = self._served[need] = self._tag(need)
            return one.key, need

    def take_along(self, group: Hashable, fits: Callable[[Key], bool], now: float) -> list[Key]:
        """The others of a group that can go in the call of one that was just taken; they wait no more. The
        first class comes first, and what is asked for longest.

        They cost no call, so no share of their class.
        """
        waiting = [self._all[key] for key in self._groups.get(group, ())]
        taken = []
        for one in sorted(waiting, key=lambda one: one.need):
            if one.wanted[one.need] > now and fits(one.key):
                self._go(one)
                taken.append(one.key)
        return taken

    def gone(self) -> list[Key]:
        """The questions that have left since this was asked last, because nobody wants them any more."""
        gone, self._gone = self._gone, []
        return gone

    def clear(self) -> list[Key]:
        """All of them leave."""
        keys = list(self._all)
        self._all.clear()
        self._groups.clear()
        self._lines = {need: _Line() for need in self._shares}
        return keys

    def _go(self, one: _Waiting[Key]) -> None:
        line = self._lines[one.need]
        line.remove(one)
        line.had_its_turn(one)
        self._forget(one)

    def _forget(self, one: _Waiting[Key]) -> None:
        del self._all[one.key]
        if one.group is not None:
            del self._groups[one.group][one.key]
            if not self._groups[one.group]:
                del self._groups[one.group]

    def _tag(self, need: CallClass) -> float:
        """When the next question of a class is served, in calls by weight; the lowest goes first."""
        return self._served[need] + 1.0 / self._shares[need].weight

    def _is_full(self, need: CallClass) -> bool:
        return self._lines[need].size >= self._shares[need].places

    def _enter(self, one: _Waiting[Key], need: CallClass) -> None:
        if not self._lines[need].size:
            # It begins with the others: what it did not use before is not saved up.
            self._served[need] = max(self._served[need], self._virtual)
        one.need = need
        self._lines[need].add(one)

    def _sweep(self, now: float, *, at_once: bool = False) -> None:
        if not at_once and now - self._swept_at < SWEEP_S:
            return
        self._swept_at = now
        for line in self._lines.values():
            for one in [one for one in line if one.wanted[one.need] <= now]:
                self._leave(one, now)

    def _leave(self, one: _Waiting[Key], now: float) -> None:
        """Out of its class: into the next one that wants it, else it is gone."""
        self._lines[one.need].remove(one)
        if one.outlives and one.need is not CallClass.BACKGROUND:
            one.outlives = False
            left_at = max(one.wanted.values())
            one.wanted.setdefault(CallClass.BACKGROUND, left_at + self._shares[CallClass.BACKGROUND].stays_s)
        need = one.next_class(now)
        if need is None or self._is_full(need):
            self._forget(one)
            self._gone.append(one.key)
        else:
            self._enter(one, need)


def shares_for(patience_s: float) -> Mapping[CallClass, Share]:
    """The shares where a viewer waits `patience_s` at most."""
    longest = {CallClass.VIEWER: patience_s}
    return {
        need: replace(share, stays_s=longest.get(need, max(share.stays_s, patience_s)))
        for need, share in SHARES.items()
    }
