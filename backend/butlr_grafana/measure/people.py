"""People and sensors: the day of door-based counts (U6), presence time (U7), detections per person-minute
(U10), late data (U15), names of days (U17) and cloned sensors (U18).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from butlr_grafana.butlr.labels import instant_of_label
from butlr_grafana.butlr.rows import Row
from butlr_grafana.measure.finding import Finding, Number, decided, undecided, unhandled
from butlr_grafana.model.sensors import Sensor
from butlr_grafana.model.time import DAY_S, Period
from butlr_grafana.model.verdicts import PRESENCE_NAMES

FEWEST_EACH, MOST_EACH = 54, 198
"""Detections a person-minute: 60 to 180 as documented, and a tenth for heat outside rooms and chance."""

LEAST_PERSON_MINUTES = 60
"""Below it chance decides how many detections a person gives."""


LEAST_INSIDE = 2
"""One person may simply leave within the minute of a midnight."""


def calibrated_day(day: Period, local: Sequence[Row], utc: Sequence[Row], around: Sequence[Row]) -> Finding:
    """U6. People of the same rooms counted by doors: by hour over one local day, requested with its time zone
    and with UTC; and `around` UTC's midnight by minute, where those two are the same.

    The count begins at 0 each day. So the two differ between the midnights if the time zone decides. If it
    does not, the minutes show whether a count continues over UTC's midnight.
    """
    assumed = "the count of people by doors is reset at local midnight"
    differ, common = (
        differing(local, utc),
        len(_by_room_and_time(local).keys() & _by_room_and_time(utc).keys()),
    )
    midnight = utc_midnight(day)
    before, after = _over(around, midnight)
    numbers: dict[str, Number] = {
        "windows": common,
        "differ": differ,
        "before_utc_midnight": before,
        "after_utc_midnight": after,
    }
    measured = f"{differ} of {common} hours differ between the two time zones"
    follows = "the floor's time zone is sent, and counts are reset at its midnight"
    kind = "local"
    if midnight is None:
        measured, follows = "the local day is the UTC day", "there is no difference here"
    elif not differ and not after and before < LEAST_INSIDE:
        inside = f"only {before:g} people were" if before else "nobody was"
        why = f"{measured}, and {inside} inside at UTC midnight"
        return undecided("U6", assumed=assumed, why=why, numbers=numbers)
    elif not differ:
        measured += f"; {before:g} people were inside before UTC midnight, {after:g} after it"
        kind = "local" if after > 0 else "utc"
        follows = (
            "counts are reset at local midnight, whichever time zone is sent"
            if after > 0
            else "counts by doors are reset at UTC midnight, within the local day; prefer presence sensors"
        )
    return decided(
        "U6",
        assumed=assumed,
        measured=measured,
        follows=follows,
        same=kind == "local",
        numbers=numbers,
        verdict={"calibrated_day": kind},
    )


def differing(local: Sequence[Row], utc: Sequence[Row]) -> int:
    """How many values of the same room and time are not the same."""
    ours, theirs = _by_room_and_time(local), _by_room_and_time(utc)
    return sum(ours[key] != theirs[key] for key in ours.keys() & theirs.keys())


def utc_midnight(day: Period) -> Period | None:
    """The minutes around UTC's midnight within a local day; `None`: the day is UTC's."""
    midnight_s = -(-day.start_s // DAY_S) * DAY_S
    return None if midnight_s == day.start_s else Period(midnight_s - 300, midnight_s + 300)


def _over(around: Sequence[Row], minutes: Period | None) -> tuple[float, float]:
    """People in the last minute before the middle of a period, and in those rooms in the first after it."""
    if minutes is None:
        return 0.0, 0.0
    counts = _by_room_and_time(around)
    middle_s = (minutes.start_s + minutes.end_s) // 2
    inside = {room: n for (room, at_s), n in counts.items() if at_s == middle_s - 60 and n > 0}
    return sum(inside.values()), sum(counts.get((room, middle_s), 0.0) for room in inside)


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
    texts = [
        f"{level}: {found.rows} rows of {found.name}" if found.name else f"{level}: refused"
        for level, found in tried.items()
    ]
    if not any(found.rows or found.name is None for found in tried.values()):
        return undecided("U7", assumed=assumed, why="; ".join(texts), numbers=numbers)
    refused = [level for level, name in names.items() if name is None]
    follows = (
        f"there is no presence time for a {' or a '.join(refused)}; panels that need it say so"
        if refused
        else "presence time is requested with these names"
    )
    return decided(
        "U7",
        assumed=assumed,
        measured="; ".join(texts),
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
        why = f"that hour has {room_minutes:g} person-minutes; {LEAST_PERSON_MINUTES} are needed"
        return undecided(
            "U10",
            assumed=assumed,
            why=why,
            numbers=numbers,
            follows="heat is shown in detections, not in people",
        )
    factor = detections / room_minutes
    numbers["factor"] = round(factor, 3)
    beside = f"; by the floor's own count {detections / floor_minutes:.1f}" if floor_minutes else ""
    return decided(
        "U10",
        assumed=assumed,
        measured=f"{detections:g} detections in {room_minutes:g} person-minutes: {factor:.1f} each{beside}",
        follows="`serve` continues to measure each floor, and shows heat in people when the factor is known",
        same=FEWEST_EACH <= factor <= MOST_EACH,
        numbers=numbers,
        confidence="likely",
    )


def late_data(
    first: Mapping[str, float],
    second: Mapping[str, float],
    older: Mapping[str, float] | None,
    *,
    apart_s: float,
) -> Finding:
    """U15. The same five minutes of ten minutes ago, asked for twice in one run: heat and people. `older`:
    those of an hour ago, where there were people and no heat.
    """
    assumed = "one hour after its end, a heat map no longer changes"
    moved = sorted(name for name in first.keys() & second.keys() if first[name] != second[name])
    numbers: dict[str, Number] = {"apart_s": round(apart_s), "moved": len(moved)}
    for turn, values in (("first", first), ("second", second), ("older", older or {})):
        numbers |= {f"{name}_{turn}": values[name] for name in sorted(values)}
    if not any(first.values()) and not any(second.values()):
        return undecided(
            "U15", assumed=assumed, why="nobody was there just now", numbers=numbers, follows=_GOES_ON
        )
    measured = f"after {apart_s:.0f} s {' and '.join(moved) or 'nothing'} had changed"
    if is_missing(second):
        measured += f"; {second['people']:g} person-minutes of ten minutes ago have no heat yet"
    if older is not None and is_missing(older):
        return decided(
            "U15",
            assumed=assumed,
            measured=f"{measured}, and those of an hour ago have none either",
            follows="data are stored permanently when they are a day old",
            same=False,
            numbers=numbers,
            verdict={"settle_s": DAY_S},
        )
    return undecided("U15", assumed=assumed, why=measured, numbers=numbers, follows=_GOES_ON)


def is_missing(values: Mapping[str, float]) -> bool:
    """Whether there were people and no heat at all."""
    return values["heat"] == 0 and values.get("people", 0.0) >= 5


_GOES_ON = "one run is too short; `serve` measures it over days and assumes one hour until then"


def weekday_case(plain: float | None, capitalised: float | None, lower: float | None) -> Finding:
    """U17. One figure of a week: of all days, without a day that had people, its name written either way."""
    assumed = "statistics expect the names of days with a capital letter"
    numbers: dict[str, Number] = {"all_days": plain, "capitalised": capitalised, "lower": lower}
    if plain is None or plain == 0:
        return undecided("U17", assumed=assumed, why="the week has no figure", numbers=numbers)
    taken = [
        name
        for name, value in (("capitalised", capitalised), ("lower", lower))
        if value is not None and not math.isclose(value, plain, rel_tol=1e-9)
    ]
    measured = (
        f"all days give {plain:g}; without `Tuesday` {_figure(capitalised)}, without `tuesday` "
        f"{_figure(lower)}"
    )
    if not taken:
        follows = "Statistics do not exclude days, so figures for working hours would include all days"
        return unhandled("U17", assumed=assumed, measured=measured, follows=follows, numbers=numbers)
    chosen = taken[0]
    follows = (
        "both forms work"
        if len(taken) == 2
        else f"days are sent {'in lower case' if chosen == 'lower' else 'with a capital letter'}"
    )
    return decided(
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
        return decided(
            "U18",
            assumed=assumed,
            measured=f"none of {len(listed)} sensors is a copy",
            follows="nothing is counted twice",
            same=True,
            numbers=numbers,
        )
    measured = f"{len(copies)} of {len(listed)} sensors are copies"
    if ratios:
        measured += f"; {len(ratios)} copies count {median(ratios):.2f} times their originals (median)"
    if ghost_share is not None:
        measured += f"; {ghost_share:.0%} of the heat is where copies of presence sensors look"
    return decided(
        "U18",
        assumed=assumed,
        measured=measured,
        follows="each device counts once at each place; BUTLR_VIRTUAL_SENSORS=drop ignores all copies",
        same=True,
        numbers=numbers,
    )
