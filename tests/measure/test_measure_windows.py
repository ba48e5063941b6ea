"""Findings about the windows of metrics, from made-up rows whose meaning is plain."""

from __future__ import annotations

from typing import Any

import pytest

from butlr_grafana.measure import windows
from butlr_grafana.model.time import Period
from tests.measure.rows import Row, moved, reporting, row
from tests.support import at

HOUR = Period(at("2030-01-07T09:00"), at("2030-01-07T10:00"))
# In Paris in winter, so it begins at 23:00 UTC.
DAY = Period(at("2030-01-06T23:00"), at("2030-01-07T23:00"))
UTC_MIDNIGHT = at("2030-01-07T00:00")


def fine(*minutes: int) -> list[Row]:
    return [moved(HOUR.start_s + 60 * minute, 1) for minute in minutes]


def test_rows_at_the_end_of_the_hour_are_labelled_with_their_end() -> None:
    finding = windows.labels(HOUR, [moved(HOUR.end_s, 3)], fine(5, 30, 60), [row(HOUR.end_s, 2)])
    assert (finding.state, finding.verdict, finding.confidence) == ("ok", {"labels": "end"}, "sure")
    assert finding.numbers == {"at_end": 3, "at_start": 0, "elsewhere": 0, "hour_sum": 3.0, "fine_sum": 3.0}


def test_rows_at_the_start_of_the_hour_are_labelled_with_their_start() -> None:
    finding = windows.labels(HOUR, [moved(HOUR.start_s, 3)], fine(0, 30, 55), [row(HOUR.start_s, 2)])
    assert (finding.state, finding.verdict, finding.handled) == ("DIFFERS", {"labels": "start"}, True)


def test_people_alone_tell_the_labels_too() -> None:
    finding = windows.labels(HOUR, [], [], [row(HOUR.start_s, 2)])
    assert (finding.verdict, finding.confidence) == ({"labels": "start"}, "likely")


def test_calibrated_rows_tell_nothing_of_the_others() -> None:
    assert windows.labels(HOUR, [], [], [row(HOUR.start_s, 2, preprocessed=True)]).state == "assumed"


@pytest.mark.parametrize(
    ("hourly", "minutes", "people"),
    [
        ([HOUR.end_s, HOUR.start_s], [], []),
        ([HOUR.end_s + 60], [], []),
        ([], [7], []),
        ([HOUR.end_s], [], [HOUR.start_s]),
        ([HOUR.end_s], [30, 60], []),
    ],
)
def test_labels_that_contradict_each_other_are_not_handled(
    hourly: list[int], minutes: list[int], people: list[int]
) -> None:
    finding = windows.labels(
        HOUR, [moved(label, 1) for label in hourly], fine(*minutes), [row(label, 1) for label in people]
    )
    assert (finding.state, finding.handled, finding.verdict) == ("DIFFERS", False, {})


def test_an_hour_without_rows_tells_nothing() -> None:
    finding = windows.labels(HOUR, [], [], [])
    assert (finding.state, finding.tried) == ("assumed", ("labels",))


@pytest.mark.parametrize(
    ("labels_are", "at_s", "days"),
    [
        ("end", [DAY.end_s], "local"),
        ("start", [DAY.start_s], "local"),
        # The cut first and last windows are labelled with the question's edges.
        ("end", [UTC_MIDNIGHT, DAY.end_s], "utc"),
        ("start", [DAY.start_s, UTC_MIDNIGHT], "utc"),
        ("end", [DAY.start_s], "otherwise"),
        ("start", [DAY.end_s], "otherwise"),
        ("end", [DAY.start_s + 7200], "otherwise"),
    ],
)
def test_the_labels_of_days_tell_whose_they_are(labels_are: str, at_s: list[int], days: str) -> None:
    finding = windows.days(DAY, [row(label, 5) for label in at_s], labels_are)
    assert finding.verdict == {"days": days}
    assert finding.state == ("ok" if days == "local" else "DIFFERS")
    assert finding.handled


def test_a_floor_by_utc_has_no_other_days() -> None:
    day = Period(UTC_MIDNIGHT, UTC_MIDNIGHT + 86_400)
    assert windows.days(day, [row(day.end_s, 5)], "end").verdict == {"days": "local"}


def test_a_day_without_rows_tells_nothing() -> None:
    assert windows.days(DAY, [], "end").tried == ("days",)


FLAT = [row(HOUR.end_s, 2), row(HOUR.end_s, 0, room="room_b")]
NESTED = {
    "room_a": {"2030-01-07T10:00:00Z": [FLAT[0]]},
    "room_b": {"2030-01-07T10:00:00Z": [FLAT[1]]},
}


def test_grouped_rows_are_the_same_rows_at_some_depth() -> None:
    finding = windows.grouped(FLAT, {"by room and time": reporting(NESTED), "raw": reporting(FLAT)})
    assert (finding.state, finding.numbers) == ("ok", {"by room and time": 2, "raw": 0})


@pytest.mark.parametrize(
    ("body", "message"),
    [(None, "refused"), (reporting([FLAT[0]]), "unreadable"), (reporting({"a": 7}), "unreadable")],
)
def test_grouped_rows_that_are_not_the_same_have_no_effect(body: bytes | None, message: str) -> None:
    finding = windows.grouped(FLAT, {"raw": body})
    assert finding.numbers == {"raw": message}
    assert (finding.handled, finding.verdict) == (True, {})


def test_a_page_with_more_rows_shows_that_answers_are_cut() -> None:
    finding = windows.pages(300, 302, {"total_item_count": 302})
    assert (finding.state, finding.handled, finding.verdict) == ("DIFFERS", False, {"row_cap": 300})
    assert finding.numbers == {"unpaged": 300, "paged": 302, "total_item_count": 302}


@pytest.mark.parametrize("paged", [302, 100, 0])
def test_a_page_with_fewer_rows_has_no_effect(paged: int) -> None:
    finding = windows.pages(302, paged, {"total_item_count": 0})
    assert (finding.state, finding.verdict) == ("ok", {})


@pytest.mark.parametrize(
    ("flat", "groups", "numbers", "handled"),
    [
        ({}, {}, (0, 0, 0, 0), True),
        ({"data_incomplete": False}, {}, (1, 0, 0, 0), True),
        ({"data_incomplete": True, "value": None}, {"data_incomplete": True}, (1, 1, 0, 2), True),
    ],
)
def test_where_data_incomplete_lies(
    flat: dict[str, Any], groups: dict[str, Any], numbers: tuple[int, ...], handled: bool
) -> None:
    result = reporting([{**FLAT[0], **flat}])
    grouped = reporting({"room_a": {"2030-01-07T10:00:00Z": {"sum": 1, "count": 1, **groups}}})
    finding = windows.incomplete(result, grouped)
    names = ("in_row", "in_statistics", "in_answer", "incomplete")
    assert tuple(finding.numbers[name] for name in names) == numbers
    assert finding.handled is handled


def test_incomplete_beside_the_rows_would_not_be_read() -> None:
    body = reporting(FLAT)[:-1] + b',"data_incomplete":true}'
    finding = windows.incomplete(body, None)
    assert (finding.state, finding.handled) == ("DIFFERS", False)


@pytest.mark.parametrize(
    ("whole", "halves", "state", "handled"),
    [
        ("abcd", ("ab", "cd"), "ok", True),
        ("", ("ab", "cd"), "DIFFERS", True),
        ("ab", ("ab", "cd"), "DIFFERS", False),
        ("", ("", ""), "assumed", True),
    ],
)
def test_a_batch_against_its_halves(whole: str, halves: tuple[str, str], state: str, handled: bool) -> None:
    finding = windows.batch(list(whole), [list(half) for half in halves], 4)
    assert (finding.state, finding.handled) == (state, handled)
    assert finding.numbers["in_halves"] == len("".join(halves))


@pytest.mark.parametrize(
    ("values", "doors", "verdict"),
    [
        ([0, 0, 1], 2, {"creates_empty": True}),
        ([], 2, {"creates_empty": False}),
        ([1, 2], 2, {"creates_empty": False}),
        ([1, 2, 1, 1], 2, {}),
        ([], 0, {}),
    ],
)
def test_rows_of_a_quiet_hour_tell_whether_empty_windows_are_filled(
    values: list[int], doors: int, verdict: dict[str, bool]
) -> None:
    finding = windows.empty_windows([moved(HOUR.end_s, value) for value in values], [], doors=doors, rooms=3)
    assert finding.verdict == verdict
    assert finding.state == ("ok" if verdict else "assumed")
