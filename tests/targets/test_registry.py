"""A new target is one module and one line of the registry: all else finds it there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from docs.tables import targets_table

from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.targets import registry
from butlr_grafana.targets.base import Fetched, Result, Row, Sources, TableTarget
from tests.support import PARIS, World

PACKAGE = Path(registry.__file__).resolve().parents[1]


class Rooms(TableTarget[tuple[str, ...]]):
    name = "room-count"
    title = "How many rooms"
    description = "A row a floor: how many rooms it has."
    parameters = ("space", "format")
    formats = ("frames", "rows", "csv")

    def build(self, fetched: Fetched, sources: Sources) -> tuple[str, ...]:
        return tuple(room.id for one in fetched.scope.floors for room in one.floor.rooms)

    def columns(self, parsed: ParsedQuery) -> tuple[str, ...]:
        return ("space", "value")

    def rows_of(self, content: tuple[str, ...], result: Result[tuple[str, ...]]) -> list[Row]:
        return [{"space": PARIS, "value": len(content)}]


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._BY_NAME, Rooms.name, Rooms())


@pytest.mark.usefixtures("registered")
def test_a_registered_target_is_found_everywhere_with_no_other_edit(world: World) -> None:
    rooms = len(world.simulator.people.office.by_id[PARIS].rooms)
    query = {"space": PARIS}
    assert world.http.get("/api/v1/room-count", query_string={**query, "format": "rows"}).get_json() == [
        {"space": PARIS, "value": rooms}
    ]
    [frame] = world.http.get("/api/v1/room-count", query_string=query).get_json()
    assert [field["values"] for field in frame["fields"]] == [[PARIS], [rooms]]
    csv = world.http.get("/api/v1/room-count", query_string={**query, "format": "csv"})
    assert csv.get_data(as_text=True).splitlines() == ["floor_id,value", f"{PARIS},{rooms}"]
    listed = world.http.post("/metrics", json={}).get_json()
    [own] = [one for one in listed if one["value"] == "room-count"]
    assert [field["name"] for field in own["payloads"]] == ["space"]
    document = world.http.get("/api/v1/openapi.json").get_json()
    assert set(document["paths"]["/api/v1/room-count"]) == {"get", "post"}
    assert (
        "| `room-count` | `frames` `rows` `csv` | A row a floor: how many rooms it has. |" in targets_table()
    )
    body = {
        "range": {"from": "2026-06-16T00:00:00Z", "to": "2026-06-17T00:00:00Z"},
        "targets": [{"refId": "Q", "target": "room-count", "payload": query}],
    }
    [answered] = world.http.post("/query", json=body).get_json()
    assert answered["refId"] == "Q"


def branches(path: Path) -> list[str]:
    """Where a module compares, matches or looks up what a target's name is."""

    def is_name(node: ast.expr) -> bool:
        return isinstance(node, ast.Attribute) and (
            node.attr == "target"
            or (node.attr == "name" and isinstance(node.value, ast.Attribute) and node.value.attr == "target")
        )

    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Compare(left=left, comparators=others) if any(map(is_name, (left, *others))):
                found.append(f"{path.name}:{node.lineno}")
            case ast.Match(subject=subject) if is_name(subject):
                found.append(f"{path.name}:{node.lineno}")
    return found


def test_nothing_outside_the_targets_asks_for_a_targets_name() -> None:
    modules = [
        path
        for path in PACKAGE.rglob("*.py")
        if not {"targets", "simulator"} & set(path.relative_to(PACKAGE).parts)
    ]
    assert len(modules) > 100
    assert [found for path in modules for found in branches(path)] == []


def test_a_branch_would_be_found(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text('if parsed.target == "heatmap": ...\nmatch result.target.name:\n    case "x": ...\n')
    assert sorted(branches(path)) == ["module.py:1", "module.py:2"]
