"""A floor minute by minute: the number of people, the seconds with people, entries and exits.

Arrays are `[asset, minute]`. Row 0 is the floor (or its entrance), row 1 + k its k-th room, then the zones.
So `room - OUTSIDE` is the row of a room and of the entrance.
"""

from __future__ import annotations

from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .geometry import contains
from .stays import OUTSIDE, Crossings, Ints, Stays
from .world import Floor

MINUTE_S = 60

Count = Literal["people", "occupied_s", "entered", "left"]
Small = NDArray[np.int16]
"""Single counts are small, and many are cached."""


class Minutes:
    """What one local day's stays and crossings come to on a floor, each array counted when first asked for.

    `people`: a person counts once a minute, where they are at the second at which they are detected; so the
    minutes of a room add up to its detections. A zone has those whose place lies in it, or on its left or
    lower side. `occupied_s`: the seconds of the minute in which at least one person was there, 0 to 60.
    `entered` and `left` have no zones.
    """

    def __init__(self, floor: Floor, start_s: int, minutes: int, stays: Stays, crossings: Crossings) -> None:
        self.start_s = start_s
        self.minutes = minutes
        self._floor = floor
        self._stays = stays
        self._crossings = crossings
        self._first_zone = 1 + len(floor.rooms)

    @cached_property
    def people(self) -> Small:
        """The number of people in each minute."""
        asset, stay = self._members
        rows = self._first_zone + len(self._floor.zones)
        people = people_per_minute(self._stays.take(stay), asset, rows, self.start_s, self.minutes)
        return people.astype(np.int16)

    @cached_property
    def occupied_s(self) -> Small:
        """The seconds with people in each minute."""
        asset, stay = self._members
        starts_s = self.start_s + MINUTE_S * np.arange(self.minutes + 1)
        rows = range(self._first_zone + len(self._floor.zones))
        seconds = [_occupied_s(self._stays.take(stay[asset == row]), starts_s) for row in rows]
        return np.stack(seconds).astype(np.int16)

    @cached_property
    def entered(self) -> Small:
        """The entries through a door in each minute."""
        return self._steps(1)

    @cached_property
    def left(self) -> Small:
        """The exits through a door in each minute."""
        return self._steps(-1)

    @cached_property
    def _members(self) -> tuple[Ints, Ints]:
        """Rows and indices of stays: which stays each row has."""
        x_m, y_m, room = self._stays.x_m, self._stays.y_m, self._stays.room
        in_room = np.flatnonzero(room != OUTSIDE)
        in_zones = [np.flatnonzero(contains(zone.polygon, x_m, y_m)) for zone in self._floor.zones]
        sizes = [len(room), *map(len, in_zones)]
        rows = [0, *range(self._first_zone, self._first_zone + len(in_zones))]
        asset = np.concatenate([np.repeat(rows, sizes), room[in_room] - OUTSIDE])
        return asset, np.concatenate([np.arange(len(room)), *in_zones, in_room])

    def _steps(self, direction: int) -> Small:
        there = self._crossings.direction == direction
        minute = (self._crossings.t_s[there] - self.start_s) // MINUTE_S
        row = self._crossings.room[there] - OUTSIDE
        steps = np.bincount(row * self.minutes + minute, minlength=self._first_zone * self.minutes)
        return steps.reshape(-1, self.minutes).astype(np.int16)


def people_per_minute(stays: Stays, asset: Ints, rows: int, start_s: int, minutes: int) -> Ints:
    """For each row, the number of the n stays at the second `phase_s` of each minute from `start_s` on."""
    bounds = [
        np.clip(-((start_s + stays.phase_s - edge_s) // MINUTE_S), 0, minutes)
        for edge_s in (stays.start_s, stays.stop_s)
    ]
    size = rows * (minutes + 1)
    come, go = (np.bincount(asset * (minutes + 1) + minute, minlength=size) for minute in bounds)
    people: Ints = np.cumsum((come - go).reshape(rows, minutes + 1), axis=1)[:, :minutes]
    return people


def _occupied_s(stays: Stays, edges_s: Ints) -> Ints:
    """How many seconds between each two edges lie in any of the stays."""
    if not len(stays):
        return np.zeros(len(edges_s) - 1, dtype=np.int64)
    order = np.argsort(stays.start_s)
    start_s, until_s = stays.start_s[order], np.maximum.accumulate(stays.stop_s[order])
    apart = start_s[1:] > until_s[:-1]
    begin_s, end_s = start_s[np.r_[True, apart]], until_s[np.r_[apart, True]]
    before_s = np.r_[0, np.cumsum(end_s - begin_s)]
    # Occupied time up to an instant: a line that rises by the second in a stay and is level elsewhere.
    corners_s = np.stack([begin_s, end_s], axis=1).ravel()
    spent_s = np.interp(edges_s, corners_s, np.repeat(before_s, 2)[1:-1])
    seconds: Ints = np.diff(np.rint(spent_s).astype(np.int64))
    return seconds
