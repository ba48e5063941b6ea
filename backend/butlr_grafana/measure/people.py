"""People and sensors: the day of door-based counts (U6), presence time (U7), detections a person-minute
(U10), late data (U15), names of days (U17) and cloned sensors (U18).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from butlr_grafana.butlr.labels import instant_of_label
from butlr_grafana.butlr.rows import Row
from butlr_grafana.measure.finding import Finding, Number, told, unhandled, untold
from butlr_grafana.model import DAY_S, Period
from butlr_grafana.sensors import Sensor
from butlr_grafana.verdicts import PRESENCE_NAMES

LEAST_PERSON_MINUTES = 60
"""Below it chance decides how many detections a person gives."""


def calibrated_day(day: Period, local: Sequence[Row], utc: Sequence[Row]) -> Finding:
    """U6. People of the same rooms counted by doors, hour by hour over one local day, asked for with its time
    zone and with UTC.

    The count begins at 0 each day. So after the midnight at which Butlr begins anew it drops to what has
    happened since, and the two answers differ between the midnights where the time zone decides.
    """
    assumed = "the count of people by doors begins anew at local midnight"
    ours, theirs = _by_room_and_time(local), _by_room_and_time(utc)
    common = ours.keys() & theirs.keys()
    differ = sum(ours[key] != theirs[key] for key in common)
    midnight_s = -(-day.start_s // DAY_S) * DAY_S
    carried = _carried(ours, midnight_s)
    numbers: dict[str, Number] = {
        "windows": len(common),
        "differ": differ,
        "carried_over_utc_midnight": carried,
        "offset_min": (midnight_s - day.start_s) // 60,
    }
    if midnight_s == day.start_s:
        return told(
            "U6",
            assumed=assumed,
            measured="the local day is UTC's",
            follows="there is no difference here",
            same=True,
            numbers=numbers,
            verdict={"calibrated_day": "local"},
        )
    measured = f"{differ} of {len(common)} hours differ between the two time zones"
    if differ:
        return told(
            "U6",
            assumed=assumed,
            measured=measured,
            follows="the floor's time zone is sent, and counts begin at its midnight",
            same=True,
            numbers=numbers,
            verdict={"calibrated_day": "local"},
        )
    if carried is None:
        why = f"{measured}, and nobody was inside around UTC midnight"
        return untold("U6", assumed=assumed, why=why, numbers=numbers)
    measured += f"; {carried} people stayed over UTC midnight"
    if carried > 0:
        return told(
            "U6",
            assumed=assumed,
            measured=measured,
            follows="counts begin at local midnight whatever zone is sent",
            same=True,
            numbers=numbers,
            verdict={"calibrated_day": "local"},
        )
    return told(
        "U6",
        assumed=assumed,
        measured=measured,
        follows="counts by doors begin anew at UTC midnight, in the middle of the local day; prefer presence",
        same=False,
        numbers=numbers,
        verdict={"calibrated_day": "utc"},
    )


def _carried(counts: Mapping[tuple[str, int], float], midnight_s: int) -> int | None:
    """People who were counted in the hour before UTC midnight and still were in the one after; `None`: nobody
    was counted before.
    """
    by_room: dict[str, dict[int, float]] = defaultdict(dict)
    for (room, at_s), value in counts.items():
        by_room[room][at_s] = value
    before = after = 0.0
    for values in by_room.values():
        for earlier, later in pairwise(sorted(values)):
            if earlier < midnight_s <= later and values[earlier] > 0:
                before += values[earlier]
                after += min(values[earlier], values[later])
    return round(after) if before else None


def _by_room_and_time(rows: Iterable[Row]) -> dict[tuple[str, int], float]:
    return {
        (str(row.get("room_id") or row.get("space_id")), instant_of_label(row.get("time"))): float(value)
        for row in rows
        if isinstance(value := row.get("value"), int | float)
    }


@dataclass(frozen=True, slots=True)
class Presence:
    """Under which name a level's presence time answers (`None`: it is refused), and how many rows came."""

    name: str | None
    rows: int


def presence_names(tried: Mapping[str, Presence]) -> Finding:
    """U7. By level; one that is missing was not asked for."""
    assumed = "presence time is called " + ", ".join(PRESENCE_NAMES.values())
    names = {level: tried[level].name if level in tried else name for level, name in PRESENCE_NAMES.items()}
    numbers: dict[str, Number] = {
        level: found.rows if found.name else "refused" for level, found in tried.items()
    }
    said = [
        f"{level}: {found.rows} rows of {found.name}" if found.name else f"{level}: refused"
        for level, found in tried.items()
    ]
    if not any(found.rows or found.name is None for found in tried.values()):
        return untold("U7", assumed=assumed, why="; ".join(said), numbers=numbers)
    refused = [level for level, name in names.items() if name is None]
    follows = (
        f"there is no presence time of {' and '.join(refused)}s; panels of it say so"
        if refused
        else "presence time is asked for under these names"
    )
    return told(
        "U7",
        assumed=assumed,
        measured="; ".join(said),
        follows=follows,
        same=names == PRESENCE_NAMES,
        numbers=numbers,
        verdict={"presence_names": names},
        confidence="sure" if all(found.rows or found.name is None for found in tried.values()) else "likely",
    )


def minutes_by_room(rows: Iterable[Row]) -> dict[str, float]:
    """Person-minutes of each room, of rows of windows of a minute."""
    found: dict[str, float] = defaultdict(float)
    for row in rows:
        if isinstance(value := row.get("value"), int | float):
            found[str(row.get("room_id"))] += value
    return dict(found)


def person_minutes(rows: Iterable[Row]) -> float:
    return sum(minutes_by_room(rows).values())


def busiest_room(rows: Iterable[Row]) -> str | None:
    """The room with the most person-minutes; `None` where nobody was in any."""
    found = minutes_by_room(rows)
    best = max(found, key=lambda room: (found[room], room), default=None)
    return best if best is not None and found[best] > 0 else None


def count_scale(detections: float, room_minutes: float, floor_minutes: float | None) -> Finding:
    """U10. Detections of an hour, and person-minutes of it by rooms and, beside that, by the floor."""
    assumed = "one person gives 60 to 180 detections a minute"
    numbers: dict[str, Number] = {
        "detections": detections,
        "room_person_minutes": room_minutes,
        "floor_person_minutes": floor_minutes,
    }
    if room_minutes < LEAST_PERSON_MINUTES:
        why = f"{room_minutes:g} person-minutes in that hour, {LEAST_PERSON_MINUTES} are needed"
        return untold(
            "U10",
            assumed=assumed,
            why=why,
            numbers=numbers,
            follows="heat is shown in detections, not in people",
        )
    factor = detections / room_minutes
    numbers["factor"] = round(factor, 3)
    beside = f"; by the floor's own count {detections / floor_minutes:.1f}" if floor_minutes else ""
    return told(
        "U10",
        assumed=assumed,
        measured=f"{detections:g} detections in {room_minutes:g} person-minutes: {factor:.1f} each{beside}",
        follows="`serve` measures each floor on, and shows heat in people where it is known",
        same=60 <= factor <= 180,
        numbers=numbers,
        confidence="likely",
    )


def late_data(first: Mapping[str, float], second: Mapping[str, float], *, apart_s: float) -> Finding:
    """U15. The same five minutes of ten minutes ago, asked for twice in one run: heat, movements, people."""
    assumed = "an hour after its end a heat map changes no more"
    moved = sorted(name for name in first.keys() & second.keys() if first[name] != second[name])
    numbers: dict[str, Number] = {"apart_s": round(apart_s)}
    numbers |= {
        f"{name}_{turn}": values[name]
        for turn, values in (("first", first), ("second", second))
        for name in sorted(values)
    }
    numbers["moved"] = len(moved)
    if not any(first.values()) and not any(second.values()):
        return untold(
            "U15", assumed=assumed, why="nobody was there just now", numbers=numbers, follows=_SERVE_GOES_ON
        )
    measured = f"after {apart_s:.0f} s {', '.join(moved) or 'nothing'} had changed"
    return untold("U15", assumed=assumed, why=measured, numbers=numbers, follows=_SERVE_GOES_ON)


_SERVE_GOES_ON = "one run is too short; `serve` measures it over hours, and until then an hour is assumed"


def weekday_case(plain: float | None, capitalised: float | None, lower: float | None) -> Finding:
    """U17. One figure of a week: of all days, without a day that had people, its name written either way."""
    assumed = "statistics take the names of days capitalised"
    numbers: dict[str, Number] = {"all_days": plain, "capitalised": capitalised, "lower": lower}
    if plain is None or plain == 0:
        return untold("U17", assumed=assumed, why="the week has no figure", numbers=numbers)
    taken = [
        name
        for name, value in (("capitalised", capitalised), ("lower", lower))
        if value is not None and not math.isclose(value, plain, rel_tol=1e-9)
    ]
    measured = (
        f"all days {plain:g}, one left out as `Tuesday` {_figure(capitalised)}, as `tuesday` {_figure(lower)}"
    )
    if not taken:
        follows = "Statistics do not leave days out, so shares of opening hours would be of all days"
        return unhandled("U17", assumed=assumed, measured=measured, follows=follows, numbers=numbers)
    chosen = taken[0]
    follows = (
        "both are understood"
        if len(taken) == 2
        else f"days are sent {'in lower case' if chosen == 'lower' else 'capitalised'}"
    )
    return told(
        "U17",
        assumed=assumed,
        measured=measured,
        follows=follows,
        same=chosen == "capitalised",
        numbers=numbers,
        verdict={"weekday_case": chosen},
    )


def _figure(value: float | None) -> str:
    return "refused" if value is None else f"{value:g}"


def clones(sensors: Iterable[Sensor], traffic: Iterable[Row], ghost_share: float | None) -> Finding:
    """U18. `traffic`: a day's rows; `ghost_share`: how much of the heat lies where presence clones look."""
    assumed = "a cloned sensor counts only where its original does not"
    listed = list(sensors)
    moved: dict[str, float] = defaultdict(float)
    for row in traffic:
        value = row.get("value")
        moved[str(row.get("sensor_id"))] += float(value) if isinstance(value, int | float) else 0.0
    originals = {s.tail: s for s in listed if s.kind == "physical"}
    copies = [s for s in listed if s.kind != "physical"]
    ratios = [
        moved[copy.id] / moved[originals[copy.tail].id]
        for copy in copies
        if copy.counts_doors and copy.tail in originals and moved[originals[copy.tail].id] > 0
    ]
    numbers: dict[str, Number] = {
        "sensors": len(listed),
        "clones": sum(s.kind == "clone" for s in listed),
        "mirrors": sum(s.kind == "mirror" for s in listed),
        "pairs": len(ratios),
        "median_ratio": round(median(ratios), 3) if ratios else None,
        "ghost_heat": None if ghost_share is None else round(ghost_share, 3),
    }
    if not copies:
        return told(
            "U18",
            assumed=assumed,
            measured=f"none of {len(listed)} sensors is a copy",
            follows="nothing is counted twice",
            same=True,
            numbers=numbers,
        )
    measured = f"{len(copies)} of {len(listed)} sensors are copies"
    if ratios:
        measured += f"; {len(ratios)} pairs, a copy counts {median(ratios):.2f} times its original (median)"
    if ghost_share is not None:
        measured += f"; {ghost_share:.0%} of the heat lies where presence copies look"
    return told(
        "U18",
        assumed=assumed,
        measured=measured,
        follows="each device counts once at a place; BUTLR_VIRTUAL_SENSORS=drop leaves all copies out",
        same=True,
        numbers=numbers,
    )
