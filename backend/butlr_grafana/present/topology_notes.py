"""The topology's notes that a result needs: only those about what it shows.

A note about a floor is shown only on results of that floor. A note about time zones is shown only where
windows, days or hours depend on them. The target `spaces` shows all notes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from butlr_grafana.model.choices import names_together
from butlr_grafana.model.floor import Note
from butlr_grafana.targets.base import Result

Notice = dict[str, str]

MOST = 5
"""Notes that an answer tells one by one."""

WARNINGS = frozenset({"all", "gone", "time", "traffic"})
"""What makes figures other than they seem to be; the rest is why there are none."""


def notices(result: Result[Any]) -> list[Notice]:
    """Those of the notes that bear on an answer of these floors; of many the first, and how many more."""
    topology = result.topology
    relevant = [note for note in topology.notes if bears_on(note, result)]
    several = len(topology.floors) > 1
    named = names_together(topology.floors.values()) if several else {}
    own = {key: floor.name for key, floor in topology.floors.items()}
    if "everything" not in result.target.topics(result.parsed) and len(relevant) > MOST:
        # What bears on all figures first, as a hive that is offline, then other warnings: none is to be lost.
        relevant.sort(key=lambda note: (_severity(note) != "warning", note.about != "all"))
    found = dict.fromkeys(
        (_severity(note), _text(note, named.get(note.floor_id or "", ""), own)) for note in relevant
    )
    shown = [{"severity": severity, "text": text} for severity, text in found]
    if "everything" in result.target.topics(result.parsed) or len(shown) <= MOST:
        return shown
    rest = shown[MOST:]
    text = f"There are {len(rest)} more notes on these floors: see the target spaces."
    return [*shown[:MOST], {"severity": rest[0]["severity"], "text": text}]


def on_floor(result: Result[Any]) -> list[str]:
    """What bears on all that is shown of one floor, without its name: a picture has that as its title."""
    [floor, *_] = result.topology.floors.values()
    texts = [note.text for note in result.topology.notes if note.floor_id == floor.id and note.about == "all"]
    return [text.removeprefix(f"{floor.name}: ") for text in texts]


def bears_on(note: Note, result: Result[Any]) -> bool:
    topics = result.target.topics(result.parsed)
    match note.about:
        case _ if "everything" in topics or note.about == "all":
            return True
        case "gone":
            return result.parsed.spaces == ("all",)
        case "area":
            return "area" in topics or ("floor_area" in topics and not note.of)
        case about:
            return about in topics


def _severity(note: Note) -> str:
    return "warning" if note.about in WARNINGS and not note.is_neutral else "info"


def _text(note: Note, floor: str, own: Mapping[str, str]) -> str:
    """With the floor's name if there are several floors. `own`: what the note itself calls a floor, by id."""
    if not floor or note.floor_id is None:
        return note.text
    text = note.text.removeprefix(f"{own[note.floor_id]}: ")
    return f"{floor}: {text}"
