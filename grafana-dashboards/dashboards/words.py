"""The words that panels ask with: the dashboards' variables, under the backend's names."""

from __future__ import annotations

from dashboards.sources import Words

FLOOR: Words = {"space": "${space}"}
HOURS: Words = {"hours": "${hours}", "days": "${days}"}
TYPES: Words = {"type": "${type:csv}"}
ROOMS: Words = {"room": "${room:csv}", **TYPES}
AREA: Words = {"area": "${area}"}
UNIT: Words = {"unit": "${unit}"}
HERE: Words = {**FLOOR, **ROOMS, **HOURS}
"""One floor, all of it or some rooms (by themselves, or by their type), at the hours chosen."""

FITTING: Words = {"least_capacity": "${least_capacity}", **TYPES}
"""Rooms of a size and a type."""

EVERYWHERE: Words = {"space": "all", **HOURS}
ROOMS_EVERYWHERE: Words = {**EVERYWHERE, **TYPES}
