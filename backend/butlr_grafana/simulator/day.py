"""One day of one floor: who comes, where they go, and the stays that follow.

Drawn in three steps: shifts (who is in, from when to when), trips (away from the desk, never two at once),
and stays: the desk between trips, and a short walk through the corridor at each change of place. Times are
elapsed seconds since local midnight, so a day may have 23 or 25 hours.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .agenda import AWAY, SLOT_S, Agenda, Trip
from .places import Places
from .roster import Roster
from .stays import Ints, Stays

_COMES_ON_WEEKDAY = (0.66, 0.84, 0.82, 0.86, 0.46, 0.04, 0.02)
_COMES_IN_MONTH = (0.95, 1.0, 1.0, 0.96, 0.94, 0.97, 0.78, 0.45, 1.0, 1.0, 1.0, 0.85)
_HOUR_S = 3600


@dataclass(frozen=True)
class LocalDay:
    """A day on a floor's clock: its midnight in UTC epoch seconds, and its length in seconds."""

    date: dt.date
    midnight_s: int
    length_s: int

    @classmethod
    def of(cls, day: dt.date, tz: dt.tzinfo) -> Self:
        """The day in a time zone."""
        midnight_s = int(dt.datetime.combine(day, dt.time(), tz).timestamp())
        next_s = int(dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), tz).timestamp())
        return cls(day, midnight_s, next_s - midnight_s)

    @property
    def stop_s(self) -> int:
        """The next midnight."""
        return self.midnight_s + self.length_s

    def at(self, clock_s: ArrayLike) -> Ints:
        """Elapsed seconds at local clock times after 04:00: by then the clocks have changed, if they do."""
        return np.asarray(clock_s).astype(np.int64) + (self.length_s - 24 * _HOUR_S)


@dataclass(frozen=True)
class Shifts:
    """n shifts as parallel arrays: a row of the roster, the start and the end."""

    row: Ints
    start_s: Ints
    stop_s: Ints


def draw_day(places: Places, roster: Roster, day: LocalDay, rng: np.random.Generator) -> Stays:
    """All stays of one local day, sorted by start. None of them crosses midnight."""
    staff = _staff_shifts(roster, day, rng)
    agenda = Agenda(staff.start_s, staff.stop_s, day.at(np.arange(97) * SLOT_S), rng)
    agenda.lunch(places)
    agenda.meetings(places, len(staff.row) / roster.guard)
    agenda.breaks(places)
    night = _night_shifts(places, roster, day)
    shifts = Shifts(*(np.concatenate(pair) for pair in zip(_columns(staff), _columns(night), strict=True)))
    rounds = _rounds(places, roster, night, len(staff.row), rng)
    stays = _stays(places, roster, shifts, [*agenda.trips, *rounds], rng)
    return replace(stays, start_s=day.midnight_s + stays.start_s, stop_s=day.midnight_s + stays.stop_s)


def _columns(shifts: Shifts) -> tuple[Ints, Ints, Ints]:
    return shifts.row, shifts.start_s, shifts.stop_s


def _rows(shifts: Shifts) -> Iterator[tuple[int, int, int]]:
    return zip(*(column.tolist() for column in _columns(shifts)), strict=True)


def _staff_shifts(roster: Roster, day: LocalDay, rng: np.random.Generator) -> Shifts:
    """Who comes, between 7:30 and 10:00, and stays until between 16:00 and 19:30."""
    n = roster.guard
    likely = _COMES_ON_WEEKDAY[day.date.weekday()] * _COMES_IN_MONTH[day.date.month - 1]
    comes = rng.random(n) < likely * roster.attendance[:n]
    start = np.clip(roster.arrives_s[:n] + rng.normal(0, 900, n), 7.5 * _HOUR_S, 10 * _HOUR_S)
    stop = np.clip(start + roster.works_s[:n] + rng.normal(0, 1500, n), 16 * _HOUR_S, 19.5 * _HOUR_S)
    return Shifts(np.flatnonzero(comes), day.at(start[comes]), day.at(stop[comes]))


def _night_shifts(places: Places, roster: Roster, day: LocalDay) -> Shifts:
    """The guard to 6:00 and from 22:00, cut at midnight; on working days the cleaner for two hours."""
    shifts = []
    if places.floor.guarded:
        shifts.append((roster.guard, 0, int(day.at(6 * _HOUR_S))))
        shifts.append((roster.guard, int(day.at(22 * _HOUR_S)), day.length_s))
    if day.date.weekday() < 5:
        shifts.append((roster.cleaner, int(day.at(19.6 * _HOUR_S)), int(day.at(21.6 * _HOUR_S))))
    return Shifts(*np.array(shifts, dtype=np.int64).reshape(-1, 3).T)


def _rounds(
    places: Places, roster: Roster, night: Shifts, first_shift: int, rng: np.random.Generator
) -> Iterator[Trip]:
    """The guard looks into ten rooms an hour, the cleaner spends the shift going through all."""
    rooms = [place.spots for place in places.rooms if place.popularity > 0]
    for shift, (row, start_s, stop_s) in enumerate(_rows(night), first_shift):
        if row == roster.cleaner:
            length_s = (stop_s - start_s) // len(rooms)
            visits = [(start_s + k * length_s, k) for k in range(len(rooms))]
        else:
            length_s, hours = 180, range(start_s, stop_s, _HOUR_S)
            round_starts_s = [hour_s + 1800 + k * length_s for hour_s in hours for k in range(10)]
            visits = [(at_s, int(rng.integers(len(rooms)))) for at_s in round_starts_s]
        for at_s, room in visits:
            spots = rooms[room]
            yield Trip(shift, at_s, at_s + length_s, int(spots[rng.integers(len(spots) + 1) // 2]))


def _stays(
    places: Places, roster: Roster, shifts: Shifts, trips: list[Trip], rng: np.random.Generator
) -> Stays:
    """Fills each shift: desk between trips, and before each stay a walk, out of the stay's own time."""
    shift, start, stop, spot = _with_desks(roster, shifts, trips)
    at = np.where(spot == AWAY, places.entrance, spot)
    came_from = np.where(_first(shift), places.entrance, np.roll(at, 1))
    share, aside_x, aside_y = rng.random(len(at)), *rng.normal(0, 1.5, (2, len(at)))
    walk = places.corridor_near(
        places.x_m[at] * share + places.x_m[came_from] * (1 - share) + aside_x,
        places.y_m[at] * share + places.y_m[came_from] * (1 - share) + aside_y,
    )
    there = start + np.minimum(rng.integers(20, 81, len(at)), (stop - start) // 2)
    here = spot != AWAY
    row = shifts.row[np.r_[shift, shift[here]]]
    spots = np.r_[walk, spot[here]]
    start, stop = np.r_[start, there[here]], np.r_[there, stop[here]]
    stays = Stays(
        person=roster.person[row],
        room=places.room[spots],
        x_m=places.x_m[spots],
        y_m=places.y_m[spots],
        start_s=start,
        stop_s=stop,
        phase_s=roster.phase_s[row],
        reach_m=places.reach_m[spots],
    )
    order = np.lexsort((stays.person, stays.start_s))
    return stays.take(order[stays.stop_s[order] > stays.start_s[order]])


def _with_desks(roster: Roster, shifts: Shifts, trips: list[Trip]) -> tuple[Ints, Ints, Ints, Ints]:
    """Trips and, between them, the time at the desk, as columns of `Trip` sorted by shift and start."""
    n = len(shifts.row)
    away = np.array(trips, dtype=np.int64).reshape(-1, 4)
    ends = np.stack([np.arange(n), shifts.stop_s, shifts.stop_s, np.zeros(n, dtype=np.int64)], axis=1)
    bounds = np.concatenate([away, ends])
    bounds = bounds[np.lexsort((bounds[:, 1], bounds[:, 0]))]
    since = np.where(_first(bounds[:, 0]), shifts.start_s[bounds[:, 0]], np.roll(bounds[:, 2], 1))
    desk = roster.desk[shifts.row[bounds[:, 0]]]
    at_desk = np.stack([bounds[:, 0], since, bounds[:, 1], desk], axis=1)[bounds[:, 1] > since]
    both = np.concatenate([away, at_desk])
    shift, start, stop, spot = both[np.lexsort((both[:, 1], both[:, 0]))].T
    return shift, start, stop, spot


def _first(sorted_keys: Ints) -> NDArray[np.bool_]:
    """Where each run of equal keys begins."""
    first = np.ones(len(sorted_keys), dtype=np.bool_)
    first[1:] = sorted_keys[1:] != sorted_keys[:-1]
    return first
