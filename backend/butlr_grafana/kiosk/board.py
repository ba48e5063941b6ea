"""The dashboard of free rooms in a wall's playlist. Pure, as `documents`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from butlr_grafana.kiosk.documents import TAG, ZONE, Json, WallError, content_of, with_constants
from butlr_grafana.model.floor import Floor

SOURCE_UID = "butlr-free-rooms"
UID_PREFIX = "butlr-free-rooms-"

ALL_FLOORS, ALL_TYPES = "all", "All"
"""Values of the dashboard's variables that limit nothing."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Which rooms a dashboard of free rooms shows.

    `floors`: only these floors (empty: all that are served). `least_capacity`: only rooms for so many people
    (0: all). `types`: only rooms of these types (empty: all).
    """

    floors: tuple[Floor, ...] = ()
    least_capacity: int = 0
    types: tuple[str, ...] = ()

    @property
    def variables(self) -> dict[str, str]:
        """The dashboard's variables and their values."""
        return {
            "floors": ",".join(floor.id for floor in self.floors) or ALL_FLOORS,
            "least_capacity": str(self.least_capacity),
            "type": ",".join(self.types) or ALL_TYPES,
        }


def uid_of(playlist: str) -> str:
    """The uid of a playlist's dashboard of free rooms. It is the same at every run, and at most 40 characters
    long, as Grafana requires.
    """
    return UID_PREFIX + hashlib.sha256(playlist.encode()).hexdigest()[:16]


def dashboard_of(
    source: Mapping[str, Any], playlist: str, limits: Limits, timezones: Sequence[str] = ()
) -> Json:
    """The playlist's copy of the provisioned dashboard, with its limits as constants.

    `timezones`: those of the floors shown; if they are equal, the dashboard uses it. Raises `WallError` if
    the dashboard lacks a variable.
    """
    listed = source.get("templating", {}).get("list", [])
    values = limits.variables
    if missing := values.keys() - {variable.get("name") for variable in listed}:
        names = ", ".join(sorted(missing))
        raise WallError(
            f"the dashboard {SOURCE_UID} has no variable {names}: install the dashboards of this version"
        )
    shared = set(timezones)
    shared_zone = shared.pop() if len(shared) == 1 else ""
    return {
        **content_of(source),
        "uid": uid_of(playlist),
        "title": f"Free rooms: {playlist}",
        "description": "Created by butlr-grafana wall, which overwrites it: changes here are lost.",
        "tags": [TAG],
        "links": [],
        **({"timezone": shared_zone} if shared_zone else {}),
        "templating": {"list": with_constants(listed, {**values, ZONE: shared_zone})},
    }
