"""Butlr's statistics as a column of `utilization`, against the people minute by minute."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from butlr_grafana.butlr import statistics
from butlr_grafana.service import floor_results
from tests.support import HANG_S, NEW_YORK, PARIS, PARIS_2, PEOPLE, STATS, World, at

HOUR, DAY = 3600, 86_400
MONDAY = at("2026-06-08T00:00")
WORKING = {"hours": "08:00-18:00", "days": "mon-fri"}


def send_query(world: World, start: int, end: int, **params: str) -> Any:
    query = {"from": str(start * 1000), "to": str(end * 1000), "space": PARIS_2, **params}
    return world.http.get("/api/v1/utilization", query_string=query)


def rows(world: World, start: int, end: int, **params: str) -> list[dict[str, Any]]:
    response = send_query(world, start, end, format="rows", **params)
    assert response.status_code == 200, response.get_data(as_text=True)
    found: list[dict[str, Any]] = response.get_json()
    return found


def column(found: list[dict[str, Any]], name: str = "mean_when_used") -> dict[str, float | None]:
    return {row["room_id"]: row[name] for row in found}


def notices(world: World, start: int, end: int, **params: str) -> dict[str, list[str]]:
    [frame] = send_query(world, start, end, **params).get_json()
    text: dict[str, list[str]] = {"info": [], "warning": [], "error": []}
    for notice in frame["meta"]["notices"]:
        if "mean_when_used" in notice["text"]:
            text[notice["severity"]].append(notice["text"])
    return text


def calls(world: World) -> int:
    return world.simulator.count(STATS)


def when_used(
    space: str, start: int, end: int, counts: Callable[[datetime], bool] = lambda _: True
) -> dict[str, float | None]:
    """The mean of the minutes with anybody there of those that count by the floor's clock, room by room.

    Rooms that no sensor looks into are unknown.
    """
    floor = PEOPLE.office.by_id[space]
    seen = {s.room_id for s in floor.sensors if s.mode == "presence"}
    zone = ZoneInfo(floor.timezone)
    counted = np.array([counts(datetime.fromtimestamp(t, zone)) for t in range(start, end, 60)])
    found: dict[str, float | None] = {}
    for index, room in enumerate(floor.rooms):
        people = PEOPLE.occupancy(space, index, start, end)[counted]
        used = people[people > 0]
        found[room.id] = pytest.approx(used.mean()) if used.size and room.id in seen else None
    return found


def at_work(wall: datetime) -> bool:
    return 8 <= wall.hour < 18 and wall.weekday() < 5


@pytest.mark.parametrize(
    ("space", "start", "end"),
    [
        (PARIS_2, MONDAY, MONDAY + 3 * DAY),
        (PARIS_2, MONDAY + 7 * HOUR, MONDAY + 13 * HOUR),
        (PARIS, at("2026-04-01T00:00"), at("2026-04-05T00:00")),
        (NEW_YORK, at("2026-03-01T05:00"), at("2026-03-29T04:00")),
    ],
)
def test_the_mean_when_used_is_that_of_the_people(world: World, space: str, start: int, end: int) -> None:
    expected = when_used(space, start, end)
    assert column(rows(world, start, end, space=space)) == expected
    assert sum(value is not None for value in expected.values()) > 5


@pytest.mark.parametrize(
    ("params", "counts"),
    [
        (WORKING, at_work),
        ({"hours": "12:15-13:45"}, lambda wall: 735 <= wall.hour * 60 + wall.minute < 825),
        ({"days": "mon,wed"}, lambda wall: wall.weekday() in (0, 2)),
        ({"hours": "17:00-09:00"}, lambda wall: wall.hour >= 17 or wall.hour < 9),
        ({**WORKING, "tz": "America/New_York"}, at_work),
    ],
)
@pytest.mark.parametrize(
    ("start", "end"),
    [
        (at("2026-06-01T04:00"), at("2026-06-15T04:00")),
        # The week in which New York's clocks change.
        (at("2026-03-06T05:00"), at("2026-03-12T04:00")),
    ],
)
def test_only_the_hours_and_days_that_count_are_in_it(
    world: World, start: int, end: int, params: dict[str, str], counts: Callable[[datetime], bool]
) -> None:
    found = rows(world, start, end, space=NEW_YORK, **params)
    assert column(found) == when_used(NEW_YORK, start, end, counts)


def test_a_room_that_nobody_enters_has_a_mean_but_none_when_used(world: World) -> None:
    [library] = rows(world, MONDAY, MONDAY + DAY, space=PARIS, room="Library")
    assert (library["mean"], library["mean_when_used"]) == (0, None)


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"hours": "08:00-18:00", "tz": "Asia/Tokyo"}, "not for tz=Asia/Tokyo"),
        ({"hours": "17:00-09:00", "days": "mon-fri"}, "overnight hours"),
        ({"holidays": "out"}, "holidays"),
    ],
)
def test_what_statistics_cannot_say_is_left_out_with_the_reason(
    make_world: Callable[..., World], params: dict[str, str], says: str
) -> None:
    world = make_world(holidays=frozenset({date(2026, 6, 9)}))
    found = rows(world, MONDAY, MONDAY + 3 * DAY, **params)
    assert set(column(found).values()) == {None}
    assert any(row["mean"] for row in found)
    assert {row["complete"] for row in found} == {1}
    notice_texts = notices(world, MONDAY, MONDAY + 3 * DAY, **params)
    assert [says in text for text in notice_texts["info"]] == [True]
    assert not notice_texts["warning"]
    assert calls(world) == 0


def test_holidays_that_are_not_in_the_period_are_no_reason(make_world: Callable[..., World]) -> None:
    world = make_world(holidays=frozenset({date(2026, 5, 1)}))
    found = rows(world, MONDAY, MONDAY + DAY, holidays="out")
    assert column(found) == when_used(PARIS_2, MONDAY, MONDAY + DAY)


def test_statistics_that_fail_leave_the_table_and_say_so(world: World) -> None:
    world.simulator.faults.set(status=400, paths=(STATS,))
    start, end = MONDAY, MONDAY + 2 * DAY
    without = rows(world, start, end)
    assert set(column(without).values()) == {None}
    assert {row["complete"] for row in without} == {0}
    notice_texts = notices(world, start, end)["warning"]
    assert [f"Butlr answered 400 on {STATS}" in text for text in notice_texts] == [True]
    world.simulator.faults.clear()
    world.restart()
    whole = rows(world, start, end)
    assert column(whole) == when_used(PARIS_2, start, end)
    for name in without[0].keys() - {"mean_when_used", "complete"}:
        assert column(whole, name) == column(without, name)


def test_a_floor_whose_statistics_fail_does_not_take_the_others_along(world: World) -> None:
    start, end = MONDAY, MONDAY + DAY
    rows(world, start, end, space=PARIS_2)
    world.simulator.faults.set(status=400, paths=(STATS,))
    found = rows(world, start, end, space="all")
    expected = when_used(PARIS_2, start, end)
    assert {r: v for r, v in column(found).items() if r in expected} == expected
    assert all(v is None for r, v in column(found).items() if r not in expected)
    assert len(notices(world, start, end, space="all")["warning"]) == 2


def test_a_complete_answer_wants_the_statistics_too(world: World) -> None:
    world.simulator.faults.set(status=400, paths=(STATS,))
    response = send_query(world, MONDAY, MONDAY + DAY, require="complete")
    assert response.status_code == 502
    assert response.get_json()["error"]["source"] == "upstream"


def test_statistics_that_are_slow_are_not_waited_out_and_come_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    released, send_queries = threading.Event(), statistics.request_body

    def late(*params: Any) -> dict[str, object]:
        assert released.wait(HANG_S)
        return send_queries(*params)

    monkeypatch.setattr(floor_results, "PATIENCE_S", 0.0)
    monkeypatch.setattr(statistics, "request_body", late)
    start, end = MONDAY, MONDAY + DAY
    assert set(column(rows(world, start, end)).values()) == {None}
    assert "still running" in notices(world, start, end)["warning"][0]
    released.set()
    # With `complete` they are waited for; nothing is asked twice.
    assert column(rows(world, start, end, require="complete")) == when_used(PARIS_2, start, end)
    assert calls(world) == 1


def test_an_answer_that_cannot_be_is_no_figure(world: World) -> None:
    body = b'{"data": {"%s": {"occupancy_used_avg_presence": -3}}}'
    room_id = PEOPLE.office.by_id[PARIS_2].rooms[0].id.encode()
    world.simulator.faults.set(body=body % room_id, paths=(STATS,))
    assert set(column(rows(world, MONDAY, MONDAY + DAY)).values()) == {None}


# Kept, shared, old


def test_all_who_look_share_a_call_whichever_rooms_they_look_at(world: World) -> None:
    start, end = MONDAY, MONDAY + 2 * DAY
    whole = column(rows(world, start, end))
    [room] = rows(world, start, end, room=PEOPLE.office.by_id[PARIS_2].rooms[0].id)
    assert whole[room["room_id"]] == room["mean_when_used"]
    rows(world, start, end, space="all")
    assert calls(world) == 3
    rows(world, start, end, hours="08:00-18:00")
    assert calls(world) == 4


def test_a_part_of_a_period_is_never_taken_for_it(world: World) -> None:
    """Means of two days do not make the mean of both, as sums would."""
    for start in (MONDAY, MONDAY + DAY):
        rows(world, start, start + DAY)
    found = column(rows(world, MONDAY, MONDAY + 2 * DAY))
    assert found == when_used(PARIS_2, MONDAY, MONDAY + 2 * DAY)
    assert calls(world) == 3
    world.simulator.faults.set(status=400, paths=(STATS,))
    assert set(column(rows(world, MONDAY, MONDAY + 3 * DAY)).values()) == {None}


def test_a_range_that_slides_is_requested_once_an_hour(world: World) -> None:
    def usage() -> dict[str, float | None]:
        now = int(world.now_s)
        return column(rows(world, now - 7 * DAY, now))

    seen = []
    for minutes_later in (0, 3, 20, 2, 10):
        world.now_s += minutes_later * 60
        seen.append((calls(world), usage()))
    until = at("2026-06-17T12:00")
    assert seen[0][1] == when_used(PARIS_2, until - 7 * DAY, until)
    assert [found for _, found in seen[1:3]] == [seen[0][1]] * 2
    # 12:34, 12:37 and 12:57; then 12:59; at 13:09 an hour has ended.
    assert [before for before, _ in seen] == [0, 1, 1, 1, 1]
    assert calls(world) == 2
    assert seen[4][1] == when_used(PARIS_2, until + HOUR - 7 * DAY, until + HOUR)


def test_what_was_known_is_shown_with_its_age_while_butlr_cannot_be_called(world: World) -> None:
    start, end = at("2026-06-17T06:00"), at("2026-06-17T12:00")
    known = column(rows(world, start, end))
    world.simulator.faults.set(status=400, paths=(STATS,))
    # The last hour has not settled yet: what was asked before it had is asked again.
    world.now_s += 2 * HOUR
    found = rows(world, start, end)
    assert column(found) == known
    assert {row["complete"] for row in found} == {0}
    assert notices(world, start, end)["warning"] == [
        "Paris, 2nd floor: mean_when_used is as of 2026-06-17T12:34:56Z."
    ]


def test_a_restart_asks_nothing_anew(make_world: Callable[..., World], tmp_path: Path) -> None:
    world = make_world(cache_dir=str(tmp_path))
    first = rows(world, MONDAY, MONDAY + 2 * DAY)
    world.restart()
    assert rows(world, MONDAY, MONDAY + 2 * DAY) == first
    assert calls(world) == 1
