"""`meta.custom`, notices, and the names and units of the values of a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from butlr_grafana.insight.people import is_in_people, peak_people_per_m2, unknown_why
from butlr_grafana.model.calendar import since
from butlr_grafana.model.choices import names_together
from butlr_grafana.model.chunk import SENSOR_ACCURACY_M, Coverage
from butlr_grafana.model.doors import doors_by_room, entrances
from butlr_grafana.model.factor import Factor, in_people
from butlr_grafana.model.floor import Floor, Room, as_built
from butlr_grafana.model.privacy import sum_of, withheld
from butlr_grafana.model.queries import HeatMap, SeriesQuery, SeriesResult, StatsResult
from butlr_grafana.model.time import Period, iso


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value's field name, its title for a person, its Grafana unit id."""

    field: str
    title: str
    unit: str


QUANTITIES = {
    "none": Quantity("detections", "Detections", "short"),
    "hour": Quantity("detections_per_hour", "Detections per hour", "short"),
    "max": Quantity("normalized", "Share of the fullest cell", "percentunit"),
    "share": Quantity("share", "Share of all detections", "percentunit"),
}


PEOPLE_PER_M2 = Quantity("people_per_m2", "People per m²", "short")


def quantity_of(result: HeatMap) -> Quantity:
    """What `shown` is."""
    return PEOPLE_PER_M2 if is_in_people(result) else QUANTITIES[result.query.normalize]


def custom(result: HeatMap) -> dict[str, object]:
    """`meta.custom` of a frame; times are ISO 8601 in UTC, bounds in metres. `max_value` and
    `total_detections` are detections in any unit.
    """
    coverage, period, bounds = result.coverage, result.query.period, result.raw.bounds
    return {
        "space": result.query.floor.id,
        "floor": result.query.floor.name,
        "timezone": result.query.timezone,
        "from": iso(period.start_s),
        "to": iso(period.end_s),
        "resolution": result.query.resolution_m,
        "normalize": result.query.normalize,
        "bounds": {"min_x": bounds.min_x, "max_x": bounds.max_x, "min_y": bounds.min_y, "max_y": bounds.max_y}
        if bounds
        else None,
        "max_value": result.peak,
        "total_detections": result.total,
        **unit_custom(result),
        "area_in_use_m2": result.raw.value.size * result.query.resolution_m**2,
        **coverage_custom(coverage, period),
        "rebinned": result.raw.rebinned,
    }


def unit_custom(result: HeatMap) -> dict[str, object]:
    """The unit, the factor and what it rests on, and the largest and the whole in people."""
    factor = result.factor
    return {
        "unit": result.unit,
        "factor": factor.provenance if isinstance(factor, Factor) else None,
        "factor_unknown": unknown_why(result) or None,
        "max_people_per_m2": peak_people_per_m2(result),
        "person_hours": in_people(result.total, factor),
    }


def coverage_custom(coverage: Coverage, period: Period) -> dict[str, object]:
    """How much of what was planned is in, and as of when."""
    return {
        "hours": round(coverage.hours, 4),
        "segments": {
            "planned": coverage.planned,
            "fetched": coverage.fetched,
            # Both cost no call; which of them the newest is, `source` says.
            "cached": coverage.cached + coverage.pushed,
            "missing": coverage.missing,
            "stale": coverage.stale,
        },
        "complete": coverage.complete,
        "as_of": iso(coverage.as_of_s or period.end_s),
        "gaps": [{"from": iso(g.start_s), "to": iso(g.end_s)} for g in coverage.gaps[:100]],
    }


def coverage_notices(coverage: Coverage, *, demo: bool) -> list[dict[str, str]]:
    found = [] if coverage.complete else [_notice("warning", _incomplete(coverage))]
    return [*found, _notice("info", DEMO)] if demo else found


def series_notices(result: SeriesResult, *, demo: bool) -> list[dict[str, str]]:
    """What a viewer must know beside values over time; gaps are not explained by themselves."""
    query = result.query
    found = coverage_notices(result.coverage, demo=demo)
    if query.level == "room" or (query.level == "floor" and query.rooms is not None):
        found += _offline(query.floor.chosen(query.rooms), query.floor)
    elif query.metric == "occupancy-now":
        found += _offline(query.floor.rooms, query.floor)
    if query.level != "floor":
        found += privacy_notices(query.floor)
    if result.incomplete:
        text = f"Butlr marks {result.incomplete} values of this period as incomplete. They are left out."
        found.append(_notice("warning", text))
    unknown = [s.name for s in result.series if all(np.isnan(values).all() for values in s.values.values())]
    # What doors do not tell of a room, its sensors may; where neither does, its row says so.
    if unknown and not query.base.is_calibrated:
        found.append(_notice("info", f"No values are known in this period: {_listed(unknown)}."))
    return found


def notices(result: HeatMap, *, demo: bool) -> list[dict[str, str]]:
    """What a viewer must know beside the picture: markers in the panel's title."""
    coverage, query = result.coverage, result.query
    found = coverage_notices(coverage, demo=False)
    if result.raw.rebinned:
        text = "Butlr's grid changed within this period. Cells were assigned by their centres."
        found.append(_notice("warning", text))
    if query.limits:
        found.append(_notice("warning", query.limits))
    if query.resolution_m < SENSOR_ACCURACY_M[0]:
        found.append(_notice("info", TOO_FINE.format(query.resolution_m)))
    found += _unavailable(result)
    shapeless = [r.name for r in query.rooms or () if not any(one.polygon for one in as_built([r]))]
    if shapeless:
        text = f"Butlr has no outline of {_listed(shapeless)}, so no cells are assigned there."
        found.append(_notice("warning", text))
    if query.floor.bounds is None:
        found.append(
            _notice("info", "Butlr has no floor plan of this floor, so no cells are assigned to rooms.")
        )
    if not coverage.planned:
        found.append(_notice("info", "No hour of this period is counted. Check hours, days and holidays."))
    elif not result.total:
        found.append(_notice("info", "No detections in this period."))
    found += unit_notices([result])
    found += privacy_notices(query.floor)
    if demo:
        found.append(_notice("info", DEMO))
    return found


IN_DETECTIONS, NOT_IN_PEOPLE = "Heat is in detections", "Heat in people is not known"


def unit_notices(maps: Sequence[HeatMap]) -> list[dict[str, str]]:
    """Where heat cannot be had in people, and why: one for all floors with the same reason."""
    floors: dict[tuple[str, str], dict[str, None]] = {}
    names = names_together({result.query.floor.id: result.query.floor for result in maps}.values())
    for result in maps:
        if why := unknown_why(result):
            floors.setdefault((result.unit, why), {})[names[result.query.floor.id]] = None
    several = len({result.query.floor.id for result in maps}) > 1
    found = []
    for (unit, why), named in floors.items():
        which = f" for {_listed(list(named))}" if several else ""
        if unit == "people":
            found.append(_notice("warning", f"{NOT_IN_PEOPLE}{which}: {why}."))
        else:
            found.append(_notice("info", f"{IN_DETECTIONS}{which}, because {why}."))
    return found


def why_nothing(level: str, floors: Sequence[Floor]) -> str:
    """Why nothing is told of the rooms or zones of floors, or of the floors themselves."""
    known = {"room": any(f.rooms for f in floors), "zone": any(f.zones for f in floors)}
    if not known.get(level, True):
        return f"Butlr lists no {level} for {_listed(list(names_together(floors).values()))}."
    return "Butlr has no values for this query."


def why_no_series(query: SeriesQuery) -> str:
    """Why there is no series: nobody counts at these doors, or Butlr has sent nothing."""
    floor, doors = query.floor, doors_by_room(query.floor)
    if query.metric != "traffic" or floor.sensors is None:
        return why_nothing(query.level, [floor])
    if query.level == "floor" and query.rooms is None:
        if entrances(floor):
            return why_nothing(query.level, [floor])
        return f"Entries and exits are not counted: {floor.name} has no traffic sensor at an entrance."
    rooms = floor.chosen(query.rooms)
    if not rooms or any(own.id in doors for room in rooms for own in as_built([room])):
        return why_nothing(query.level, [floor])
    names = _listed([room.name for room in rooms])
    return f"Entries and exits are not counted, because there is no traffic sensor. This concerns: {names}."


def _unavailable(result: HeatMap) -> list[dict[str, str]]:
    """Of which rooms nothing is known in the period, or not of all of it."""
    query, availability = result.query, result.availability
    rooms = query.floor.chosen(query.rooms)
    silent = [room.name for room in rooms if room.online is False and availability.get(room.id) == 0]
    found = _offline([room for room in rooms if availability.get(room.id) != 0], query.floor)
    if silent:
        text = f"Sensors were offline in this period. These rooms have no data: {_listed(silent)}."
        found.append(_notice("warning" if len(silent) == len(rooms) else "info", text))
    partly = [
        _since(room, query.floor) for room in rooms if room.online and 0 < availability.get(room.id, 1) < 1
    ]
    if partly:
        text = f"Sensors were offline for a part of this period: {_listed(partly)}."
        found.append(_notice("info", text))
    if result.unavailable_reason:
        text = f"It is not known whether sensors were offline in this period: {result.unavailable_reason}."
        found.append(_notice("warning", text))
    return found


def _since(room: Room, floor: Floor) -> str:
    """A room, and since when its sensors are silent."""
    text = since(room.silent_since_s, floor.timezone)
    return f"{room.name} ({text})" if text else room.name


def _offline(rooms: Sequence[Room], floor: Floor) -> list[dict[str, str]]:
    names = [_since(room, floor) for room in rooms if room.online is False]
    text = f"Sensors are offline now. These rooms have no data: {_listed(names)}."
    # Of some rooms it is no warning about the whole: each of them says it in its own row.
    severity = "warning" if len(names) == len(rooms) else "info"
    return [_notice(severity, text)] if names else []


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (" …" if len(names) > 5 else "")


def privacy_notices(floor: Floor) -> list[dict[str, str]]:
    """That some rooms are not told of one by one, where it is so."""
    together = sum_of(floor)
    if together is None:
        return []
    why = withheld(together)
    shown = f"not shown, for privacy: {why}" if why else "shown only as a sum, for privacy"
    return [_notice("info", f"{together.name}: {shown}. Their cells stay empty.")]


def statistics_notices(
    stats: Sequence[StatsResult],
    partial_errors: Sequence[tuple[Floor, str]],
    column: str,
    names: Mapping[str, str],
) -> list[dict[str, str]]:
    """Why a column that Butlr's statistics fill is empty or old. `partial_errors`: floors, what failed;
    `names`: of floors by their ids.
    """
    found = [
        _notice(
            "info",
            f"{names[a.query.floor.id]}: {column} is missing, because Butlr's statistics {a.query.why_not}.",
        )
        for a in stats
        if a.query.why_not
    ]
    found += [
        _notice(
            "warning",
            f"{names[floor.id]}: {column} is missing, because Butlr's statistics are not available: {fault}",
        )
        for floor, fault in partial_errors
    ]
    return found + [
        _notice("warning", f"{names[a.query.floor.id]}: {column} is as of {iso(a.coverage.as_of_s)}.")
        for a in stats
        if not a.coverage.complete
    ]


TOO_FINE = (
    "Cells of {:g} m are smaller than the accuracy of the sensors, which is "
    f"{SENSOR_ACCURACY_M[0]:g} to {SENSOR_ACCURACY_M[1]:g} m."
)

DEMO = "Demo mode: these people are simulated. Set Butlr credentials to see your own floors."


def _incomplete(coverage: Coverage) -> str:
    what = []
    if coverage.missing:
        what.append(f"missing segments: {coverage.missing} of {coverage.planned}")
    if coverage.stale:
        what.append(f"outdated segments: {coverage.stale}")
    gaps = "; not included: " + ", ".join(_span(g) for g in coverage.gaps[:3]) if coverage.gaps else ""
    why = f" ({'; '.join(coverage.reasons)})" if coverage.reasons else ""
    return f"Partial result, as of {iso(coverage.as_of_s)}: {', '.join(what)}{gaps}{why}."


def _span(period: Period) -> str:
    return f"{iso(period.start_s)} to {iso(period.end_s)}"


def _notice(severity: str, text: str) -> dict[str, str]:
    return {"severity": severity, "text": text}
