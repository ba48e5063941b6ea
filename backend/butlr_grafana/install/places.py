"""The floor or the room that a person names, looked for in the backend behind Grafana's data source. So the
backend's address and token are not needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from butlr_grafana.install.probe import fault_through
from butlr_grafana.kiosk.grafana_api import Grafana, GrafanaError

KINDS = {"--room": "room", "--space": "floor"}
MOST_LISTED = 10

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """A room, or a whole floor (`room` is empty). `name`: unique, as the dashboards' variables show it."""

    space: str
    room: str
    name: str
    capacity: int | None

    @property
    def id(self) -> str:
        return self.room or self.space


def find_place(grafana: Grafana, uid: str, *, space: str, room: str) -> Place:
    """The room, or the floor if no room is given; each by its id or its name. `uid`: of the data source.

    Raises `GrafanaError`: the backend does not answer, or the name is unknown or that of several.
    """
    floor = _one(_rows(grafana, uid, level="floor"), space, "--space") if space else None
    if not room:
        assert floor is not None, "a floor or a room"
        return Place(str(floor["id"]), "", str(floor["choice"]), floor["capacity"])
    # Of all floors: so a room's name is the same with and without --space.
    rows = _rows(grafana, uid, level="room")
    found = _one([row for row in rows if floor is None or row["space"] == floor["id"]], room, "--room")
    return Place(str(found["space"]), str(found["id"]), str(found["choice"]), found["capacity"])


def people_now(grafana: Grafana, uid: str, place: Place) -> tuple[float | None, str]:
    """How many people are there now; if it is not known, `None` and the reason."""
    where = {"room": place.room} if place.room else {"level": "floor"}
    rows = grafana.rows_of_backend(uid, "occupancy-now", space=place.space, **where)
    if not rows:
        return None, "the backend has no row for it"
    return rows[0].get("people"), str(rows[0].get("reason") or "no reason is known")


def _rows(grafana: Grafana, uid: str, *, level: str) -> list[Row]:
    rows = grafana.rows_of_backend(uid, "spaces", level=level)
    if rows is None:
        fault = fault_through(grafana, uid) or "the backend does not say which rooms there are"
        raise GrafanaError(f"data source {uid}: {fault}")
    return rows


def _one(rows: Sequence[Row], text: str, option: str) -> Row:
    """The row with this id, or the only row with this name."""
    wanted = text.casefold()
    for names in (("id",), ("choice", "label"), ("name",)):
        found = [row for row in rows if wanted in {str(row[name]).casefold() for name in names}]
        if len(found) == 1:
            return found[0]
        if found:
            kind = KINDS[option]
            hint = "Give --space FLOOR too, or an id" if option == "--room" else "Give an id"
            raise GrafanaError(
                f"{option} {text}: {len(found)} {kind}s have this name. {hint}: {_choices(found)}"
            )
    near = get_close_matches(wanted, [str(row["name"]).casefold() for row in rows], n=MOST_LISTED)
    nearest = [row for name in dict.fromkeys(near) for row in rows if str(row["name"]).casefold() == name]
    raise GrafanaError(
        f"{option} {text}: there is no such {KINDS[option]}. It may be: {_choices(nearest or rows)}"
    )


def _choices(rows: Sequence[Row]) -> str:
    return listed(f"{row['choice']} [{row['id']}]" for row in rows)


def listed(names: Iterable[str]) -> str:
    """At most ten names."""
    known = list(names)
    more = f", … ({len(known)} in all)" if len(known) > MOST_LISTED else ""
    return ", ".join(known[:MOST_LISTED]) + more if known else "nothing: there is none"
