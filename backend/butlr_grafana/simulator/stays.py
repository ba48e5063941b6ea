"""Stays: the place of each person over time. Everything that the simulator returns is computed from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

OUTSIDE = -1
"""The room index of a place outside all rooms."""


@dataclass(frozen=True)
class Stays:
    """n stays as parallel arrays of length n, half-open: `start_s <= t < stop_s`, UTC epoch seconds.

    One person's stays never overlap. `room` is an index into the floor's rooms or `OUTSIDE`. A person is
    detected at the second `phase_s` of each minute, within `reach_m` of (`x_m`, `y_m`): a disc that no wall
    cuts.
    """

    person: Ints
    room: Ints
    x_m: Floats
    y_m: Floats
    start_s: Ints
    stop_s: Ints
    phase_s: Ints
    reach_m: Floats

    def __len__(self) -> int:
        return len(self.person)

    def take(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> Stays:
        """The stays that a mask or an index array selects."""
        return Stays(*(getattr(self, field.name)[which] for field in fields(self)))

    def without(self, room: int, start_s: int, stop_s: int) -> Stays:
        """The stays without the time in a room within a range. A stay that spans the range becomes two."""
        hit = (self.room == room) & (self.start_s < stop_s) & (self.stop_s > start_s)
        cut = self.take(hit)
        before = replace(cut, stop_s=np.minimum(cut.stop_s, start_s))
        after = replace(cut, start_s=np.maximum(cut.start_s, stop_s))
        left = Stays.join([self.take(~hit), before, after])
        return left.take(left.stop_s > left.start_s)

    @staticmethod
    def join(parts: Sequence[Stays]) -> Stays:
        """All stays of the parts, one part after the other; at least one part."""
        return Stays(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Stays)))


@dataclass(frozen=True)
class Detections:
    """n detections as parallel arrays, sorted by time; positions single precision, for there are many."""

    t_s: Ints
    x_m: NDArray[np.float32]
    y_m: NDArray[np.float32]
    room: NDArray[np.int16]

    def merge(self, other: Detections) -> Detections:
        """Both detections, sorted by time. At the same time, those of `self` come first."""
        columns = [np.concatenate([getattr(part, f.name) for part in (self, other)]) for f in fields(self)]
        order = np.argsort(columns[0], kind="stable")
        return Detections(*(column[order] for column in columns))


@dataclass(frozen=True)
class Crossings:
    """n steps through a door as parallel arrays, sorted by time.

    `room` is the index of the room entered (`direction` +1) or left (-1), `OUTSIDE` the floor's entrance.
    """

    t_s: Ints
    room: Ints
    direction: Ints


def detect(stays: Stays, rng: np.random.Generator) -> Detections:
    """The detections of each stay, one per minute: at the second `phase_s` of each minute in `[start_s,
    stop_s)`.
    """
    first = stays.start_s + (stays.phase_s - stays.start_s) % 60
    minutes = np.maximum(0, -((first - stays.stop_s) // 60))
    stay = np.repeat(np.arange(len(stays)), minutes)
    minute = np.arange(len(stay)) - np.repeat(np.cumsum(minutes) - minutes, minutes)
    # The square root spreads the points evenly over the disc.
    away = stays.reach_m[stay] * np.sqrt(rng.random(len(stay)))
    angle = 2 * np.pi * rng.random(len(stay))
    t_s = first[stay] + 60 * minute
    order = np.argsort(t_s, kind="stable")
    return Detections(
        t_s[order],
        (stays.x_m[stay] + away * np.cos(angle))[order].astype(np.float32),
        (stays.y_m[stay] + away * np.sin(angle))[order].astype(np.float32),
        stays.room[stay][order].astype(np.int16),
    )


def cross(stays: Stays, midnight_s: int, next_midnight_s: int) -> Crossings:
    """The steps through doors on one day.

    A person who comes or leaves passes the entrance. A person who changes the place passes the doors of both
    rooms. A stay that is cut at midnight has no step.
    """
    by_person = stays.take(np.lexsort((stays.start_s, stays.person)))
    person, room, start, stop = by_person.person, by_person.room, by_person.start_s, by_person.stop_s
    joined = np.zeros(len(stays) + 1, dtype=np.bool_)
    joined[1:-1] = (person[1:] == person[:-1]) & (start[1:] == stop[:-1])
    comes, leaves = ~joined[:-1] & (start != midnight_s), ~joined[1:] & (stop != next_midnight_s)
    moved = np.ones(len(stays) + 1, dtype=np.bool_)
    moved[1:-1] = ~joined[1:-1] | (room[1:] != room[:-1])
    enters = moved[:-1] & (room != OUTSIDE) & (start != midnight_s)
    exits = moved[1:] & (room != OUTSIDE) & (stop != next_midnight_s)
    t_s = np.concatenate([start[comes], start[enters], stop[exits], stop[leaves]])
    rooms = np.concatenate(
        [np.full(comes.sum(), OUTSIDE), room[enters], room[exits], np.full(leaves.sum(), OUTSIDE)]
    )
    direction = np.repeat(np.array([1, 1, -1, -1]), [comes.sum(), enters.sum(), exits.sum(), leaves.sum()])
    order = np.lexsort((direction, rooms, t_s))
    return Crossings(t_s[order], rooms[order], direction[order])
