"""One floor, or one column, that fails takes nothing else along, whatever the kind of its fault; a question
that is itself at fault fails as a whole. Of every error there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from butlr_grafana.base import errors
from butlr_grafana.base.errors import BackendError, CallerError
from butlr_grafana.model.chunk import Chunk, Outcome, Segment, SeriesSubject, StatsSubject
from butlr_grafana.pipeline.call_queue import SHARES, CallClass, CallQueue, Share
from tests.support import NEW_YORK, PARIS, PARIS_2, World, at

FLOORS = {PARIS, PARIS_2, NEW_YORK}
SAID = "this is how it failed"


def tree(root: type[BackendError]) -> list[type[BackendError]]:
    return [root, *(kind for child in root.__subclasses__() for kind in tree(child))]


KINDS = [kind for kind in tree(BackendError) if kind.__module__ == errors.__name__]


def fault_of(kind: type[BackendError]) -> BackendError:
    """One of a kind, however it is made."""
    fault = kind.__new__(kind)
    BackendError.__init__(fault, SAID)
    fault.__dict__ |= {"plain": SAID, "butlr_text": "", "retry_after_s": None}
    return fault


class Failing(World):
    """A world in which chosen questions to Butlr fail in a chosen way."""

    fails: Callable[[Segment], bool] = staticmethod(lambda _: False)
    kind: type[BackendError] = BackendError

    def restart(self) -> None:
        super().restart()
        under_way = self.application.service.pipeline.gatherer.in_flight
        fetch = under_way._fetch

        def fetched(segment: Segment) -> Chunk:
            if self.fails(segment):
                raise fault_of(self.kind)
            return fetch(segment)

        together = under_way._together
        assert together is not None

        def several(segments: Sequence[Segment]) -> list[Outcome]:
            whole = [one for one in segments if not self.fails(one)]
            found = dict(zip(whole, together.fetch(whole), strict=True)) if whole else {}
            return [found[one] if one in found else fault_of(self.kind) for one in segments]

        under_way._fetch = fetched
        under_way._together = replace(together, fetch=several)

    def get(self, target: str, **params: str) -> Any:
        end_s = int(self.now_s)
        period = {"from": str((end_s - 600) * 1000), "to": str(end_s * 1000)}
        return self.http.get(f"/api/v1/{target}", query_string={"space": "all", **period, **params})


@pytest.fixture
def world() -> Iterator[Failing]:
    world = Failing()
    yield world
    world.close()


def test_every_error_there_is_is_tried() -> None:
    assert len(KINDS) >= 16
    assert {"busy", "upstream_down", "incomplete", "bad_word", "internal"} <= {kind.code for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(
    ("target", "require"),
    [
        ("hot-zones", "any"),
        ("hot-zones", "complete"),
        ("occupancy-now", "complete"),
        ("traffic", "any"),
        ("utilization", "any"),
    ],
)
def test_a_floor_that_fails_fails_alone(
    world: Failing, target: str, kind: type[BackendError], require: str
) -> None:
    world.kind, world.fails = kind, lambda segment: segment.space == PARIS_2
    found = world.get(target, format="rows", require=require)
    if issubclass(kind, CallerError):
        assert (found.status_code, found.get_json()["error"]["code"]) == (kind.status, kind.code)
        return
    assert found.status_code == 200, found.get_data(as_text=True)
    assert {row["space"] for row in found.get_json()} == FLOORS - {PARIS_2}
    frames = world.get(target, require=require).get_json()
    reported = [n["text"] for n in frames[0]["meta"]["notices"] if n["severity"] == "error"]
    assert reported == [f"Paris, 2nd floor: {SAID}"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_floor_that_fails_repeats_its_last_rows_in_a_rule(world: Failing, kind: type[BackendError]) -> None:
    def rows() -> list[dict[str, Any]]:
        response = world.get("hot-zones", format="rows", require="complete")
        assert response.status_code == 200, response.get_data(as_text=True)
        return [row for row in response.get_json() if row["space"] == PARIS_2]

    before = rows()
    world.now_s += 60
    world.kind, world.fails = kind, lambda segment: segment.space == PARIS_2
    if issubclass(kind, CallerError):
        assert world.get("hot-zones", format="rows", require="complete").status_code == kind.status
        return
    during = rows()
    assert [row["detections"] for row in during] == [row["detections"] for row in before]
    assert {row["complete"] for row in during} == {0}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_where_all_floors_fail_the_answer_is_the_first_ones_fault(
    world: Failing, kind: type[BackendError]
) -> None:
    world.kind, world.fails = kind, lambda _: True
    found = world.get("hot-zones", format="rows")
    assert (found.status_code, found.get_json()["error"]["code"]) == (kind.status, kind.code)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_column_that_statistics_fill_fails_alone(world: Failing, kind: type[BackendError]) -> None:
    world.kind, world.fails = kind, lambda segment: isinstance(segment.subject, StatsSubject)
    day = {"from": "2026-06-16T00:00Z", "to": "2026-06-17T00:00Z", "space": PARIS}
    found = world.get("utilization", **day)
    if issubclass(kind, CallerError):
        assert found.status_code == kind.status
        return
    [frame] = found.get_json()
    columns = {field["name"]: field["values"] for field in frame["fields"]}
    assert set(columns["mean_when_used"]) == {None}
    assert any(columns["mean"])
    assert any(SAID in notice["text"] for notice in frame["meta"]["notices"])
    # Where the answer is to be complete it is one that is not.
    assert world.get("utilization", **day, require="complete").status_code == kind.status


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("target", ["hot-zones", "compare-zones", "compare"])
def test_which_rooms_could_be_seen_fails_alone(world: Failing, target: str, kind: type[BackendError]) -> None:
    world.kind, world.fails = kind, lambda segment: isinstance(segment.subject, SeriesSubject)
    found = world.get(target, **{"from": "2026-06-15T00:00Z", "to": "2026-06-16T00:00Z"}, space=PARIS)
    if issubclass(kind, CallerError):
        assert found.status_code == kind.status
        return
    [frame] = found.get_json()
    assert any(any(field["values"]) for field in frame["fields"] if field["type"] == "number")
    assert any(SAID in notice["text"] for notice in frame["meta"]["notices"])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_panels_target_that_fails_fails_alone(world: Failing, kind: type[BackendError]) -> None:
    world.kind, world.fails = kind, lambda segment: segment.space == PARIS_2
    period = {"from": "2026-06-17T12:00Z", "to": "2026-06-17T12:30Z"}
    targets = [
        {"target": "heatmap", "refId": ref_id, "payload": {"space": space}}
        for ref_id, space in (("A", PARIS), ("B", PARIS_2))
    ]
    found = world.http.post("/query", json={"range": period, "targets": targets})
    assert found.status_code == 200
    first, second = found.get_json()
    assert first["meta"]["custom"]["complete"] is True
    assert SAID in second["meta"]["notices"][0]["text"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_was_recorded_is_told_while_butlr_cannot_be_called(
    world: Failing, kind: type[BackendError]
) -> None:
    world.get("hot-zones", format="rows", require="complete", threshold="0.001")
    world.now_s += 60
    world.kind, world.fails = kind, lambda _: True
    body = {
        "range": {"from": "2026-06-17T12:00Z", "to": "2026-06-17T13:00Z"},
        # In other cells than the rule asked for: of those nothing is known.
        "annotation": {"query": {"space": PARIS, "resolution": "1.0"}},
    }
    found = world.http.post("/annotations", json=body)
    if issubclass(kind, CallerError):
        assert found.status_code == kind.status
        return
    marks = found.get_json()
    limits = (at("2026-06-17T12:00") * 1000, at("2026-06-17T12:35") * 1000)
    assert [(m["time"], m["timeEnd"], m["text"]) for m in marks if "missing" in m["tags"]] == [
        (*limits, SAID)
    ]
    assert [mark for mark in marks if "hot" in mark["tags"]]


def test_more_questions_than_the_queue_holds_are_the_fault_of_the_floors_that_come_late(
    world: Failing,
) -> None:
    """With a real queue that is full: what was asked before is answered, the rest says why not."""
    assert world.get("hot-zones", format="rows", space=PARIS).status_code == 200
    # That is kept; the others have to be asked for.
    full = CallQueue({**SHARES, **dict.fromkeys((CallClass.RULE, CallClass.VIEWER), Share(1, 0, 1.0))})
    world.application.service.pipeline.gatherer.in_flight._queue = full
    found = world.get("hot-zones", format="rows")
    assert found.status_code == 200
    assert {row["space"] for row in found.get_json() if row["complete"]} == {PARIS}
