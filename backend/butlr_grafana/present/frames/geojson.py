"""A floor plan as GeoJSON, for Grafana's Geomap.

Metres become degrees at 1/111319.49 around 0,0: on the equator Web Mercator draws them true to scale.
"""

from __future__ import annotations

from typing import Any

import shapely

from butlr_grafana.model.floor import Floor, Polygon, Room, Zone
from butlr_grafana.present.images.floorplan_geometry import Y_UP

METRES_PER_DEGREE = 111_319.49
DECIMALS = 10
"""A hundredth of a millimetre."""


def plan(floor: Floor) -> dict[str, Any]:
    """A FeatureCollection (RFC 7946): the floor's outline, its rooms, its zones; only what has a polygon.

    Every feature has the same properties; what Butlr does not know is null. A zone's area is its
    polygon's, for Butlr names none. Rooms and zones that are not told of one by one have no figures.
    """
    shapes = [
        (floor.outline, _properties("floor", floor, area_m2=floor.area_m2, capacity=floor.capacity)),
        *(
            (r.polygon, _properties("room", r, area_m2=r.area_m2, capacity=r.capacity, online=r.online))
            for r in floor.rooms
        ),
        *((z.polygon, _properties("zone", z, area_m2=_area_m2(z.polygon))) for z in floor.zones),
        *((m.polygon, _properties("room", m)) for r in floor.rooms for m in r.members),
        *((m.polygon, _properties("zone", m)) for z in floor.zones for m in z.members),
    ]
    features = [
        {
            "type": "Feature",
            "id": properties["id"],
            "properties": properties,
            "geometry": {"type": "Polygon", "coordinates": [_ring(polygon)]},
        }
        for polygon, properties in shapes
        if polygon and len(polygon) >= 3
    ]
    return {"type": "FeatureCollection", "features": features}


def degrees(x_m: float, y_m: float) -> list[float]:
    """Longitude and latitude."""
    return [round(m / METRES_PER_DEGREE, DECIMALS) for m in (x_m, y_m if Y_UP else -y_m)]


def _properties(
    level: str,
    asset: Floor | Room | Zone,
    *,
    area_m2: float | None = None,
    capacity: int | None = None,
    online: bool | None = None,
) -> dict[str, Any]:
    return {
        "id": asset.id,
        "name": asset.name,
        "level": level,
        "capacity": capacity,
        "area_m2": area_m2,
        "online": online,
    }


def _ring(polygon: Polygon) -> list[list[float]]:
    """Closed and anticlockwise, as RFC 7946 wants an outer ring."""
    points = list(polygon[:-1]) if polygon[0] == polygon[-1] else list(polygon)
    ring = [degrees(x, y) for x, y in points]
    ring.append(ring[0])
    return ring if shapely.LinearRing(ring).is_ccw else ring[::-1]


def _area_m2(polygon: Polygon | None) -> float | None:
    return round(float(shapely.Polygon(polygon).area), 2) if polygon and len(polygon) >= 3 else None
