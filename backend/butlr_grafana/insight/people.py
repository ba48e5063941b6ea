"""Heat in people: the unit of a result, and its heat maps in that unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from butlr_grafana.model.chunk import Grid
from butlr_grafana.model.factor import Factor, Known, Unknown, in_people
from butlr_grafana.model.queries import HeatMap

Unit = Literal["people", "detections"]

IN_PEOPLE = ("none", "hour")
"""The ways of normalising that have a unit; the others are shares, the same in any."""


def unit_of(wanted: str, known: Iterable[Known], *, is_of_detections: bool) -> Unit:
    """The one unit of a result. `wanted`: the parameter `unit`. `is_of_detections`: whether the query is
    about detections, as a number as threshold and `normalize=hour` are without a unit.

    `auto` is people if the factor of any floor is known, but not for such a query: its meaning must not
    change from one day to the next.
    """
    if wanted == "people":
        return "people"
    if wanted == "detections" or is_of_detections or not any(isinstance(one, Factor) for one in known):
        return "detections"
    return "people"


def in_unit(
    maps: Sequence[HeatMap], factors: Mapping[str, Known], *, wanted: str, is_of_detections: bool = False
) -> tuple[HeatMap, ...]:
    """The maps in one unit, each by its own floor's factor (`factors` is by floor)."""
    known = [factors.get(one.query.floor.id, Unknown()) for one in maps]
    unit = unit_of(wanted, known, is_of_detections=is_of_detections)
    return tuple(_in_unit(one, factor, unit, wanted) for one, factor in zip(maps, known, strict=True))


def _in_unit(heat_map: HeatMap, factor: Known, unit: Unit, wanted: str) -> HeatMap:
    named = None if wanted == "detections" and isinstance(factor, Unknown) else factor
    found = replace(heat_map, unit=unit, factor=named)
    return replace(found, shown=people_per_m2(found)) if is_in_people(found) else found


def people_per_m2(heat_map: HeatMap) -> Grid:
    """The mean number of people a square metre, cell by cell; without a cell where that is not known."""
    raw, hours, factor = heat_map.raw, heat_map.coverage.hours, heat_map.factor
    if not isinstance(factor, Factor) or hours <= 0:
        return replace(raw, ix=raw.ix[:0], iy=raw.iy[:0], value=raw.value[:0])
    return replace(raw, value=raw.value * (factor.people / (hours * raw.resolution_m**2)))


def unknown_why(heat_map: HeatMap) -> str:
    """Why there is no figure in people, where there is none; empty otherwise."""
    if not isinstance(heat_map.factor, Unknown):
        return ""
    return f"the number of detections per person on this floor is not known: {heat_map.factor.why}"


def is_in_people(heat_map: HeatMap) -> bool:
    """Whether `shown` is in people per m²."""
    return heat_map.unit == "people" and heat_map.query.normalize in IN_PEOPLE


def figure(value: float | None, heat_map: HeatMap) -> float | None:
    """A figure of the map in the unit shown: detections as they are, or people (see `Factor.people`)."""
    return value if heat_map.unit == "detections" else in_people(value, heat_map.factor)


def peak_people_per_m2(heat_map: HeatMap) -> float | None:
    """Of the fullest cell."""
    hours, cell_m2 = heat_map.coverage.hours, heat_map.query.resolution_m**2
    return in_people(heat_map.peak / (hours * cell_m2), heat_map.factor) if hours > 0 else None
