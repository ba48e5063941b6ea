"""The people: where everyone was at any time, made up day by day and always the same for the same seed.

A floor's local day is drawn whole from its own generator, seeded with numbers that stay the same for ever,
so an instant looks the same whatever range it is asked in. Days are kept in memory, the least recently used
go. Crowds come on top of a day as drawn, which stays as it is; outages take away what nobody sees.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np

from .crowds import FIRST_PERSON, Crowd, stays_of
from .day import LocalDay, draw_day
from .minutes import MINUTE_S, Count, Minutes, people_per_minute
from .outages import (
    Outage,
    Range,
    all_of,
    any_of,
    check,
    door_sensors,
    presence_sensors,
    sensor_faults,
    switched_off,
)
from .places import Drawing, Places, drawing
from .roster import PEOPLE_PER_FLOOR, Roster, hire
from .stays import OUTSIDE, Crossings, Detections, Floats, Ints, Stays, cross, detect
from .world import Floor, Office, Sensor

_MOST_DAYS = 400
"""How many days of a floor are cached. A day takes 0.4 MB on average on the largest floor, and 0.7 MB when
all its minutes are counted.
"""
_MOST_DAYS_PER_FLOOR = 3
"""At least so many, so that requests about now do not draw the days of a large company again and again."""
_LONGEST_S = 400 * 86400
"""How far back the begin of an outage is searched."""


@dataclass(frozen=True)
class _Day:
    """All there is to know of a floor's local day."""

    stays: Stays
    detections: Detections
    crossings: Crossings
    minutes: Minutes


class People:
    """The people in an office. Ranges are half-open, `start_s <= t < stop_s`, in UTC epoch seconds.

    May be used from many threads. An unknown floor or room is a `KeyError`.
    """

    def __init__(self, office: Office, seed: int = 1) -> None:
        self.office = office
        self.seed = seed
        self._numbers = {floor.id: k for k, floor in enumerate(office.floors)}
        self._staff_of: dict[str, tuple[Places, Roster]] = {}
        self._places_by_drawing: dict[Drawing, Places] = {}
        self._sensors = {sensor.id: sensor for sensor in office.sensors}
        self._hives = {hive.serial_number: hive.id for hive in office.hives}
        self._floor_of = {
            place_id: floor
            for floor in office.floors
            for place_id in (floor.id, *(placed.id for placed in floor.placed))
        }
        self._crowds: tuple[Crowd, ...] = ()
        self._outages: tuple[Outage, ...] = ()
        self._crowding = threading.Lock()
        """Held while crowds or outages are changed."""
        self._drawing = threading.Lock()
        """Held while a day is drawn, and its floor's people hired."""
        self._cached_day = lru_cache(maxsize=max(_MOST_DAYS, _MOST_DAYS_PER_FLOOR * len(self._numbers)))(
            self._draw
        )

    def stays(self, floor_id: str, start_s: int, stop_s: int) -> Stays:
        """All stays that overlap the range, not cut, sorted by start."""
        stays = Stays.join([day.stays for day in self._days(floor_id, start_s, stop_s)])
        return stays.take((stays.start_s < stop_s) & (stays.stop_s > start_s))

    def detections(self, floor_id: str, start_s: int, stop_s: int) -> tuple[Ints, Floats, Floats]:
        """`t_s, x_m, y_m` of what the sensors saw, sorted by time: one sighting a person and minute.

        But for those in a room whose sensor is offline then, and on a floor that has only doors. Each
        sighting stands for the `rate` detections that the person gives in that minute: a heat map's cell is
        the number of sightings in it times the rate.
        """
        seen = [day.detections for day in self._days(floor_id, start_s, stop_s)]
        t_s, x_m, y_m, _ = _between(seen, start_s, stop_s)
        return t_s, x_m.astype(np.float64), y_m.astype(np.float64)

    def rate(self, floor_id: str) -> int:
        """The detections per minute of a person on a floor. `Simulator.rate` also considers the forms."""
        return self.office.by_id[floor_id].detections_per_minute

    def crossings(self, floor_id: str, start_s: int, stop_s: int) -> tuple[Ints, Ints, Ints]:
        """`t_s, room, direction` of every step through a door (see `Crossings`), even if its sensor is
        offline.
        """
        steps = [day.crossings for day in self._days(floor_id, start_s, stop_s)]
        t_s, room, direction = _between(steps, start_s, stop_s)
        return t_s, room, direction

    def occupancy(self, floor_id: str, room: int | None, start_s: int, stop_s: int) -> Ints:
        """How many people there are in a room, each whole minute of the range, whether or not a sensor sees.

        `room` is an index into the floor's rooms, `OUTSIDE`, or None for the floor. A person counts where
        they are at their `phase_s` of the minute.
        """
        minutes = _whole_minutes(start_s, stop_s)
        stays = self.stays(floor_id, start_s, stop_s)
        stays = stays if room is None else stays.take(stays.room == room)
        people: Ints = people_per_minute(stays, np.zeros(len(stays), np.int64), 1, start_s, minutes)[0]
        return people

    def count(self, floor_id: str, what: Count, start_s: int, stop_s: int) -> Ints:
        """What the sensors count, `[asset, minute]` over a range of whole minutes (see `Minutes`).

        As for `detections`, whoever is in a room whose sensor is offline then is not there. An empty range is
        a ValueError.
        """
        minutes = _whole_minutes(start_s, stop_s)
        days = [day.minutes for day in self._days(floor_id, start_s, stop_s)]
        first = (start_s - days[0].start_s) // MINUTE_S
        counts = np.concatenate([getattr(day, what) for day in days], axis=1)
        return counts[:, first : first + minutes].astype(np.int64)

    def crowd(self, floor_id: str, room_id: str, people: int, start_s: int, stop_s: int) -> Crowd:
        """Adds people who stay in a room for a time (see `Crowd`)."""
        rooms = [room.id for room in self.office.by_id[floor_id].rooms]
        if room_id not in rooms:
            raise KeyError(room_id)
        if people < 1 or start_s >= stop_s:
            raise ValueError("a crowd has at least one person and lasts at least one second")
        with self._crowding:
            first = FIRST_PERSON + sum(crowd.people for crowd in self._crowds)
            crowd = Crowd(floor_id, rooms.index(room_id), people, start_s, stop_s, first)
            self._crowds = (*self._crowds, crowd)
        return crowd

    def clear_crowds(self) -> None:
        """Removes all crowds."""
        with self._crowding:
            self._crowds = ()

    @property
    def crowds(self) -> tuple[Crowd, ...]:
        """All crowds, in the order in which they were added."""
        return self._crowds

    def outage(self, device_id: str, start_s: int, stop_s: int) -> Outage:
        """Takes a sensor or hive offline for a time. Raises `Refusal` if it is unknown."""
        check(self.office, device_id)
        if start_s >= stop_s:
            raise ValueError("an outage lasts at least one second")
        outage = Outage(device_id, start_s, stop_s)
        with self._crowding:
            self._outages = (*self._outages, outage)
        return outage

    def clear_outages(self) -> None:
        """Removes all outages, except those of sensors that fail by themselves."""
        with self._crowding:
            self._outages = ()

    @property
    def outages(self) -> tuple[Outage, ...]:
        """All outages, in the order in which they were added."""
        return self._outages

    def offline(self, place_id: str, start_s: int, stop_s: int) -> list[Range]:
        """When, within the range, all presence sensors of a room, zone or floor are offline, in order.

        A zone in a room is seen by the room's sensors. A failing sensor is offline for four days of each
        28-day cycle; others are where they, or their hives, are switched off.
        """
        return all_of(
            [
                self.silent(one, start_s, stop_s)
                for one in presence_sensors(self._floor_of[place_id], place_id)
            ]
        )

    def doors_offline(self, floor_id: str, start_s: int, stop_s: int) -> list[tuple[int, Range]]:
        """The rows of `count` whose doors have no working sensor, and when; row 0 is the floor's entrance."""
        floor = self.office.by_id[floor_id]
        rows = [(0, door_sensors(floor, None))]
        rows += [(index - OUTSIDE, door_sensors(floor, room.id)) for index, room in enumerate(floor.rooms)]
        return [
            (row, part)
            for row, sensors in rows
            for part in all_of([self.silent(one, start_s, stop_s) for one in sensors])
        ]

    def silent(self, sensor: Sensor, start_s: int, stop_s: int) -> list[Range]:
        """The times within the range in which a sensor is offline. A copy is offline with its original."""
        device = self._sensors.get(sensor.twin_id or "", sensor)
        own = switched_off(device.id, self._outages, start_s, stop_s)
        hive = switched_off(self._hives.get(device.hive_serial, ""), self._outages, start_s, stop_s)
        return any_of([*sensor_faults(device, start_s, stop_s), *own, *hive])

    def silent_since(self, sensor_id: str, at_s: int) -> int | None:
        """Since when a sensor is offline; `None`: it is online."""
        found = self.silent(self._sensors[sensor_id], at_s - _LONGEST_S, at_s + 1)
        return found[-1][0] if found and found[-1][1] > at_s else None

    def hive_silent_since(self, hive_id: str, at_s: int) -> int | None:
        """Since when a hive is offline; `None`: it is online."""
        found = any_of(switched_off(hive_id, self._outages, at_s - _LONGEST_S, at_s + 1))
        return found[-1][0] if found and found[-1][1] > at_s else None

    def _days(self, floor_id: str, start_s: int, stop_s: int) -> Sequence[_Day]:
        """The local days a range touches, at least one."""
        tz = self.office.by_id[floor_id].zone_info
        first = datetime.fromtimestamp(start_s, tz).date()
        last = max(first, datetime.fromtimestamp(stop_s - 1, tz).date())
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        return [self._day(floor_id, day) for day in days]

    def _day(self, floor_id: str, day: date) -> _Day:
        crowds = tuple(crowd for crowd in self._crowds if crowd.floor_id == floor_id)
        if crowds:
            local = LocalDay.of(day, self.office.by_id[floor_id].zone_info)
            crowds = tuple(c for c in crowds if c.start_s < local.stop_s and c.stop_s > local.midnight_s)
        outages = self._outages
        if outages:
            local = LocalDay.of(day, self.office.by_id[floor_id].zone_info)
            outages = tuple(o for o in outages if o.start_s < local.stop_s and o.stop_s > local.midnight_s)
        # One at a time: threads that want the same day wait for it instead of drawing it too.
        with self._drawing:
            return self._cached_day(floor_id, day, crowds, outages)

    def _draw(
        self,
        floor_id: str,
        day: date,
        crowds: tuple[Crowd, ...],
        outages: tuple[Outage, ...],  # noqa: ARG002 - a day is kept by them
    ) -> _Day:
        """A day; crowds and outages are part of what it is kept by, so that it is never one with others."""
        floor = self.office.by_id[floor_id]
        local = LocalDay.of(day, floor.zone_info)
        rng = self._rng(floor_id, day.toordinal())
        stays = draw_day(*self._people_of(floor), local, rng)
        seen = detect(stays, rng)
        for crowd in crowds:
            own = self._rng(floor_id, day.toordinal(), crowd.first_person)
            extra = self._sitting(crowd, local)
            stays, seen = Stays.join([stays, extra]), seen.merge(detect(extra, own))
        if crowds:
            stays = stays.take(np.lexsort((stays.person, stays.start_s)))
        crossings = cross(stays, local.midnight_s, local.stop_s)
        offline = self._offline_rooms(floor, local)
        return _Day(
            stays,
            _seen_online(seen, offline),
            crossings,
            Minutes(
                floor,
                local.midnight_s,
                local.length_s // MINUTE_S,
                _stays_online(stays, offline),
                crossings,
            ),
        )

    def _people_of(self, floor: Floor) -> tuple[Places, Roster]:
        """Where one can be on a floor, and who works there; worked out when its first day is drawn."""
        if floor.id not in self._staff_of:
            places = self._places_of(floor)
            first_person = self._numbers[floor.id] * PEOPLE_PER_FLOOR
            self._staff_of[floor.id] = places, hire(places, first_person, self._rng(floor.id))
        return self._staff_of[floor.id]

    def _places_of(self, floor: Floor) -> Places:
        """Of floors that are drawn alike, as in an office tower, they are worked out once."""
        drawn = drawing(floor)
        if drawn not in self._places_by_drawing:
            self._places_by_drawing[drawn] = Places(floor)
        return self._places_by_drawing[drawn].on(floor)

    def _sitting(self, crowd: Crowd, day: LocalDay) -> Stays:
        phase_s = self._rng(crowd.floor_id, 0, crowd.first_person).integers(0, MINUTE_S, crowd.people)
        places, _ = self._people_of(self.office.by_id[crowd.floor_id])
        return stays_of(crowd, places, day.midnight_s, day.stop_s, phase_s)

    def _offline_rooms(self, floor: Floor, day: LocalDay) -> list[tuple[int, int, int]]:
        """Rooms and the parts of the day in which their sensor is offline; where there is none, always."""
        if floor.doors_only:
            return [(room, day.midnight_s, day.stop_s) for room in range(OUTSIDE, len(floor.rooms))]
        unseen = [(OUTSIDE, floor.id), *((index, room.id) for index, room in enumerate(floor.rooms))]
        return [
            (index, since_s, until_s)
            for index, place_id in unseen
            for since_s, until_s in self.offline(place_id, day.midnight_s, day.stop_s)
        ]

    def _rng(self, floor_id: str, *more: int) -> np.random.Generator:
        # Not hash(): that differs from process to process.
        return np.random.default_rng([self.seed, zlib.crc32(floor_id.encode()), *more])


def _seen_online(seen: Detections, offline: Sequence[tuple[int, int, int]]) -> Detections:
    online = np.ones(len(seen.t_s), dtype=np.bool_)
    for room, since_s, until_s in offline:
        online &= (seen.room != room) | (seen.t_s < since_s) | (seen.t_s >= until_s)
    return Detections(seen.t_s[online], seen.x_m[online], seen.y_m[online], seen.room[online])


def _stays_online(stays: Stays, offline: Sequence[tuple[int, int, int]]) -> Stays:
    for room, since_s, until_s in offline:
        stays = stays.without(room, since_s, until_s)
    return stays


def _whole_minutes(start_s: int, stop_s: int) -> int:
    if start_s % MINUTE_S or stop_s % MINUTE_S or start_s >= stop_s:
        raise ValueError("start and stop must be whole minutes, and start must be before stop")
    return (stop_s - start_s) // MINUTE_S


def _between(parts: Sequence[Detections] | Sequence[Crossings], start_s: int, stop_s: int) -> list[Any]:
    """The columns of parts sorted by time, one after the other, cut to the range."""
    cuts = [slice(*np.searchsorted(part.t_s, (start_s, stop_s))) for part in parts]
    return [
        np.concatenate([getattr(part, column.name)[cut] for part, cut in zip(parts, cuts, strict=True)])
        for column in fields(parts[0])
    ]
