"""`POST /api/v3/graphql`: the office as Butlr's topology schema shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import build_schema, graphql_sync

from .geometry import Polygon, box
from .messages import Refusal
from .people import People
from .world import Building, Capacity, Floor, Office, Room, Sensor, Site, Zone

SCHEMA = build_schema(
    """
    type Query { sites: Sites!  sensors: Sensors! }
    type Sites { data: [Site!]! }
    type Sensors { data: [Sensor!]! }
    type Site { id: ID!  name: String!  timezone: String!  buildings: [Building!]! }
    type Building { id: ID!  name: String!  timezone: String!  capacity: Capacity  floors: [Floor!]! }
    type Floor {
      id: ID!  name: String!  floorNumber: Int  timezone: String  area: Area  capacity: Capacity
      floor_plans: [FloorPlan!]!  rooms: [Room!]!  zones: [Zone!]!
    }
    type FloorPlan {
      floor_plan_id: ID!  id: ID!  name: String!  url: String!  rotation: Float  coordinates: [[Float!]!]
    }
    type Room {
      id: ID!  name: String!  floor_id: ID!  roomType: String  coordinates: [[Float!]!]  capacity: Capacity
      area: Area  tags: [String!]!
    }
    type Zone { id: ID!  name: String!  floor_id: ID!  room_id: ID  coordinates: [[Float!]!] }
    type Sensor {
      id: ID!  name: String!  mac_address: String!  mode: String!  floor_id: ID!  room_id: ID
      is_entrance: Boolean!  is_online: Boolean!
    }
    type Capacity { max: Int  mid: Int }
    type Area { value: Float!  unit: String! }
    """
)


def answer(people: People, body: Mapping[str, Any], now_s: float, base_url: str) -> Any:
    """Runs a query; what it gets wrong is in `errors`, as GraphQL has it, and the status stays 200."""
    source, variables, operation = (body.get(key) for key in ("query", "variables", "operationName"))
    if not isinstance(source, str):
        raise Refusal(400, "query: a GraphQL document")
    if not isinstance(variables, dict | None) or not isinstance(operation, str | None):
        raise Refusal(400, "variables: an object; operationName: a string")
    root = {
        "sites": {"data": [_site(site, base_url) for site in people.office.sites]},
        "sensors": {"data": [_sensor(sensor, people, int(now_s)) for sensor in people.office.sensors]},
    }
    result = graphql_sync(SCHEMA, source, root, variable_values=variables, operation_name=operation)
    return {**result.formatted, "data": _with_bare_capacities(result.data, people.office)}


def _site(site: Site, base_url: str) -> dict[str, Any]:
    return {
        "id": site.id,
        "name": site.name,
        "timezone": site.timezone,
        "buildings": [_building(building, base_url) for building in site.buildings],
    }


def _building(building: Building, base_url: str) -> dict[str, Any]:
    return {
        "id": building.id,
        "name": building.name,
        "timezone": building.timezone,
        "capacity": _capacity(building.capacity),
        "floors": [_floor(floor, base_url) for floor in building.floors],
    }


def _floor(floor: Floor, base_url: str) -> dict[str, Any]:
    plan_id = floor.id.replace("space_", "plan_")
    plan = {
        "floor_plan_id": plan_id,
        "id": plan_id,
        "name": f"{floor.name} plan",
        "url": f"{base_url}/plans/{floor.id}.png",
        "rotation": float(floor.plan_rotation_deg),
        "coordinates": box(*floor.extent),
    }
    return {
        "id": floor.id,
        "name": floor.name,
        "floorNumber": floor.number,
        "timezone": floor.timezone,
        "area": _area(floor, floor.outline),
        "capacity": _capacity(floor.capacity),
        "floor_plans": [plan],
        "rooms": [_room(floor, room) for room in floor.rooms],
        "zones": [_zone(floor, zone) for zone in floor.zones],
    }


def _room(floor: Floor, room: Room) -> dict[str, Any]:
    return {
        "id": room.id,
        "name": room.name,
        "floor_id": floor.id,
        "roomType": room.room_type,
        "coordinates": room.polygon,
        "capacity": _capacity(room.capacity),
        "area": None if room.polygon is None else _area(floor, room.polygon),
        "tags": room.tags,
    }


def _zone(floor: Floor, zone: Zone) -> dict[str, Any]:
    return {
        "id": zone.id,
        "name": zone.name,
        "floor_id": floor.id,
        "room_id": zone.room_id,
        "coordinates": zone.polygon,
    }


def _sensor(sensor: Sensor, people: People, now_s: int) -> dict[str, Any]:
    offline = (
        sensor.outage_day is not None and sensor.room_id and people.offline(sensor.room_id, now_s, now_s + 1)
    )
    return {
        "id": sensor.id,
        "name": sensor.name,
        "mac_address": sensor.mac_address,
        "mode": sensor.mode,
        "floor_id": sensor.floor_id,
        "room_id": sensor.room_id,
        "is_entrance": sensor.is_entrance,
        "is_online": not offline,
    }


def _area(floor: Floor, polygon: Polygon) -> dict[str, Any]:
    return {"value": round(floor.area(polygon), 2), "unit": floor.area_unit}


def _capacity(capacity: Capacity | int | None) -> dict[str, int] | None:
    if isinstance(capacity, int):
        return {"max": capacity, "mid": capacity}
    return None if capacity is None else {"max": capacity.max, "mid": capacity.mid}


def _with_bare_capacities(data: Any, office: Office) -> Any:
    """Puts a plain number where a floor has one, though the selection was `capacity { max mid }`.

    Butlr answers both, which no GraphQL executor can; it needs the floor's `id` beside the `capacity`.
    """
    if isinstance(data, list):
        return [_with_bare_capacities(item, office) for item in data]
    if not isinstance(data, dict):
        return data
    copy = {key: _with_bare_capacities(value, office) for key, value in data.items()}
    floor = office.by_id.get(copy.get("id", ""))
    if floor is not None and "capacity" in copy and isinstance(floor.capacity, int):
        copy["capacity"] = floor.capacity
    return copy
