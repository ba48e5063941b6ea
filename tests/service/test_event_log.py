"""The record on disk and in memory."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from butlr_grafana.model.time import Period
from butlr_grafana.service import event_log as module
from butlr_grafana.service.event_log import FILE, EventLog
from tests.insight.snapshots import IN_PEOPLE, WATCH, zone

ALWAYS = Period(0, 10**10)


OpenLog = Callable[..., EventLog]


@pytest.fixture
def open_log() -> Iterator[OpenLog]:
    """Makes books that are closed with the test."""
    with contextlib.ExitStack() as made:

        def make(folder: Path | None, source: str = "tenant") -> EventLog:
            return made.enter_context(contextlib.closing(EventLog(folder, source=source)))

        yield make


def spans(of: EventLog, period: Period = ALWAYS, space: str = "f") -> list[tuple[str, int, int | None]]:
    return [(e.zone_id, e.start_s, e.end_s) for e in of.during(period, [space])]


@pytest.mark.parametrize("durable", [True, False])
def test_events_are_kept(open_log: OpenLog, tmp_path: Path, durable: bool) -> None:
    own = open_log(tmp_path if durable else None)
    own.see(WATCH, "f", [zone("a", 40), zone("b", 10)], 1000)
    own.see(WATCH, "f", [zone("a", 50), zone("b", 31)], 1300)
    own.see(WATCH, "f", [zone("a", 10), zone("b", 31)], 1600)
    assert spans(own) == [("room_a", 1000, 1600), ("room_b", 1300, None)]
    first, _ = own.during(ALWAYS, ["f"])
    assert (first.peak, first.watch) == (50, WATCH)
    assert (tmp_path / FILE).exists() == durable


def test_a_restart_keeps_open_events_open(open_log: OpenLog, tmp_path: Path) -> None:
    own = open_log(tmp_path)
    own.see(WATCH, "f", [zone("a", 40)], 1000)
    own.close()
    again = open_log(tmp_path)
    again.see(WATCH, "f", [zone("a", 28)], 1300)
    assert spans(again) == [("room_a", 1000, None)]
    again.see(WATCH, "f", [zone("a", 20)], 1600)
    assert spans(again) == [("room_a", 1000, 1600)]


def test_rules_with_other_thresholds_have_events_of_their_own(open_log: OpenLog, tmp_path: Path) -> None:
    own = open_log(tmp_path)
    low = module.Watch("room", 600, threshold=10.0, release=8.0)
    for seen_s, heat in ((1000, 20), (1300, 40), (1600, 20), (1900, 5)):
        own.see(WATCH, "f", [zone("a", heat)], seen_s)
        own.see(low, "f", [zone("a", heat)], seen_s)
    found = {e.watch.threshold: (e.start_s, e.end_s) for e in own.during(ALWAYS, ["f"])}
    assert found == {30: (1300, 1600), 10: (1000, 1900)}


def test_a_rule_in_people_looks_at_people_and_has_events_of_its_own(
    open_log: OpenLog, tmp_path: Path
) -> None:
    own = open_log(tmp_path)
    for seen_s, people in ((1000, 0.6), (1300, 0.45), (1600, 0.3)):
        # By detections it is hot all the time.
        own.see(IN_PEOPLE, "f", [zone("a", 4000, people=people), zone("b", 4000)], seen_s)
    own.see(WATCH, "f", [zone("a", 40, people=0.1)], 1000)
    own.close()
    in_people, in_detections = sorted(
        open_log(tmp_path).during(ALWAYS, ["f"]), key=lambda e: e.watch.threshold
    )
    assert (in_people.watch, in_people.peak, in_people.end_s) == (IN_PEOPLE, 0.6, 1600)
    assert (in_detections.watch, in_detections.peak, in_detections.end_s) == (WATCH, 40, None)


def test_events_from_before_there_were_units_are_in_detections(open_log: OpenLog, tmp_path: Path) -> None:
    own = open_log(tmp_path)
    own.see(WATCH, "f", [zone("a", 40)], 1000)
    own.close()
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as file:
        # As the release before wrote it.
        assert file.execute("SELECT watch FROM event").fetchall() == [("room/600/30/24",)]
    again = open_log(tmp_path)
    again.see(WATCH, "f", [zone("a", 10)], 1300)
    assert spans(again) == [("room_a", 1000, 1300)]


def test_floors_and_tenants_are_apart(open_log: OpenLog, tmp_path: Path) -> None:
    own = open_log(tmp_path)
    own.see(WATCH, "f", [zone("a", 40)], 1000)
    own.see(WATCH, "g", [zone("a", 10, "g")], 1000)
    own.close()
    assert spans(open_log(tmp_path), space="g") == []
    assert spans(open_log(tmp_path, source="another")) == []


def test_a_look_that_comes_late_or_again_changes_nothing(open_log: OpenLog) -> None:
    own = open_log(None)
    own.see(WATCH, "f", [zone("a", 40)], 1300)
    own.see(WATCH, "f", [zone("a", 10)], 1000)
    own.see(WATCH, "f", [zone("a", 10)], 1300)
    assert spans(own) == [("room_a", 1300, None)]


def test_events_that_overlap_the_period_are_told(open_log: OpenLog) -> None:
    own = open_log(None)
    for seen_s, heat in ((1000, 40), (1300, 10), (1600, 40)):
        own.see(WATCH, "f", [zone("a", heat)], seen_s)
    assert [s for _, s, _ in spans(own, Period(1299, 1600))] == [1000]
    assert [s for _, s, _ in spans(own, Period(1300, 1600))] == []
    assert [s for _, s, _ in spans(own, Period(1300, 1601))] == [1600]
    assert [s for _, s, _ in spans(own, Period(5000, 6000))] == [1600]


def test_the_record_is_bounded_and_the_oldest_go(open_log: OpenLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 5)
    own = open_log(None)
    for k in range(20):
        own.see(WATCH, "f", [zone("a", 40 if k % 2 else 10)], 1000 + 300 * k)
    begun = [1000 + 300 * k for k in range(20) if k % 2]
    assert [start for _, start, _ in spans(own)] == begun[-5:]


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_damaged_file_costs_its_events_and_nothing_else(
    open_log: OpenLog, tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).write_bytes(content)
    own = open_log(tmp_path)
    for seen_s in (1000, 1300):
        own.see(WATCH, "f", [zone("a", 40)], seen_s)
    assert [zone_id for zone_id, *_ in spans(own)] == ["room_a"]
    own.close()
    assert spans(open_log(tmp_path)) != []
    problems = [r for r in caplog.records if "incident began" in r.message]
    assert len(problems) == bool(content)
    assert all("record of events" in r.message for r in problems)


def test_a_file_of_another_version_is_begun_anew(open_log: OpenLog, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("CREATE TABLE event (another TEXT)")
        connection.execute("PRAGMA user_version=99")
    connection.close()
    own = open_log(tmp_path)
    own.see(WATCH, "f", [zone("a", 40)], 1000)
    assert spans(own) == [("room_a", 1000, None)]
    own.close()
