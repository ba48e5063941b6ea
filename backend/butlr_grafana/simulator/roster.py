"""Who works on a floor: the people, their desks and their habits, the same every day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .places import Places
from .stays import Floats, Ints

PEOPLE_PER_FLOOR = 1000
"""Person numbers of the k-th floor start at k times this."""


@dataclass(frozen=True)
class Roster:
    """n people of a floor as parallel arrays; the last two are the guard and the cleaner.

    `desk`: a spot of the floor's `Places`. `arrives_s`, `works_s`: the usual start (local seconds) and length
    of the working day. `attendance`: how likely the person comes, 1 on average. `phase_s`: the second of each
    minute at which the person is detected.
    """

    person: Ints
    desk: Ints
    arrives_s: Floats
    works_s: Floats
    attendance: Floats
    phase_s: Ints

    @property
    def guard(self) -> int:
        """The row of the guard, who is there at night."""
        return len(self.person) - 2

    @property
    def cleaner(self) -> int:
        """The row of the cleaner, who comes in the evening."""
        return len(self.person) - 1


def hire(places: Places, first_person: int, rng: np.random.Generator) -> Roster:
    """Gives desks to `floor.staff` people. Guard and cleaner have their place at the entrance."""
    desk = np.array([*_desks(places), places.entrance, places.entrance])
    n = len(desk)
    arrives_s = np.clip(rng.normal(8.75, 0.6, n), 7.6, 9.9) * 3600
    works_s = np.clip(rng.normal(8.8, 0.6, n), 7.5, 10.5) * 3600
    attendance = np.clip(rng.normal(1.0, 0.15, n), 0.5, 1.3)
    phase_s = rng.integers(0, 60, n)
    # So that whole minutes, at which periods begin and end, are nobody's blind spot.
    phase_s[::10] = 0
    return Roster(
        person=first_person + np.arange(n),
        desk=desk,
        arrives_s=arrives_s,
        works_s=works_s,
        attendance=attendance,
        phase_s=phase_s,
    )


def _desks(places: Places) -> list[int]:
    """A desk for each: rooms fill at the same pace, in each room the best spots first.

    There are more spots than people, so the far end of a large room stays empty.
    """
    ranked = sorted(
        (rank / place.seats, place.room, rank)
        for place in places.rooms
        if place.room_type == "open_space"
        for rank in range(place.seats)
    )
    return [int(places.rooms[room].spots[rank]) for _, room, rank in ranked[: places.floor.staff]]
