"""The GraphQL queries of the topology.

The fields are those that Butlr's published client uses, or lists as valid. Three are never requested: `tags`
of sites and buildings (they do not exist), and `floorID`, `roomID`, `hiveID` of sensors (each fails for
itself).
"""

from __future__ import annotations

from butlr_grafana.butlr.graphql import GraphqlQuery, Path, Selection


def _scalars(names: str) -> dict[str, Selection | None]:
    return dict.fromkeys(names.split())


CAPACITY: Selection = _scalars("max mid")
AREA: Selection = _scalars("value unit")
TAGS: Selection = _scalars("id name")

ROOM: Selection = {
    **_scalars("id name floor_id roomType customID coordinates rotation"),
    "capacity": CAPACITY,
    "area": AREA,
    "tags": TAGS,
}
ZONE: Selection = {
    **_scalars("id name floor_id room_id customID coordinates rotation"),
    "capacity": CAPACITY,
    "area": AREA,
    "tags": TAGS,
    "sensors": _scalars("id"),
}
FLOOR: Selection = {
    **_scalars("id name floorNumber building_id timezone installation_date customID"),
    "capacity": CAPACITY,
    "area": AREA,
    "tags": TAGS,
    "floor_plans": _scalars("floor_plan_id name url coordinates"),
    "rooms": ROOM,
    "zones": ZONE,
}


def _sites(floor: Selection) -> Selection:
    building: Selection = {
        **_scalars("id name building_number site_id customID"),
        "capacity": CAPACITY,
        "address": _scalars("lines country"),
        "floors": floor,
    }
    site = _scalars("id name timezone siteNumber customID org_id")
    return {"sites": {"data": {**site, "buildings": building}}}


SITES = _sites(FLOOR)
SITES_WITHOUT_SENSORS = _sites({**FLOOR, "zones": {k: v for k, v in ZONE.items() if k != "sensors"}})
"""For credentials that may not read sensors."""

LEAST: Selection = {
    "sites": {
        "data": {
            **_scalars("id name timezone"),
            "buildings": {
                **_scalars("id name"),
                "floors": {
                    **_scalars("id name"),
                    "floor_plans": _scalars("coordinates"),
                    "rooms": _scalars("id name coordinates"),
                    "zones": _scalars("id name coordinates"),
                },
            },
        }
    }
}
SENSORS: Selection = {
    "sensors": {
        "data": _scalars(
            "id name mac_address mode model floor_id room_id hive_serial is_entrance is_online is_streaming"
            " is_sleep_time power_type last_heartbeat last_occupancy_message installation_status"
            " last_battery_change_date next_battery_change_date battery_change_by_date center height"
            " orientation field_of_view door_line in_direction parallel_to_door"
        )
    }
}
HIVES: Selection = {
    "hives": {
        "data": _scalars(
            "id name serialNumber floor_id room_id isOnline isStreaming lastHeartbeat netPathStability"
            " hiveVersion hiveType coordinates installed is_sleep_time"
        )
    }
}

_TO_FLOORS: Path = ("sites", "data", "buildings", "floors")
NEEDED: tuple[Path, ...] = (
    *(_TO_FLOORS[:n] for n in range(1, len(_TO_FLOORS) + 1)),
    (*_TO_FLOORS, "id"),
)
"""Without these there is no floor to ask about."""


def sites_query() -> GraphqlQuery:
    """Sites, buildings, floors, rooms, zones."""
    return GraphqlQuery(SITES, NEEDED, (SITES_WITHOUT_SENSORS, LEAST))


def sensors_query() -> GraphqlQuery:
    """All sensors of the account; filters by floor are declared and ignored by Butlr."""
    return GraphqlQuery(SENSORS, (("sensors",), ("sensors", "data"), ("sensors", "data", "id")))


def hives_query() -> GraphqlQuery:
    """All hives of the account."""
    return GraphqlQuery(HIVES, (("hives",), ("hives", "data"), ("hives", "data", "id")))
