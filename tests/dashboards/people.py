"""What the simulator's people did on a floor in the hours that count; nothing of the backend is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import shapely

from butlr_grafana.simulator.world import SQUARE_FEET_PER_M2, Floor, Room
from tests.support import DETECTIONS_A_MINUTE, PEOPLE, Cells, added, through, truth

HOUR_S, DAY_S = 3600, 86_400
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class View:
    """A question's words and period (whole hours), and when it is asked."""

    params: Mapping[str, str]
    start_s: int
    end_s: int
    now_s: int
    rates: Mapping[str, float] = field(default_factory=dict)
    """Detections a person and minute by floor, where the backend knows them."""

    @property
    def in_people(self) -> bool:
        """Whether heat is in people, where it has a unit."""
        unit = self.params.get("unit", "auto")
        return unit == "people" or (
            unit == "auto"
            and self.params.get("normalize") != "hour"
            and any(floor.id in self.rates for floor in self.floors)
        )

    def people(self, floor: Floor, detections: float | None) -> float | None:
        """Detections as person-hours; those of an hour as people."""
        if detections is None or floor.id not in self.rates:
            return None
        return detections / self.rates[floor.id] / 60

    @property
    def floors(self) -> list[Floor]:
        """Of all floors those that have any of the rooms asked for."""
        if self.params["space"] != "all":
            return [PEOPLE.office.by_id[self.params["space"]]]
        wanted = self.chosen
        return [
            floor
            for floor in PEOPLE.office.floors
            if wanted is None or any(room.id in wanted for room in floor.rooms)
        ]

    @property
    def chosen(self) -> list[str] | None:
        """The ids of the rooms asked for; `None`: all."""
        rooms = self.params.get("room", "All")
        return None if rooms == "All" else rooms.split(",")

    @property
    def as_one(self) -> bool:
        """Whether what is asked of the floor is of the rooms chosen, together."""
        level = self.params.get("level", "floor" if "metric" in self.params else "room")
        return level == "floor" and self.chosen is not None

    def name(self, floor: Floor) -> str:
        """What figures are of: the floor, or the rooms chosen as one."""
        if not self.as_one:
            return floor.name
        rooms = self.rooms(floor)
        return rooms[0].name if len(rooms) == 1 else f"{len(rooms)} rooms"

    def rooms(self, floor: Floor) -> list[Room]:
        """In the order in which they are asked for, else in the floor's."""
        if self.chosen is None:
            return list(floor.rooms)
        of_floor = {room.id: room for room in floor.rooms}
        return [of_floor[room_id] for room_id in self.chosen]

    @property
    def in_feet(self) -> bool:
        return self.params.get("area") == "ft2"

    @property
    def area_unit(self) -> float:
        """How many of the units asked for are a square metre."""
        return SQUARE_FEET_PER_M2 if self.in_feet else 1.0

    def before(self) -> View:
        """The period of the same length that ends where this one begins."""
        return replace(self, start_s=2 * self.start_s - self.end_s, end_s=self.start_s)

    def counts(self, floor: Floor, t: int) -> bool:
        """Whether the hour from `t` on is within the hours and days asked for, by the floor's clock."""
        weekday, hour = on_the_wall(t, floor.timezone)
        opens, closes = (int(edge[:2]) for edge in self.params.get("hours", "00:00-24:00").split("-"))
        first, last = self.params.get("days", "mon-sun").split("-")
        return opens <= hour < closes and DAYS.index(first) <= weekday <= DAYS.index(last)

    def hours(self, floor: Floor) -> list[int]:
        """The beginnings of the hours that count."""
        return [t for t in range(self.start_s, self.end_s, HOUR_S) if self.counts(floor, t)]

    def cells(self, floor: Floor, metres: float) -> Cells:
        return added(*(truth(floor.id, a, b, metres) for a, b in self.spans(floor)))

    def detections(self, floor: Floor) -> int:
        people = sum(len(PEOPLE.detections(floor.id, a, b)[0]) for a, b in self.spans(floor))
        return DETECTIONS_A_MINUTE * people

    def spans(self, floor: Floor) -> list[tuple[int, int]]:
        """The hours that count, put together where they adjoin."""
        spans: list[tuple[int, int]] = []
        for t in self.hours(floor):
            if spans and spans[-1][1] == t:
                spans[-1] = (spans[-1][0], t + HOUR_S)
            else:
                spans.append((t, t + HOUR_S))
        return spans

    def hours_seen(self, floor: Floor, room: Room) -> list[int]:
        """The hours that count in which the room's sensor worked; none where nothing counts its people."""
        if not has_sensor(floor, room):
            return []
        return [t for t in self.hours(floor) if not PEOPLE.offline(room.id, t, t + HOUR_S)]


@cache
def on_the_wall(t: int, timezone: str) -> tuple[int, int]:
    """Weekday (Monday: 0) and hour."""
    wall = datetime.fromtimestamp(t, ZoneInfo(timezone))
    return wall.weekday(), wall.hour


def has_sensor(floor: Floor, room: Room) -> bool:
    return any(s.room_id == room.id and s.mode == "presence" for s in floor.sensors)


def has_door(floor: Floor, room: Room) -> bool:
    """Whether who goes through its door, or through the entrance beside it, is counted."""
    return any(s.room_id == room.id and s.mode == "traffic" for s in floor.sensors)


def seats(asset: Floor | Room) -> int | None:
    return asset.capacity if isinstance(asset.capacity, int | None) else asset.capacity.max


def finest(floor: Floor) -> float:
    """What `auto` chooses: half a metre, or a metre where that makes more than 100 columns."""
    min_x, _, max_x, _ = floor.extent
    return next(metres for metres in (0.5, 1.0) if (max_x - min_x) / metres <= 100)


def shape(asset: Room | Floor) -> Any:
    return shapely.Polygon(asset.outline if isinstance(asset, Floor) else asset.polygon)


def area_in_butlr_m2(floor: Floor, asset: Room | Floor) -> float:
    """The area as Butlr tells it: in the floor's unit, to two decimals."""
    polygon = asset.outline if isinstance(asset, Floor) else asset.footprint
    return round(floor.area(polygon), 2) / floor.area(((0, 0), (1, 0), (1, 1), (0, 1)))


def parts_inside(cells: Cells, metres: float, area: Any) -> Array:
    """The share (0 to 1) of each cell that lies in an area."""
    half = metres / 2
    x, y = np.array(list(cells) or np.empty((0, 2))).T
    squares = shapely.box(x - half, y - half, x + half, y + half)
    found: Array = shapely.area(shapely.intersection(squares, area)) / metres**2
    return found


def inside(cells: Cells, metres: float, area: Any) -> float:
    """Detections in an area, those of a cell on its edge by area."""
    return float((parts_inside(cells, metres, area) * np.array(list(cells.values()))).sum())


def in_room(cells: Cells, metres: float, floor: Floor, room: Room) -> float:
    """Detections in a room with an outline; of what it shares with another, half."""
    others = [other for other in floor.rooms if other.polygon and other.id != room.id]
    both = [shape(room).intersection(shape(other)) for other in others]
    shared = sum(inside(cells, metres, area) for area in both if area.area > 0)
    return inside(cells, metres, shape(room)) - shared / 2


def people_hourly(floor: Floor, room: Room | None, hours: list[int]) -> Array:
    """People minute by minute, [hours, 60]; on a floor those whom a sensor sees."""
    if not hours:
        return np.empty((0, 60))
    index = None if room is None else floor.rooms.index(room)
    from_s, to_s = min(hours), max(hours) + HOUR_S
    each_hour = PEOPLE.occupancy(floor.id, index, from_s, to_s).reshape(-1, 60)
    found = each_hour[[(t - from_s) // HOUR_S for t in hours]]
    if room is not None:
        return found
    for one, other in enumerate(floor.rooms):
        for row, t in enumerate(hours):
            if PEOPLE.offline(other.id, t, t + HOUR_S):
                found[row] -= PEOPLE.occupancy(floor.id, one, t, t + HOUR_S)
    return found


def occupied_s(floor: Floor, room: Room, start_s: int, end_s: int) -> float:
    """Seconds in which somebody was there whom the sensor saw."""
    row = 1 + floor.rooms.index(room)
    return float(PEOPLE.count(floor.id, "occupied_s", start_s, end_s)[row].sum())


def crossings(floor: Floor, room: Room | None, direction: int, start_s: int, end_s: int) -> int:
    """Who came in (1) or went out (-1) through a room's doors, or the floor's entrance."""
    came, went = through(floor.id, room.id if room else floor.id, start_s, end_s)
    return len(came if direction == 1 else went)


def by_doors(floor: Floor, room: Room | None, midnight_s: int, end_s: int) -> int | None:
    """Butlr's count of people by the doors at the end of a minute of a day that is not over: who came less
    who went, never fewer than none, and one too many for every forty steps, which it corrects after the day.

    Who comes through the entrance is not in the room beside it.
    """
    if room is not None and not any(
        s.room_id == room.id and s.mode == "traffic" and not s.is_entrance for s in floor.sensors
    ):
        return None
    t_s, door, way = PEOPLE.crossings(floor.id, midnight_s, end_s)
    own = door == (-1 if room is None else floor.rooms.index(room))
    minutes, minute = (end_s - midnight_s) // 60, (t_s[own] - midnight_s) // 60
    net = np.cumsum(np.bincount(minute, way[own], minlength=minutes))
    return int(net[-1] - min(0, net.min())) + int(own.sum()) // 40
