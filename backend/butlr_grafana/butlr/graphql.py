"""Butlr's GraphQL: queries from which single fields can be removed, and errors inside a 200.

The schema of an account may lack a field, or have it in another form; Butlr then refuses the whole query. So
the refused field is removed and the query is sent again: the account lacks this field, but not its floors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from butlr_grafana.base.errors import UpstreamInvalid, UpstreamRefused
from butlr_grafana.butlr.heatmaps import quote

Selection = Mapping[str, "Selection | None"]
"""Fields and what is selected of each; `None` of a scalar."""

Post = Callable[[dict[str, str]], bytes]
"""Sends a body and gives the answer's."""

Path = tuple[str, ...]
"""A field by the names from the document's top to it."""

UNAUTHENTICATED = "UNAUTHENTICATED"

_REFUSED = (
    re.compile(r"Cannot query field [\"'](?P<field>\w+)[\"'](?: on type [\"'](?P<type>\w+)[\"'])?"),
    re.compile(r"Field [\"'](?P<field>\w+)[\"'] of type .* must have a (?:selection|sub selection)"),
    re.compile(r"Field [\"'](?P<field>\w+)[\"'] must not have a (?:selection|sub selection)"),
)
"""What GraphQL servers say of a field that a question must not have, or not in this form."""

MOST_TRIES = 12
"""A server may name one refused field at a time."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An error in a response: its message, and the columns of the query that it names (from 1)."""

    message: str
    columns: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class GraphqlReply:
    """`data`; `faults`, where only a part is there; `lost`, the fields that the account's schema lacks."""

    data: dict[str, Any]
    faults: tuple[Fault, ...] = ()
    lost: tuple[Path, ...] = ()


@dataclass(slots=True)
class GraphqlQuery:
    """A query that remembers which of its fields Butlr refused. Not shared between threads.

    `needed`: the fields without which there is no result. `lesser`: the queries to send instead, in this
    order, if Butlr refuses the query without naming a field.
    """

    selection: Selection
    needed: tuple[Path, ...]
    lesser: tuple[Selection, ...] = ()
    lost: dict[Path, None] = field(default_factory=dict)

    def run(self, post: Post) -> GraphqlReply:
        """Asks until nothing is refused any more. Raises `UpstreamError`."""
        try:
            return self._run_once(post)
        except (UpstreamInvalid, UpstreamRefused):
            if not self.lesser:
                raise
            found = GraphqlQuery(self.lesser[0], self.needed, self.lesser[1:]).run(post)
            whole, requested = (frozenset(written(s)[1].values()) for s in (self.selection, self.lesser[0]))
            return replace(found, lost=(*sorted(whole - requested), *found.lost))

    def _run_once(self, post: Post) -> GraphqlReply:
        for _ in range(MOST_TRIES):
            text, columns = written(self.selection, frozenset(self.lost))
            body = post({"query": text})
            data, faults = response_of(body)
            if data is not None:
                return GraphqlReply(data, faults, tuple(self.lost))
            refused = {path: None for fault in faults for path in refused_by(fault, columns)}
            if not refused or refused.keys() & set(self.needed):
                break
            self.lost |= refused
        butlr_text = "; ".join(fault.message for fault in faults)
        raise UpstreamInvalid("Butlr rejected the topology query", butlr_text=quote(butlr_text.encode()))


def written(selection: Selection, lost: frozenset[Path] = frozenset()) -> tuple[str, dict[int, Path]]:
    """A selection as GraphQL has it, without what is lost, and which field stands at which column (from 1).

    A field of whose selection nothing is left is left out too.
    """
    pieces: list[str] = []
    columns: dict[int, Path] = {}

    def write(below: Selection, path: Path) -> None:
        pieces.append("{ ")
        for name, selected in below.items():
            own = (*path, name)
            if not _is_selected(selected, own, lost):
                continue
            columns[sum(map(len, pieces)) + 1] = own
            pieces.append(f"{name} ")
            if selected is not None:
                write(selected, own)
        pieces.append("} ")

    write(selection, ())
    return "".join(pieces).strip(), columns


def _is_selected(selected: Selection | None, path: Path, lost: frozenset[Path]) -> bool:
    if path in lost:
        return False
    if selected is None:
        return True
    return any(_is_selected(below, (*path, name), lost) for name, below in selected.items())


def refused_by(fault: Fault, columns: Mapping[int, Path]) -> tuple[Path, ...]:
    """The fields of a question that a fault refuses: those at the places that it names, else all of that
    name, of the type that it names.
    """
    match = next(filter(None, (pattern.search(fault.message) for pattern in _REFUSED)), None)
    if match is None:
        return ()
    name, type_ = match["field"], match.groupdict().get("type") or ""
    placed = [columns[at] for at in fault.columns if columns.get(at, ("",))[-1] == name]
    if placed:
        return tuple(placed)
    named = [path for path in columns.values() if path[-1] == name]
    of_type = [path for path in named if type_ and type_.lower() in (_type_of(path[:-1]), "query")]
    return tuple(of_type or named)


def _type_of(path: Path) -> str:
    """The type, in lower case, of what a field holds, by Butlr's names: `rooms` are of `room`."""
    name = path[-2] if path[-1:] == ("data",) else path[-1] if path else "query"
    return name.removesuffix("s").replace("_", "")


def response_of(body: bytes, what: str = "topology") -> tuple[dict[str, Any] | None, tuple[Fault, ...]]:
    """`data`, or `None` where there is none, and the errors beside it. Raises `UpstreamInvalid`.

    `what` was asked for, for its message.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise UpstreamInvalid(f"Butlr's {what} is not JSON", butlr_text=quote(body)) from None
    if not isinstance(document, dict):
        raise UpstreamInvalid(f"Butlr's {what} has no data", butlr_text=quote(body))
    data, errors = document.get("data"), document.get("errors")
    faults = tuple(_fault(error) for error in (errors if isinstance(errors, list) else []))
    # A refused query may be answered with `{"sites": null}` too.
    has_data = isinstance(data, dict) and any(value is not None for value in data.values())
    if not has_data and not faults:
        raise UpstreamInvalid(f"Butlr's {what} has no data", butlr_text=quote(body))
    return (data if has_data else None), faults


def _fault(error: object) -> Fault:
    butlr_text = error if isinstance(error, dict) else {}
    message, places = butlr_text.get("message"), butlr_text.get("locations")
    columns = [
        place.get("column")
        for place in (places if isinstance(places, list) else [])
        if isinstance(place, dict)
    ]
    return Fault(
        message if isinstance(message, str) else "an error without a message",
        tuple(column for column in columns if isinstance(column, int)),
    )


def is_unauthenticated(body: bytes) -> bool:
    """Whether an answer says, inside a 200, that the token is dead."""
    if UNAUTHENTICATED.encode() not in body:
        return False
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    errors = document.get("errors") if isinstance(document, dict) else None
    return any(
        isinstance(error, dict)
        and isinstance(error.get("extensions"), dict)
        and error["extensions"].get("code") == UNAUTHENTICATED
        for error in (errors if isinstance(errors, list) else [])
    )
