"""`room-types`: the types of rooms, for a list to choose from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from butlr_grafana.model.choices import of_types, unique_texts
from butlr_grafana.model.floor import Floor, Room
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.targets.base import Fetched, Result, Row, Sources, TableTarget
from butlr_grafana.targets.columns import COUNT, Column, number
from butlr_grafana.targets.parameter_groups import FRAMES_ROWS_CSV


@dataclass(frozen=True, slots=True)
class TypesOfRooms:
    floors: tuple[Floor, ...]


class RoomTypes(TableTarget[TypesOfRooms]):
    name = "room-types"
    title = "Types of rooms"
    description = "One row per type of room: number of rooms of this type, and their capacity."
    parameters = ("space", "format")
    formats = FRAMES_ROWS_CSV
    many_floors = True
    without_floor = True

    def build(self, fetched: Fetched, sources: Sources) -> TypesOfRooms:
        return TypesOfRooms(tuple(fetched.scope.topology.floors.values()))

    def columns(self, parsed: ParsedQuery) -> tuple[str, ...]:
        return ("type", "choice", "rooms", "capacity")

    def own_columns(self, table: str) -> dict[str, Column]:
        return {"rooms": number("Rooms", COUNT)}

    def rows_of(self, content: TypesOfRooms, result: Result[TypesOfRooms]) -> list[Row]:
        """In the order of `choice`, which is for people. `capacity`: of the rooms whose capacity is known.

        Rooms that are only told of together have no type.
        """
        return list(_rows(content.floors))


def _rows(floors: tuple[Floor, ...]) -> Iterator[Row]:
    rooms = [room for floor in floors for room in floor.rooms]
    for own, choice in unique_texts(of_types(floors)).items():
        typed = [room for room in rooms if room.type == own]
        yield {"type": own, "choice": choice, "rooms": len(typed), "capacity": _places(typed)}


def _places(rooms: list[Room]) -> int | None:
    known = [room.capacity for room in rooms if room.capacity is not None]
    return sum(known) if known else None
