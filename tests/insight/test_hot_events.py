"""What one look changes, by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butlr_grafana.insight.hot_events import (
    UNSEEN_S,
    Event,
    Watch,
    changes,
    is_of_now,
)
from butlr_grafana.model.chunk import Coverage
from butlr_grafana.model.time import Period
from tests.insight.floors import everywhere, floor, grid, heat_map
from tests.insight.snapshots import WATCH, zone

Heats = list[float | None]


def after(heats: Heats, *, every_s: int = 300, watch: Watch = WATCH) -> list[Event]:
    """The events of one room that is looked at again and again, from 0 on."""
    events: dict[int, Event] = {}
    for k, heat in enumerate(heats):
        going_on = {e.zone_id: e for e in events.values() if e.end_s is None}
        for event in changes(watch, [zone("a", heat)], going_on, k * every_s):
            events[event.start_s] = event
    return list(events.values())


def spans(events: list[Event]) -> list[tuple[int, int | None]]:
    return [(e.start_s, e.end_s) for e in events]


def test_an_event_begins_above_the_threshold_and_ends_below_the_release() -> None:
    assert spans(after([10, 30, 31, 40, 30, 24, 23.9, 10])) == [(600, 1800)]
    assert after([31, 40, 35])[0].peak == 40


def test_one_that_hovers_at_the_threshold_is_one_event() -> None:
    assert spans(after([31, 29, 31, 29, 31, 25, 31])) == [(0, None)]


def test_a_room_without_data_is_neither_hot_nor_not() -> None:
    assert spans(after([31, None, None, 10])) == [(0, 900)]
    assert spans(after([None, 10])) == []


def test_one_that_nobody_looked_at_for_long_ended_when_it_was_last_seen() -> None:
    gap: Heats = [None] * (UNSEEN_S // 300)
    assert spans(after([31, 32, *gap, 10])) == [(0, 300)]
    assert spans(after([31, 32, *gap, 33])) == [(0, 300), (300 * (len(gap) + 2), None)]
    # A short outage is no end.
    assert spans(after([31, 32, *gap[1:], 33])) == [(0, None)]


def test_where_it_was_lost_sight_of_it_is_told_to_have_ended() -> None:
    [event] = after([31, 32])
    assert event.ended_by(300 + UNSEEN_S) is None
    assert event.ended_by(301 + UNSEEN_S) == 300
    assert replace(event, end_s=900).ended_by(10**9) == 900


@given(st.lists(st.one_of(st.none(), st.floats(0, 60)), max_size=60))
def test_events_of_a_room_are_apart_and_begin_hot(heats: Heats) -> None:
    events = sorted(after(heats), key=lambda e: e.start_s)
    for one, following in pairwise(events):
        assert one.end_s is not None
        assert one.start_s < one.end_s <= following.start_s or one.start_s == one.end_s
    for event in events:
        first = heats[event.start_s // 300]
        assert first is not None
        assert first > WATCH.threshold
        assert event.peak >= first


def test_rules_that_differ_have_keys_that_differ() -> None:
    watches = [WATCH, *(replace(WATCH, **{k: v}) for k, v in (("level", "zone"), ("length_s", 900)))]
    watches += [replace(WATCH, threshold=20.0), replace(WATCH, release=20.0), replace(WATCH, unit="people")]
    assert len({watch.key for watch in watches}) == len(watches)


@pytest.mark.parametrize(
    ("end_s", "missing", "counts"), [(600, 0, True), (600, 1, False), (480, 0, True), (479, 0, False)]
)
def test_a_look_is_whole_and_of_now(end_s: int, missing: int, counts: bool) -> None:
    result = heat_map(floor(), grid(everywhere(2, 2)))
    query = replace(result.query, period=Period(0, end_s))
    snapshot = replace(result, query=query, coverage=Coverage(1, 1, 0, 0, missing, 1, 0))
    assert is_of_now(snapshot, 600) == counts
