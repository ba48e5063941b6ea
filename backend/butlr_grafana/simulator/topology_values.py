"""The office for the resolvers of `schema.graphql`: one dictionary for each object; relations are computed on
demand.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from .device_values import Object, hive_values, sensor_values
from .forms import Forms
from .geometry import Polygon, box
from .messages import Failure, Refusal
from .people import People
from .world import UNSET, Building, Capacity, Floor, Hive, Room, Sensor, Site, Tag, Zone

AREA_UNITS = {"m2": "square meters", "sqft": "square feet"}
"""The names in Butlr's responses. Other units of a floor are returned unchanged."""

_KINDS = {"rooms": "read:rooms", "zones": "read:rooms", "sensors": "read:sensors", "hives": "read:hives"}
"""The scope that each list requires; all other lists require the scope of spaces."""


class Values:
    """The values of one call. `now_s`: the time; `base_url`: the address of the floor-plan pictures."""

    def __init__(self, people: People, now_s: int, base_url: str, forms: Forms) -> None:
        self._people, self._office = people, people.office
        self._now_s, self._base_url, self._forms = now_s, base_url, forms
        self._site_of = {building.id: site for site, building in self._office.buildings}
        self._building_of = {
            floor.id: building for _, building in self._office.buildings for floor in building.floors
        }
        self._floor_of = {placed.id: floor for floor in self._office.floors for placed in floor.placed}

    def root(self) -> Object:
        """The fields of `Query`."""
        office = self._office
        floors = tuple(office.floors)
        sites, buildings = office.sites, tuple(building for _, building in office.buildings)
        rooms, zones = (self._placed(name) for name in ("rooms", "zones"))
        return {
            "sites": self._all("sites", sites, self._site),
            "buildings": self._all("buildings", buildings, self._building),
            "floors": self._all("floors", floors, self._floor),
            "rooms": self._all("rooms", rooms, self._room),
            "zones": self._all("zones", zones, self._zone),
            "sensors": self._all("sensors", tuple(office.sensors), self._sensor),
            "hives": self._all("hives", tuple(office.hives), self._hive),
            "floorsByTag": self._by_tag("floors", floors, self._floor),
            "roomsByTag": self._by_tag("rooms", rooms, self._room),
            "zonesByTag": self._by_tag("zones", zones, self._zone),
            "tags": lambda _: [self._tag(tag) for tag in office.tags],
            "site": self._one("site", sites, self._site),
            "building": self._one("building", buildings, self._building),
            "floor": self._one("floor", floors, self._floor),
            "room": self._one("room", rooms, self._room),
            "zone": self._one("zone", zones, self._zone),
        }

    def _placed(self, name: str) -> tuple[Any, ...]:
        return tuple(one for floor in self._office.floors for one in getattr(floor, name))

    def _allowed(self, name: str) -> bool:
        """Whether the credential may read a list: a 403 where not, or else it is empty."""
        scope = _KINDS.get(name, "read:spaces")
        if scope not in self._forms.missing_scopes:
            return True
        if self._forms.without_scope == "403":
            raise Refusal(403, f"the credential lacks the scope {scope}")
        return False

    def _all(
        self, name: str, items: Sequence[Any], to_value: Callable[[Any], Object]
    ) -> Callable[..., Object]:
        def found(
            _: object,
            ids: Collection[str] | None = None,
            mac_addresses: Collection[str] | None = None,
            serial_numbers: Collection[str] | None = None,
            **ignored: object,  # noqa: ARG001 - declared by the schema and ignored, as Butlr does
        ) -> Object:
            chosen = items if self._allowed(name) else ()
            if ids is not None:
                chosen = [one for one in chosen if one.id in ids]
            if mac_addresses is not None:
                chosen = [one for one in chosen if one.mac_address in mac_addresses]
            if serial_numbers is not None:
                chosen = [one for one in chosen if one.serial_number in serial_numbers]
            return {"data": [to_value(one) for one in chosen]}

        return found

    def _by_tag(
        self, name: str, items: Sequence[Any], to_value: Callable[[Any], Object]
    ) -> Callable[..., Object]:
        def found(_: object, tagIDs: Collection[str], useOR: bool | None = None) -> Object:  # noqa: N803
            matches = any if useOR else all
            chosen = [
                one
                for one in (items if self._allowed(name) else ())
                if matches(tag_id in {Tag.named(tag).id for tag in one.tags} for tag_id in tagIDs)
            ]
            return {"data": [to_value(one) for one in chosen]}

        return found

    def _one(
        self, name: str, items: Iterable[Any], to_value: Callable[[Any], Object]
    ) -> Callable[..., Object]:
        by_id = {one.id: one for one in items}

        def found(_: object, id: str) -> Object:  # noqa: A002 - the schema's name
            if self._allowed(f"{name}s") and id in by_id:
                return to_value(by_id[id])
            raise Failure(f"{name} {id} not found", "NOT_FOUND")

        return found

    def _children(
        self, floor: Floor, name: str, items: Sequence[Any], to_value: Callable[[Any], Object]
    ) -> Callable[..., Any]:
        """A list within a floor, null rather than empty where it is so."""

        def found(_: object) -> list[Object] | None:
            if not self._allowed(name) or not items:
                return None if name in floor.null_lists else []
            twice = [one for one in items if one.id in floor.listed_twice]
            return [to_value(one) for one in (*items, *twice)]

        return found

    def _site(self, site: Site) -> Object:
        return {
            "id": site.id,
            "name": site.name,
            "timezone": site.timezone,
            "siteNumber": 1 + self._office.sites.index(site),
            "org_id": self._office.org_id,
            "metadata": [],
            "buildings": lambda _: [self._building(one) for one in site.buildings],
        }

    def _building(self, building: Building) -> Object:
        site = self._site_of[building.id]
        return {
            "id": building.id,
            "name": building.name,
            "building_number": 1,
            "site_id": site.id,
            "capacity": _capacity(building.capacity),
            "address": {"lines": [f"1 {building.name} street"], "country": None},
            "metadata": [],
            "site": lambda _: self._site(site),
            "floors": lambda _: [self._floor(one) for one in building.floors],
        }

    def _floor(self, floor: Floor) -> Object:
        building = self._building_of[floor.id]
        return {
            "id": floor.id,
            "name": floor.name,
            "floorNumber": floor.number,
            "building_id": building.id,
            "timezone": floor.timezone_in_butlr,
            "installation_date": floor.installed,
            "capacity": _capacity(floor.capacity),
            "area": _area(floor, floor.outline),
            "tags": self._tags(floor, floor.tags),
            "metadata": [],
            "floor_plans": [self._plan(floor)],
            "building": lambda _: self._building(building),
            "rooms": self._children(floor, "rooms", floor.rooms, self._room),
            "zones": self._children(floor, "zones", floor.zones, self._zone),
            "sensors": self._children(floor, "sensors", floor.sensors, self._sensor),
            "hives": self._children(floor, "hives", floor.hives, self._hive),
        }

    def _plan(self, floor: Floor) -> Object:
        return {
            "floor_plan_id": floor.id.replace("space_", "plan_"),
            "name": f"{floor.name} plan",
            "url": f"{self._base_url}/plans/{floor.id}.png",
            "coordinates": box(*floor.extent),
            "rotation": float(floor.plan_rotation_deg),
        }

    def _room(self, room: Room) -> Object:
        floor = self._floor_of[room.id]
        return {
            **self._place(floor, room.id, room.name, room.polygon, room.tags),
            "roomType": room.type_in_butlr,
            "capacity": _capacity(room.capacity or UNSET),
            "sensors": self._children(floor, "sensors", _in_room(floor, room.id), self._sensor),
        }

    def _zone(self, zone: Zone) -> Object:
        floor = self._floor_of[zone.id]
        sensors = [
            one
            for one in floor.sensors
            if one.mode == "presence"
            and (one.zone_id == zone.id or (zone.room_id and one.room_id == zone.room_id))
        ]
        return {
            **self._place(floor, zone.id, zone.name, zone.polygon, zone.tags),
            "room_id": zone.room_id,
            "capacity": _capacity(UNSET),
            "room": lambda _: self._room_of(floor, zone.room_id),
            "sensors": self._children(floor, "sensors", sensors, self._sensor),
        }

    def _place(
        self, floor: Floor, own_id: str, name: str, polygon: Polygon | None, tags: Sequence[str]
    ) -> Object:
        """What rooms and zones have in common."""
        return {
            "id": own_id,
            "name": name,
            "floor_id": floor.id,
            "floorID": floor.id,
            "area": None if polygon is None else _area(floor, polygon),
            "coordinates": polygon,
            "rotation": 0.0,
            "tags": self._tags(floor, tags),
            "metadata": [],
            "floor": lambda _: self._floor(floor),
        }

    def _sensor(self, sensor: Sensor) -> Object:
        floor = self._office.by_id[sensor.floor_id]
        return {
            **sensor_values(sensor, self._people, self._now_s, self._forms),
            "metadata": [],
            "floor": lambda _: self._floor(floor),
            "room": lambda _: self._room_of(floor, sensor.room_id),
        }

    def _hive(self, hive: Hive) -> Object:
        floor = self._office.by_id[hive.floor_id]
        return {
            **hive_values(hive, self._people, self._now_s),
            "floor": lambda _: self._floor(floor),
            "room": lambda _: self._room_of(floor, hive.room_id),
        }

    def _room_of(self, floor: Floor, room_id: str | None) -> Object | None:
        room = next((room for room in floor.rooms if room.id == room_id), None)
        return None if room is None else self._room(room)

    def _tags(self, floor: Floor, names: Sequence[str]) -> Callable[..., list[Object] | None]:
        def found(_: object) -> list[Object] | None:
            if not names and "tags" in floor.null_lists:
                return None
            return [self._tag(Tag.named(name)) for name in names]

        return found

    def _tag(self, tag: Tag) -> Object:
        """What a tag is on; it may point at what is there no more."""

        def owners(
            kind: str, items: Callable[[], Iterable[Any]], to_value: Callable[[Any], Object]
        ) -> Callable[..., list[Object]]:
            removed = [one for one in self._office.removed if one.tag == tag.name and one.kind == kind]
            return lambda _: [
                *(to_value(one) for one in items() if self._allowed(kind) and tag.name in one.tags),
                *({"id": one.id, "name": one.name} for one in removed),
            ]

        return {
            "id": tag.id,
            "name": tag.name,
            "organization_id": self._office.org_id,
            "rooms": owners("rooms", lambda: self._placed("rooms"), self._room),
            "zones": owners("zones", lambda: self._placed("zones"), self._zone),
            "floors": owners("floors", lambda: self._office.floors, self._floor),
        }


def _in_room(floor: Floor, room_id: str) -> list[Sensor]:
    return [sensor for sensor in floor.sensors if sensor.room_id == room_id]


def _area(floor: Floor, polygon: Polygon) -> Object:
    return {
        "value": round(floor.area(polygon), 2),
        "unit": AREA_UNITS.get(floor.area_unit, floor.area_unit),
    }


def _capacity(capacity: Capacity) -> Object:
    return {"max": capacity.max, "mid": capacity.mid}
