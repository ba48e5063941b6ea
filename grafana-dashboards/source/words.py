"""The words that panels ask with: the dashboards' variables, under the backend's names."""

from __future__ import annotations

from source.sources import Words

FLOOR: Words = {"space": "${space}"}
HOURS: Words = {"hours": "${hours}", "days": "${days}"}
ROOMS: Words = {"room": "${room:csv}"}
AREA: Words = {"area": "${area}"}
UNIT: Words = {"unit": "${unit}"}
HERE: Words = {**FLOOR, **ROOMS, **HOURS}
"""One floor, all of it or some rooms, at the hours chosen."""

FITTING: Words = {"least_capacity": "${least_capacity}", "type": "${type:csv}"}
"""Rooms of a size and a type."""

EVERYWHERE: Words = {"space": "all", **HOURS}
