"""People through doors: rows of traffic sensors → entries and exits of floors and rooms.

Butlr's rows name the sensor and its room, even for a floor. The topology decides what counts where, after the
cache: the traffic of a floor is that of its entrances, the traffic of a room that of all traffic sensors in
it. Of a sensor and its copies, one counts at each place (`sensors.one_per_device`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from butlr_grafana.model.calendar import window_starts
from butlr_grafana.model.chunk import Samples, SeriesSubject
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.sensors import Sensor, one_per_device
from butlr_grafana.model.time import Period

_BETWEEN = "\x1f"


def door_key(room_id: str, sensor_id: str, mac: str) -> str:
    """The name of a traffic sensor in `Samples.series`: the room in Butlr's rows, and the sensor."""
    return _BETWEEN.join((room_id, sensor_id, mac))


@dataclass(frozen=True, slots=True)
class Door:
    """A traffic sensor as Butlr's rows name it."""

    room_id: str
    sensor_id: str
    mac: str

    @staticmethod
    def of(key: str, listed: Mapping[str, Sensor]) -> Door:
        """The door of a `door_key`. If a row names no room, the room of the sensor in the topology counts."""
        room_id, sensor_id, mac = key.split(_BETWEEN)
        if not room_id and sensor_id in listed:
            room_id = listed[sensor_id].room_id or ""
        return Door(room_id, sensor_id, mac)


@dataclass(frozen=True, slots=True)
class Place:
    """A floor or room, and the sensors at its doors that count."""

    id: str
    sensors: tuple[Sensor, ...]


def entrances(floor: Floor) -> tuple[Sensor, ...]:
    """The sensors that count people who enter or leave a floor."""
    listed = [s for s in floor.sensors or () if s.is_entrance and s.mode in ("traffic", "")]
    return one_per_device(listed, floor.virtual_sensors)


def doors_by_room(floor: Floor) -> dict[str, tuple[Sensor, ...]]:
    """By room id, the sensors at its doors that count. Rooms without such sensors are left out."""
    listed: dict[str, list[Sensor]] = defaultdict(list)
    for sensor in floor.sensors or ():
        if sensor.counts_doors and sensor.room_id:
            listed[sensor.room_id].append(sensor)
    counted = {room: one_per_device(sensors, floor.virtual_sensors) for room, sensors in listed.items()}
    return {room: sensors for room, sensors in counted.items() if sensors}


def traffic(samples: Samples, floor: Floor, level: str, subject: SeriesSubject, period: Period) -> Samples:
    """Entries and exits of the floor, or of each of its rooms with doors, in every window of the period.

    A window without a row has no movements. It is a gap if all sensors of the place were offline since before
    the window, or if the value of one sensor is unknown.
    """
    starts = window_starts(period, subject.every, subject.timezone)
    places = _places(samples, floor, level)
    sums = np.zeros((len(places), 2, starts.size))
    number = {place.id: k for k, place in enumerate(places)}
    owner = _owners(samples, places, floor)
    column = np.searchsorted(starts, samples.start_s, side="right") - 1
    for series, (key, field) in enumerate(samples.series):
        if key in owner:
            own = samples.index == series
            np.add.at(sums[number[owner[key]], int(field == "out")], column[own], samples.value[own])
    for sum_of, place in zip(sums, places, strict=True):
        silent = starts >= _last_heard_s(place.sensors)
        sum_of[:, silent & (sum_of == 0).all(axis=0)] = np.nan
    names = tuple((place.id, field) for place in places for field in ("in", "out"))
    return Samples(
        names,
        np.repeat(np.arange(len(names), dtype=np.int32), starts.size),
        np.tile(starts, len(names)),
        sums.reshape(-1),
        samples.incomplete,
    )


def _places(samples: Samples, floor: Floor, level: str) -> list[Place]:
    if level == "floor":
        counted = entrances(floor)
        return [Place(floor.id, counted)] if counted else []
    listed = {sensor.id: sensor for sensor in floor.sensors or ()}
    rooms = {member.id for room in floor.rooms for member in room.members or (room,)}
    found: dict[str, dict[str, Sensor]] = {room: {} for room in rooms}
    for sensor in listed.values():
        if sensor.counts_doors and sensor.room_id in found:
            found[sensor.room_id][sensor.id] = sensor
    for key, _ in samples.series:
        door = Door.of(key, listed)
        if door.room_id in found:
            # Butlr may list it no more, for it was replaced; its past counts where it was.
            found[door.room_id].setdefault(
                door.sensor_id, listed.get(door.sensor_id) or Sensor(door.sensor_id, "", door.mac, "traffic")
            )
    counted_in = {
        room: one_per_device(sensors.values(), floor.virtual_sensors) for room, sensors in found.items()
    }
    return [Place(room, counted) for room, counted in counted_in.items() if counted]


def _owners(samples: Samples, places: Iterable[Place], floor: Floor) -> dict[str, str]:
    """Where the rows of each sensor count; those that count nowhere are left out."""
    listed = {sensor.id: sensor for sensor in floor.sensors or ()}
    counted = {(place.id, sensor.id) for place in places for sensor in place.sensors}
    owners = {}
    for key, _ in samples.series:
        door = Door.of(key, listed)
        for place in (floor.id, door.room_id):
            if (place, door.sensor_id) in counted:
                owners[key] = place
    return owners


def _last_heard_s(sensors: Sequence[Sensor]) -> float:
    """Up to when any of them told anything; infinite while one is online, or where that is not known."""
    if not sensors or any(s.works is not False or s.last_heartbeat_s is None for s in sensors):
        return math.inf
    return max(s.last_heartbeat_s or 0 for s in sensors)
