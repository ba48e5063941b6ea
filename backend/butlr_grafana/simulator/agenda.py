"""The trips of the staff on one day: lunch, meetings and breaks. They start on quarters of an hour, and
nobody has two at the same time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .places import Place, Places
from .stays import Ints

AWAY = -1
"""The spot of a trip that leaves the building."""
SLOT_S = 900
_NOON = 48
_BREAKS_A_DAY = 5.0
_BREAKS = {  # room type: weight beside the others, shortest and longest stay in seconds
    "kitchen": (6.0, 180, 600),
    "lounge": (2.0, 300, 840),
    "phone_booth": (1.0, 300, 870),
    "open_zone": (1.2, 60, 300),
    "storage": (0.5, 60, 240),
}


class Trip(NamedTuple):
    """The time in which a person is away from the desk, at a spot or `AWAY`. Times are elapsed seconds since
    local midnight.
    """

    shift: int
    start_s: int
    stop_s: int
    spot: int


class Agenda:
    """The free quarters of an hour of each shift.

    `starts_s` holds the 97 bounds of a day's quarters. The first and the last quarter of a shift stay free,
    so that a person first goes to the desk, and leaves from there.
    """

    def __init__(
        self, shift_start_s: Ints, shift_stop_s: Ints, starts_s: Ints, rng: np.random.Generator
    ) -> None:
        self._free: NDArray[np.bool_] = (starts_s[:-1] >= shift_start_s[:, None] + SLOT_S) & (
            starts_s[1:] <= shift_stop_s[:, None] - SLOT_S
        )
        self._starts_s = starts_s
        self._rng = rng
        self.trips: list[Trip] = []

    def lunch(self, places: Places) -> None:
        """Lunch between 12 and 13:30: half of the people are in a kitchen, a quarter leave the building, the
        others stay at their desk.
        """
        kitchens = [place for place in places.rooms if place.room_type == "kitchen" and place.popularity > 0]
        weights = _shares([place.popularity for place in kitchens])
        n = len(self._free)
        where, slots = self._rng.random(n), self._rng.integers(2, 4, n)
        first = _NOON + self._rng.integers(0, 4, n)
        kitchen = self._rng.choice(len(kitchens), n, p=weights)
        seat = self._rng.random(n)
        for shift in np.flatnonzero(where < 0.8):
            spots = kitchens[kitchen[shift]].spots
            spot = int(spots[int(len(spots) * seat[shift] ** 1.5)]) if where[shift] < 0.55 else AWAY
            self._reserve(np.array([shift]), int(first[shift]), int(slots[shift]), np.array([spot]))

    def meetings(self, places: Places, attendance: float) -> None:
        """Meetings on the half hour, from 9 to 18, for 30 to 90 minutes. They have at least two people, and
        at most as many as there are seats.
        """
        for place in places.rooms:
            slot = 36
            while place.room_type == "meeting_room" and slot < 72:
                slots = 2 * int(self._rng.choice(3, p=(0.4, 0.45, 0.15)) + 1)
                wanted = 0.55 * place.popularity * attendance * (0.3 if _NOON <= slot < 54 else 1.0)
                if self._rng.random() < wanted:
                    self._meet(place, slot, slots)
                    slot += slots
                else:
                    slot += 2

    def _meet(self, place: Place, slot: int, slots: int) -> None:
        invited = min(int(self._rng.integers(2, place.seats + 1)), place.seats)
        free = np.flatnonzero(self._free[:, slot : slot + slots].all(axis=1))
        if len(free) >= 2:
            who = self._rng.choice(free, min(invited, len(free)), replace=False)
            self._reserve(who, slot, slots, place.spots[: len(who)])

    def breaks(self, places: Places) -> None:
        """A few short breaks for each person: coffee, a call, the printer. The best spots are used most."""
        goals = [
            p for p in (*places.rooms, *places.open_zones) if p.room_type in _BREAKS and p.popularity > 0
        ]
        weights = _shares([_BREAKS[place.room_type][0] * place.popularity for place in goals])
        shifts = np.repeat(np.arange(len(self._free)), self._rng.poisson(_BREAKS_A_DAY, len(self._free)))
        n = len(shifts)
        slot, goal = self._rng.integers(30, 78, n), self._rng.choice(len(goals), n, p=weights)
        length, start, seat = self._rng.random((3, n))
        taken: Counter[tuple[int, int]] = Counter()
        for k, shift in enumerate(shifts):
            place, q = goals[goal[k]], int(slot[k])
            if not self._free[shift, q] or taken[goal[k], q] >= place.seats:
                continue
            taken[goal[k], q] += 1
            self._free[shift, q] = False
            _, shortest, longest = _BREAKS[place.room_type]
            length_s = shortest + int((longest - shortest) * length[k])
            start_s = int(self._starts_s[q]) + int((SLOT_S - length_s) * start[k])
            spot = int(place.spots[int(len(place.spots) * seat[k] ** 3)])
            self.trips.append(Trip(int(shift), start_s, start_s + length_s, spot))

    def _reserve(self, shifts: Ints, slot: int, slots: int, spots: Ints) -> None:
        """Sends shifts to spots for whole quarters, those that are free."""
        for shift, spot in zip(shifts.tolist(), spots.tolist(), strict=True):
            if self._free[shift, slot : slot + slots].all():
                self._free[shift, slot : slot + slots] = False
                start_s, stop_s = int(self._starts_s[slot]), int(self._starts_s[slot + slots])
                self.trips.append(Trip(shift, start_s, stop_s, spot))


def _shares(weights: Sequence[float]) -> NDArray[np.float64]:
    return np.array(weights) / sum(weights)
