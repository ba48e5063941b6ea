"""Buildings, floors, rooms, zones and sensors from Butlr's GraphQL → `Topology`.

Read tolerantly: what is missing or odd becomes `None` and, where a user would miss it, a note.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import orjson

from butlr_grafana.butlr.decode import quote
from butlr_grafana.errors import UpstreamInvalid
from butlr_grafana.model import FOOT_M, Building, Floor, FloorPlanPicture, Polygon, Room, Topology, Zone
from butlr_grafana.timezones import TIME_ZONES

_SITES_QUERY = """{ sites { data { id name timezone buildings { id name floors {
  id name floorNumber timezone area { value unit } capacity { max mid } %s
  rooms { id name floor_id roomType coordinates capacity { max mid } area { value unit } tags }
  zones { id name floor_id room_id coordinates } } } } } }"""

SITES_QUERY = _SITES_QUERY % "floor_plans { url coordinates rotation }"
PLAIN_SITES_QUERY = _SITES_QUERY % "floor_plans { coordinates }"
"""Should a tenant's schema not know `rotation`: floors without a picture rather than no floors."""

SENSORS_QUERY = "{ sensors { data { id mode floor_id room_id is_entrance is_online } } }"

LARGEST = 1e9
"""No floor's number, capacity or area is beyond it; an answer could not even hold some that are."""

SQUARE_METRES = {
    **dict.fromkeys(("m2", "m²", "sqm", "sq m", "square meters", "square metres", "square_meters"), 1.0),
    **dict.fromkeys(("ft2", "ft²", "sqft", "sq ft", "square feet", "square_feet"), FOOT_M**2),
}
"""Area units by name; an unknown one is `None` and a note, never a guess."""


def data_of(body: bytes) -> dict[str, Any]:
    """The `data` of a GraphQL answer; errors without data raise `UpstreamInvalid`."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise UpstreamInvalid("Butlr's topology is no JSON", said=quote(body)) from None
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, dict):
        raise UpstreamInvalid("Butlr's topology has no data", said=quote(body))
    return data


def topology(document: dict[str, Any]) -> Topology:
    """`document`: `sites` and `sensors`, the `data` of the two questions; `sensors` may be `None`.

    Raises `UpstreamInvalid` where no sites are in it, whatever else it is.
    """
    sites, sensors = (_at(document, key, key, "data") for key in ("sites", "sensors"))
    if not isinstance(sites, list):
        raise UpstreamInvalid("Butlr's topology has no sites")
    reader = _Reader(_rooms_online(sensors))
    floors = {f.id: f for f in reader.floors(sites)}
    if not isinstance(sensors, list):
        reader.notes.append("Butlr did not say which sensors are online")
    return Topology(floors, tuple(dict.fromkeys(reader.notes)))


def _rooms_online(sensors: object) -> dict[str, bool]:
    """Whether any sensor that sees a room is online; a room without such sensors is not in it.

    One over a door (`traffic`) sees nobody inside: it makes no heat map.
    """
    online: dict[str, bool] = {}
    for sensor in _dicts(sensors):
        room, state = sensor.get("room_id"), sensor.get("is_online")
        over_a_door = sensor.get("is_entrance") or sensor.get("mode") == "traffic"
        if isinstance(room, str) and isinstance(state, bool) and not over_a_door:
            online[room] = online.get(room, False) or state
    return online


@dataclass
class _Reader:
    online: dict[str, bool]
    notes: list[str] = field(default_factory=list)

    def floors(self, sites: list[Any]) -> Iterator[Floor]:
        for site in _dicts(sites):
            for raw in _dicts(site.get("buildings")):
                building = Building(_text(raw.get("id")), _text(raw.get("name")), _text(site.get("name")))
                for floor in _dicts(raw.get("floors")):
                    if _text(floor.get("id")):
                        yield self._floor(floor, building, site.get("timezone"))

    def _floor(self, raw: dict[str, Any], building: Building, site_zone: object) -> Floor:
        floor_id = _text(raw.get("id"))
        name = _text(raw.get("name")) or floor_id
        plans = _dicts(raw.get("floor_plans"))
        rooms = [self._room(r, floor_id) for r in _dicts(raw.get("rooms")) if _text(r.get("id"))]
        return Floor(
            id=floor_id,
            name=name,
            building=building,
            timezone=self._zone(raw.get("timezone") or site_zone, name),
            number=_whole(raw.get("floorNumber")),
            capacity=_capacity(raw.get("capacity")),
            area_m2=self._area(raw.get("area"), name),
            outline=next(filter(None, (_polygon(p.get("coordinates")) for p in plans)), None),
            plan=next(filter(None, map(_picture, plans)), None),
            rooms=tuple(rooms),
            zones=tuple(
                Zone(
                    _text(z.get("id")),
                    _text(z.get("name")) or _text(z.get("id")),
                    floor_id,
                    _text(z.get("room_id")) or None,
                    _polygon(z.get("coordinates")),
                )
                for z in _dicts(raw.get("zones"))
                if _text(z.get("id"))
            ),
        )

    def _room(self, raw: dict[str, Any], floor_id: str) -> Room:
        name = _text(raw.get("name")) or _text(raw.get("id"))
        tags = raw.get("tags")
        return Room(
            id=_text(raw.get("id")),
            name=name,
            floor_id=floor_id,
            type=_text(raw.get("roomType")) or None,
            polygon=_polygon(raw.get("coordinates")),
            capacity=_capacity(raw.get("capacity")),
            area_m2=self._area(raw.get("area"), name),
            tags=tuple(filter(None, map(_tag, tags if isinstance(tags, list) else []))),
            online=self.online.get(_text(raw.get("id"))),
        )

    def _zone(self, raw: object, name: str) -> str:
        if isinstance(raw, str) and raw in TIME_ZONES:
            return raw
        self.notes.append(f"{name}: time zone {raw!r} is not known, UTC is used")
        return "UTC"

    def _area(self, raw: object, name: str) -> float | None:
        if not isinstance(raw, dict) or not _is_number(raw.get("value")) or not 0 <= raw["value"] <= LARGEST:
            return None
        factor = SQUARE_METRES.get(_text(raw.get("unit")).strip().lower())
        if factor is None:
            self.notes.append(f"{name}: the area's unit {raw.get('unit')!r} is not known")
            return None
        return float(raw["value"]) * factor


def _at(raw: object, *keys: str) -> object:
    """What lies at the end of the keys; `None` where the way ends before."""
    for key in keys:
        raw = raw.get(key) if isinstance(raw, dict) else None
    return raw


def _dicts(raw: object) -> Iterable[dict[str, Any]]:
    return [item for item in raw if isinstance(item, dict)] if isinstance(raw, list) else []


def _text(raw: object) -> str:
    return raw if isinstance(raw, str) else ""


def _tag(raw: object) -> str:
    return _text(raw.get("name")) if isinstance(raw, dict) else _text(raw)


def _is_number(raw: object) -> bool:
    return isinstance(raw, int | float) and not isinstance(raw, bool)


def _whole(raw: object) -> int | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not abs(raw) <= LARGEST:
        return None
    return int(raw)


def _capacity(raw: object) -> int | None:
    """A number, or an object with `max` and `mid`; a negative one is none."""
    capacity = _whole(raw.get("max") if isinstance(raw, dict) else raw)
    return None if capacity is None or capacity < 0 else capacity


def _polygon(raw: object) -> Polygon | None:
    """At least three points in metres; anything else is no polygon."""
    points = raw if isinstance(raw, list) else []
    if len(points) < 3 or not all(
        isinstance(p, list) and len(p) == 2 and all(_is_number(n) and abs(n) < 1e5 for n in p) for p in points
    ):
        return None
    return tuple((float(x), float(y)) for x, y in points)


def _picture(raw: dict[str, Any]) -> FloorPlanPicture | None:
    """A plan's picture; `None` where its address, place or rotation cannot be used."""
    url, polygon, rotation = _text(raw.get("url")), _polygon(raw.get("coordinates")), raw.get("rotation")
    if rotation is None:
        rotation = 0.0
    if not url or polygon is None or not _is_number(rotation) or not isfinite(rotation):
        return None
    return FloorPlanPicture(url, polygon, float(rotation))
