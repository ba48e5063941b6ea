"""`spaces`: the topology as rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from butlr_grafana.model.choices import Choice, of_asset, of_floor, unique_texts
from butlr_grafana.model.factor import Factor, Known, Unknown
from butlr_grafana.model.floor import Floor, Room, Topology, Zone
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.targets.base import Fetched, Result, Row, Sources, TableTarget
from butlr_grafana.targets.parameter_groups import FLOOR, FRAMES_ROWS_CSV


@dataclass(frozen=True, slots=True)
class Spaces:
    """`factors`: by floor."""

    topology: Topology
    factors: Mapping[str, Known]


class SpacesTarget(TableTarget[Spaces]):
    name = "spaces"
    title = "Floors, rooms and zones"
    description = "The topology: one row per floor, room or zone."
    parameters = ("space", "level", "area", "format")
    formats = FRAMES_ROWS_CSV
    many_floors = True
    without_floor = True
    needs_factors = True
    note_topics = frozenset({"everything"})

    def build(self, fetched: Fetched, sources: Sources) -> Spaces:
        return Spaces(fetched.scope.topology, fetched.factors)

    def columns(self, parsed: ParsedQuery) -> tuple[str, ...]:
        return (
            *(
                "level",
                "id",
                "name",
                *FLOOR,
                "building_id",
                "building",
                "site",
                "label",
                "choice",
                "timezone",
            ),
            *("capacity", "area_m2", "type", "tags", "online", "notes"),
            *("detections_per_person_minute", "factor_version", "factor_days", "factor_unknown"),
        )

    def rows_of(self, content: Spaces, result: Result[Spaces]) -> list[Row]:
        """`label` and, within a level, `choice` are of one row only. `notes`: what is to be known of a
        floor.
        """
        topology, level = content.topology, result.parsed.level
        alone = len(topology.floors) == 1
        listed: list[tuple[str, Floor, Floor | Room | Zone, Choice]] = []
        for floor in topology.floors.values():
            listed.append(("floor", floor, floor, of_floor(floor)))
            listed += [("room", floor, room, of_asset(room, floor, alone=alone)) for room in floor.rooms]
            listed += [("zone", floor, zone, of_asset(zone, floor, alone=alone)) for zone in floor.zones]
        listed = [one for one in listed if level in (None, one[0])]
        label = unique_texts(
            Choice(f"{kind} {own.id}", _labels(floor, own)) for kind, floor, own, _ in listed
        )
        choice = {
            kind: unique_texts(c for k, _, _, c in listed if k == kind) for kind in ("floor", "room", "zone")
        }
        return [
            {
                **_space(floor, own, kind, label=label[f"{kind} {own.id}"], choice=choice[kind][own.id]),
                **(_of_floor(content, floor) if own is floor else _factor(None)),
            }
            for kind, floor, own, _ in listed
        ]


def _of_floor(content: Spaces, floor: Floor) -> Row:
    notes = (note.text for note in content.topology.notes if note.floor_id == floor.id)
    return {"notes": "; ".join(notes), **_factor(content.factors.get(floor.id, Unknown()))}


def _labels(floor: Floor, own: Floor | Room | Zone) -> tuple[str, str]:
    short = f"{floor.building.name} / {floor.name}" + ("" if own is floor else f" / {own.name}")
    return short, f"{floor.building.site} / {short}"


def _space(floor: Floor, own: Floor | Room | Zone, level: str, *, label: str, choice: str) -> Row:
    room = own if isinstance(own, Room) else None
    return {
        "level": level,
        "id": own.id,
        "name": own.name,
        "space": floor.id,
        "floor": floor.name,
        "building_id": floor.building.id,
        "building": floor.building.name,
        "site": floor.building.site,
        "label": label,
        "choice": choice,
        "timezone": floor.timezone,
        "capacity": None if isinstance(own, Zone) else own.capacity,
        "area_m2": None if isinstance(own, Zone) else own.area_m2,
        "type": room.type if room else None,
        "tags": ",".join(room.tags) if room else "",
        "online": _flag(room.online) if room else None,
        "notes": "",
    }


def _flag(state: bool | None) -> int | None:
    return None if state is None else int(state)


def _factor(known: Known | None) -> Row:
    """How many detections a person gives on a floor; empty for rooms and zones."""
    factor = known if isinstance(known, Factor) else None
    return {
        "detections_per_person_minute": factor.per_person_minute if factor else None,
        "factor_version": factor.version if factor else None,
        "factor_days": factor.days if factor else None,
        "factor_unknown": known.why if isinstance(known, Unknown) else None,
    }
