"""The query parameters of panels: the backend's names, with dashboard variables as values."""

from __future__ import annotations

from dashboards.sources import Parameters

FLOOR: Parameters = {"space": "${space}"}
HOURS: Parameters = {"hours": "${hours}", "days": "${days}"}
TYPES: Parameters = {"type": "${type:csv}"}
ROOMS: Parameters = {"room": "${room:csv}", **TYPES}
AREA: Parameters = {"area": "${area}"}
UNIT: Parameters = {"unit": "${unit}"}
HERE: Parameters = {**FLOOR, **ROOMS, **HOURS}
"""One floor, all of it or some rooms (by themselves, or by their type), at the hours chosen."""

FLOORS: Parameters = {"space": "${floors:csv}", "room": "${rooms:csv}", **TYPES, **HOURS}
"""The same for several floors, or all of them."""

FITTING: Parameters = {"least_capacity": "${least_capacity}", **TYPES}
"""Rooms of a size and a type."""

EVERYWHERE: Parameters = {"space": "all", **HOURS}
ROOMS_EVERYWHERE: Parameters = {**EVERYWHERE, **TYPES}
