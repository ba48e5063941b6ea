"""What a maintainer needs to know about an account, without anything that belongs to it.

The report has only texts that are known to be safe: our own words and numbers, counts, and keys made of words
from Butlr's documents (`vocabulary`). Any other key becomes `(key)` or the prefix of an id; a value becomes
its type. Names, ids, MAC addresses, secrets, addresses and times are never copied.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from butlr_grafana import __version__
from butlr_grafana.measure.finding import Finding
from butlr_grafana.measure.verdict_store import Drift
from butlr_grafana.measure.vocabulary import SHOWN_VALUES, is_safe
from butlr_grafana.model.floor import Topology, as_built
from butlr_grafana.model.verdicts import Verdicts, document_of

FORM = 1
DEEPEST = 12

ID_PREFIXES = (
    *(
        "site",
        "building",
        "space",
        "floor",
        "room",
        "zone",
        "sensor",
        "hive",
        "tag",
        "org",
        "client",
        "event",
    ),
)
_ID = re.compile(rf"({'|'.join(ID_PREFIXES)})_[A-Za-z0-9-]+")
_MAC = re.compile(r"([0-9A-Za-z]{2}[:-]){3,}[0-9A-Za-z]{2}")

Tree = Any
"""What an answer looks like: objects by key, lists by their items, values by their kind."""


def tree_of(node: object, key: str = "", depth: int = 0) -> Tree:
    """The form of a JSON value."""
    if depth > DEEPEST:
        return "(deeper)"
    if isinstance(node, dict):
        return _object(node, depth)
    if isinstance(node, list):
        items = merged(tree_of(item, key, depth + 1) for item in node)
        return {"(list)": items, "(length)": len(node)}
    return _kind(node, key)


def _object(node: Mapping[str, object], depth: int) -> Tree:
    below: dict[str, list[Tree]] = {}
    for key, value in node.items():
        below.setdefault(_shown_key(str(key)), []).append(tree_of(value, str(key), depth + 1))
    return {
        name if len(trees) == 1 else f"{name} x{len(trees)}": merged(trees)
        for name, trees in sorted(below.items())
    }


def _shown_key(key: str) -> str:
    if is_safe(key):
        return key
    match = _ID.fullmatch(key)
    if match:
        return f"{match[1]}_#"
    return "(time)" if _is_time(key) else "(key)"


def _kind(value: object, key: str) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "number"
    text = str(value)
    if not text:
        return "empty text"
    if key in SHOWN_VALUES and is_safe(text):
        return f"text {text}"
    if match := _ID.fullmatch(text):
        return f"id {match[1]}_#"
    if _MAC.fullmatch(text):
        return "MAC address"
    return "time" if _is_time(text) else "text"


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def merged(trees: Iterable[Tree]) -> Tree:
    """One form for values that may look different: all keys of objects, all kinds of values."""
    objects: dict[str, list[Tree]] = {}
    kinds: set[str] = set()
    for tree in trees:
        if isinstance(tree, dict):
            for key, below in tree.items():
                objects.setdefault(key, []).append(below)
        elif isinstance(tree, int):
            kinds.add(str(tree))
        elif isinstance(tree, list):
            kinds |= set(tree)
        else:
            kinds.add(tree)
    if objects:
        shown = {key: merged(found) for key, found in sorted(objects.items())}
        return shown | ({"(or)": sorted(kinds)} if kinds else {})
    return sorted(kinds) if len(kinds) != 1 else next(iter(kinds))


class Seen:
    """The forms of the answers of one run, by API."""

    def __init__(self) -> None:
        self._trees: dict[str, list[Tree]] = {}

    def add(self, api: str, body: bytes) -> None:
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            self._add_tree(api, "not JSON")
            return
        self._add_tree(api, tree_of(document))

    def _add_tree(self, api: str, tree: Tree) -> None:
        known = self._trees.setdefault(api, [])
        if tree not in known:
            known.append(tree)

    def by_api(self) -> dict[str, list[Tree]]:
        return self._trees


def report(
    topology: Topology | None,
    found: Iterable[Finding],
    verdicts: Verdicts,
    seen: Seen,
    *,
    drifts: Iterable[Drift] = (),
    own_address: bool,
) -> bytes:
    """The file. `own_address`: whether Butlr's own address is asked, and no other one."""
    document = {
        "form": FORM,
        "butlr_grafana": __version__,
        "butlr_address": "its own" if own_address else "another one",
        "account": counts(topology) if topology is not None else None,
        "verdicts": safe(document_of(verdicts)),
        "contradicted": [[safe(drift.verdict), safe(drift.api)] for drift in drifts],
        "findings": [_finding(one) for one in found],
        "answers": seen.by_api(),
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _finding(finding: Finding) -> dict[str, object]:
    """Without its texts: they are for the account's own people."""
    return {
        "unknown": finding.unknown,
        "about": finding.subject,
        "state": finding.state,
        "confidence": finding.confidence,
        "handled": finding.handled,
        "numbers": safe(dict(finding.numbers)),
        "verdict": safe(dict(finding.verdict)),
    }


def safe(value: object) -> object:
    """The same with `(hidden)` for each text that is not made of known words."""
    match value:
        case bool() | int() | float() | None:
            return value
        case str():
            return value if _is_known_text(value) else "(hidden)"
        case Mapping():
            return {key if _is_known_text(str(key)) else "(key)": safe(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [safe(item) for item in value]
    return "(hidden)"


def _is_known_text(text: str) -> bool:
    """Words of ours or Butlr's, also with a space, a dash, an index or braces between."""
    pieces = re.split(r"[ ,.{}\[\]*-]+|\b[0-9]\b", text)
    return all(is_safe(piece) for piece in pieces if piece)


def counts(topology: Topology) -> dict[str, object]:
    """How much there is of what, and how much of it is not set."""
    floors = list(topology.floors.values())
    rooms = [room for floor in floors for room in as_built(floor.rooms)]
    zones = [zone for floor in floors for zone in as_built(floor.zones)]
    sensors = [sensor for floor in floors for sensor in floor.sensors or ()]
    midsummer, midwinter = (datetime(2026, month, 15, tzinfo=UTC) for month in (7, 1))
    offsets = Counter(
        tuple(_offset_min(floor.timezone, moment) for moment in (midwinter, midsummer)) for floor in floors
    )
    modes = Counter(s.mode if s.mode in ("presence", "traffic", "") else "other" for s in sensors)
    return {
        "buildings": len(topology.buildings),
        "floors": len(floors),
        "floors_without_area": sum(floor.area_m2 is None for floor in floors),
        "floors_without_plan": sum(floor.plan is None for floor in floors),
        "rooms": len(rooms),
        "rooms_without_capacity": sum(room.capacity is None for room in rooms),
        "rooms_without_polygon": sum(room.polygon is None for room in rooms),
        "rooms_turned": sum(room.rotation_deg != 0 for room in rooms),
        "rooms_with_working_sensors": sum(room.online is True for room in rooms),
        "zones": len(zones),
        "zones_without_sensors": sum(not zone.sensor_ids for zone in zones),
        "hives": sum(len(floor.hives or ()) for floor in floors),
        "sensors": len(sensors),
        "sensors_offline": sum(sensor.works is False for sensor in sensors),
        "sensors_by_mode": {mode or "none": n for mode, n in sorted(modes.items())},
        "sensors_by_kind": dict(sorted(Counter(sensor.kind for sensor in sensors).items())),
        "entrances": sum(sensor.is_entrance is True for sensor in sensors),
        "utc_offsets_min": [[*offset, n] for offset, n in sorted(offsets.items())],
        "notes": len(topology.notes),
        "partial": topology.partial,
    }


def _offset_min(timezone: str, moment: datetime) -> int:
    offset = moment.astimezone(ZoneInfo(timezone)).utcoffset()
    assert offset is not None
    return int(offset.total_seconds()) // 60
