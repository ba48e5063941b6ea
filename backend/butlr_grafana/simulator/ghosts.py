"""Ghost heat: the detections of a presence sensor seen a second time, where its clone stands."""

from __future__ import annotations

import numpy as np

from .device_values import sensor_centre
from .geometry import Floats, contains
from .people import People
from .world import Floor


def ghosts(people: People, floor: Floor, start_s: int, stop_s: int) -> tuple[Floats, Floats]:
    """`x_m, y_m` of the ghosts of a half-open range: of each presence clone, those that fall on the floor.

    The detections of the twin's room, moved as far as the clone's centre lies from its twin's.
    """
    _, x_m, y_m = people.detections(floor.id, start_s, stop_s)
    sensors = {sensor.id: sensor for sensor in floor.sensors}
    rooms = {room.id: room for room in floor.rooms}
    found_x, found_y = [np.empty(0)], [np.empty(0)]
    for clone in floor.sensors:
        twin = sensors.get(clone.twin_id or "")
        if not clone.is_clone or clone.mode != "presence" or twin is None or twin.room_id is None:
            continue
        seen = contains(rooms[twin.room_id].footprint, x_m, y_m)
        (to_x, to_y), (from_x, from_y) = sensor_centre(clone, floor), sensor_centre(twin, floor)
        x, y = x_m[seen] + (to_x - from_x), y_m[seen] + (to_y - from_y)
        there = contains(floor.outline, x, y)
        found_x.append(x[there])
        found_y.append(y[there])
    return np.concatenate(found_x), np.concatenate(found_y)
