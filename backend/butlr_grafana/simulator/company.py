"""A large tenant: a company of N floors with M rooms each, in buildings of many cities.

Floors and rooms are named as companies name them: `Floor 1` is in every building and `Kitchen` on every
floor, so that only the building tells them apart. Buildings have five to ten floors; one that is left has
fewer. Nothing is random: of the same numbers it is the same company, and each floor's people are drawn when
they are first asked for (`People`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice

from .fittings import furnish, slug
from .geometry import box
from .world import Building, Capacity, Floor, Office, Room, Site

MOST_FLOORS = 1000
"""With more floors, person numbers would overlap those of crowds (`crowds.FIRST_PERSON`)."""
LEAST_ROOMS, MOST_ROOMS = 2, 200
"""People need at least a desk and a kitchen."""

_DEPTH_M, _CORRIDOR_M = 6.0, 2.0
_STAFF_A_SEAT = 0.75


@dataclass(frozen=True)
class _City:
    name: str
    timezone: str
    region: str
    buildings: tuple[str, str]
    area_unit: str = "m2"


_CITIES = (
    _City("Paris", "Europe/Paris", "EMEA", ("Montparnasse", "La Défense")),
    _City("New York", "America/New_York", "Americas", ("Hudson Street", "Broadway"), "sqft"),
    _City("London", "Europe/London", "EMEA", ("Bishopsgate", "Paddington")),
    _City("Singapore", "Asia/Singapore", "APAC", ("Marina Bay", "One North")),
    _City("Berlin", "Europe/Berlin", "EMEA", ("Spreeufer", "Alexanderplatz")),
    _City("Chicago", "America/Chicago", "Americas", ("Wacker Drive", "Fulton Market"), "sqft"),
    _City("Bengaluru", "Asia/Kolkata", "APAC", ("Whitefield", "Koramangala")),
    _City("São Paulo", "America/Sao_Paulo", "Americas", ("Faria Lima", "Avenida Paulista")),
    _City("Madrid", "Europe/Madrid", "EMEA", ("Castellana", "Las Tablas")),
    _City("Tokyo", "Asia/Tokyo", "APAC", ("Marunouchi", "Shibuya")),
    _City("Toronto", "America/Toronto", "Americas", ("King Street", "Front Street")),
    _City("Warsaw", "Europe/Warsaw", "EMEA", ("Rondo Daszyńskiego", "Mokotów")),
    _City("Sydney", "Australia/Sydney", "APAC", ("Barangaroo", "Parramatta")),
    _City("San Francisco", "America/Los_Angeles", "Americas", ("Mission Street", "Market Street"), "sqft"),
)
_HEIGHTS = (8, 6, 10, 6, 9, 7, 5)
"""How many floors buildings have, in turn."""
_TEAMS = ("engineering", "sales", "finance", "marketing", "support", "legal", "research")
_RIVERS = (
    *("Seine", "Amazon", "Danube", "Nile", "Ganges", "Volga", "Rhine", "Mekong", "Loire", "Zambezi"),
    *("Vistula", "Tagus", "Murray", "Yukon", "Orinoco", "Elbe", "Indus", "Ebro", "Shannon", "Tiber"),
)


@dataclass(frozen=True)
class _Kind:
    """Rooms of a kind: `width_m` along the corridor, and seats, which nobody set where there is `None`."""

    name: str
    room_type: str
    width_m: float
    seats: int | None
    tags: tuple[str, ...] = ()


_DESKS = _Kind("Open space", "open_space", 12.0, 16)
_KITCHEN = _Kind("Kitchen", "kitchen", 6.0, 12, ("food",))
_FOR_FOUR = _Kind("Meeting room", "meeting_room", 3.5, 4)
_FOR_EIGHT = _Kind("Meeting room", "meeting_room", 5.0, 8, ("video",))
_FOR_FOURTEEN = _Kind("Meeting room", "meeting_room", 8.0, 14, ("video", "board"))
_BOOTH = _Kind("Phone booth", "phone_booth", 2.0, 1)
_LOUNGE = _Kind("Lounge", "lounge", 6.0, None)
_STORE = _Kind("Store", "storage", 3.5, None)
_ROOMS = (
    *(_DESKS, _KITCHEN, _FOR_EIGHT, _FOR_FOUR, _BOOTH, _DESKS, _FOR_FOUR, _FOR_FOURTEEN, _BOOTH, _LOUNGE),
    *(_DESKS, _FOR_EIGHT, _FOR_FOUR, _FOR_FOUR, _BOOTH, _DESKS, _STORE, _FOR_EIGHT, _FOR_FOUR, _FOR_FOUR),
)
"""The rooms of a floor in turn, of which each has the first M."""


def company(floors: int, rooms_per_floor: int) -> Office:
    """A company with so many floors and so many rooms on each floor. Raises `ValueError` for impossible
    numbers.
    """
    if not 1 <= floors <= MOST_FLOORS:
        raise ValueError(f"floors: use a number from 1 to {MOST_FLOORS}")
    if not LEAST_ROOMS <= rooms_per_floor <= MOST_ROOMS:
        raise ValueError(f"rooms per floor: use a number from {LEAST_ROOMS} to {MOST_ROOMS}")
    buildings: dict[str, list[Building]] = {}
    for city, name, floor_count in _buildings(floors):
        there = buildings.setdefault(city.name, [])
        there.append(_building(city, name, floor_count, rooms_per_floor))
    sites = [
        Site(f"site_{slug(city.name)}", city.name, city.timezone, tuple(buildings[city.name]))
        for city in _CITIES
        if city.name in buildings
    ]
    return Office(tuple(sites))


def _buildings(floors: int) -> Iterator[tuple[_City, str, int]]:
    """One in each city, then a second one, then further ones, until there are so many floors."""
    left, heights = floors, cycle(_HEIGHTS)
    for turn in range(floors):
        for city in _CITIES:
            if not left:
                return
            number = turn // len(city.buildings)
            name = city.buildings[turn % len(city.buildings)] + (f" {number + 1}" if number else "")
            floor_count = min(left, next(heights))
            left -= floor_count
            yield city, f"{city.name} {name}", floor_count


def _building(city: _City, name: str, floor_count: int, rooms_per_floor: int) -> Building:
    floors = tuple(_floor(city, name, number, rooms_per_floor) for number in range(floor_count))
    seats = sum(floor.capacity.max for floor in floors)
    return Building(f"building_{slug(name)}", name, city.timezone, Capacity(seats), floors)


def _floor(city: _City, building: str, number: int, rooms_per_floor: int) -> Floor:
    rooms, length_m = _rooms(rooms_per_floor)
    seats = sum(room.capacity.max for room in rooms if room.capacity and room.room_type == _DESKS.room_type)
    team = _TEAMS[(number + len(building)) % len(_TEAMS)]
    floor = Floor(
        id=f"space_{slug(building)}_{number}",
        name=f"Floor {number}" if number else "Ground floor",
        number=number,
        timezone=city.timezone,
        outline=box(0, 0, length_m, 2 * _DEPTH_M + _CORRIDOR_M),
        entrance=(0.6, _DEPTH_M + _CORRIDOR_M / 2),
        staff=int(_STAFF_A_SEAT * seats),
        capacity=Capacity(seats),
        area_unit=city.area_unit,
        tags=(city.region, team) if number else (city.region, team, "reception"),
        rooms=rooms,
        zones=(),
        sensors=(),
        null_lists=frozenset({"sensors", "hives", "zones"}),
    )
    return furnish(floor, entrance_room=rooms[0].name)


def _rooms(count: int) -> tuple[tuple[Room, ...], float]:
    """The rooms of a floor on both sides of a corridor, and how long that is."""
    kinds = list(islice(cycle(_ROOMS), count))
    sides_m, rooms, numbers = [0.0, 0.0], [], dict.fromkeys((kind.name for kind in kinds), 0)
    for kind in kinds:
        numbers[kind.name] += 1
        side = sides_m.index(min(sides_m))
        y_m = side * (_DEPTH_M + _CORRIDOR_M)
        footprint = box(sides_m[side], y_m, sides_m[side] + kind.width_m, y_m + _DEPTH_M)
        sides_m[side] += kind.width_m
        alone = sum(one.name == kind.name for one in kinds) == 1
        name = kind.name if alone else f"{kind.name} {_name_suffix(kind, numbers[kind.name])}"
        seats = None if kind.seats is None else Capacity(kind.seats)
        rooms.append(Room("", name, kind.room_type, footprint, seats, kind.tags))
    return tuple(rooms), max(sides_m)


def _name_suffix(kind: _Kind, number: int) -> str:
    """What tells a room from others of its name on the floor: meeting rooms have the names of rivers."""
    if kind.room_type != _FOR_FOUR.room_type:
        return str(number)
    again, river = divmod(number - 1, len(_RIVERS))
    return _RIVERS[river] + (f" {again + 1}" if again else "")
