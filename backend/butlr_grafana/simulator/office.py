"""The drawing of the office that ships: 42 rooms on three floors that look unlike each other.

No floor is symmetric, so a map that is mirrored, rotated or half a cell off is seen at once:

- `space_paris_1`, 48 x 30 m, an L whose wing rises at the left. Its `Quiet room` and `Lounge` overlap by
  half a metre, the only two rooms that do. Nobody ever enters its `Library`; the far right of `Open space
  East` is dead; the sensor of `Project room` is the one that fails, and nobody changes the battery of the one
  in the `Library`.
- `space_paris_2`, 36 x 22 m, one corner cut off. Its cells start at (0.1, 0.2), not at zero; its plan's
  picture lies on its side.
- `space_newyork_1`, 20 x 14 m around the origin, so half of its coordinates are negative; areas in square
  feet.

Corridors are what no room covers. `Kitchen` and `Meeting room 1` are on every floor.

What Butlr is told of it is as odd as a real account: Paris has its time zone from the site only, New York
from the floor only. Capacities that nobody set, rooms without a type, a tag that points at a room of the
past. Every entrance's sensor names a room: in Paris 1 one with sensors of its own, in Paris 2 the parcel
room, which has no other. New York's only entrance is a clone, and it is alone in the store; the canteen's
only door sensor is a clone too. A meeting room in Paris 1 has its door's sensor and its mirror; its lounge
has a clone of the kitchen's presence sensor beside its own.
"""

from __future__ import annotations

from typing import Literal

from .fittings import entrance_by_clone, furnish, with_clone, with_mirror
from .geometry import Polygon, box
from .world import Building, Capacity, Floor, Office, RemovedAsset, Room, Site, Zone

DESKS, MEETING, KITCHEN, LOUNGE, BOOTH, STORE = (
    "open_space",
    "meeting_room",
    "kitchen",
    "lounge",
    "phone_booth",
    "storage",
)


def _seats(most: int) -> Capacity:
    return Capacity(most)


def _room(
    name: str,
    room_type: str,
    footprint: Polygon,
    seats: int | None,
    *tags: str,
    popularity: float = 1.0,
    mapped: bool = True,
    type_given: Literal["", "Untagged"] | None = "",
) -> Room:
    capacity = None if seats is None else _seats(seats)
    return Room("", name, room_type, footprint, capacity, tags, popularity, mapped, type_given)


def _zone(name: str, polygon: Polygon, room: str | None = None, *tags: str) -> Zone:
    return Zone("", name, polygon, room, tags)


_PARIS_1 = Floor(
    id="space_paris_1",
    name="Paris, 1st floor",
    number=1,
    timezone="Europe/Paris",
    outline=((0, 0), (48, 0), (48, 14), (20, 14), (20, 30), (0, 30)),
    entrance=(0.6, 7.0),
    staff=64,
    capacity=_seats(90),
    guarded=True,
    tags=("headquarters",),
    sensors=(),
    rooms=(
        _room("Open space South", DESKS, box(0, 0, 15, 6), 22, "sales"),
        _room("Meeting room 1", MEETING, box(15, 0, 21, 6), 10, "video", popularity=1.3),
        _room("Meeting room 2", MEETING, box(21, 0, 25, 6), 5),
        _room("Phone booth 1", BOOTH, box(25, 0, 27.5, 3), 1),
        _room("Phone booth 2", BOOTH, box(25, 3, 27.5, 6), 1, mapped=False),
        _room("Kitchen", KITCHEN, box(27.5, 0, 36, 6), 24, "food"),
        _room("Library", LOUNGE, box(36, 0, 41, 6), 8, popularity=0),
        _room("Boardroom", MEETING, box(41, 0, 48, 6), 16, "video", "board", popularity=0.5),
        _room("Workshop", MEETING, box(20, 8, 26, 14), 9, "lab", popularity=0.8),
        _room("Open space East", DESKS, box(26, 8, 48, 14), 30, "engineering"),
        _room("Project room", MEETING, box(11, 9, 20, 14), 8, "lab"),
        _room("Open space Wing", DESKS, box(11, 14, 20, 20.5), 14, "marketing"),
        _room("Meeting room 3", MEETING, box(11, 20.5, 20, 24), 8),
        _room("Studio", DESKS, ((11, 24), (20, 24), (20, 30), (15, 30), (15, 27), (11, 27)), 8, "design"),
        _room("Open space West", DESKS, box(0, 9, 9, 16), 16, "support"),
        _room("Meeting room 4", MEETING, box(0, 16, 9, 20), 6),
        _room("Quiet room", BOOTH, box(0, 20, 9, 23), None, "quiet"),
        _room("Lounge", LOUNGE, box(0, 22.5, 9, 30), None),
    ),
    zones=(
        _zone("Coffee machine", box(28, 0.5, 31, 2.5), "Kitchen"),
        _zone("Window desks", box(26, 12, 37, 14), "Open space East"),
        _zone("Reception", box(0, 6, 3, 8)),
        _zone("Printers", box(44, 6.2, 46.5, 7.8)),
    ),
)

_PARIS_2 = Floor(
    id="space_paris_2",
    name="Paris, 2nd floor",
    number=2,
    timezone="Europe/Paris",
    outline=((0, 0), (36, 0), (36, 16), (30, 22), (0, 22)),
    entrance=(35.4, 10.2),
    staff=38,
    capacity=_seats(60),
    grid_origin_m=(0.1, 0.2),
    plan_rotation_deg=90,
    sensors=(),
    rooms=(
        _room("Open space South", DESKS, box(0, 0, 12, 9), 24, "finance"),
        _room("Meeting room 1", MEETING, box(12, 0, 17, 4.5), 6, "video"),
        _room("Meeting room 2", MEETING, box(12, 4.5, 17, 9), 6),
        _room("Canteen", KITCHEN, box(17, 0, 28, 9), 40, "food", popularity=2),
        _room("Kitchen", KITCHEN, box(28, 0, 31.5, 6), 6, "food", popularity=0.7),
        _room("Parcel room", STORE, box(31.5, 0, 36, 6), None, mapped=False, type_given=None),
        _room("Open space North", DESKS, box(0, 11.5, 9, 22), 18, "legal"),
        _room("People office", DESKS, box(9, 11.5, 13.5, 17), 4, "people"),
        _room("Finance office", DESKS, box(9, 17, 13.5, 22), 4, "finance"),
        _room("Meeting room Seine", MEETING, box(13.5, 11.5, 18, 16.5), 8, "video"),
        _room("Phone booth 1", BOOTH, box(18, 11.5, 20, 14), 1),
        _room("Phone booth 2", BOOTH, box(18, 14, 20, 16.5), 1),
        _room("Training room", MEETING, box(13.5, 16.5, 23, 22), 18, "video", popularity=0.6),
        _room("Showroom", LOUNGE, ((23, 13), (36, 13), (36, 16), (30, 22), (23, 22)), 20, popularity=0.5),
    ),
    zones=(
        _zone("Counter", box(17.5, 0.5, 23, 2.5), "Canteen", "food"),
        _zone("Demo table", box(25, 15, 28, 18), "Showroom"),
        _zone("Lockers", box(29, 9.2, 33, 10.8)),
    ),
)

_NEWYORK_1 = Floor(
    id="space_newyork_1",
    name="New York, ground floor",
    number=0,
    timezone="America/New_York",
    outline=((-9.5, -6.25), (10.5, -6.25), (10.5, 3), (4, 3), (4, 7.75), (-9.5, 7.75)),
    entrance=(10.0, 0.25),
    staff=20,
    capacity=_seats(32),
    area_unit="sqft",
    timezone_in_butlr="America/New_York",
    sensors=(),
    rooms=(
        _room("Open space", DESKS, box(-9.5, -6.25, -1, -0.75), 14, "sales"),
        _room("Kitchen", KITCHEN, box(-1, -6.25, 3.5, -2), 10, "food"),
        _room("Meeting room 1", MEETING, box(3.5, -6.25, 7.5, -1.5), 6, "video"),
        _room("Phone booth 1", BOOTH, box(7.5, -6.25, 10.5, -4), 1),
        _room("Wellbeing room", BOOTH, box(7.5, -4, 10.5, -1.5), None, "quiet", mapped=False),
        _room("Meeting room 2", MEETING, box(4.5, 1.25, 8.5, 3), 3),
        _room("Founders' office", DESKS, box(-0.5, 1.25, 4, 7.75), 4),
        _room("Loft", DESKS, box(-6, 1.25, -0.5, 7.75), 8, "engineering"),
        _room("Sofa corner", LOUNGE, box(-9.5, 4, -6, 7.75), None),
        _room("Store", STORE, box(-9.5, 1.25, -6, 4), None, type_given="Untagged"),
    ),
    zones=(
        _zone("Bar", box(-0.75, -6, 1, -4.5), "Kitchen"),
        _zone("Bike rack", box(8, -0.75, 10.25, -0.1)),
    ),
)

_PARIS = Building(
    "building_paris",
    "Paris",
    "Europe/Paris",
    _seats(150),
    (
        with_mirror(
            with_clone(
                furnish(
                    _PARIS_1,
                    entrance_room="Open space South",
                    failing="Project room",
                    forgotten="Library",
                ),
                "sensor_paris_1_kitchen_heat",
                "Lounge heat 2",
                "Lounge",
            ),
            "sensor_paris_1_meeting_room_2_door",
            "Meeting room 2 door, mirrored",
        ),
        with_clone(
            furnish(_PARIS_2, entrance_room="Parcel room"),
            "sensor_paris_2_meeting_room_2_door",
            "Canteen door",
            "Canteen",
        ),
    ),
)
_NEWYORK = Building(
    "building_newyork",
    "New York",
    "America/New_York",
    _seats(32),
    (entrance_by_clone(furnish(_NEWYORK_1, entrance_room="Store"), "sensor_newyork_1_meeting_room_1_door"),),
)

_OFFICE = Office(
    (
        Site("site_paris", "Paris campus", "Europe/Paris", (_PARIS,)),
        Site("site_newyork", "New York campus", None, (_NEWYORK,)),
    ),
    removed=(RemovedAsset("lab", "rooms", "room_paris_1_old_lab", "Old lab"),),
    unused_tags=("to be decided",),
)


def default_office() -> Office:
    """The office described at the top of this file."""
    return _OFFICE
