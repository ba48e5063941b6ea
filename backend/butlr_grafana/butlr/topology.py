"""Buildings, floors, rooms, zones, sensors and hives from Butlr's GraphQL → `Topology`.

A missing or unusual value becomes `None`, and a note where a user would miss it. What Butlr lists twice is
listed once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from butlr_grafana.base.errors import UpstreamInvalid
from butlr_grafana.butlr.device_notes import notes_on_dead_hives, notes_on_devices, notes_on_sensors
from butlr_grafana.butlr.devices import behind_dead_hives, hives_by_floor, sensors_by_floor
from butlr_grafana.butlr.json_values import at, dicts, number, text, whole
from butlr_grafana.butlr.plan_forms import area_m2_of, polygon_of
from butlr_grafana.model.floor import Building, Floor, FloorPlanPicture, Note, Polygon, Room, Topology, Zone
from butlr_grafana.model.sensors import Sensor, VirtualRule, one_per_device
from butlr_grafana.model.timezones import TIME_ZONES

Document = dict[str, Any]
"""`sites`, `sensors`, `hives`: the `data` of three questions, the last two may be `None`. `lost`: fields that
the account's schema lacks. `faults`: how many errors stood beside the data.
"""


def topology(document: Document, virtual_sensors: VirtualRule = "by-place") -> Topology:
    """Raises `UpstreamInvalid` where no sites are in it, whatever else it is."""
    sites = at(document, "sites", "sites", "data")
    if not isinstance(sites, list):
        raise UpstreamInvalid("Butlr's topology has no sites")
    reader = _Reader()
    floors = {floor.id: floor for floor in reader.floors(sites)}
    sensors = at(document, "sensors", "sensors", "data")
    listed = sensors if isinstance(sensors, list) else None
    hives_listed = at(document, "hives", "hives", "data")
    hives = hives_by_floor(hives_listed)
    every_hive = [hive for own in hives.values() for hive in own]
    by_floor = behind_dead_hives(sensors_by_floor(listed or (), floors.values()), every_hive)
    for key, floor in floors.items():
        own = by_floor.get(key, ()) if listed is not None else None
        own_hives = hives.get(key, ()) if isinstance(hives_listed, list) else None
        floors[key] = with_sensors(
            replace(floor, sensors=own, hives=own_hives, virtual_sensors=virtual_sensors)
        )
        reader.notes += notes_on_sensors(floors[key])
        reader.notes += notes_on_dead_hives(floors[key])
    if listed is None:
        reader.note(None, "Butlr did not list the sensors, so it is not known which are offline")
    reader.notes += notes_on_devices(by_floor, hives, floors, hives_listed=isinstance(hives_listed, list))
    reader.notes += _notes_on(document)
    partial = bool(document.get("faults"))
    return Topology(floors, tuple(dict.fromkeys(reader.notes)), partial)


def _notes_on(document: Document) -> Iterator[Note]:
    raw = document.get("lost")
    lost = [name for name in raw if isinstance(name, str)] if isinstance(raw, list) else []
    if lost:
        more = f" and {len(lost) - 8} more" if len(lost) > 8 else ""
        yield Note(None, f"Butlr does not provide {', '.join(lost[:8])}{more} on this account", "schema")
    faults = document.get("faults")
    if isinstance(faults, int) and faults:
        yield Note(None, f"Butlr sent only a part of its topology, with {faults} errors")


def with_sensors(floor: Floor) -> Floor:
    """The floor whose rooms and zones know whether a sensor that sees into them is online."""
    seeing = [s for s in floor.sensors or () if s.mode != "traffic" and not s.is_entrance and s.installed]
    by_room: dict[str, list[Sensor]] = defaultdict(list)
    for sensor in seeing:
        by_room[sensor.room_id or ""].append(sensor)
    by_id = {sensor.id: sensor for sensor in seeing}
    rooms = [
        replace(room, online=_online(own), silent_since_s=_silent_since_s(own))
        for room in floor.rooms
        for own in (one_per_device(by_room[room.id], floor.virtual_sensors),)
    ]
    zones = [
        replace(zone, online=_online(own), silent_since_s=_silent_since_s(own))
        for zone in floor.zones
        for own in ([by_id[one] for one in zone.sensor_ids if one in by_id],)
    ]
    return replace(floor, rooms=tuple(rooms), zones=tuple(zones))


def _online(sensors: Sequence[Sensor]) -> bool | None:
    """Whether any is online; `None` where there is none, or Butlr does not say of any."""
    states = [sensor.works for sensor in sensors if sensor.works is not None]
    return any(states) if states else None


def _silent_since_s(sensors: Sequence[Sensor]) -> int | None:
    """When sensors that are all offline had their last heartbeat; `None` where one is not, or Butlr does not
    say.
    """
    if _online(sensors) is not False:
        return None
    heartbeats = [sensor.last_heartbeat_s for sensor in sensors if sensor.last_heartbeat_s is not None]
    return max(heartbeats, default=None)


@dataclass(slots=True)
class _Reader:
    notes: list[Note] = field(default_factory=list)
    _ids: set[str] = field(default_factory=set)

    def note(self, floor_id: str | None, text_: str, about: str = "all", of: str | None = None) -> None:
        """`of`: the room or zone that it names."""
        self.notes.append(Note(floor_id, text_, about, (of,) if of else ()))

    def floors(self, sites: list[Any]) -> Iterator[Floor]:
        for site in dicts(sites):
            for raw in dicts(site.get("buildings")):
                building = Building(text(raw.get("id")), text(raw.get("name")), text(site.get("name")))
                for floor in dicts(raw.get("floors")):
                    if self._is_first(text(floor.get("id")), text(floor.get("name")), None):
                        yield self._floor(floor, building, site.get("timezone"))

    def _is_first(self, id_: str, name: str, floor_id: str | None) -> bool:
        """Whether something is to be read: it has an id that was not there before."""
        if id_ and id_ in self._ids:
            reason = f"{name or id_} ({id_}) is listed more than once; the first entry is used"
            self.note(floor_id or id_, reason, "places", of=id_ if floor_id else None)
            return False
        self._ids.add(id_)
        return bool(id_)

    def _floor(self, raw: dict[str, Any], building: Building, site_zone: object) -> Floor:
        floor_id = text(raw.get("id"))
        name = text(raw.get("name")) or floor_id
        plans = dicts(raw.get("floor_plans"))
        outlines = [
            self._polygon(plan.get("coordinates"), f"the floor plan of {name}", floor_id) for plan in plans
        ]
        return Floor(
            id=floor_id,
            name=name,
            building=building,
            timezone=self._zone(site_zone, raw.get("timezone"), name, floor_id),
            number=whole(raw.get("floorNumber")),
            capacity=capacity_of(raw.get("capacity")),
            area_m2=self._area(raw.get("area"), name, floor_id),
            outline=next(filter(None, outlines), None),
            plan=next(filter(None, map(_picture, plans, outlines)), None),
            rooms=tuple(
                self._room(room, floor_id)
                for room in dicts(raw.get("rooms"))
                if self._is_first(text(room.get("id")), text(room.get("name")), floor_id)
            ),
            zones=tuple(
                self._marked_area(zone, floor_id)
                for zone in dicts(raw.get("zones"))
                if self._is_first(text(zone.get("id")), text(zone.get("name")), floor_id)
            ),
            tags=tags_of(raw.get("tags")),
        )

    def _room(self, raw: dict[str, Any], floor_id: str) -> Room:
        name = text(raw.get("name")) or text(raw.get("id"))
        kind = text(raw.get("roomType"))
        return Room(
            id=text(raw.get("id")),
            name=name,
            floor_id=floor_id,
            type=None if kind in ("", "Untagged") else kind,
            polygon=self._polygon(raw.get("coordinates"), name, floor_id, of=text(raw.get("id"))),
            capacity=capacity_of(raw.get("capacity")),
            area_m2=self._area(raw.get("area"), name, floor_id, of=text(raw.get("id"))),
            tags=tags_of(raw.get("tags")),
            rotation_deg=number(raw.get("rotation")) or 0.0,
        )

    def _marked_area(self, raw: dict[str, Any], floor_id: str) -> Zone:
        name = text(raw.get("name")) or text(raw.get("id"))
        return Zone(
            id=text(raw.get("id")),
            name=name,
            floor_id=floor_id,
            room_id=text(raw.get("room_id")) or None,
            polygon=self._polygon(raw.get("coordinates"), name, floor_id, of=text(raw.get("id"))),
            capacity=capacity_of(raw.get("capacity")),
            area_m2=self._area(raw.get("area"), name, floor_id, of=text(raw.get("id"))),
            tags=tags_of(raw.get("tags")),
            sensor_ids=tuple(filter(None, (text(s.get("id")) for s in dicts(raw.get("sensors"))))),
            rotation_deg=number(raw.get("rotation")) or 0.0,
        )

    def _zone(self, site_zone: object, floor_zone: object, name: str, floor_id: str) -> str:
        """Butlr keeps time zones at sites; a floor's own is for sites without."""
        for raw in (site_zone, floor_zone):
            if isinstance(raw, str) and raw in TIME_ZONES:
                return raw
        raw = site_zone or floor_zone
        reason = "Butlr has no time zone" if not raw else f"time zone {raw!r} is not known"
        self.note(floor_id, f"{name}: {reason}; UTC is used", "time")
        return "UTC"

    def _area(self, raw: object, name: str, floor_id: str, of: str | None = None) -> float | None:
        area_m2, why = area_m2_of(raw)
        if why:
            self.note(floor_id, f"{name}: {why}", "area", of)
        return area_m2

    def _polygon(self, raw: object, name: str, floor_id: str, of: str | None = None) -> Polygon | None:
        polygon, why = polygon_of(raw)
        if why:
            self.note(floor_id, f"{name}: {why}", "places", of)
        return polygon


def tags_of(raw: object) -> tuple[str, ...]:
    """The names of tags, each once."""
    tags = raw if isinstance(raw, list) else []
    names = (text(tag.get("name")) if isinstance(tag, dict) else text(tag) for tag in tags)
    return tuple(dict.fromkeys(filter(None, names)))


def capacity_of(raw: object) -> int | None:
    """The `max` of `{max, mid}`; 0 is one that nobody has entered (137 of 158 rooms of a captured
    account)."""
    capacity = whole(raw.get("max") if isinstance(raw, dict) else raw)
    return capacity if capacity is not None and capacity > 0 else None


def _picture(plan: dict[str, Any], polygon: Polygon | None) -> FloorPlanPicture | None:
    """A plan's picture; `None` where it has no address or place."""
    url = text(plan.get("url"))
    return FloorPlanPicture(url, polygon) if url and polygon else None
