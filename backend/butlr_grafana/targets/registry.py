"""The targets, in the order in which they are listed. `POST /metrics`, OpenAPI and the README read this."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from butlr_grafana.base.errors import UnknownTarget
from butlr_grafana.query.parse import ParsedQuery, parse
from butlr_grafana.targets.balance import InAndOutToday
from butlr_grafana.targets.base import Target
from butlr_grafana.targets.compare import Compare
from butlr_grafana.targets.compare_utilization import CompareUtilization
from butlr_grafana.targets.compare_zones import CompareZones
from butlr_grafana.targets.devices import Devices
from butlr_grafana.targets.events import Events
from butlr_grafana.targets.floorplan import FloorPlanTarget
from butlr_grafana.targets.floors_now import FloorsNow
from butlr_grafana.targets.free_rooms import FreeRooms
from butlr_grafana.targets.freshness import FreshnessOfData
from butlr_grafana.targets.heatmap import HeatMapTarget
from butlr_grafana.targets.heatmap_summary import HeatMapSummary
from butlr_grafana.targets.hot_zones import HotZones
from butlr_grafana.targets.hotspots import Hotspots
from butlr_grafana.targets.occupancy import Occupancy
from butlr_grafana.targets.occupancy_now import OccupancyNow
from butlr_grafana.targets.pattern import Pattern
from butlr_grafana.targets.playback import Playback
from butlr_grafana.targets.presence_time import PresenceTime
from butlr_grafana.targets.room_types import RoomTypes
from butlr_grafana.targets.spaces import SpacesTarget
from butlr_grafana.targets.status import Status
from butlr_grafana.targets.totals import TotalsTarget
from butlr_grafana.targets.traffic import Traffic
from butlr_grafana.targets.unusual import Unusual
from butlr_grafana.targets.utilization import Utilization

_LISTED: tuple[Target[Any], ...] = (
    HeatMapTarget(),
    HeatMapSummary(),
    Compare(),
    CompareZones(),
    HotZones(),
    Hotspots(),
    Occupancy(),
    OccupancyNow(),
    FreeRooms(),
    FloorsNow(),
    TotalsTarget(),
    Unusual(),
    InAndOutToday(),
    Traffic(),
    PresenceTime(),
    Utilization(),
    CompareUtilization(),
    Pattern(),
    Playback(),
    FloorPlanTarget(),
    Events(),
    FreshnessOfData(),
    Status(),
    Devices(),
    SpacesTarget(),
    RoomTypes(),
)
_BY_NAME: dict[str, Target[Any]] = {target.name: target for target in _LISTED}

TARGETS: Mapping[str, Target[Any]] = MappingProxyType(_BY_NAME)


def read(name: str, parameters: Mapping[str, object]) -> ParsedQuery:
    """The query that a target's name and parameters ask for. Raises `UnknownTarget`, `BadParameter`."""
    if name not in TARGETS:
        raise UnknownTarget(name, TARGETS)
    return parse(TARGETS[name].spec, parameters)


def target_of(parsed: ParsedQuery) -> Target[Any]:
    return TARGETS[parsed.target]
