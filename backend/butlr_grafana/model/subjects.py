"""What is requested from Butlr for the assets of a floor: the measurement, the ids, and the clock."""

from __future__ import annotations

from butlr_grafana.model.chunk import SeriesSubject
from butlr_grafana.model.doors import doors_by_room
from butlr_grafana.model.floor import Floor, as_built

PRESENCE = "presence"
"""Presence time. Its name in Butlr's API depends on the level and on the account (`Verdicts.presence_names`).
"""

TRAFFIC = "traffic"


def series_subject(
    floor: Floor, measurement: str, level: str, every: str, function: str, *, timezone: str = ""
) -> SeriesSubject:
    """All assets of a level are requested, whichever are shown, so that panels share their calls. `timezone`:
    the clock of the windows; default: the floor's own.

    Traffic is requested by sensor, once for the floor and its rooms (see `doors`).
    """
    if measurement == TRAFFIC:
        return SeriesSubject(TRAFFIC, "sensor", every, "sum", timezone or floor.timezone)
    items = _items(floor, measurement, level)
    return SeriesSubject(measurement, level, every, function, timezone or floor.timezone, items)


def _items(floor: Floor, measurement: str, level: str) -> tuple[str, ...]:
    match level:
        case "zone":
            ids = [zone.id for zone in as_built(floor.zones)]
        case "room" if measurement == "traffic_room_occupancy" and floor.sensors is not None:
            ids = list(doors_by_room(floor))
        case "room":
            ids = [room.id for room in as_built(floor.rooms)]
        case _:
            ids = []
    return tuple(sorted(ids))
