"""What the topology's notes say to those who look at an answer: each where it bears on what they see.

A note on a floor is told on answers of that floor only, and one on time zones only where windows, days or
hours are reckoned by them. The target `spaces` tells all of them.
"""

from __future__ import annotations

from butlr_grafana.model.floor import Note, Topology
from butlr_grafana.query.parse import ParsedQuery

Notice = dict[str, str]

MOST = 5
"""Notes that an answer tells one by one."""

WARNINGS = frozenset({"all", "gone", "time", "traffic"})
"""What makes figures other than they seem to be; the rest is why there are none."""

SERIES = frozenset({"occupancy", "traffic", "presence"})
BY_THE_CLOCK = SERIES | {"unusual", "balance", "utilization", "pattern", "playback"}
OF_AREAS = frozenset({"hot-zones", "utilization", "heatmap-summary"})
OF_DOORS = frozenset({"traffic", "balance", "occupancy-now", "utilization"})
OF_PLACES = frozenset({"hot-zones", "compare-zones", "hotspots", "unusual", "utilization", "floorplan"})
LEVELS = {**dict.fromkeys(SERIES, "room"), "occupancy-now": "room", "balance": "floor", "pattern": "floor"}
"""What these targets are of where no level is asked for."""


def notices(topology: Topology, asked: ParsedQuery) -> list[Notice]:
    """Those of the notes that bear on an answer of these floors; of many the first, and how many more."""
    told = [note for note in topology.notes if bears_on(note, asked)]
    several = len(topology.floors) > 1
    named = {key: floor.name for key, floor in topology.floors.items()} if several else {}
    found = dict.fromkeys((_severity(note), _text(note, named.get(note.floor_id or "", ""))) for note in told)
    shown = [{"severity": severity, "text": text} for severity, text in found]
    if asked.target == "spaces" or len(shown) <= MOST:
        return shown
    # Warnings first, so that none is lost among what is less.
    shown.sort(key=lambda notice: notice["severity"] != "warning")
    rest = shown[MOST:]
    text = f"{len(rest)} more notes on these floors are told by the target spaces."
    return [*shown[:MOST], {"severity": rest[0]["severity"], "text": text}]


def bears_on(note: Note, asked: ParsedQuery) -> bool:
    target = asked.target
    if target == "spaces" or note.about == "all":
        return True
    match note.about:
        case "time":
            is_limited = bool(asked.hours or asked.days or asked.holidays == "out")
            return target in BY_THE_CLOCK or (is_limited and asked.tz is None)
        case "area":
            return target in OF_AREAS and not (target == "heatmap-summary" and note.of)
        case "traffic":
            return target in OF_DOORS or (target in ("pattern", "freshness") and asked.metric == "traffic")
        case "places":
            is_of_floors = asked.level == "floor" and target in ("hot-zones", "compare-zones")
            by_level = (asked.level or LEVELS.get(target, "floor")) != "floor" and target in LEVELS
            return (target in OF_PLACES and not is_of_floors) or by_level or bool(asked.room or asked.tag)
        case "gone":
            return asked.spaces == ("all",)
        case _:
            return False


def _severity(note: Note) -> str:
    return "warning" if note.about in WARNINGS else "info"


def _text(note: Note, floor: str) -> str:
    """With the floor's name where several are answered and it does not say it itself."""
    return note.text if not floor or note.text.startswith(f"{floor}:") else f"{floor}: {note.text}"
