"""A table without a row says why it has none."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import NEW_YORK, PARIS, World

WEEK = {"from": "2026-06-08T00:00:00Z", "to": "2026-06-15T00:00:00Z"}

EMPTY = [
    (
        "utilization",
        {"space": PARIS, **WEEK, "only": "underused", "underused": "0"},
        "No room was in use for less than 0 % of the hours counted",
    ),
    ("devices", {"space": NEW_YORK, "only": "faults", "kind": "hive"}, "No device has a fault."),
    (
        "devices",
        {"space": NEW_YORK, "only": "faults", "level": "room"},
        "Every room with sensors has one that works.",
    ),
    (
        "free-rooms",
        {"space": PARIS, "least_capacity": "999"},
        "Butlr knows no such room for at least 999 people.",
    ),
    (
        "traffic",
        {"space": PARIS, **WEEK, "level": "floor", "room": "room_paris_1_kitchen"},
        "Entries and exits are not counted, because there is no traffic sensor. This concerns: Kitchen.",
    ),
    ("hotspots", {"space": PARIS, **WEEK, "threshold": "1e9"}, "No cell reaches the threshold."),
    ("events", {"space": PARIS, **WEEK}, "No alert rule recorded a hot zone in this period."),
]


def frame(world: World, target: str, words: dict[str, str]) -> Any:
    answer = world.http.get(f"/api/v1/{target}", query_string=words)
    assert answer.status_code == 200, answer.text
    [found] = answer.get_json()
    return found


@pytest.mark.parametrize(("target", "words", "why"), EMPTY)
def test_it_says_why(world: World, target: str, words: dict[str, str], why: str) -> None:
    found = frame(world, target, words)
    assert found["fields"]
    assert all(field["values"] == [] for field in found["fields"])
    # Before all other notices: somebody looks for this one.
    assert found["meta"]["notices"][0]["text"].startswith(why)


def test_underused_rooms_are_those_that_the_whole_table_calls_so(world: World) -> None:
    """And rooms without data are not among them; that they are as many as people say: `tests/dashboards`."""
    words = {"space": PARIS, **WEEK, "underused": "0.2", "format": "rows"}
    rows = world.http.get("/api/v1/utilization", query_string=words).get_json()
    only = world.http.get("/api/v1/utilization", query_string=words | {"only": "underused"}).get_json()
    assert 0 < len(only) < len(rows)
    assert only == [row for row in rows if row["in_use_share"] is not None and row["in_use_share"] < 0.2]


@pytest.mark.parametrize(("target", "only"), [("devices", "underused"), ("utilization", "faults")])
def test_a_choice_of_another_target_is_refused(world: World, target: str, only: str) -> None:
    answer = world.http.get(f"/api/v1/{target}", query_string={"space": PARIS, **WEEK, "only": only})
    assert answer.status_code == 400
    assert answer.get_json()["message"].startswith("only: ")
    assert answer.get_json()["message"].count("all") >= 1
