"""Texts for the choice of floors, rooms and zones. No two choices have the same text.

The JSON data source keeps only one choice per text, and people cannot distinguish two equal texts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from butlr_grafana.model.floor import Building, Floor, Room, Zone


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice, with its `id`. `texts`: the shortest text first, then longer ones that distinguish it from
    others.
    """

    id: str
    texts: tuple[str, ...]


def of_building(building: Building) -> Choice:
    name = _shown(building.name, building.id)
    return Choice(building.id, (name, f"{building.site} / {name}"))


def of_floor(floor: Floor) -> Choice:
    text = _floor_text(floor)
    return Choice(floor.id, (text, f"{floor.building.site} / {text}"))


def shown_together(floors: Sequence[Floor]) -> list[Choice]:
    """Floors that are shown beside each other, as in a legend: with the building, which its floors' names may
    begin with, where there are several.
    """
    several = len({floor.building.id for floor in floors}) > 1
    return [Choice(floor.id, _texts_together(floor)[0 if not several else 1 :]) for floor in floors]


def names_together(floors: Iterable[Floor]) -> dict[str, str]:
    """By id, how floors are named where several are shown: with the building if there are several."""
    return unique_texts(shown_together(list(floors)))


def _texts_together(floor: Floor) -> tuple[str, str, str]:
    building, name = _shown(floor.building.name, floor.building.id), _shown(floor.name, floor.id)
    whole = name if name.startswith(building) else f"{building}, {name}"
    return name, whole, f"{floor.building.site}, {whole}"


def of_asset(asset: Room | Zone, floor: Floor, *, alone: bool) -> Choice:
    """The choice of a room or zone. `alone`: all choices are on the same floor."""
    name = _shown(asset.name, asset.id)
    if alone:
        return Choice(asset.id, (name,))
    where = _floor_text(floor)
    places = (_shown(floor.name, floor.id), where, f"{floor.building.site} / {where}")
    return Choice(asset.id, tuple(f"{name} ({place})" for place in places))


def type_text(own: str) -> str:
    """A room type for a person: `meeting_room` is *Meeting room*."""
    return _shown(own.replace("_", " ").strip().capitalize(), own)


def of_types(floors: Iterable[Floor]) -> list[Choice]:
    """The types of the floors' rooms, sorted by their texts. `meeting_room` is shown as *Meeting room*."""
    types = {room.type for floor in floors for room in floor.rooms if room.type is not None}
    shown = {own: type_text(own) for own in types}
    return [Choice(own, (shown[own], own)) for own in sorted(types, key=lambda own: (shown[own], own))]


def _floor_text(floor: Floor) -> str:
    return f"{_shown(floor.building.name, floor.building.id)} / {_shown(floor.name, floor.id)}"


def _shown(name: str, id_: str) -> str:
    """The name, or the id where nothing of the name can be seen."""
    return name if name.strip() else id_


def unique_texts(choices: Iterable[Choice]) -> dict[str, str]:
    """A unique text for each id, in the order of the choices. An id that is listed twice is one choice.

    Equal texts are made longer. If that does not help, they are numbered in the order of the ids, so that a
    number does not depend on Butlr's order.
    """
    by_id = {choice.id: choice.texts for choice in choices}
    # What no text tells apart is made no longer for its own sake.
    step = dict.fromkeys(by_id.values(), 0)
    while longer := _to_lengthen(step):
        step.update({kind: step[kind] + 1 for kind in longer})
    texts = {id_: kind[step[kind]] for id_, kind in by_id.items()}
    return texts | _numbered(texts)


def _to_lengthen(step: dict[tuple[str, ...], int]) -> list[tuple[str, ...]]:
    count = Counter(_look(kind[at]) for kind, at in step.items())
    return [kind for kind, at in step.items() if count[_look(kind[at])] > 1 and at + 1 < len(kind)]


def _numbered(texts: dict[str, str]) -> dict[str, str]:
    count = Counter(map(_look, texts.values()))
    taken = set(count)
    used: Counter[str] = Counter()
    numbered = {}
    for id_ in sorted(id_ for id_, text in texts.items() if count[_look(text)] > 1):
        text, look = texts[id_], _look(texts[id_])
        while True:
            used[look] += 1
            found = f"{text} ({used[look]})"
            if _look(found) not in taken:
                break
        taken.add(_look(found))
        numbered[id_] = found
    return numbered


def _look(text: str) -> str:
    """Texts that look alike are equal here: blanks of other kinds or numbers, and those at the ends."""
    return " ".join(text.split())


def in_order(choices: Sequence[Choice]) -> list[tuple[str, str]]:
    """The pairs of text and id, in the order of the choices."""
    return [(text, id_) for id_, text in unique_texts(choices).items()]
